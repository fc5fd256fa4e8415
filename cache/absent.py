"""Members of a collection that a page of it should hold and does not: perhaps they were deleted.

It reads membership and states only, and judges nothing. Invariant: what is returned is held, was
offered by the collection itself (not announced), and belongs between two items of the page.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from . import reading
from .environment import Tables, Txn
from .intern import find_id, uri_of
from .layout import ANNOUNCED, from_position, position_key
from .views import Reference, State

# A page holds some tens of items; who deletes more than this at once is noticed by and by.
_MOST = 20
_MOST_LOOKED_AT = 200


@dataclass(frozen=True, slots=True)
class Page:
    """What is on the page; see `ports.Query.absent_members`."""

    placed: tuple[str, ...]
    listed: frozenset[str]
    after: str | None
    head: bool


def members(txn: Txn, t: Tables, collection: str, page: Page) -> tuple[Reference, ...]:
    within = find_id(txn, t, collection)
    if within is None:
        return ()
    found: list[Reference] = []
    looked_at = 0
    for low, high in _gaps(txn, t, within, page):
        for id in _between(txn, t, within, low, high):
            looked_at += 1
            uri = uri_of(txn, t, id)
            if uri is not None and uri not in page.listed and _held(txn, t, id):
                found.append(reading.reference(txn, t, id))
            if len(found) >= _MOST or looked_at >= _MOST_LOOKED_AT:
                return tuple(found)
    return tuple(found)


def _held(txn: Txn, t: Tables, id: bytes) -> bool:
    return reading.state(txn, t, id) is State.RESOLVED


def _gaps(txn: Txn, t: Tables, within: bytes, page: Page) -> Iterator[tuple[int | None, int]]:
    """The stretches between neighbours on the page; None: from the first member on.

    Of two neighbours of which the later one stands higher with us, nothing can be said.
    """
    after = _place(txn, t, within, page.after) if page.after is not None else None
    known = after is not None or page.head
    for uri in page.placed:
        at = _place(txn, t, within, uri)
        if at is None:
            continue
        if known and (after is None or after < at):
            yield after, at
        after, known = at, True


def _place(txn: Txn, t: Tables, within: bytes, uri: str) -> int | None:
    id = find_id(txn, t, uri)
    stored = txn.get(within + id + b"\0", None, t.member_of) if id is not None else None
    return None if stored is None else from_position(stored)


def _between(txn: Txn, t: Tables, within: bytes, low: int | None, high: int) -> Iterator[bytes]:
    """The members in an open stretch, without those that were only announced."""
    rows = txn.cursor(t.member)
    end = within + position_key(high)
    more = rows.set_range(within if low is None else within + position_key(low + 1))
    while more and (key := rows.key()) < end and key[:8] == within:
        row = rows.value()
        if not row[8] & ANNOUNCED:
            yield row[:8]
        more = rows.next()
