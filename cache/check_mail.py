"""The audit of mail: what waits, who follows, who reacted; a continuation of `check`.

It keeps the rules of that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from . import check_outbound, follower_parts
from .environment import Tables, Txn
from .intern import uri_of
from .layout import U64, time_key
from .mail_layout import (
    FOLLOWER_STATES,
    NOTIFICATION_STATES,
    REACTION_KINDS,
    WAITING,
    MailCounters,
    age_of,
    digest,
    unpack_counts,
    unpack_follower,
    unpack_key,
    unpack_notification,
)
from .records import Finding
from .ref_layout import HAS_BODY, Ref


def check(txn: Txn, t: Tables) -> Iterator[Finding]:
    """Compare the tables of mail."""
    yield from _notifications(txn, t)
    yield from _keys(txn, t)
    yield from _followers(txn, t)
    yield from _reactions(txn, t)
    yield from check_outbound.check(txn, t)


def _rows(txn: Txn, t: Tables, name: str) -> int:
    return txn.stat(getattr(t, name))["entries"]


def _differ(txn: Txn, t: Tables, name: str, wanted: int) -> Iterator[Finding]:
    there = _rows(txn, t, name)
    if there != wanted:
        yield Finding(name, "", f"{there} rows, {wanted} are called for")


def _notifications(txn: Txn, t: Tables) -> Iterator[Finding]:
    waiting = last = 0
    for key, row in txn.cursor(t.notification):
        last = U64.unpack(key)[0]
        if row[0] >= len(NOTIFICATION_STATES):
            yield Finding("notification", str(last), "is in no state")
        if row[0] != WAITING:
            continue
        waiting += 1
        due = unpack_notification(last, row).due
        if txn.get(time_key(due) + key, None, t.waiting) is None:
            yield Finding("waiting", str(last), "waits and is not in the line")
    yield from _differ(txn, t, "waiting", waiting)
    if last > MailCounters.read(txn, t).notifications:
        yield Finding("meta", "mail", f"notification {last} has a number that was not given")


def _keys(txn: Txn, t: Tables) -> Iterator[Finding]:
    for place, row in txn.cursor(t.key):
        key, _ = unpack_key(row)
        if digest(key.id) != place:
            yield Finding("key", key.id, "is kept under another key's id")
        if txn.get(age_of(row), None, t.key_age) != place:
            yield Finding("key_age", key.id, "is not in the order of age")
    yield from _differ(txn, t, "key_age", _rows(txn, t, "key"))


def _followers(txn: Txn, t: Tables) -> Iterator[Finding]:
    accepted = 0
    for key, row in txn.cursor(t.follower):
        follower = unpack_follower(row)
        accepted += follower.state == FOLLOWER_STATES[1]
        if digest(follower.actor) != key:
            yield Finding("follower", follower.actor, "is kept under another actor's key")
    kept = MailCounters.read(txn, t).accepted
    if kept != accepted:
        yield Finding("meta", "followers", f"the counter says {kept}, there are {accepted}")
    yield from follower_parts.check(txn, t)


def _reactions(txn: Txn, t: Tables) -> Iterator[Finding]:
    counted: Counter[tuple[bytes, int]] = Counter()
    for key in txn.cursor(t.reaction).iternext(values=False):
        counted[key[:8], key[8]] += 1
    moved = 0
    for id, row in txn.cursor(t.count):
        subject = uri_of(txn, t, id) or id.hex()
        stored = txn.get(id, None, t.ref)
        if stored is None or not Ref.unpack(stored).flags & HAS_BODY:
            yield Finding("count", subject, "counts reactions to what is not held")
        now, told = unpack_counts(row)
        for kind, kept in enumerate((now.likes, now.reacts, now.shares)):
            there = counted.pop((id, kind), 0)
            if kept != there:
                problem = f"says {kept} of {REACTION_KINDS[kind]}, there are {there}"
                yield Finding("count", subject, problem)
        moved += now != told
        if (now != told) != (txn.get(id, None, t.moved) is not None):
            yield Finding("moved", subject, "is to be told and is not, or the reverse")
    yield from _differ(txn, t, "moved", moved)
    for id, _ in counted:
        yield Finding("reaction", uri_of(txn, t, id) or id.hex(), "is not counted")
