"""The table of hosts is bounded: a new one takes the place of one that nobody needs.

It asks nobody and judges no host. A row holds what was learnt of a host: its pace, pauses, the form
of signature that it reads; of one that makes room that is learnt anew. Invariant: a host for which
something waits or is under way, that is blocked, or that is to be left alone, stays.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from . import windows
from .queue_layout import HostRow

if TYPE_CHECKING:
    from .work import Work

_LOOKED_AT = 16  # rows among which the one that was asked longest ago makes room


def make_room(work: Work, key: bytes) -> None:
    """Before a host gets a row. Keys are hashes, so the rows behind any of them are a fair sample:
    where none of it can go, the table grows a little, and the next new host tries elsewhere."""
    if work.txn.stat(work.t.host)["entries"] < work.limits.host_rows:
        return
    cursor = work.txn.cursor(work.t.host)
    sample: list[tuple[float, bytes]] = []
    more = cursor.set_range(key) or cursor.first()
    for _ in range(_LOOKED_AT):
        if not more:
            break
        found = cursor.key()
        if found not in work.hosts:  # what this batch has to do with is needed
            host = HostRow.unpack(cursor.value())
            if _may_go(work, found, host):
                sample.append((max(host.next_at, host.until), found))
        more = cursor.next() or cursor.first()
    if sample:
        _drop(work, min(sample)[1])


def _may_go(work: Work, key: bytes, host: HostRow) -> bool:
    idle = not (host.queued or host.in_flight or host.turns or host.blocked)
    now = max(work.now, work.counters.clock)  # what is wanted comes without a time
    return idle and _binds_until(work, host, now) <= now and not _waits(work, key)


def _binds_until(work: Work, host: HostRow, now: float) -> float:
    """Until when we would ask more of it than we may if we forgot what it has seen of us."""
    until = max(host.next_at, host.until, *(one.resets for one in host.windows))
    if host.pages:
        until = max(until, host.next_at + max(span for _, span in work.politeness.page_windows))
    if windows.allowance(host.allowance, host.allowance_at, now) < 1.0:
        until = inf
    return until


def _waits(work: Work, key: bytes) -> bool:
    """Whether something stands in its queue, if only to be brought forward one day."""
    cursor = work.txn.cursor(work.t.queue)
    return cursor.set_range(key) and cursor.key()[:8] == key


def _drop(work: Work, key: bytes) -> None:
    work.delete(work.t.host, key)
    work.delete(work.t.robots, key)
    cursor = work.txn.cursor(work.t.window)
    while cursor.set_range(key) and cursor.key()[:8] == key:
        cursor.delete()
    work.ended["host evicted",] += 1
