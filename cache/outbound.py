"""The deliveries that wait, inside a transaction: one at a time to an origin, in order to an inbox.

It sends nothing, and `protocol.delivering` judges what came of it.

    send -> lane of its inbox -> first of the lane: outbound -> earliest of the origin: sending

Invariants: what waits is in the lane of its inbox, the first of each lane is in `outbound` and
nothing else is; `sending` has one row for each origin with something waiting, at the time when it
may be asked or, while a request is under way, when its lease ends; a body stays while one of its
deliveries waits.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan, nan
from struct import Struct
from typing import TYPE_CHECKING

from ..crawler.protocol.uri import origin
from .layout import U64, time_key
from .mail_layout import (
    DELIVERY_STATES,
    WAITING,
    DeliveryRow,
    Destination,
    MailCounters,
    digest,
    keys_under,
)
from .mail_records import Errand, Send, Sent
from .retention import trim

if TYPE_CHECKING:
    from .work import Work

MOST_SETTLED = 100_000
KEEP_SETTLED = 30 * 86_400.0
_EXPIRED = DELIVERY_STATES.index("expired")
_GIVEN_UP = DELIVERY_STATES.index("given_up")
_EXPIRED_AT_ONCE = 1_000  # of one origin, in one transaction
_USERS = Struct(">I")


def send(work: Work, sends: Sequence[Send], now: float) -> None:
    """Queue activities, each inbox its own in this order."""
    if not sends:
        return
    counters = MailCounters.read(work.txn, work.t)
    for one in sends:
        if work.policy.verdict(one.inbox) is not None:
            continue
        counters.deliveries += 1
        place = origin(one.inbox)
        row = DeliveryRow(WAITING, digest(place), digest(one.inbox), one.activity, one.inbox, now)
        _use(work, one.activity, 1, one.body)
        first = _first(work, row.lane) is None
        work.put(work.t.lane, row.lane + U64.pack(counters.deliveries), b"")
        destination = _load(work, row.origin) or Destination(place)
        destination.waiting += 1
        if first:
            _place(work, counters.deliveries, row, now)
        _save(work, counters.deliveries, row)
        _settle(work, row.origin, destination)
    work.put(work.t.meta, b"mail", counters.pack())


def lease(work: Work, now: float, limit: int, seconds: float, ttl: float) -> list[Errand]:
    """The next delivery of each origin that may be asked now, up to `limit` of them."""
    ready: list[bytes] = []
    cursor = work.txn.cursor(work.t.sending)
    more = cursor.first()
    until = time_key(now)
    while more and len(ready) < limit and (key := cursor.key())[:8] <= until:
        ready.append(key[8:])
        more = cursor.next()
    errands = [_lease(work, place, now, seconds, ttl) for place in ready]
    return [errand for errand in errands if errand is not None]


def _lease(work: Work, place: bytes, now: float, seconds: float, ttl: float) -> Errand | None:
    destination = _load(work, place)
    if destination is None:
        raise LookupError(place)
    destination.leased, errand = 0.0, None
    for _ in range(_EXPIRED_AT_ONCE):
        head = _head(work, place)
        if head is None or head[0] > now or destination.until > now:
            break
        number, row = head[1], _row(work, head[1])
        if row.created + ttl > now:
            destination.leased = now + seconds
            body = work.txn.get(digest(row.activity), b"", work.t.activity) or b""
            view = row.view(number, row.due)
            errand = Errand(view, body[_USERS.size :], destination.failures)
            break
        row.error = row.error or "was not accepted in time"
        _end(work, number, row, destination, _EXPIRED, now)
    _settle(work, place, destination)
    return errand


def report(work: Work, reports: Sequence[Sent], now: float) -> None:
    """Write what became of errands; their origins may be asked again."""
    for one in reports:
        stored = work.txn.get(U64.pack(one.id), None, work.t.delivery)
        if stored is not None:
            _report(work, one, DeliveryRow.unpack(stored), now)
    waiting = work.txn.stat(work.t.lane)["entries"]

    def old(row: bytes) -> bool:
        return (DeliveryRow.unpack(row).ended or 0.0) < now - KEEP_SETTLED

    trim(work, work.t.delivery, waiting, MOST_SETTLED, old, len(reports))


def _report(work: Work, one: Sent, row: DeliveryRow, now: float) -> None:
    destination = _load(work, row.origin)
    if destination is None or row.state != WAITING:
        return
    destination.leased = 0.0
    destination.failures = destination.failures + 1 if one.host_until is not None else 0
    destination.until = one.host_until or 0.0
    row.attempts += one.counted
    row.status, row.error = one.status, one.error
    if one.state == "waiting":
        _displace(work, one.id, row)
        _place(work, one.id, row, now if one.retry_at is None else one.retry_at)
        _save(work, one.id, row)
        work.ended["delivery", one.state] += 1
    else:
        _end(work, one.id, row, destination, DELIVERY_STATES.index(one.state), now)
    if one.inbox_gone:
        _give_up(work, row, destination, now)
    _settle(work, row.origin, destination)


def _give_up(work: Work, gone: DeliveryRow, destination: Destination, now: float) -> None:
    """End what waits for an inbox that is gone. What is in order goes with its first."""
    for key in list(keys_under(work.txn.cursor(work.t.lane), gone.lane)):
        number = U64.unpack(key[16:])[0]
        row = _row(work, number)
        row.status, row.error = gone.status, gone.error
        _end(work, number, row, destination, _GIVEN_UP, now)


def call_off(work: Work, number: int, reason: str, now: float) -> None:
    """Give up one that waits, whatever its turn."""
    row = _row(work, number)
    destination = _load(work, row.origin)
    if row.state == WAITING and destination is not None:
        row.error = reason
        _end(work, number, row, destination, _GIVEN_UP, now)
        _settle(work, row.origin, destination)


def recover(work: Work) -> int:
    """Give back the leases of a process that died."""
    count = 0
    for place, row in list(work.txn.cursor(work.t.destination)):
        destination = Destination.unpack(row)
        if destination.leased:
            destination.leased = 0.0
            _settle(work, place, destination)
            count += 1
    return count


def _end(
    work: Work, number: int, row: DeliveryRow, destination: Destination, state: int, now: float
) -> None:
    """A delivery is over, and the next to its inbox comes first."""
    _displace(work, number, row)
    row.state, row.ended = state, now
    work.ended["delivery", DELIVERY_STATES[state]] += 1
    work.delete(work.t.lane, row.lane + U64.pack(number))
    _save(work, number, row)
    _use(work, row.activity, -1)
    destination.waiting -= 1
    following = _first(work, row.lane)
    if following is not None:
        other = _row(work, following)
        if other.due is None:
            _place(work, following, other, now)
            _save(work, following, other)


def _first(work: Work, lane: bytes) -> int | None:
    key = next(keys_under(work.txn.cursor(work.t.lane), lane), None)
    return None if key is None else U64.unpack(key[16:])[0]


def _place(work: Work, number: int, row: DeliveryRow, due: float) -> None:
    row.due = due
    work.put(work.t.outbound, row.origin + time_key(due) + U64.pack(number), b"")


def _displace(work: Work, number: int, row: DeliveryRow) -> None:
    if row.due is not None:
        work.delete(work.t.outbound, row.origin + time_key(row.due) + U64.pack(number))
        row.due = None


def _head(work: Work, place: bytes) -> tuple[float, int] | None:
    """The earliest of an origin: when it is due, and its number."""
    key = next(keys_under(work.txn.cursor(work.t.outbound), place), None)
    if key is None:
        return None
    return U64.unpack(key[16:24])[0] / 1e6, U64.unpack(key[24:])[0]


def _settle(work: Work, place: bytes, row: Destination) -> None:
    """Bring `sending` and the origin's row in line with what changed."""
    head = _head(work, place)
    ready = nan if head is None else max(row.leased or row.until, head[0])
    if not isnan(row.ready):
        work.delete(work.t.sending, time_key(row.ready) + place)
    if head is None:
        # Its failures go with it, so that no number of dead origins fills the store.
        work.delete(work.t.destination, place)
        return
    row.ready = ready
    work.put(work.t.sending, time_key(ready) + place, b"")
    work.put(work.t.destination, place, row.pack())


def _use(work: Work, activity: str, step: int, body: bytes | None = None) -> None:
    """Count who waits with a body. What is sent again has the body that was given last."""
    key = digest(activity)
    row = work.txn.get(key, None, work.t.activity)
    users = step if row is None else _USERS.unpack_from(row)[0] + step
    if users <= 0:
        work.delete(work.t.activity, key)
    elif body is not None or row is not None:
        kept = body if body is not None else (row or b"")[_USERS.size :]
        work.put(work.t.activity, key, _USERS.pack(users) + kept)


def _load(work: Work, place: bytes) -> Destination | None:
    row = work.txn.get(place, None, work.t.destination)
    return None if row is None else Destination.unpack(row)


def _row(work: Work, number: int) -> DeliveryRow:
    row = work.txn.get(U64.pack(number), None, work.t.delivery)
    if row is None:
        raise LookupError(number)
    return DeliveryRow.unpack(row)


def _save(work: Work, number: int, row: DeliveryRow) -> None:
    work.put(work.t.delivery, U64.pack(number), row.pack())
