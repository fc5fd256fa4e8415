"""Where the items of one page belong among the members that are known: a pure decision.

It reads and writes nothing. A page's order is the origin's order, so known items take their old
places in the page's order, and new ones go into the gap beside a known neighbour: most servers add
at the head, Gancio in the middle of page 3 (it sorts by the event's date), Takahē anywhere.
Invariant: the result is strictly ascending and collides with no position that is not on the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

# Room for 32 insertions at one spot before neighbours must move, and for 2 thousand million items.
GAP = 1 << 32


class NoRoomError(Exception):
    """Nothing fits between `low` and its successor; make room there and ask again."""

    def __init__(self, low: int) -> None:
        self.low = low
        super().__init__(low)


@dataclass(frozen=True, slots=True)
class Ground:
    """What surrounds a page: positions of members that are not on it, None where there is none.

    `first` and `last` are the ends of the whole collection, `before` the predecessor of the page's
    lowest known item, `after` the item read just before the page and `following` what comes after
    each known item (and after `after`).
    """

    first: int | None = None
    last: int | None = None
    before: int | None = None
    after: int | None = None
    following: dict[int, int | None] | None = None


def place(known: Sequence[int | None], ground: Ground, *, at_head: bool) -> list[int]:
    """The positions of a page's items; `known` has the present ones, None for new items."""
    places: list[int | None] = list(known)
    held = sorted(position for position in known if position is not None)
    ordered = iter(held)
    for index, position in enumerate(known):
        if position is not None:
            places[index] = next(ordered)
    if held:
        head = next(index for index, position in enumerate(known) if position is not None)
    else:
        head = len(places)
    places[:head] = _leading(head, held, ground, at_head)
    following = ground.following or {}
    index = head
    while index < len(places):
        start = index + 1
        end = start
        while end < len(places) and places[end] is None:
            end += 1
        low = places[index]
        if end > start and low is not None:
            places[start:end] = spread(end - start, low, following.get(low))
        index = end
    return [position for position in places if position is not None]


def _leading(count: int, held: list[int], ground: Ground, at_head: bool) -> list[int]:
    """Places for the new items before the first known one (or for all of them)."""
    if count == 0:
        return []
    if at_head:
        return spread(count, None, ground.first)
    if held:
        return spread(count, ground.before, held[0])
    if ground.after is not None:
        return spread(count, ground.after, (ground.following or {}).get(ground.after))
    return spread(count, ground.last, None)


def spread(count: int, low: int | None, high: int | None) -> list[int]:
    """`count` positions strictly between two, evenly; a side that is None is open."""
    if low is None:
        start = 0 if high is None else high - count * GAP
        return [start + GAP * index for index in range(count)]
    if high is None:
        return [low + GAP * (index + 1) for index in range(count)]
    step = (high - low) // (count + 1)
    if step < 1:
        raise NoRoomError(low)
    return [low + step * (index + 1) for index in range(count)]
