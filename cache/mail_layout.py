"""How the rows of mail look: notifications, what was seen, keys, followers, reactions, deliveries.

A continuation of `layout` under the same rules. Rows that are written a thousand times a second
begin with what lists are filtered by, and go on as JSON; ids of mail are not interned, since most
of them are met once. Invariant: a row holds ids, words and our own activities, no text of a push.

| table | key | value |
|---|---|---|
| notification | number | state, JSON |
| waiting | due, number | nothing |
| seen | kind, day or window, hash (16) | nothing: a signature or an activity that was kept |
| key | hash of its id (16) | JSON |
| key_age | number | hash of the key's id |
| follower | hash of the actor (16) | state, JSON |
| part, part_digest | origin | the accepted followers of it, see `follower_parts` |
| reaction | object, kind, hash of the actor (8) | nothing |
| count | object | how many of each kind; the same as last told |
| moved | object | nothing: its counts are to be told |
| activity | hash of its id (16) | how many deliveries wait with it, body |
| delivery | number | state, origin, hash of the inbox, JSON |
| lane | hash of the inbox (16), number | nothing: what waits for it, in order |
| outbound | origin (16), due, number | nothing: the first of each inbox |
| destination | hash of the origin (16) | Destination |
| sending | time, origin (16) | nothing: when a destination may be asked |
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import astuple, dataclass, fields
from hashlib import blake2b
from math import nan
from struct import Struct
from typing import TYPE_CHECKING, Any

import orjson

from ..crawler.protocol.pushed import Pushed
from .environment import Cursor, Table, Tables, Txn
from .layout import U64
from .mail_records import (
    Delivery,
    DeliveryState,
    Follower,
    FollowerState,
    Notification,
    NotificationState,
)
from .views import Counts

if TYPE_CHECKING:
    from ..crawler.protocol.keys import PublicKey

NOTIFICATION_STATES: tuple[NotificationState, ...] = ("waiting", "done", "failed", "ignored")
FOLLOWER_STATES: tuple[FollowerState, ...] = ("pending", "accepted", "rejected")
DELIVERY_STATES: tuple[DeliveryState, ...] = ("waiting", "delivered", "given_up", "expired")
REACTION_KINDS = ("like", "react", "share")
WAITING = 0

_PUSHED = tuple(field.name for field in fields(Pushed))
_COUNTERS = Struct(">QQQQ")
_COUNTS = Struct(">6I")
_DELIVERY = Struct(">B16s16s")
_DESTINATION = Struct(">IIdddd")


def digest(text: str) -> bytes:
    """What stands for an id that is looked up; the row holds the id, which is compared."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


@dataclass(slots=True)
class MailCounters:
    """The last numbers given, and what would need a scan."""

    notifications: int = 0
    deliveries: int = 0
    keys: int = 0
    accepted: int = 0  # followers

    @classmethod
    def read(cls, txn: Txn, t: Tables) -> MailCounters:
        row = txn.get(b"mail", None, t.meta)
        return cls() if row is None else cls(*_COUNTERS.unpack(row))

    def pack(self) -> bytes:
        return _COUNTERS.pack(self.notifications, self.deliveries, self.keys, self.accepted)


def pack_notification(one: Notification) -> bytes:
    pushed = {
        name: value
        for name in _PUSHED
        if (value := getattr(one.pushed, name)) is not None and value != ""
    }
    rest = (one.at, one.sender, one.target, one.attempts, one.outcome, one.due, one.forwarded)
    return bytes((NOTIFICATION_STATES.index(one.state),)) + orjson.dumps((*rest, pushed))


def unpack_notification(id: int, row: bytes) -> Notification:
    at, sender, target, attempts, outcome, due, forwarded, pushed = orjson.loads(row[1:])
    known = {name: value for name, value in pushed.items() if name in _PUSHED}
    about = Pushed(**{"type": "", "actor": "", **known})
    return Notification(
        id=id,
        at=at,
        sender=sender,
        target=target,
        activity=about.activity,
        type=about.type,
        object=about.object,
        state=NOTIFICATION_STATES[row[0]],
        attempts=attempts,
        outcome=outcome,
        due=due,
        forwarded=forwarded,
        pushed=about,
    )


def pack_key(key: PublicKey, age: int, at: float) -> bytes:
    der = b64encode(key.der).decode()
    return orjson.dumps((key.id, key.owner, key.kind, der, key.expires, age, at))


def unpack_key(row: bytes) -> tuple[PublicKey, float]:
    """A key, and when it was received."""
    from ..crawler.protocol.keys import PublicKey

    id, owner, kind, der, expires, _, at = orjson.loads(row)
    return PublicKey(id, owner, kind, b64decode(der), expires), at


def age_of(row: bytes) -> bytes:
    """Under which number the row of a key stands in `key_age`."""
    return U64.pack(orjson.loads(row)[5])


def pack_follower(one: Follower) -> bytes:
    rest = (one.actor, one.inbox, one.shared_inbox, one.follow, one.at)
    return bytes((FOLLOWER_STATES.index(one.state),)) + orjson.dumps(rest)


def unpack_follower(row: bytes) -> Follower:
    actor, inbox, shared, follow, at = orjson.loads(row[1:])
    return Follower(actor, inbox, shared, FOLLOWER_STATES[row[0]], follow, at)


def pack_counts(now: Counts, told: Counts) -> bytes:
    return _COUNTS.pack(*astuple(now), *astuple(told))


def unpack_counts(row: bytes | None) -> tuple[Counts, Counts]:
    """The counts, and what the change log has told of them."""
    values = _COUNTS.unpack(row) if row is not None else (0,) * 6
    return Counts(*values[:3]), Counts(*values[3:])


@dataclass(slots=True)
class DeliveryRow:
    """A delivery; mutable, because a transaction works on it."""

    state: int
    origin: bytes
    lane: bytes
    activity: str
    inbox: str
    created: float
    attempts: int = 0
    due: float | None = None  # in `outbound` under this time; None: others go before, or it is over
    status: int | None = None
    error: str = ""
    ended: float | None = None

    def pack(self) -> bytes:
        rest = (self.activity, self.inbox, self.created, self.attempts, self.due, self.status)
        head = _DELIVERY.pack(self.state, self.origin, self.lane)
        return head + orjson.dumps((*rest, self.error, self.ended))

    @classmethod
    def unpack(cls, row: bytes) -> DeliveryRow:
        return cls(*_DELIVERY.unpack_from(row), *orjson.loads(row[_DELIVERY.size :]))

    def view(self, id: int, next_attempt: float | None) -> Delivery:
        return Delivery(
            id=id,
            activity=self.activity,
            inbox=self.inbox,
            state=DELIVERY_STATES[self.state],
            attempts=self.attempts,
            next_attempt=next_attempt,
            last_status=self.status,
            last_error=self.error or None,
            created=self.created,
        )


@dataclass(slots=True)
class Destination:
    """The origin of inboxes: how many deliveries wait for it, and when it may be asked."""

    origin: str
    waiting: int = 0
    failures: int = 0  # in a row
    until: float = 0.0  # after failures: not before
    leased: float = 0.0  # one request is under way, until then at most
    ready: float = nan  # its place in `sending`; NaN: it has none
    since: float = nan  # of the first of these failures

    def pack(self) -> bytes:
        times = (self.until, self.leased, self.ready, self.since)
        return _DESTINATION.pack(self.waiting, self.failures, *times) + self.origin.encode()

    @classmethod
    def unpack(cls, row: bytes) -> Destination:
        return cls(row[_DESTINATION.size :].decode(), *_DESTINATION.unpack_from(row))


def keys_under(cursor: Cursor, prefix: bytes) -> Iterator[bytes]:
    """The keys of a table that begin with `prefix`, in order; the rows must stay while it runs."""
    more = cursor.set_range(prefix)
    while more and (key := cursor.key()).startswith(prefix):
        yield key
        more = cursor.next()


def rows_before(txn: Txn, table: Table, before: int | None) -> Iterator[tuple[int, bytes]]:
    """Numbered rows from the latest on, or from the one below `before`."""
    cursor: Any = txn.cursor(table)
    if before is None:
        more = cursor.last()
    else:
        more = cursor.prev() if cursor.set_range(U64.pack(max(before, 0))) else cursor.last()
    while more:
        yield U64.unpack(cursor.key())[0], cursor.value()
        more = cursor.prev()
