"""The audit of what goes out: lanes, lines, origins, accounts; a continuation of `check`.

It keeps the rules of that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import astuple

from . import destinations
from .environment import Tables, Txn
from .layout import U64, time_key
from .mail_layout import DELIVERY_STATES, WAITING, digest
from .outbound_layout import AccountRow, DeliveryRow, Destination
from .records import Finding


def check(txn: Txn, t: Tables) -> Iterator[Finding]:
    """Compare the tables of what goes out."""
    lanes: dict[bytes, bytes] = {}  # the first of each
    for key in txn.cursor(t.lane).iternext(values=False):
        lanes.setdefault(key[:16], key[16:])
    held = 0
    waiting: Counter[bytes] = Counter()
    rows: Counter[bytes] = Counter()
    states: Counter[tuple[bytes, int]] = Counter()
    for key, stored in txn.cursor(t.delivery):
        row = DeliveryRow.unpack(stored)
        subject = str(U64.unpack(key)[0])
        activity = digest(row.activity)
        rows[activity] += 1
        states[activity, row.state] += 1
        if txn.get(activity + key, None, t.posted) is None:
            yield Finding("posted", subject, "is not found by its activity")
        if row.state != WAITING:
            if row.due is not None:
                yield Finding("delivery", subject, "is over and has a time")
            continue
        if row.held:
            held += 1
            lanes.pop(row.lane, None)
        else:
            waiting[row.origin] += 1
        if txn.get(row.lane + key, None, t.lane) is None:
            yield Finding("lane", subject, "waits and is not in the lane of its inbox")
        if row.held:
            continue
        if (row.due is not None) != (lanes.get(row.lane) == key):
            yield Finding("delivery", subject, "is first without a time, or the reverse")
        elif row.due is not None:
            place = row.origin + time_key(row.due) + key
            if txn.get(place, None, t.outbound) is None:
                yield Finding("outbound", subject, "is first in its lane and not in the line")
    yield from _differ(txn, t, "lane", waiting.total() + held)
    yield from _differ(txn, t, "outbound", len(lanes))
    yield from _differ(txn, t, "posted", rows.total())
    yield from _accounts(txn, t, rows, states)
    yield from _destinations(txn, t, waiting)


def _differ(txn: Txn, t: Tables, name: str, wanted: int) -> Iterator[Finding]:
    there = txn.stat(getattr(t, name))["entries"]
    if there != wanted:
        yield Finding(name, "", f"{there} rows, {wanted} are called for")


def _accounts(
    txn: Txn, t: Tables, rows: Counter[bytes], states: Counter[tuple[bytes, int]]
) -> Iterator[Finding]:
    """Of what is over, rows are dropped and counts stay, so that those may be more."""
    bodies = 0
    for key, stored in txn.cursor(t.account):
        account, subject = AccountRow.unpack(stored), key.hex()
        kept, *counts = astuple(account)
        if kept != rows.pop(key, 0):
            yield Finding("account", subject, "counts other rows than there are")
        for state, count in enumerate(counts):
            there = states[key, state]
            if count < there or (state == WAITING and count != there):
                problem = f"says {count} {DELIVERY_STATES[state]}, there are {there}"
                yield Finding("account", subject, problem)
        bodies += account.waiting > 0
        if account.waiting and txn.get(key, None, t.activity) is None:
            yield Finding("activity", subject, "waits, and there is no body")
    yield from _differ(txn, t, "activity", bodies)
    for key in rows:
        yield Finding("account", key.hex(), "has deliveries and is not counted")


def _destinations(txn: Txn, t: Tables, waiting: Counter[bytes]) -> Iterator[Finding]:
    sending = resting = dead = 0
    for place, row in txn.cursor(t.destination):
        one = Destination.unpack(row)
        dead += one.health.dead
        sending += bool(one.sending)
        resting += bool(one.resting)
        if digest(one.origin) != place:
            yield Finding("destination", one.origin, "is kept under another origin's key")
        count = waiting.pop(place, 0)
        if one.waiting != count:
            yield Finding("destination", one.origin, "counts others than wait for it")
        if bool(one.sending) != bool(count) or bool(one.resting) == bool(count):
            yield Finding("destination", one.origin, "is in the wrong line")
        for name, at in (("sending", one.sending), ("resting", one.resting)):
            if at and txn.get(at + place, None, getattr(t, name)) is None:
                yield Finding(name, one.origin, "has a place there and is not in the line")
    for place in waiting:
        yield Finding("destination", place.hex(), "is not there, and deliveries wait for it")
    yield from _differ(txn, t, "sending", sending)
    yield from _differ(txn, t, "resting", resting)
    if destinations.dead(txn, t) != dead:
        yield Finding("meta", "dead", f"the counter does not say {dead}")
