"""What goes out found its way again, from the deliveries and the bodies that there are; a part of
`rebuild`.

For a file that was damaged only: of deliveries that were dropped long ago the accounts know, and
rows do not. Invariant: what waits has a body, its place in the lane of its inbox, and an origin.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ..crawler.protocol.uri import origin as origin_of
from . import destinations, outbound_older
from .layout import time_key
from .mail_layout import WAITING, digest
from .outbound_layout import DeliveryRow, Destination

if TYPE_CHECKING:
    from .work import Work


def outbound(work: Work, now: float) -> int:
    """Lanes and lines anew; how many deliveries had lost the body that they were to bring."""
    t, lost = work.t, 0
    for table in (t.lane, t.outbound):
        for key in list(work.txn.cursor(table).iternext(values=False)):
            work.delete(table, key)
    waiting: Counter[str] = Counter()
    lanes: set[bytes] = set()
    for key, stored in list(work.txn.cursor(t.delivery)):
        row = DeliveryRow.unpack(stored)
        if row.state != WAITING:
            continue
        if work.txn.get(digest(row.activity), None, t.activity) is None:
            work.delete(t.delivery, key)
            lost += 1
            continue
        first = row.lane not in lanes
        due = (row.due if row.due is not None else now) if first else None
        if due != row.due:
            row.due = due
            work.put(t.delivery, key, row.pack())
        lanes.add(row.lane)
        work.put(t.lane, row.lane + key, b"")
        if due is not None:
            work.put(t.outbound, row.origin + time_key(due) + key, b"")
        waiting[origin_of(row.inbox)] += 1
    _destinations(work, waiting)
    outbound_older.renew(work)
    return lost


def _destinations(work: Work, waiting: Counter[str]) -> None:
    t, dead = work.t, 0
    there = {key: Destination.unpack(row) for key, row in work.txn.cursor(t.destination)}
    for origin in waiting:
        there.setdefault(digest(origin), Destination(origin))
    for place, destination in there.items():
        if digest(destination.origin) != place:
            work.delete(t.destination, place)
            continue
        destination.waiting, destination.leased = waiting[destination.origin], 0.0
        dead += destination.health.dead
        work.put(t.destination, place, destination.pack())
    work.put(t.meta, destinations.DEAD, b"%d" % dead)
