"""The tree of a conversation: what stands where, what is missing, what is withheld, what bounds it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from store_cases import ALICE, FOLLOW, NOW, apply, clean, note, store_at

from fedpull.cache import thread_tree
from fedpull.cache.open import Opened
from fedpull.cache.records import Follow, Mark, Put, State, ThreadTree
from fedpull.crawler.protocol import listable

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
