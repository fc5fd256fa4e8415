"""When the pending work of a follow can go on, for whoever waits for it. It changes nothing.

Invariant: the answer is never later than the moment at which the frontier would lease such a row.
"""

from __future__ import annotations

from . import windows
from .collection_pace import page_at
from .environment import Tables, Txn
from .host_state import LONGEST_PAUSE
from .intern import FOLLOW, find_word
from .queue_layout import HostRow, Row
from .records import Cause, Kind, Politeness

_MOST = 2_000  # rows looked at; all of a follow's rows are on few hosts, and early ones are typical


def stalled_until(
    txn: Txn, t: Tables, politeness: Politeness, follow: str, now: float
) -> float | None:
    """The earliest time; `now` for what is under way or could go at once; None: nothing pending."""
    id = find_word(txn, t, FOLLOW, follow)
    cursor = txn.cursor(t.owed)
    if id is None or not cursor.set_key(id + b"\0"):
        return None
    earliest: float | None = None
    hosts: dict[tuple[bytes, bool], tuple[float, float]] = {}
    for seen, value in enumerate(cursor.iternext_dup()):
        stored = txn.get(value[8:17], None, t.want)
        if stored is None:
            continue
        row = Row.unpack(stored)
        if row.until:
            return now
        place = row.host, row.cause == Cause.ON_DEMAND
        if place not in hosts:
            hosts[place] = _free(txn, t, *place, politeness, now)
        free, page = hosts[place]
        at = max(row.due, free, page if value[16] == Kind.PAGE else now, now)
        earliest = at if earliest is None else min(earliest, at)
        if earliest <= now or seen >= _MOST:
            break
    return earliest


def _free(
    txn: Txn, t: Tables, key: bytes, waited_for: bool, politeness: Politeness, now: float
) -> tuple[float, float]:
    """When a host can be asked for a document, and when for a page."""
    stored = txn.get(key, None, t.host)
    if stored is None:
        return now, now
    host = HostRow.unpack(stored)
    # As if the latest request had been as long ago as it can have been.
    last = host.next_at - max(politeness.gap, host.delay)
    limits = windows.opens(host.windows, host.requests, last, waited_for=waited_for)
    free = min(max(host.next_at, host.until, limits), now + LONGEST_PAUSE)
    return free, max(free, page_at(txn, t, politeness, key, host, now))
