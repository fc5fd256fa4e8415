"""The tree of a conversation: what stands where, what is missing, what is withheld, its bounds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from store_cases import ALICE, FOLLOW, apply, clean, note, page, store_at

from fedpull.cache import thread_tree
from fedpull.cache.open import Opened
from fedpull.cache.records import Follow, Mark, ObjectFilter, Put, State
from fedpull.cache.thread_view import ThreadTree

CAROL = "https://c.example/users/carol"
WORD = "tag:a.example,2023:1"


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    with store_at(tmp_path / "store") as store:
        store.store.put_follow(Follow(FOLLOW, actor=ALICE)).result()
        yield store
        clean(store)


def id(n: int) -> str:
    return f"https://a.example/notes/{n}"


def post(n: int, to: int | None = None, **more: Any) -> Put:
    return note(n, reply=id(to) if to is not None else None, **more)


def drawn(tree: ThreadTree | None) -> Any:
    """A tree in few words: numbers of posts, with a mark for what is missing, cut off, withheld."""
    if tree is None:
        return None
    name = tree.id.rpartition("/")[2]
    name += "?" if tree.missing else ""
    name += "-" if tree.withheld else ""
    name += "+" if tree.more else ""
    below = [drawn(one) for one in tree.replies]
    return {name: below} if below else name


TREES: list[tuple[str, tuple[Put, ...], int, Any]] = [
    ("one post", (post(1),), 1, "1"),
    (
        "answers stand in the order of their time",
        (post(1), post(3, 1), post(2, 1)),
        1,
        {"1": ["2", "3"]},
    ),
    (
        "asked from within, it begins where the conversation does",
        (post(1), post(2, 1), post(3, 2), post(4, 1)),
        3,
        {"1": [{"2": ["3"]}, "4"]},
    ),
    ("what was never fetched is marked", (post(2, 1), post(3, 1)), 2, {"1?": ["2", "3"]}),
    ("from what was never fetched", (post(2, 1),), 1, {"1?": ["2"]}),
    ("an answer to itself", (post(1, 1),), 1, "1"),
    ("two that answer one another", (post(1, 2), post(2, 1)), 1, {"2": ["1"]}),
    (
        "a circle below",
        (post(1, 3), post(2, 1), post(3, 2)),
        2,
        {"3": [{"1": ["2"]}]},
    ),
    (
        "the conversation joins what has lost its post between",
        (post(1, about=WORD), post(2, 1, about=WORD), post(4, 3, about=WORD)),
        1,
        {"1": ["2", {"3?": ["4"]}]},
    ),
]


@pytest.mark.parametrize(
    ("puts", "asked", "expected"), [row[1:] for row in TREES], ids=[row[0] for row in TREES]
)
def test_trees(opened: Opened, puts: tuple[Put, ...], asked: int, expected: Any) -> None:
    """Every post stands once, below what it answers."""
    apply(opened, puts=puts)

    assert drawn(opened.query.thread(id(asked))) == expected


def test_what_was_never_heard_of(opened: Opened) -> None:
    """There is no thread of it."""
    assert opened.query.thread("https://a.example/none") is None


def gone(opened: Opened, n: int, reason: str = "gone") -> None:
    apply(opened, marks=(Mark(id(n), State.GONE, reason=reason, purge=True),))


def found(tree: ThreadTree | None, n: int) -> ThreadTree:
    stack = [tree]
    while stack:
        one = stack.pop()
        assert one is not None
        if one.id == id(n):
            return one
        stack += one.replies
    raise LookupError(n)


def test_what_was_deleted_keeps_its_place_while_it_is_answered(opened: Opened) -> None:
    """The answers below it do not hang in the air; nothing but its place is kept, and no list has
    it. Deleted answers that nobody answered are not there any more."""
    apply(opened, puts=(post(1), post(2, 1), post(3, 2), post(4, 1)))
    gone(opened, 2)
    gone(opened, 4, "tombstone")
    tree = opened.query.thread(id(3))

    assert drawn(tree) == {"1": [{"2?": ["3"]}]}
    assert (found(tree, 2).state, found(tree, 2).withheld) == (State.GONE, False)
    listed, _ = opened.query.objects(ObjectFilter(in_reply_to=id(1)), 10)
    assert listed == []
    clean(opened)
    gone(opened, 3)
    assert drawn(opened.query.thread(id(1))) == "1"
    apply(opened, puts=(post(2, 1),))
    assert drawn(opened.query.thread(id(1))) == {"1": ["2"]}


@pytest.mark.parametrize("reason", ["consent", "audience", "blocked", "evicted"])
def test_what_left_for_another_reason_leaves_no_place(opened: Opened, reason: str) -> None:
    """Where it stood was its owner's to tell."""
    apply(opened, puts=(post(1), post(2, 1), post(3, 2)))
    gone(opened, 2, reason)

    assert drawn(opened.query.thread(id(1))) == "1"
    assert drawn(opened.query.thread(id(3))) == {"2?": ["3"]}


def carols(n: int, to: int | None = None, **more: Any) -> Put:
    return post(n, to, actor=CAROL, **more)


ALLOWED = note(CAROL, kind="actor", type="Person", actor=CAROL, says={"indexable": True})
WITHHELD: list[tuple[str, tuple[Put, ...], int, Any]] = [
    (
        "answers to what is read are read",
        (post(1), carols(2, 1), carols(3, 2)),
        1,
        {"1": [{"2": ["3"]}]},
    ),
    ("so is what a read post answers", (carols(1), post(2, 1)), 2, {"1": ["2"]}),
    ("but not the others that answer it", (carols(1), post(2, 1), carols(3, 1)), 2, {"1": ["2"]}),
    ("who asks for a post by its id reads it", (carols(1), carols(2, 1)), 2, {"1?-": ["2"]}),
    ("and nothing below it", (carols(1), carols(2, 1)), 1, "1"),
    (
        "but where others wrote below what is withheld",
        (carols(1), carols(2, 1), carols(3, 2), post(4, 3), carols(5, 3)),
        1,
        {"1": [{"2": [{"3": ["4"]}]}]},
    ),
    ("what may be listed is shown", (ALLOWED, carols(1), carols(2, 1)), 1, {"1": ["2"]}),
    (
        "what is unlisted is not",
        (ALLOWED, carols(1), carols(2, 1, says={"to": [], "cc": "as:Public"}), carols(3, 2)),
        1,
        {"1": [{"2?-": ["3"]}]},
    ),
]


@pytest.mark.parametrize(
    ("puts", "asked", "expected"), [row[1:] for row in WITHHELD], ids=[row[0] for row in WITHHELD]
)
def test_what_is_withheld(opened: Opened, puts: tuple[Put, ...], asked: int, expected: Any) -> None:
    """Who looks at a thread reads what is followed, and of others what may be listed."""
    apply(opened, puts=puts)

    assert drawn(opened.query.thread(id(asked))) == expected


def test_what_is_announced_is_read(opened: Opened) -> None:
    """With its answers, whoever wrote them."""
    apply(opened, puts=(carols(1), carols(2, 1)))
    assert drawn(opened.query.thread(id(1))) == "1"
    apply(opened, members=page("!1"))
    assert drawn(opened.query.thread(id(1))) == {"1": ["2"]}


def test_an_answer_that_names_another_address_of_a_post(opened: Opened) -> None:
    """Where that address was found to lead to the post."""
    other = "https://a.example/@alice/1"
    apply(opened, marks=(Mark(other, State.REDIRECTED, target=id(1)),))
    apply(opened, puts=(post(1), note(2, reply=other), post(3, 2)))

    assert drawn(opened.query.thread(id(3))) == {"1": [{"2": ["3"]}]}


def test_a_long_thread_is_cut_off_and_says_so(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It keeps what was asked for, and the way there from the beginning."""
    monkeypatch.setattr(thread_tree, "_MOST", 4)
    apply(opened, puts=(*(post(n, 1) for n in range(2, 12)), post(1), post(20, 2)))
    assert drawn(opened.query.thread(id(20))) == {"1+": [{"2": ["20"]}, "11"]}


def test_a_deep_thread_ends_and_says_so(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """Readers of JSON give up on deep nesting, so that a tree has so many levels and no more."""
    monkeypatch.setattr(thread_tree, "_DEEPEST", 3)
    monkeypatch.setattr(thread_tree, "_MOST_ABOVE", 2)
    apply(opened, puts=tuple(post(n + 1, n) for n in range(1, 10)))
    assert drawn(opened.query.thread(id(6))) == {"4": [{"5": [{"6": ["7+"]}]}]}


def test_a_large_thread_is_cut_off_and_says_so(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stands nearer to its beginning is shown first; what was asked for, always."""
    monkeypatch.setattr(thread_tree, "_MOST_BYTES", 500)
    long = "x" * 300
    apply(opened, puts=(post(1), *(post(n, 1, text=long) for n in (2, 3)), post(4, 2, text=long)))
    assert drawn(opened.query.thread(id(4))) == {"1+": [{"2": ["4"]}]}
