"""From stored rows to what readers get of deliveries: lists, latest first. It writes nothing.

Invariant: what a call returns is bounded by its limit; those of one activity are found by it, and
not by a scan.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..crawler.protocol.uri import origin
from .environment import Tables, Txn
from .layout import U64
from .mail_layout import DELIVERY_STATES, WAITING, digest, rows_before
from .mail_records import Delivery, DeliveryState
from .outbound_layout import DeliveryRow, Destination

_SCHEMES = ("https", "http")


def deliveries(
    txn: Txn,
    t: Tables,
    limit: int,
    before: int | None,
    state: DeliveryState | None,
    host: str | None,
    activity: str | None = None,
) -> list[Delivery]:
    found: list[Delivery] = []
    wanted = None if state is None else DELIVERY_STATES.index(state)
    origins = None if host is None else {digest(origin(f"{name}://{host}/")) for name in _SCHEMES}
    rows = rows_before(txn, t.delivery, before)
    if activity is not None:
        rows = _of_activity(txn, t, activity, before)
    for number, stored in rows:
        if wanted is not None and stored[0] != wanted:
            continue
        if origins is not None and stored[1:17] not in origins:
            continue
        found.append(_view(txn, t, number, stored))
        if len(found) >= limit:
            break
    return found


def delivery(txn: Txn, t: Tables, number: int) -> Delivery | None:
    stored = txn.get(U64.pack(number), None, t.delivery)
    return None if stored is None else _view(txn, t, number, stored)


def _of_activity(
    txn: Txn, t: Tables, activity: str, before: int | None
) -> Iterator[tuple[int, bytes]]:
    """Its rows from the latest on, or from the one below `before`."""
    prefix = digest(activity)
    cursor: Any = txn.cursor(t.posted)
    end = prefix + (b"\xff" * 8 if before is None else U64.pack(max(before, 0)))
    more = cursor.prev() if cursor.set_range(end) else cursor.last()
    while more and (key := cursor.key()).startswith(prefix):
        stored = txn.get(key[16:], None, t.delivery)
        if stored is not None:
            yield U64.unpack(key[16:])[0], stored
        more = cursor.prev()


def _view(txn: Txn, t: Tables, number: int, stored: bytes) -> Delivery:
    row = DeliveryRow.unpack(stored)
    return row.view(number, _next_attempt(txn, t, row))


def _next_attempt(txn: Txn, t: Tables, row: DeliveryRow) -> float | None:
    """Not before its origin may be asked; None: it is over, or others to its inbox go before."""
    if row.state != WAITING or row.due is None:
        return None
    if row.held:
        return row.due  # when its actor is looked for again
    stored = txn.get(row.origin, None, t.destination)
    return row.due if stored is None else max(row.due, Destination.unpack(stored).health.until)
