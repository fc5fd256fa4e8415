"""Where new members go: the table of the servers' orders, and the room between neighbours."""

from __future__ import annotations

from pathlib import Path

import pytest
from store_cases import NOW, OUTBOX, apply, clean, note, page, store_at

from fedpull.cache.open import Opened
from fedpull.cache.place import GAP, Ground, NoRoomError, place, spread
from fedpull.cache.records import Applied, Members, Outcome

SPREAD: list[tuple[str, int, int | None, int | None, list[int]]] = [
    ("the first page of all begins at zero", 3, None, None, [0, GAP, 2 * GAP]),
    ("a head goes before everything", 2, None, 10, [10 - 2 * GAP, 10 - GAP]),
    ("a tail goes after everything", 2, 10, None, [10 + GAP, 10 + 2 * GAP]),
    ("between two, evenly", 3, 0, 8, [2, 4, 6]),
    ("in the last free place", 1, 4, 6, [5]),
]


@pytest.mark.parametrize(
    ("count", "low", "high", "expected"), [row[1:] for row in SPREAD], ids=[r[0] for r in SPREAD]
)
def test_spread(count: int, low: int | None, high: int | None, expected: list[int]) -> None:
    """New positions are ascending and strictly inside their gap."""
    assert spread(count, low, high) == expected


def test_spread_says_when_nothing_fits() -> None:
    """A crowded spot is named, so that room can be made there."""
    with pytest.raises(NoRoomError) as crowded:
        spread(1, 4, 5)

    assert crowded.value.low == 4


PLACES: list[tuple[str, list[int | None], Ground, bool, list[int]]] = [
    ("known items stay", [1, 5, 9], Ground(), True, [1, 5, 9]),
    ("known items take the page's order", [9, 1, 5], Ground(), True, [1, 5, 9]),
    (
        "new items at the head go before all",
        [None, None, 100],
        Ground(first=100, last=300, before=None, following={100: 200}),
        True,
        [100 - 2 * GAP, 100 - GAP, 100],
    ),
    (
        "a new item in the middle goes after its neighbour",
        [100, None, 200],
        Ground(first=100, last=300, following={100: 200, 200: 300}),
        False,
        [100, 150, 200],
    ),
    (
        "a new item at the end of a page stays before the next page",
        [100, None],
        Ground(first=0, last=300, before=0, following={100: 200}),
        False,
        [100, 150],
    ),
    (
        "new items at the start of a later page go before its first known one",
        [None, 200],
        Ground(first=0, last=300, before=100, following={200: 300}),
        False,
        [150, 200],
    ),
    (
        "a page of new items goes after what was read before",
        [None, None],
        Ground(first=0, last=400, after=100, following={100: 400}),
        False,
        [200, 300],
    ),
    ("and else to the end", [None], Ground(first=0, last=400), False, [400 + GAP]),
]


@pytest.mark.parametrize(
    ("known", "ground", "at_head", "expected"),
    [row[1:] for row in PLACES],
    ids=[row[0] for row in PLACES],
)
def test_place(known: list[int | None], ground: Ground, at_head: bool, expected: list[int]) -> None:
    """A page's items get positions in the page's order, beside the neighbours they are beside."""
    assert place(known, ground, at_head=at_head) == expected


ORDERS: list[tuple[str, list[Members], str]] = [
    (
        "a backfill: each page after the one before",
        [page(9, 8, 7, first=True), page(6, 5, after=note(7).id), page(4, after=note(5).id)],
        "987654",
    ),
    (
        "a second look finds more than one page of new items",
        [page(3, 2, 1, first=True), page(9, 8, 7, first=True), page(6, 5, 3, after=note(7).id)],
        "98765321",
    ),
    (
        "a cursor leads upward, page by page",
        [page(3, 2, 1, first=True), page(5, 4, upward=True), page(7, 6, upward=True)],
        "7654321",
    ),
    (
        "Gancio: a new event lands in the middle of a later page",
        [page(1, 2, 3, first=True), page(4, 5, 6, after=note(3).id), page(4, 9, 5, 6)],
        "1234956",
    ),
    (
        "Takahē: no order, and new ones anywhere",
        [page(5, 1, 3, first=True), page(3, 7, 5, first=True)],
        "3715",
    ),
    (
        "offset pagers overlap when items arrive during the walk",
        [page(9, 8, 7, first=True), page(7, 6, 5, after=note(7).id)],
        "98765",
    ),
    (
        "Epicyon: page 2 is page 1 again",
        [page(3, 2, first=True), page(3, 2, after=note(2).id)],
        "32",
    ),
    ("an item that stands twice on a page", [page(3, 2, 3, first=True)], "32"),
]


@pytest.mark.parametrize(
    ("pages", "expected"), [row[1:] for row in ORDERS], ids=[row[0] for row in ORDERS]
)
def test_orders(tmp_path: Path, pages: list[Members], expected: str) -> None:
    """After these pages the collection is in this order."""
    with store_at(tmp_path) as opened:
        for one in pages:
            apply(opened, members=one)

        assert order(opened) == list(expected)
        clean(opened)


def test_there_is_always_room_at_one_spot(tmp_path: Path) -> None:
    """A thousand items inserted one by one behind the same neighbour keep their order."""
    with store_at(tmp_path) as opened:
        apply(opened, members=page(1, 2, 3, first=True))
        inserted = [
            opened.store.apply(Outcome(NOW, members=page(1, number))) for number in range(10, 1010)
        ]
        assert all(future.result() == Applied() for future in inserted)
        apply(opened, members=page(2, 5000, 3))
        names = order(opened)

        assert names[0] == "1"
        assert names[1:1001] == [str(number) for number in range(1009, 9, -1)]
        assert names[1001:] == ["2", "5000", "3"]
        clean(opened)


def order(opened: Opened) -> list[str]:
    items: list[str] = []
    cursor: str | None = None
    while True:
        view = opened.query.collection(OUTBOX, 300, cursor)
        assert view is not None
        items += view.items
        cursor = view.cursor
        if cursor is None:
            return [id.rpartition("/")[2] for id in items]
