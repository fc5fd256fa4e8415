"""What may be fetched for the sake of a thread: counted, bounded, and left alone for a while.

Every row of the queue that has a root passes here before it is queued. It decides nothing about
what belongs to a thread. Invariant: whatever the answers say, no more is queued for one thread of
one follow than its budget allows, no more than `MAX_DAILY` for one day and all its threads, and no
collection is read again before its pause is over.
"""

from __future__ import annotations

from dataclasses import replace
from math import isnan

from ..crawler.protocol import budgets
from ..crawler.protocol.thread import ASKED_AGAIN
from . import walks
from .intern import FOLLOW, known_id, text_of, word_of
from .layout import NONE
from .queue_layout import Row
from .records import Kind, Lease, Want
from .thread_rows import (
    BACK,
    ListingRow,
    SumRow,
    ThreadRow,
    want_of,
    ways_back,
)
from .work import Work

# What a thread asks for when it is not held.
_ONCE = frozenset({b"author", b"parent", b"reply"})


def _is_once(row: Row) -> bool:
    """Whether it is only asked for if it is not held. A reply below which there is more to read has
    to be seen, whoever has seen it before: it says where its own replies are."""
    return row.relation in _ONCE and not (row.relation == b"reply" and row.depth)


def admit(work: Work, id: bytes, kind: int, row: Row) -> bool:
    """Count a row that is about to be queued, and put it off to a day that has room for it; False:
    its thread has had what it may have."""
    key = row.follow + row.root
    now = work.now or row.due
    thread = _load(work, key, row, now)
    sums = SumRow.load(work.txn, work.t, row.follow)
    # Who asks on demand waits for it.
    earliest = sums.room(now) if row.follow != NONE else now
    budget = budgets.FOLLOW if row.follow != NONE else budgets.ON_DEMAND
    if (spent := thread.used_up(budget, now)) is not None or earliest is None:
        work.ended["budget", spent or "day"] += 1
        if kind == Kind.PAGE:
            walks.drop(work, id)
        return False
    if kind == Kind.PAGE:
        if not _may_be_read(work, id, row, thread, now):
            return False
    elif _is_once(row) and work.ref(id, change=False).has_body:
        return False  # it came meanwhile, for another post that mentions it
    row.due = max(row.due, earliest)
    sums.count(is_new=not _is_there(work, key))
    work.put(work.t.thread, row.follow + NONE, sums.pack())
    thread.fetched += 1
    work.put(work.t.thread, key, thread.pack())
    return True


def _load(work: Work, key: bytes, row: Row, now: float) -> ThreadRow:
    stored = work.txn.get(key, None, work.t.thread)
    if stored is None:
        published = work.ref(row.root, change=False).published
        return ThreadRow(now, now if isnan(published) else min(published, now))
    thread = ThreadRow.unpack(stored)
    if row.follow == NONE and not 0 <= now - thread.started < ASKED_AGAIN:
        return ThreadRow(now, thread.born, thread.read)  # somebody asks once more
    return thread


def _may_be_read(work: Work, id: bytes, row: Row, thread: ThreadRow, now: float) -> bool:
    """Whether a collection may be visited now; one that is being walked through goes on."""
    key = row.follow + row.root + id
    stored = work.txn.get(key, None, work.t.thread)
    if stored is not None:
        listing = ListingRow.unpack(stored)
        goes_on = walks.load(work.txn, work.t, id) is not None or row.depth > listing.levels
        return goes_on or not listing.rests(thread, now)
    if row.follow != NONE:
        back = [one for one in ways_back(work.extra(id)) if _is_there(work, one + id)]
        if any(one[:8] == row.follow for one in back):
            return False  # read already, for the post that its conversation began with
        work.extra(id)[BACK] = [one.hex() for one in (*back, row.follow + row.root)]
    listing = ListingRow(levels=row.depth, relation=row.relation)
    work.put(work.t.thread, key, listing.pack())
    return True


def _is_there(work: Work, key: bytes) -> bool:
    return work.txn.get(key, None, work.t.thread) is not None


def took(work: Work, want: Want, size: int) -> None:
    """Count the bytes that were kept of an answer to what a thread has asked for."""
    root = known_id(work, want.root)
    follow = word_of(work, FOLLOW, want.follow) if want.follow else NONE
    stored = work.txn.get(follow + root, None, work.t.thread) if root is not None else None
    if stored is not None and root is not None:
        thread = ThreadRow.unpack(stored)
        thread.size += size
        work.put(work.t.thread, follow + root, thread.pack())


def visited(work: Work, lease: Lease, at: float) -> None:
    """A visit of a thread's collection is over."""
    key = _key_of(work, lease.want)
    stored = work.txn.get(key, None, work.t.thread) if key else None
    thread_row = work.txn.get(key[:16], None, work.t.thread) if key else None
    if stored is None or thread_row is None:
        return  # its follow was dropped meanwhile
    listing, thread = ListingRow.unpack(stored), ThreadRow.unpack(thread_row)
    listing.read = thread.read = at
    # Two may have wanted it of one row: what is above the post, and what is below.
    listing.levels = max(listing.levels, lease.want.depth)
    listing.visits += 1
    work.put(work.t.thread, key, listing.pack())
    work.put(work.t.thread, key[:16], thread.pack())


def _key_of(work: Work, want: Want) -> bytes:
    root, id = known_id(work, want.root), known_id(work, want.uri)
    if root is None or id is None:
        return b""
    return (word_of(work, FOLLOW, want.follow) if want.follow else NONE) + root + id


def listing_want(work: Work, id: bytes, now: float) -> Want | None:
    """What asks for a thread's collection again; None: that thread is left alone from now on."""
    for thread_key in ways_back(work.extra(id, change=False)):
        stored = work.txn.get(thread_key + id, None, work.t.thread)
        thread_row = work.txn.get(thread_key, None, work.t.thread)
        if stored is None or thread_row is None or ThreadRow.unpack(thread_row).why_over(now):
            continue
        uri, root = (work.ref(one, change=False).uri for one in (id, thread_key[8:]))
        listing, follow = ListingRow.unpack(stored), text_of(work, thread_key[:8])
        return replace(want_of(uri, listing, follow, root, now), scheduled=True)
    return None


def drop(work: Work, follow: bytes) -> None:
    """Forget the threads of a follow that is no more, and where visits of them have come to."""
    cursor = work.txn.cursor(work.t.thread)
    keys: list[bytes] = []
    more = cursor.set_range(follow)
    while more and (key := cursor.key())[:8] == follow:
        keys.append(key)
        more = cursor.next()
    for key in keys:
        work.delete(work.t.thread, key)
        collection = key[16:]
        if collection and work.txn.get(collection + bytes((Kind.PAGE,)), None, work.t.want) is None:
            walks.drop(work, collection)
