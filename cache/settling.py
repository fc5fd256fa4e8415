"""What notifications come to, inside a transaction: all of it together, once.

It decides nothing; a Settlement is a list of consequences. Invariants: a notification is in
`waiting` exactly when its state says so, and what is no longer waiting is not acted upon again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson

from . import follower_parts, follows, outbound, reactions, sources, store
from .index import list_for, unlist
from .intern import FOLLOW, id_of, word_of
from .layout import U64, time_key
from .mail_layout import (
    FOLLOWER_STATES,
    MailCounters,
    digest,
    pack_follower,
    pack_notification,
    unpack_follower,
    unpack_notification,
)
from .mail_records import Effect, Follower, Listing, Notification, Settlement, Subscribed
from .records import Outcome
from .retention import trim

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .work import Work

MOST_SETTLED = 10_000
KEEP_SETTLED = 7 * 86_400.0
_ACCEPTED = FOLLOWER_STATES.index("accepted")


def settle(work: Work, settlements: Sequence[Settlement], now: float) -> int:
    """Apply those whose notification is waiting still; how many these were."""
    done = sum(_settle(work, one) for one in settlements)
    waiting = work.txn.stat(work.t.waiting)["entries"]

    def old(row: bytes) -> bool:
        return bool(orjson.loads(row[1:])[0] < now - KEEP_SETTLED)

    trim(work, work.t.notification, waiting, MOST_SETTLED, old, done)
    return done


def _settle(work: Work, one: Settlement) -> bool:
    key = U64.pack(one.id)
    row = work.txn.get(key, None, work.t.notification)
    was = unpack_notification(one.id, row) if row is not None else None
    if was is None or was.state != "waiting":
        return False
    _apply(work, one)
    _write(work, was, one)
    if one.state != "waiting" or one.tried:
        work.ended["notification", one.state, effect(one)] += 1
    return True


def effect(one: Settlement) -> Effect:
    """The first thing that it does, in the order of what an operator looks for."""
    if one.follower is not None or one.drop_follower is not None:
        return "follower"
    if one.subscription is not None or one.block is not None:
        return "subscription"
    if one.wants:
        return "asked"
    if one.reactions:
        return "counted"
    return "listed" if one.lists or one.signals else "none"


def _write(work: Work, was: Notification, one: Settlement) -> None:
    key = U64.pack(one.id)
    due = was.due if one.due is None else one.due
    now = replace(
        was, state=one.state, outcome=one.outcome, attempts=was.attempts + one.tried, due=due
    )
    work.delete(work.t.waiting, time_key(was.due) + key)
    if now.state == "waiting":
        work.put(work.t.waiting, time_key(now.due) + key, b"")
    work.put(work.t.notification, key, pack_notification(now))


def _apply(work: Work, one: Settlement) -> None:
    if one.marks or one.wants:
        store.apply(work, Outcome(at=one.at, marks=one.marks, wants=one.wants))
    for listing in one.lists:
        list_object(work, listing)
    for uri in one.signals:
        sources.noted(work, uri, one.at)
    if one.block is not None:
        key, activity = one.block
        if activity is None:
            follows.unblock(work, key)
        else:
            follows.block(work, key, activity)
    if one.follower is not None:
        put_follower(work, one.follower)
    if one.drop_follower is not None:
        drop_follower(work, one.drop_follower)
    for reaction in one.reactions:
        reactions.react(work, reaction)
    if one.subscription is not None:
        subscribe(work, *one.subscription)
    outbound.send(work, one.sends, one.at)


def list_object(work: Work, one: Listing) -> None:
    """Show an object that is held already in a follow's list, or take it out."""
    id, follow = id_of(work, one.object), word_of(work, FOLLOW, one.follow)
    if one.over:
        unlist(work, id, follow)
    else:
        list_for(work, id, follow, one.announced)


def put_follower(work: Work, follower: Follower) -> None:
    key = digest(follower.actor)
    was = work.txn.get(key, None, work.t.follower)
    row = pack_follower(follower)
    _count(work, was, row)
    follower_parts.moved(work, None if was is None else unpack_follower(was), follower)
    work.put(work.t.follower, key, row)


def move_follower(work: Work, actor: str, inbox: str, shared: str | None) -> None:
    row = work.txn.get(digest(actor), None, work.t.follower)
    if row is not None and (was := unpack_follower(row)).actor == actor:
        put_follower(work, replace(was, inbox=inbox, shared_inbox=shared))


def drop_follower(work: Work, actor: str) -> None:
    key = digest(actor)
    was = work.txn.get(key, None, work.t.follower)
    if was is not None and (follower := unpack_follower(was)).actor == actor:
        _count(work, was, None)
        follower_parts.moved(work, follower, None)
        work.delete(work.t.follower, key)


def _count(work: Work, was: bytes | None, now: bytes | None) -> None:
    step = _is_accepted(now) - _is_accepted(was)
    if step:
        counters = MailCounters.read(work.txn, work.t)
        counters.accepted += step
        work.put(work.t.meta, b"mail", counters.pack())


def _is_accepted(row: bytes | None) -> bool:
    return row is not None and row[0] == _ACCEPTED


def subscribe(
    work: Work, follow: str, state: Subscribed, changed: dict[str, Any] | None = None
) -> bool:
    """Write the state of a follow's subscription, and what else of it has `changed`. False: there
    is no such follow (any more)."""
    id = word_of(work, FOLLOW, follow)
    stored = work.txn.get(id, None, work.t.follow)
    if stored is None:
        return False
    row = orjson.loads(stored) | {"subscribed": state} | (changed or {})
    work.put(work.t.follow, id, orjson.dumps(row))
    return True
