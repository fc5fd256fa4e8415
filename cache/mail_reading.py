"""From stored rows to what readers get of mail: lists, latest first. It writes nothing.

Invariant: what a call
returns is bounded by its limit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .environment import Tables, Txn
from .intern import find_id
from .layout import U64
from .mail_layout import (
    FOLLOWER_STATES,
    NOTIFICATION_STATES,
    digest,
    rows_before,
    unpack_counts,
    unpack_follower,
    unpack_key,
    unpack_notification,
)
from .mail_records import (
    Follower,
    FollowerState,
    Notification,
    NotificationState,
)
from .views import Counts

if TYPE_CHECKING:
    from ..crawler.protocol.keys import PublicKey

_BELIEVED = 7 * 86_400.0


def notifications(
    txn: Txn, t: Tables, limit: int, before: int | None, state: NotificationState | None
) -> list[Notification]:
    found: list[Notification] = []
    wanted = None if state is None else NOTIFICATION_STATES.index(state)
    for number, row in rows_before(txn, t.notification, before):
        if wanted is None or row[0] == wanted:
            found.append(unpack_notification(number, row))
            if len(found) >= limit:
                break
    return found


def waiting(txn: Txn, t: Tables, now: float, limit: int) -> list[Notification]:
    """Those that are due, in order."""
    found: list[Notification] = []
    cursor = txn.cursor(t.waiting)
    more = cursor.first()
    while more and len(found) < limit:
        due, number = U64.unpack(cursor.key()[:8])[0] / 1e6, cursor.key()[8:]
        if due > now:
            break
        row = txn.get(number, None, t.notification)
        if row is not None:
            found.append(unpack_notification(U64.unpack(number)[0], row))
        more = cursor.next()
    return found


def followers(
    txn: Txn, t: Tables, limit: int, after: str | None, state: FollowerState | None
) -> list[Follower]:
    found: list[Follower] = []
    wanted = None if state is None else FOLLOWER_STATES.index(state)
    cursor = txn.cursor(t.follower)
    more = cursor.first() if after is None else cursor.set_range(digest(after) + b"\0")
    while more and len(found) < limit:
        row = cursor.value()
        if wanted is None or row[0] == wanted:
            found.append(unpack_follower(row))
        more = cursor.next()
    return found


def follower(txn: Txn, t: Tables, actor: str) -> Follower | None:
    row = txn.get(digest(actor), None, t.follower)
    found = None if row is None else unpack_follower(row)
    return found if found is not None and found.actor == actor else None


def key(txn: Txn, t: Tables, id: str, now: float) -> PublicKey | None:
    row = txn.get(digest(id), None, t.key)
    if row is None:
        return None
    found, at = unpack_key(row)
    # Of the future: the clock was set back, and nobody knows how old it is.
    return found if found.id == id and 0 <= now - at < _BELIEVED else None


def counts(txn: Txn, t: Tables, uri: str) -> Counts:
    id = find_id(txn, t, uri)
    return unpack_counts(txn.get(id, None, t.count) if id is not None else None)[0]
