"""Bringing what goes out up to schema 6: accounts of activities, and the lines of origins.

One transaction for all of it: of deliveries that are over there are MOST_SETTLED at most, some
seconds. Invariant: it is made from the deliveries alone, so that doing it twice does no harm.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import accounts, destinations
from .layout import U64
from .mail_layout import WAITING, digest
from .outbound_layout import DeliveryRow, Destination, body_of

if TYPE_CHECKING:
    from .work import Work


def renew(work: Work) -> None:
    txn, t = work.txn, work.t
    for table in (t.account, t.posted, t.sending, t.resting):
        for key in list(txn.cursor(table).iternext(values=False)):
            work.delete(table, key)
    bodies = {key: body_of(row) for key, row in txn.cursor(t.activity)}
    for key in bodies:
        work.delete(t.activity, key)
    for key, stored in txn.cursor(t.delivery):
        row = DeliveryRow.unpack(stored)
        waits = row.state == WAITING
        body = bodies.get(digest(row.activity)) if waits else None
        accounts.began(work, U64.unpack(key)[0], row, body)
    for place, stored in list(txn.cursor(t.destination)):
        destination = Destination.unpack(stored)
        destination.sending = destination.resting = b""
        destinations.settle(work, place, destination)
