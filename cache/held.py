"""Deliveries whose inbox is not known yet, inside a transaction: rows that wait, and are not sent.

Who looks for the inbox is not its business. They stand in the lane of their actor's id, which is no
inbox, and in no line. Invariant: whoever an activity was called for has a row from that moment on.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from . import accounts
from .layout import U64
from .mail_layout import DELIVERY_STATES, WAITING, MailCounters, digest, keys_under
from .outbound_layout import DeliveryRow

if TYPE_CHECKING:
    from .outbound import Unsent
    from .work import Work


def hold(work: Work, activity: str, actor: str, body: bytes, now: float) -> None:
    """`actor` is to get an activity, and is being looked for."""
    counters = MailCounters.read(work.txn, work.t)
    counters.deliveries += 1
    work.put(work.t.meta, b"mail", counters.pack())
    place = digest(actor)
    row = DeliveryRow(WAITING, place, place, activity, actor, now, recipient=actor, held=True)
    number = U64.pack(counters.deliveries)
    accounts.began(work, counters.deliveries, row, body)
    work.put(work.t.lane, place + number, b"")
    work.put(work.t.delivery, number, row.pack())


def not_found(work: Work, actor: str, error: str, again: float) -> None:
    """It was looked for in vain, and is once more at `again`."""
    for number, row in _rows(work, actor):
        row.error, row.due = error, again
        work.put(work.t.delivery, number, row.pack())


def let_go(work: Work, activity: str, actor: str) -> None:
    """It is found, or is not looked for any more: another row says what became of that."""
    found = (one for one in _rows(work, actor) if one[1].activity == activity)
    for number, row in islice(found, 1):  # the first, when they go in order
        end(work, U64.unpack(number)[0], row, "given_up", row.created)
        accounts.undone(work, U64.unpack(number)[0], row)
        work.delete(work.t.delivery, number)


def end(work: Work, number: int, row: DeliveryRow, state: Unsent, now: float) -> None:
    """It waits no more."""
    row.state, row.ended, row.due = DELIVERY_STATES.index(state), now, None
    work.delete(work.t.lane, row.lane + U64.pack(number))
    accounts.ended(work, row)
    work.put(work.t.delivery, U64.pack(number), row.pack())


def _rows(work: Work, actor: str) -> Iterator[tuple[bytes, DeliveryRow]]:
    """Not to be gone on with once a lane was changed."""
    for key in keys_under(work.txn.cursor(work.t.lane), digest(actor)):
        stored = work.txn.get(key[16:], None, work.t.delivery)
        row = None if stored is None else DeliveryRow.unpack(stored)
        if row is not None and row.held:
            yield key[16:], row
