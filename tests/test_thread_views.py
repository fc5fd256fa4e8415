"""A conversation as people and programs get it: over HTTP, in Python, as a command."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from api_cases import ALICE, HOST, PUBLIC, Serving, Store, note, serving
from click.testing import CliRunner, Result

from fedpull.cache import Cache
from fedpull.cache.records import Follow, State
from fedpull.cache.thread_tree import _DEEPEST
from fedpull.cache.thread_view import ThreadTree
from fedpull.cli.main import program
from fedpull.client import Client
from fedpull.errors import NotFound

PROMISED = {"id", "document", "missing", "replies"}
BOB = f"{HOST}/users/bob"


def answer(number: int, above: int, **more: Any) -> dict[str, Any]:
    return note(number, inReplyTo=f"{HOST}/notes/{above}", **more)


def url(number: int) -> str:
    return f"/v1/thread?id={quote(f'{HOST}/notes/{number}')}"


def fill(store: Store) -> None:
    """Alice is followed; Bob, who is not, says nothing of lists."""
    store.follow(Follow("@alice@events.example", actor=ALICE))
    store.put(
        note(1, name="First"),
        answer(2, 1),
        answer(3, 2, attributedTo=BOB),
        answer(4, 1),
        answer(9, 8),
        note(20, attributedTo=BOB),
        answer(21, 20, attributedTo=BOB, to=["https://events.example/x"], cc=[PUBLIC]),
    )
    store.mark(f"{HOST}/notes/2", State.GONE, reason="gone", purge=True)


def numbers(value: Any) -> Any:
    """A tree in few words."""
    name = value["id"].rpartition("/")[2] + ("?" if value["missing"] else "")
    below = [numbers(one) for one in value["replies"]]
    return {name: below} if below else name


async def test_a_thread_over_http(tmp_path: Path) -> None:
    """Every post of it has the promised fields, how old it is and how it was verified; asked from
    within, it begins at its beginning."""
    async with serving(tmp_path) as api:
        fill(api.store)
        reply = await api.get(url(3))
        below = await api.get(url(9))

    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
    tree = reply.json
    assert numbers(tree) == {"1": [{"2?": ["3"]}, "4"]}
    assert set(tree) >= PROMISED
    assert (tree["document"], tree["asked"]) == (note(1, name="First"), False)
    assert (tree["freshness"], tree["verified_by"], tree["more"]) == ("fresh", "get", False)
    gone = tree["replies"][0]
    assert (gone["document"], gone["state"], gone["missing"]) == (None, "gone", True)
    assert gone["replies"][0]["asked"]
    assert numbers(below.json) == {"8?": ["9"]}
    assert below.json["state"] == "unknown"


async def test_what_nobody_asked_to_see(tmp_path: Path) -> None:
    """An answer of somebody who is not followed and allows nothing is not shown but by its id."""
    async with serving(tmp_path) as api:
        fill(api.store)
        of_the_post, of_the_answer = (await api.get(url(20))).json, (await api.get(url(21))).json

    assert numbers(of_the_post) == "20"
    assert numbers(of_the_answer) == {"20?": ["21"]}
    assert (of_the_answer["withheld"], of_the_answer["state"]) == (True, "resolved")


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/v1/thread", 400),
        ("/v1/thread?id=nonsense", 400),
        (url(999), 404),
        (f"{url(1)}&depth=3", 400),
    ],
)
async def test_what_is_no_thread(tmp_path: Path, target: str, status: int) -> None:
    """A mistake is the caller's; what was never heard of is not found."""
    async with serving(tmp_path) as api:
        assert (await api.get(target)).status == status


async def test_the_longest_chain_is_json_that_is_read(tmp_path: Path) -> None:
    """A tree as deep as there is one can be written, and read by Python's own parser."""
    async with serving(tmp_path) as api:
        chain = [answer(n + 1, n) for n in range(1, _DEEPEST + 20)]
        api.store.follow(Follow("@alice@events.example", actor=ALICE))
        api.store.put(note(1), *chain)
        tree = (await api.get(url(1))).json
        depth = 0
        while tree["replies"]:
            tree, depth = tree["replies"][0], depth + 1

    assert depth == _DEEPEST
    assert tree["more"]


async def test_a_thread_by_the_client(tmp_path: Path) -> None:
    """The same JSON; what is not known raises."""

    def ask(api: Serving) -> Any:
        with Client(api.address) as client:
            with pytest.raises(NotFound):
                client.thread(f"{HOST}/notes/999")
            return client.thread(f"{HOST}/notes/1")

    async with serving(tmp_path) as api:
        fill(api.store)
        assert numbers(await asyncio.to_thread(ask, api)) == {"1": [{"2?": ["3"]}, "4"]}


def test_a_thread_in_python(tmp_path: Path) -> None:
    """Posts are objects with documents; another name of a post leads to its thread."""
    store = Store(tmp_path)
    fill(store)
    other = f"{HOST}/@alice/4"
    store.mark(other, State.REDIRECTED, target=f"{HOST}/notes/4")
    with Cache(tmp_path) as cache:
        tree, again = cache.thread(f"{HOST}/notes/4"), cache.thread(other)
        assert cache.thread("https://nowhere.example/1") is None
        assert cache.thread("no uri") is None
    store.close()

    assert isinstance(tree, ThreadTree)
    assert tree.document is not None
    assert (tree.document.name, tree.missing) == ("First", False)
    assert [one.missing for one in tree.replies] == [True, False]
    assert again is not None
    assert again.id == tree.id


def run(folder: Path, *arguments: str) -> Result:
    config = folder / "fedpull.yaml"
    config.write_text("store: {path: data}\n", "utf-8")
    return CliRunner().invoke(program, ["-c", str(config), *arguments])


def test_a_thread_as_a_command(tmp_path: Path) -> None:
    """Lines of fields for a program: depth, id, time, author, first words."""
    store = Store(tmp_path / "data")
    fill(store)
    store.close()
    plain = run(tmp_path, "thread", f"{HOST}/notes/1")
    as_json = run(tmp_path, "thread", f"{HOST}/notes/1", "--json")
    unknown = run(tmp_path, "thread", f"{HOST}/notes/999")

    fields = [line.split("\t") for line in plain.output.splitlines()]
    assert [(row[0], row[1].rpartition("/")[2], row[4]) for row in fields] == [
        ("0", "1", "First"),
        ("1", "2", "[gone]"),
        ("2", "3", "Post 3"),
        ("1", "4", "Post 4"),
    ]
    assert numbers(json.loads(as_json.output)) == {"1": [{"2?": ["3"]}, "4"]}
    assert isinstance(unknown.exception, NotFound)


def test_a_thread_for_a_person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Branches show who answers whom, and nothing that a stranger wrote moves the cursor."""
    store = Store(tmp_path / "data")
    fill(store)
    store.put(answer(5, 4, content="<p>\x1b[31mred\x07</p>"))
    store.close()
    monkeypatch.setattr("fedpull.cli.output.on_terminal", lambda: True)
    shown = run(tmp_path, "thread", f"{HOST}/notes/4").output

    lines = [line for line in shown.splitlines() if "http" not in line]
    assert lines[0].endswith("First")
    assert lines[1] == "├ [gone]"
    assert lines[2].startswith("│ └ 2026-05-04")
    assert lines[3].startswith("└ ▸ ")
    assert lines[4].startswith("  └ ")
    assert "\x1b[31m" not in shown
    assert "\x07" not in shown
