"""Full text: what is found, what never is, and how the index keeps step with the store."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from api_cases import ALICE, HOST, PUBLIC, Serving, Store, note, serving
from click.testing import CliRunner, Result

from fedpull.cache import Cache, search_feed, search_files
from fedpull.cache.open import open_reader
from fedpull.cache.records import Follow, ObjectFilter, State
from fedpull.cache.search import FOLDER
from fedpull.cache.search_files import Words
from fedpull.cache.search_words import expression, plainly, words_of
from fedpull.cli.main import program
from fedpull.errors import BadInput, StoreError

BOB = f"{HOST}/users/bob"
ID = f"{HOST}/notes/"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Alice is followed."""
    opened = Store(tmp_path / "data", log_kept=1_000)
    opened.follow(Follow("@alice@events.example", actor=ALICE))
    yield opened
    opened.close()


def read(store: Store) -> None:
    search_feed.bring_up_to_date(store.folder, lambda batches: None)


def found(store: Store, text: str, limit: int = 50, **more: Any) -> list[int]:
    """Numbers of the posts that are found, over pages of `limit`."""
    numbers: list[int] = []
    cursor: str | None = None
    while True:
        wanted = ObjectFilter(text=text, **more)
        documents, cursor = store.query.objects(wanted, limit, cursor)
        assert len(documents) <= limit
        numbers += [int(one.id.removeprefix(ID)) for one in documents]
        if cursor is None:
            return numbers


POSTS = (
    note(1, content="<p>The <b>quick</b> brown fox&amp;hound</p>"),
    note(2, content="<p>A quick walk</p>", name="Spaziergang im Grünen"),
    note(3, type="Event", content="brown bread", tag=[{"type": "Hashtag", "name": "#Baking"}]),
    note(4, contentMap={"de": "Guten Morgen", "ja": "東京都の朝"}, content="Guten Morgen"),
    note(5, attachment=[{"type": "Image", "name": "A heron"}], content="#<span>cats</span>"),
    note(6, content="x", published="2026-05-02T00:00:00Z", summary="quick"),
)
FOUND: list[tuple[str, str, dict[str, Any], list[int]]] = [
    ("one word, newest first", "quick", {}, [2, 1, 6]),
    ("in any case and without accents", "GRUNEN", {}, [2]),
    ("all words", "quick brown", {}, [1]),
    ("a phrase", '"brown fox"', {}, [1]),
    ("a phrase in another order", '"fox brown"', {}, []),
    ("without a word", "quick -fox", {}, [2, 6]),
    ("the beginning of a word", "spazier*", {}, [2]),
    ("a word that was an entity", "hound", {}, [1]),
    ("a hashtag", "#baking", {}, [3]),
    ("a hashtag in the text", "cats", {}, [5]),
    ("what a picture shows", "heron", {}, [5]),
    ("a part of a text without spaces", "京都", {}, [4]),
    ("another language", "morgen", {}, [4]),
    ("words that look like operators", "brown AND fox", {}, []),
    ("with a type", "brown", {"type": "Event"}, [3]),
    ("with an actor", "quick", {"actor": ALICE}, [2, 1, 6]),
    ("with an actor who wrote none of it", "quick", {"actor": BOB}, []),
    ("with a hashtag", "bread", {"tag": "baking"}, [3]),
    ("since", "quick", {"since": 1_777_723_200.0}, [2, 1]),
    ("until", "quick", {"until": 1_777_723_200.0}, [6]),
    ("nothing", "nothing", {}, []),
]


@pytest.mark.parametrize("limit", [1, 50])
@pytest.mark.parametrize(
    ("text", "more", "expected"), [row[1:] for row in FOUND], ids=[row[0] for row in FOUND]
)
def test_what_is_found(
    store: Store, text: str, more: dict[str, Any], expected: list[int], limit: int
) -> None:
    """Posts that say what is typed, and are what else is asked for."""
    store.put(*POSTS)
    read(store)

    assert found(store, text, limit, **more) == expected


TYPED = ["", "   ", "-only", '""', "*", "!!", "a" * 501, " ".join("abcdefghijklmnopqrstu")]


@pytest.mark.parametrize("typed", TYPED, ids=[repr(one)[:20] for one in TYPED])
def test_what_cannot_be_looked_for(typed: str) -> None:
    """It is the caller's mistake."""
    with pytest.raises(BadInput):
        expression("q", typed)


ODD = [
    'a"b',
    "a'b; drop table post",
    "near(a b)",
    "post: x",
    "^a",
    "{a b}",
    "a\0b",
    "\ud800x",
    "*a*",
]


@pytest.mark.parametrize("typed", ODD, ids=repr)
def test_nothing_that_is_typed_is_an_operator(store: Store, typed: str) -> None:
    """Whatever it is, the engine reads words, and finds posts that hold them."""
    store.put(*POSTS)
    read(store)
    assert set(found(store, typed)) <= {2, 5, 6}


def test_texts_that_are_hard_to_read() -> None:
    """What a stranger writes makes nothing raise, and takes bounded time."""
    assert plainly("&#" + "9" * 10_000 + ";x") == ";x"
    assert words_of({"content": ["<" * 100_000, {"@value": "y"}], "nameMap": {"a": 1}}) != ""
    assert words_of({"attachment": [1, {"name": None}], "tag": "x"}) == ""
    assert plainly("<p>one</p><p>t<b>w</b>o</p>") == "one two"


def test_an_edit_a_deletion_and_a_return(store: Store) -> None:
    """The index follows the change log; what has changed since is not shown for its old words."""
    store.put(note(1, content="apple"))
    read(store)
    store.put(note(1, content="pear", updated="2026-05-20T00:00:00Z"))
    assert found(store, "apple") == found(store, "pear") == []
    read(store)
    assert (found(store, "apple"), found(store, "pear")) == ([], [1])
    store.mark(f"{ID}1", State.GONE, reason="gone", purge=True)
    assert found(store, "pear") == []
    read(store)
    assert found(store, "pear") == []
    store.put(note(1, content="pear again"))
    read(store)
    assert found(store, "pear") == [1]


def test_consent_counts_at_once(store: Store) -> None:
    """Who does not allow to be listed is not found; a change of mind needs no new index."""
    bob = {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": BOB,
        "type": "Person",
        "inbox": f"{BOB}/inbox",
    }
    store.put(bob, note(1, attributedTo=BOB, content="secretive"))
    store.put(note(2, attributedTo=BOB, content="secretive", to=["x:y"], cc=[PUBLIC]))
    read(store)
    assert found(store, "secretive") == []
    store.put(bob | {"indexable": True, "updated": "2026-05-20T00:00:00Z"})
    assert found(store, "secretive") == [1]
    store.put(bob | {"indexable": False, "updated": "2026-05-21T00:00:00Z"})
    assert found(store, "secretive") == []
    store.follow(Follow("@bob@events.example", actor=BOB))
    assert found(store, "secretive") == [2, 1]


def bytes_of(store: Store) -> bytes:
    folder = store.folder / FOLDER
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


def test_nothing_is_left_of_what_is_gone(store: Store) -> None:
    """Neither its words nor that it had any stand in a byte of the index."""
    store.put(note(1, content="zyzzyva"), *POSTS[1:])
    read(store)
    assert b"zyzzyva" in bytes_of(store)
    store.mark(f"{ID}1", State.GONE, reason="gone", purge=True)
    read(store)
    left = bytes_of(store)
    assert b"zyzzyva" not in left
    assert b"yzzyva" not in left


def test_an_index_that_is_begun_late_reads_what_is_held(store: Store, monkeypatch: Any) -> None:
    """A batch at a time; a kill between two costs nothing, and until it is done it says so."""
    monkeypatch.setattr(search_feed, "_BATCH", 4)
    store.put(*[note(n, content=f"post word{n}") for n in range(1, 20)])
    environment = store.query._environment
    words = search_files.writable(store.folder)
    steps = search_feed.catch_up(environment, words)
    for _ in range(3):
        next(steps)
    store.put(note(3, content="edited meanwhile", updated="2026-05-28T00:00:00Z"))
    with pytest.raises(StoreError, match="being built"):
        found(store, "post")
    words.close()
    read(store)

    assert len(found(store, "post")) == 18
    assert found(store, "meanwhile") == [3]


def test_a_log_that_has_been_cut_off_is_made_up_for(store: Store) -> None:
    """Where changes are not kept any more, everything is read again."""
    store.put(note(1, content="apple"))
    read(store)
    submit = store.opened.store._writer.submit
    store.put(note(2, content="apple"), note(3, content="apple"))

    def cut(work: Any) -> None:
        cursor = work.txn.cursor(work.t.change)
        while cursor.first() and cursor.next():
            work.delete(work.t.change, next(iter(work.txn.cursor(work.t.change)))[0])

    submit(cut).result()
    read(store)
    assert found(store, "apple") == [3, 2, 1]


def test_an_index_of_a_later_store_is_made_anew(store: Store) -> None:
    """An older backup of the store is put back, and the index knows what is not there."""
    store.put(note(1, content="apple"))
    read(store)
    words = Words(store.folder, write=True)
    words.move((), search_files.Place(10_000))
    words.close()
    read(store)
    assert found(store, "apple") == [1]


@pytest.mark.parametrize("damage", [b"", b"no database" * 1_000, None])
def test_a_damaged_index_is_made_anew(store: Store, damage: bytes | None) -> None:
    """Searching says that it is, and whoever writes the store reads everything again."""
    store.put(note(1, content="apple"))
    read(store)
    assert found(store, "apple") == [1]
    path = store.folder / FOLDER / "words.db"
    path.write_bytes(damage if damage is not None else path.read_bytes()[:5_000])
    reader = open_reader(store.folder)
    with pytest.raises(StoreError):
        reader.query.objects(ObjectFilter(text="apple"), 1)
    reader.close()
    read(store)
    assert found(store, "apple") == [1]


def test_a_thread_keeps_it_in_step(store: Store) -> None:
    """What is committed is found a little later, without anybody asking for it."""
    feed = search_feed.SearchFeed(store.folder)
    store.opened.store.on_change(feed.told)
    feed.start()
    store.put(note(1, content="apple"))
    store.put(note(2, content="pear"))
    wait_for(store)
    assert found(store, "pear") == [2]
    feed.stop()
    feed.stop()


def wait_for(store: Store) -> None:
    last = store.query.totals().last_seq
    ticks = threading.Event()
    for _ in range(600):
        words = store.folder / FOLDER / "words.db"
        if words.exists():
            one = Words(store.folder, write=False)
            place = one.place()
            one.close()
            if place is not None and place.id is None and place.seq == last:
                return
        ticks.wait(0.05)
    raise AssertionError("the index has not come so far")


async def ask(api: Serving, q: str, **more: str) -> Any:
    return await api.get(f"/v1/objects?q={q}" + "".join(f"&{k}={v}" for k, v in more.items()))


async def test_over_http(tmp_path: Path) -> None:
    """`q` is one more filter; what cannot be looked for is a mistake, and no index is no page."""
    async with serving(tmp_path) as api:
        api.store.follow(Follow("@alice@events.example", actor=ALICE))
        api.store.put(*POSTS)
        unbuilt = await ask(api, "quick")
        read(api.store)
        first = (await ask(api, "quick", limit="2")).json
        second = (await api.get(first["next"])).json
        wrong = [await ask(api, "%22%22"), await ask(api, "quick", order="start")]

    assert unbuilt.status == 503
    assert [one["id"] for one in first["items"]] == [f"{ID}2", f"{ID}1"]
    assert [one["id"] for one in second["items"]] == [f"{ID}6"]
    assert second["next"] is None
    assert [reply.status for reply in wrong] == [400, 400]


async def test_without_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says what to install."""
    monkeypatch.setattr("fedpull.cache.search.is_installed", lambda: False)
    async with serving(tmp_path) as api:
        reply = await ask(api, "quick")

    assert reply.status == 400
    assert "fedpull[search]" in reply.json["detail"]


def run(folder: Path, *arguments: str) -> Result:
    config = folder / "fedpull.yaml"
    config.write_text("store: {path: data}\n", "utf-8")
    return CliRunner().invoke(program, ["-c", str(config), *arguments])


def test_as_a_command_and_in_python(tmp_path: Path) -> None:
    """`list --search` reads what has come by itself where no daemon does; `Cache` only looks."""
    store = Store(tmp_path / "data")
    store.follow(Follow("@alice@events.example", actor=ALICE))
    store.put(*POSTS)
    with Cache(tmp_path / "data") as cache, pytest.raises(StoreError, match="no index yet"):
        list(cache.objects(search="quick"))
    store.close()
    result = run(tmp_path, "list", "--search", "quick -walk")
    wrong = run(tmp_path, "list", "--search", "!!")
    with Cache(tmp_path / "data") as cache:
        in_python = [document.id for document in cache.objects(search="quick", limit=2)]

    lines = [line.split("\t")[0] for line in result.output.splitlines()]
    assert lines == [f"{ID}1", f"{ID}6"]
    assert isinstance(wrong.exception, BadInput)
    assert in_python == [f"{ID}2", f"{ID}1"]


def test_nobody_who_does_not_search_loads_the_engine() -> None:
    """It is an extra, and takes its time to load."""
    code = "import sys, fedpull.cache, fedpull.daemon; print('apsw' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "False"
