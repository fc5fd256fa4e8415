"""Index entries that wait to be sorted in: listed, counted, taken away and sorted in unnoticed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from store_cases import FOLLOW, NOW, apply, clean, note, read_authors, store_at

from fedpull.cache import Cache
from fedpull.cache.environment import Tables, Txn
from fedpull.cache.open import Opened
from fedpull.cache.records import Follow, Mark, ObjectFilter, State
from fedpull.cache.unsorted import MOST, Unsorted


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    with store_at(tmp_path / "store") as store:
        read_authors(store)
        yield store
        clean(store)


def waiting(opened: Opened) -> int:
    """How many entries wait."""

    def reader(txn: Txn, t: Tables) -> int:
        return sum(1 for _ in Unsorted(txn, t).entries())

    return opened.query._environment.read(reader)


def listed(opened: Opened, *, each: int = 1_000, **wanted: Any) -> list[int]:
    """The numbers of the notes of a list, by pages of `each`."""
    found: list[int] = []
    cursor: str | None = None
    while True:
        page, cursor = opened.query.objects(ObjectFilter(**wanted), each, cursor)
        found += [int(document.id.rpartition("/")[2]) for document in page]
        if cursor is None:
            return found


def test_what_waits_is_listed_in_its_place(opened: Opened) -> None:
    """A list is read from the index and from what waits as one, newest first, over its pages."""
    apply(opened, puts=tuple(note(n, tags=("x",)) for n in range(0, 20, 2)))  # into the index
    assert waiting(opened) == 0
    for n in (19, 1, 7):
        apply(opened, puts=(note(n, tags=("x", "y")),))
    assert waiting(opened) > 0
    expected = sorted([*range(0, 20, 2), 19, 1, 7], reverse=True)

    assert listed(opened, tag="x") == listed(opened, tag="x", each=2) == expected
    assert listed(opened, tag="y", each=1) == [19, 7, 1]
    assert listed(opened, type="Note", each=3) == expected
    assert listed(opened, tag="z") == []


def test_what_waits_is_taken_back(opened: Opened) -> None:
    """An edit or a purge of a post whose entries still wait leaves none of them."""
    apply(opened, puts=(note(1, tags=("x", "y")), note(2, tags=("x",))))
    assert waiting(opened) > 0
    apply(opened, puts=(note(1, "edited", tags=("y",), at=NOW + 1),))
    assert (listed(opened, tag="x"), listed(opened, tag="y")) == ([2], [1])
    gone = Mark("https://a.example/notes/2", State.GONE, "410", purge=True)
    apply(opened, marks=(gone,))

    assert (listed(opened, tag="x"), listed(opened)) == ([], [1])


def test_what_waits_counts_for_its_follow(opened: Opened) -> None:
    """The objects of a follow are counted wherever their entries are."""
    opened.store.put_follow(Follow(FOLLOW)).result()
    apply(opened, puts=tuple(note(n, follow=FOLLOW) for n in range(10)))
    apply(opened, puts=(note(11, follow=FOLLOW),))
    all_of_them, one = opened.query.follows()[0], opened.query.follow(FOLLOW)

    assert waiting(opened) > 0
    assert all_of_them.objects == 11
    assert one is not None
    assert one.objects == 11


def test_thousands_are_sorted_in_at_once(tmp_path: Path) -> None:
    """So that looking through what waits is never felt; another process sees the same lists."""
    path, posts = tmp_path / "store", range(1_000)
    with store_at(path) as opened:
        read_authors(opened)
        most = 0
        for n in posts:
            apply(opened, puts=(note(n, tags=(f"t{n % 7}", f"u{n % 50}"), about=str(n)),))
            most = max(most, waiting(opened)) if n % 50 == 0 else most
        clean(opened)
        assert 0 < most < MOST
        assert listed(opened, tag="t3", each=30) == [n for n in reversed(posts) if n % 7 == 3]
        assert listed(opened, context="500") == [500]
    with Cache(path) as cache:
        found = [document.id for document in cache.objects(tag="u8", limit=1_000)]
    assert len(found) == len([n for n in posts if n % 50 == 8])
