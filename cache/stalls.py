"""When the pending work of a follow can go on, for whoever waits for it. It changes nothing.

Invariant: the answer is never later than the moment at which the frontier would lease such a row.
"""

from __future__ import annotations

from .environment import Tables, Txn
from .host_state import LONGEST_PAUSE
from .intern import FOLLOW, find_word
from .layout import F64, U64
from .queue_layout import HostRow, Row
from .records import Kind, Politeness

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
    hosts: dict[bytes, tuple[float, float]] = {}
    for seen, value in enumerate(cursor.iternext_dup()):
        stored = txn.get(value[8:17], None, t.want)
        if stored is None:
            continue
        row = Row.unpack(stored)
        if row.until:
            return now
        if row.host not in hosts:
            hosts[row.host] = _free(txn, t, row.host, politeness, now)
        free, page = hosts[row.host]
        at = max(row.due, free, page if value[16] == Kind.PAGE else now, now)
        earliest = at if earliest is None else min(earliest, at)
        if earliest <= now or seen >= _MOST:
            break
    return earliest


def _free(
    txn: Txn, t: Tables, key: bytes, politeness: Politeness, now: float
) -> tuple[float, float]:
    """When a host can be asked for a document, and when for a page."""
    stored = txn.get(key, None, t.host)
    if stored is None:
        return now, now
    host = HostRow.unpack(stored)
    free = min(max(host.next_at, host.until), now + LONGEST_PAUSE)
    oldest = host.pages - politeness.pages
    at = txn.get(key + U64.pack(oldest), None, t.window) if oldest >= 0 else None
    return free, free if at is None else max(free, F64.unpack(at)[0] + politeness.pages_window)
