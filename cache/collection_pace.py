"""The times of a host's latest page requests, and when its windows of pages allow the next.

It judges no other limit. Invariant: in any of the windows that the operator states there are never
more page requests than stated, and after a 429 of the host only a part of that; a request costs one
row, and as many are kept as the largest window counts.
"""

from __future__ import annotations

from .environment import Tables, Txn
from .layout import F64, U64
from .queue_layout import HostRow
from .records import Politeness
from .windows import allowance
from .work import Work


def page_at(
    txn: Txn, t: Tables, politeness: Politeness, key: bytes, host: HostRow, now: float
) -> float:
    """When the windows allow the next page: of each, the oldest of its last requests has left."""
    at = 0.0
    part = allowance(host.allowance, host.allowance_at, now) if host.allowance_at else 1.0
    for count, seconds in politeness.page_windows:
        oldest = host.pages - max(int(count * part), 1)
        if oldest >= 0:
            stored = txn.get(key + U64.pack(oldest), None, t.window)
            if stored is not None:
                at = max(at, F64.unpack(stored)[0] + seconds)
    return at


def note(work: Work, key: bytes, host: HostRow, now: float) -> None:
    """Count one page request."""
    table = work.t.window
    work.put(table, key + U64.pack(host.pages), F64.pack(now))
    host.pages += 1
    kept = host.pages - max(count for count, _ in work.politeness.page_windows)
    if kept > 0 and not work.delete(table, key + U64.pack(kept - 1)):
        _trim(work, key, kept)


def _trim(work: Work, key: bytes, kept: int) -> None:
    """Drop what a larger window of an earlier configuration has left."""
    cursor = work.txn.cursor(work.t.window)
    while cursor.set_range(key) and cursor.key() < key + U64.pack(kept):
        cursor.delete()
