"""`fedpull.cache.Cache`, as other programs use it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest
from store_cases import ALICE, BOB, FOLLOW, NOW, OUTBOX, apply, note, page, read_authors, store_at

from fedpull.cache import Cache
from fedpull.cache.cache import Moment, moment
from fedpull.cache.open import Opened
from fedpull.cache.records import Follow, Mark, State
from fedpull.errors import BadInput, NotFound, StoreError

DAY = 86_400.0


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    with store_at(tmp_path) as store:
        yield store


@pytest.fixture
def cache(opened: Opened, tmp_path: Path) -> Iterator[Cache]:
    with Cache(tmp_path) as reader:
        yield reader


def test_get_tries_the_id_as_given_and_then_its_canonical_form(
    opened: Opened, cache: Cache
) -> None:
    """Spellings of one URI lead to one document, and no spelling at all to none."""
    apply(opened, puts=(note(1), note("https://a.example/Users/Ä?x=%7E#f")))

    assert cache.get("https://a.example/notes/1") is not None
    assert cache.get("HTTPS://A.example:443/notes/1") is not None
    assert cache.get("https://a.example/Users/Ä?x=%7E#f") is not None
    assert cache.get("https://a.example/notes/2") is None
    assert cache.get("no uri") is None


def test_get_sees_every_commit(opened: Opened, cache: Cache) -> None:
    """What was read before is not served when it has changed since."""
    seen: list[str | None] = []
    for text in ("one", "two", "two"):
        apply(opened, puts=(note(1, text),))
        document = cache.get(note(1).id)
        seen.append(document.content if document is not None else None)
    apply(opened, at=NOW + 60, puts=(note(1, "two", at=NOW + 60),))
    renewed = cache.get(note(1).id)
    apply(opened, marks=(Mark(note(1).id, State.GONE, "gone", purge=True),))

    assert seen == ["one", "two", "two"]
    assert renewed is not None
    assert renewed.verified_at == NOW + 60
    assert cache.get(note(1).id) is None


def test_documents_of_two_gets_are_apart(opened: Opened, cache: Cache) -> None:
    """What one reader does to the parsed value is not seen by another."""
    apply(opened, puts=(note(1),))
    first, second = cache.get(note(1).id), cache.get(note(1).id)
    assert first is not None
    assert second is not None
    first.json["content"] = "changed"

    assert second.json["content"] == "hello"


def test_objects_are_read_in_pages(opened: Opened, cache: Cache) -> None:
    """An iteration goes over page ends, stops at its limit, and takes any spelling of an id."""
    read_authors(opened)
    apply(opened, puts=tuple(note(n) for n in range(1, 451)), members=page(1, 2))

    assert len(list(cache.objects())) == 450
    assert len(list(cache.objects(limit=220))) == 220
    assert list(cache.objects(limit=0)) == []
    assert [document.id for document in cache.objects(follow=FOLLOW)] == [note(2).id, note(1).id]
    assert len(list(cache.objects(actor="HTTPS://A.example/users/alice", type="Note"))) == 450
    assert list(cache.objects(actor=BOB)) == []


def test_objects_are_named_as_the_commands_name_them(opened: Opened, cache: Cache) -> None:
    """A handle is as good as a URI; what is misspelt is an error, not an empty list."""
    apply(opened, puts=(note(1, tags=("fediverse",)),), members=page(1))
    opened.store.put_follow(Follow(key=FOLLOW, actor=ALICE, handle=FOLLOW)).result()

    assert len(list(cache.objects(actor=FOLLOW))) == 1
    assert len(list(cache.objects(follow=FOLLOW.replace("alice", "Alice")))) == 1
    assert len(list(cache.objects(tag="#Fediverse", type="as:Note"))) == 1
    with pytest.raises(NotFound, match="is not in the cache"):
        cache.objects(actor="@nobody@a.example")
    with pytest.raises(BadInput, match="actor: 'alice' is neither a handle nor an https URI"):
        cache.objects(actor="alice")
    with pytest.raises(BadInput, match="type: 'note' is not a known type: expected Note"):
        cache.objects(type="note")
    with pytest.raises(BadInput, match="in_reply_to: x is not an absolute URI"):
        cache.objects(in_reply_to="x")


def test_collections_changes_history_and_references(opened: Opened, cache: Cache) -> None:
    """The rest of what is stored is there as well, whole."""
    numbers = list(range(1, 701))
    apply(opened, puts=(note(1),), members=page(*numbers, first=True))
    apply(opened, puts=(note(1, "edited"),))
    view = cache.collection(OUTBOX.replace("a.example", "A.EXAMPLE"))
    reference = cache.reference(note(1).id)

    assert view is not None
    assert reference is not None
    assert view.items == tuple(note(n).id for n in numbers)
    assert [change.kind for change in cache.changes()] == ["created", "updated"]
    assert [change.seq for change in cache.changes(1)] == [2]
    assert [earlier.json for earlier in cache.history(note(1).id)] == [json.loads(note(1).body)]
    assert reference.owner == ALICE
    assert cache.collection("https://a.example/none") is None


MOMENTS: list[tuple[str, Moment | None, float | None]] = [
    ("nothing", None, None),
    ("a number", 12.5, 12.5),
    ("an integer", 12, 12.0),
    ("a date is its midnight in UTC", "1970-01-02", DAY),
    ("a time in UTC", "1970-01-02T00:00:01Z", DAY + 1),
    ("a time with an offset", "1970-01-02T01:00:00+01:00", DAY),
    ("a time without a zone is UTC", "1970-01-02T00:00:00", DAY),
    ("a date object", date(1970, 1, 2), DAY),
    ("a datetime", datetime(1970, 1, 2, tzinfo=UTC), DAY),
    ("a datetime elsewhere", datetime(1970, 1, 2, tzinfo=timezone(timedelta(hours=2))), DAY - 7200),
]


@pytest.mark.parametrize(
    ("given", "expected"), [row[1:] for row in MOMENTS], ids=[row[0] for row in MOMENTS]
)
def test_moments(given: Moment | None, expected: float | None) -> None:
    """Times may be given in all the usual ways."""
    assert moment("since", given) == expected


@pytest.mark.parametrize("text", ["yesterday", "", "2026-13-01", "1:00"])
def test_what_is_no_moment_is_an_error(text: str) -> None:
    """A wrong time is named, with what would be right."""
    with pytest.raises(BadInput, match="is not a time: expected a date such as 2026-01-31"):
        moment("since", text)


def test_an_age_is_a_moment(opened: Opened, cache: Cache) -> None:
    """What is given as an age counts from now, as everywhere else."""
    read_authors(opened)
    apply(opened, puts=(note(1),))

    assert len(list(cache.objects(since="36500d"))) == 1
    assert list(cache.objects(since="1s")) == []


def test_a_closed_cache_says_so(opened: Opened, tmp_path: Path) -> None:
    """After `close` nothing is served, even while another Cache keeps the store open."""
    apply(opened, puts=(note(1),))
    cache = Cache(tmp_path)
    other = Cache(tmp_path)
    assert cache.get(note(1).id) is not None
    cache.close()
    cache.close()

    with pytest.raises(StoreError, match="closed"):
        cache.get(note(1).id)
    with pytest.raises(StoreError, match="closed"):
        cache.objects()
    assert other.get(note(1).id) is not None
    other.close()


def test_many_threads_read_while_one_writes(opened: Opened, cache: Cache) -> None:
    """One Cache serves any number of threads."""
    apply(opened, puts=tuple(note(n) for n in range(1, 51)))
    wrong: list[object] = []

    def work() -> None:
        for n in [*range(1, 51)] * 20:
            document = cache.get(note(n).id) if n % 5 else cache.get(note(n).id.upper())
            if n % 5 and (document is None or document.json["id"] != note(n).id):
                wrong.append(n)
        wrong.extend(view for view in cache.objects(limit=30) if not view.body.startswith(b"{"))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for text in ("a", "b", "c"):
        apply(opened, puts=tuple(note(n, text) for n in range(1, 51)))
    for thread in threads:
        thread.join()

    assert wrong == []


def test_importing_the_cache_loads_no_crawler() -> None:
    """A program that only reads pays for no part of the crawler, the page or the exports, and for
    no cryptography; nor do the views of vocabularies."""
    code = (
        "import sys, fedpull.cache, fedpull.cache.vocabularies\n"
        "heavy = {'scrapy', 'twisted', 'pydantic', 'yaml', 'asyncio', 'pyld', 'rich', 'click'}\n"
        "heavy |= {'jinja2', 'nh3', 'icalendar', 'apsw', 'cryptography', 'publicsuffixlist'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ended.stdout.strip() == "[]"


def test_a_reader_follows_a_writer_that_reopened_with_more_room(tmp_path: Path) -> None:
    """A reader of another process goes on when the writer comes back with a larger map."""
    with store_at(tmp_path, max_bytes=1 << 20) as opened:
        apply(opened, puts=(note(1),))
    code = (
        "import sys\n"
        "from fedpull.cache import Cache\n"
        "with Cache(sys.argv[1]) as cache:\n"
        "    for line in sys.stdin:\n"
        "        print(cache.get(line.strip()) is not None, flush=True)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    answers: list[str] = []

    def ask(id: str) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(id + "\n")
        process.stdin.flush()
        answers.append(process.stdout.readline().strip())

    ask(note(1).id)
    with store_at(tmp_path, max_bytes=256 << 20) as opened:
        large = [f"https://b{n}.example/1" for n in range(10)]  # within the quota of each host
        for id in large:
            apply(opened, puts=(note(id, os.urandom(5 << 20).hex()),))
        ask(note(1).id)
        ask(large[-1])
    process.stdin.close()
    process.stdout.close()

    assert process.wait() == 0
    assert answers == ["True", "True", "True"]
