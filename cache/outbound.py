"""The deliveries that wait, inside a transaction: one at a time to an origin, in order to an inbox.

It sends nothing, and `protocol.delivering` judges what came of it.

    send -> lane of its inbox -> first of the lane: outbound -> earliest of the origin: sending

Invariants: what waits is in the lane of its inbox, the first of each lane is in `outbound` and
nothing else is; what was called for and is not to be sent has a row that says why.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Literal

from ..crawler.protocol import breaker
from ..crawler.protocol.uri import origin
from ..errors import BadInput
from . import accounts, destinations, held
from .layout import U64, time_key
from .mail_layout import DELIVERY_STATES, WAITING, MailCounters, digest, keys_under
from .mail_records import Errand, Send, Sent
from .outbound_layout import (
    DeliveryRow,
    Destination,
    body_of,
    pack_closed,
    unpack_closed,
)
from .retention import trim

if TYPE_CHECKING:
    from .work import Work

Unsent = Literal["given_up", "expired"]

MOST_SETTLED = 100_000
KEEP_SETTLED = 30 * 86_400.0
_EXPIRED = DELIVERY_STATES.index("expired")
_GIVEN_UP = DELIVERY_STATES.index("given_up")
_STREAK = 16
_ROUNDED = 1e-6  # times in keys are, so that a line may be a little early
_EXPIRED_AT_ONCE = 1_000  # of one origin or inbox, in one transaction
_INBOXES = 200  # looked through in one transaction
# A deployment may lose its routes for an hour, which its users are not to miss a week for.
_CLOSED_FOR = {410: 7 * 86_400.0}
_CLOSED_ELSE = 86_400.0
MOST_CLOSED = 20_000
_BLOCKED = "blocked: its domain is on a blocklist"


def send(work: Work, sends: Sequence[Send], now: float) -> None:
    """Queue activities, each inbox its own in this order."""
    if not sends:
        return
    counters = MailCounters.read(work.txn, work.t)
    for one in sends:
        verdict = work.policy.verdict(one.inbox)
        if verdict == "forgotten":
            continue  # no row may name it
        why = _BLOCKED if verdict else _closed(work, one, now)
        counters.deliveries += 1
        if why:
            _refuse(work, counters.deliveries, one.activity, one.inbox, why, now)
        else:
            _queue(work, counters.deliveries, one, now)
    work.put(work.t.meta, b"mail", counters.pack())


def refuse(
    work: Work, activity: str, inbox: str, why: str, now: float, state: Unsent = "given_up"
) -> None:
    """A recipient to whom nothing can be sent: a delivery that is over at once. `inbox` is the
    actor's id where its inbox is not known."""
    counters = MailCounters.read(work.txn, work.t)
    counters.deliveries += 1
    _refuse(work, counters.deliveries, activity, inbox, why, now, state)
    work.put(work.t.meta, b"mail", counters.pack())


def reword(work: Work, activity: str, body: bytes) -> None:
    """What waits to be sent of an activity is sent with another body, from the next try on."""
    key = digest(activity)
    if work.txn.get(key, None, work.t.activity) is not None:
        work.put(work.t.activity, key, body)


def _refuse(
    work: Work,
    number: int,
    activity: str,
    inbox: str,
    why: str,
    now: float,
    state: Unsent = "given_up",
) -> None:
    try:
        place = digest(origin(inbox))
    except BadInput:  # which may be why it is refused
        place = digest(inbox)
    over = DELIVERY_STATES.index(state)
    row = DeliveryRow(over, place, digest(inbox), activity, inbox, now, ended=now)
    row.note(now, None, 0.0, why)
    row.log = []  # nothing was tried
    accounts.began(work, number, row, None)
    work.ended["delivery", state] += 1
    _save(work, number, row)


def _queue(work: Work, number: int, one: Send, now: float) -> None:
    place = origin(one.inbox)
    row = DeliveryRow(WAITING, digest(place), digest(one.inbox), one.activity, one.inbox, now)
    row.followers, row.recipient = one.followers, one.recipient
    accounts.began(work, number, row, one.body)
    first = _first(work, row.lane) is None
    work.put(work.t.lane, row.lane + U64.pack(number), b"")
    destination = destinations.load(work, row.origin) or Destination(place)
    destination.waiting += 1
    if first:
        _place(work, number, row, now)
    _save(work, number, row)
    destinations.settle(work, row.origin, destination)


def lease(
    work: Work, now: float, limit: int, seconds: float, ttl: float, probes: int
) -> list[Errand]:
    """The next delivery of each origin that may be asked now: up to `limit` of them, and up to
    `probes` of those that have failed."""
    ready = destinations.ready(work, now, limit, failing=False)
    ready += destinations.ready(work, now, probes, failing=True)
    errands = [_lease(work, place, now, seconds, ttl) for place in ready]
    return [errand for errand in errands if errand is not None]


def _lease(work: Work, place: bytes, now: float, seconds: float, ttl: float) -> Errand | None:
    destination = destinations.load(work, place)
    if destination is None:
        raise LookupError(place)
    destination.leased, errand = 0.0, None
    for _ in range(_EXPIRED_AT_ONCE):
        head = destinations.head(work, place)
        if head is None or max(head[0], destination.health.until) > now + _ROUNDED:
            break
        number, row = head[1], _row(work, head[1])
        if row.created + ttl > now:
            destination.leased = now + seconds
            body = body_of(work.txn.get(digest(row.activity), None, work.t.activity))
            view = row.view(number, row.due)
            errand = Errand(view, body, destination.health, row.followers)
            break
        _expire(work, number, row, destination, now)
    destinations.settle(work, place, destination)
    return errand


def expire(work: Work, after: bytes, now: float, ttl: float) -> bytes | None:
    """End what has waited for longer than `ttl`, of the next inboxes behind `after`: a server that
    is not asked for a week is no reason to call it waiting. Behind which inbox to go on; None:
    these were the last."""
    cursor = work.txn.cursor(work.t.lane)
    more = cursor.set_range(after)
    lanes: list[bytes] = []
    while more and len(lanes) < _INBOXES:
        lanes.append(cursor.key()[:16])
        more = cursor.set_range(lanes[-1] + b"\xff" * 9)
    for lane in lanes:
        _expire_lane(work, lane, now, ttl)
    return lanes[-1] + b"\xff" * 9 if more else None


def _expire_lane(work: Work, lane: bytes, now: float, ttl: float) -> None:
    """Those of one inbox, the oldest of which comes first. What is under way is judged then."""
    destination: Destination | None = None
    for key in list(islice(keys_under(work.txn.cursor(work.t.lane), lane), _EXPIRED_AT_ONCE)):
        number = U64.unpack(key[16:])[0]
        row = _row(work, number)
        if row.held or row.created + ttl > now:
            break
        destination = destination or destinations.load(work, row.origin)
        if destination is None or destination.leased:
            return
        _expire(work, number, row, destination, now)
    if destination is not None:
        destinations.settle(work, row.origin, destination)


def _expire(
    work: Work, number: int, row: DeliveryRow, destination: Destination, now: float
) -> None:
    row.error = row.error or "was not accepted in time"
    _end(work, number, row, destination, _EXPIRED, now)


def heard_from(work: Work, actor: str, now: float) -> None:
    """Something of an actor has come in: what failed to reach its server is tried once."""
    place = destinations.heard_from(work, actor, now)
    head = None if place is None else destinations.head(work, place)
    if place is None or head is None or head[0] <= now:
        return
    row = _row(work, head[1])  # which waits for as long as its origin has failed
    _displace(work, head[1], row)
    _place(work, head[1], row, now)
    _save(work, head[1], row)
    destination = destinations.load(work, place)
    if destination is not None:
        destinations.settle(work, place, destination)


def report(work: Work, reports: Sequence[Sent], now: float) -> None:
    """Write what became of errands; their origins may be asked again."""
    for one in reports:
        stored = work.txn.get(U64.pack(one.id), None, work.t.delivery)
        if stored is not None:
            _report(work, one, DeliveryRow.unpack(stored), now)
    waiting = work.txn.stat(work.t.lane)["entries"]

    def old(row: bytes) -> bool:
        return (DeliveryRow.unpack(row).ended or 0.0) < now - KEEP_SETTLED

    def dropped(key: bytes, row: bytes) -> None:
        accounts.dropped(work, U64.unpack(key)[0], DeliveryRow.unpack(row))

    trim(work, work.t.delivery, waiting, MOST_SETTLED, old, len(reports), dropped)
    destinations.forget_old(work, now)


def _report(work: Work, one: Sent, row: DeliveryRow, now: float) -> None:
    destination = destinations.load(work, row.origin)
    if destination is None or row.state != WAITING:
        return
    destination.leased = 0.0
    health = destination.health
    if one.host_until is not None:
        health = breaker.failed(health, now, one.host_until, one.error)
    elif one.status is not None:
        health = breaker.answered(health, now, one.rest_until)
    destination.health = _in_turn(destination, health, one.state == "delivered", now)
    row.attempts += one.counted
    row.note(now, one.status, one.seconds, one.error)
    if one.state == "waiting":
        _displace(work, one.id, row)
        _place(work, one.id, row, now if one.retry_at is None else one.retry_at)
        _save(work, one.id, row)
        work.ended["delivery", one.state] += 1
    else:
        _end(work, one.id, row, destination, DELIVERY_STATES.index(one.state), now)
    if one.inbox_gone:
        _give_up(work, row, destination, now)
    destinations.settle(work, row.origin, destination)


def _in_turn(
    destination: Destination, health: breaker.Health, taken: bool, now: float
) -> breaker.Health:
    """Who has taken one gets the next at once, while the connection is there: a new one costs as
    much as four deliveries. After a few it goes behind the others that wait."""
    destination.streak = destination.streak + 1 if taken else 0
    if destination.streak < _STREAK:
        return health
    destination.streak = 0
    waits = destination.waiting > 1  # this one is still counted
    return replace(health, until=max(health.until, now)) if waits else health


def _give_up(work: Work, gone: DeliveryRow, destination: Destination, now: float) -> None:
    """End what waits for an inbox that is gone. What is in order goes with its first."""
    for key in list(keys_under(work.txn.cursor(work.t.lane), gone.lane)):
        number = U64.unpack(key[16:])[0]
        row = _row(work, number)
        row.status, row.error = gone.status, gone.error
        _end(work, number, row, destination, _GIVEN_UP, now)
    if work.txn.stat(work.t.closed)["entries"] >= MOST_CLOSED:
        cursor = work.txn.cursor(work.t.closed)
        if cursor.first():  # by their hashes: any of them
            work.delete(work.t.closed, cursor.key())
    until = now + _CLOSED_FOR.get(gone.status or 0, _CLOSED_ELSE)
    work.put(work.t.closed, gone.lane, pack_closed(until, gone.error))


def _closed(work: Work, one: Send, now: float) -> str:
    """Why a post to our followers does not go to an inbox that was gone lately. What concerns its
    owner alone does, who may have said something just now."""
    row = work.txn.get(digest(one.inbox), None, work.t.closed) if one.followers else None
    if row is None:
        return ""
    until, error = unpack_closed(row)
    if until <= now:
        work.delete(work.t.closed, digest(one.inbox))
        return ""
    return f"its inbox is gone: {error}"


def call_off(work: Work, number: int, reason: str, now: float) -> None:
    """Give up one that waits, whatever its turn."""
    row = _row(work, number)
    if row.held and row.state == WAITING:
        row.error = reason
        work.ended["delivery", "given_up"] += 1
        held.end(work, number, row, "given_up", now)
        return
    destination = destinations.load(work, row.origin)
    if row.state == WAITING and destination is not None:
        row.error = reason
        _end(work, number, row, destination, _GIVEN_UP, now)
        destinations.settle(work, row.origin, destination)


def drop(work: Work, number: int) -> None:
    """Keep no row of one that is over."""
    stored = work.txn.get(U64.pack(number), None, work.t.delivery)
    if stored is not None:
        accounts.dropped(work, number, DeliveryRow.unpack(stored))
        work.delete(work.t.delivery, U64.pack(number))


def _end(
    work: Work, number: int, row: DeliveryRow, destination: Destination, state: int, now: float
) -> None:
    """A delivery is over, and the next to its inbox comes first: in its place, or behind others."""
    place = row.due if destination.streak and row.due is not None else now
    _displace(work, number, row)
    row.state, row.ended = state, now
    work.ended["delivery", DELIVERY_STATES[state]] += 1
    work.delete(work.t.lane, row.lane + U64.pack(number))
    _save(work, number, row)
    accounts.ended(work, row)
    destination.waiting -= 1
    following = _first(work, row.lane)
    if following is not None:
        other = _row(work, following)
        if other.due is None:
            _place(work, following, other, place)
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


def _row(work: Work, number: int) -> DeliveryRow:
    row = work.txn.get(U64.pack(number), None, work.t.delivery)
    if row is None:
        raise LookupError(number)
    return DeliveryRow.unpack(row)


def _save(work: Work, number: int, row: DeliveryRow) -> None:
    work.put(work.t.delivery, U64.pack(number), row.pack())
