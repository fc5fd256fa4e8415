"""How the rows of mail look: notifications, what was seen, keys, followers, reactions.

A continuation of `layout` under the same rules. Rows that are written a thousand times a second
begin with what lists are filtered by, and go on as JSON; ids of mail are not interned, since most
of them are met once. What goes out is in `outbound_layout`. Invariant: a row holds ids and words,
no text of a push.

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
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import astuple, dataclass, fields
from hashlib import blake2b
from struct import Struct
from typing import TYPE_CHECKING, Any

import orjson

from ..crawler.protocol.pushed import Pushed
from .environment import Cursor, Table, Tables, Txn
from .layout import U64
from .mail_records import (
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
