"""The audit of the frontier's tables and of the calendar; a continuation of `check` under the same
rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from math import isnan

from .agenda_rows import agenda_key
from .calendar_lines import line_of
from .counters import Counters
from .environment import Tables, Txn
from .hosts import ready_key, turn_slot
from .intern import uri_of
from .layout import NONE, host_key
from .queue_layout import HostRow, Row
from .records import Finding
from .ref_layout import PLACED, Ref


def check(txn: Txn, t: Tables) -> Iterator[Finding]:
    """Compare want, queue, slot, owed, ready and host."""
    queued: Counter[bytes] = Counter()
    owed_rows = waiting = 0
    owed = txn.cursor(t.owed)
    for key, stored in txn.cursor(t.want):
        id, kind, row = key[:8], key[8], Row.unpack(stored)
        subject = uri_of(txn, t, id) or id.hex()
        if row.until:
            if txn.get(row.slot_key(id, kind), None, t.slot) is None:
                yield Finding("want", subject, "is leased without a slot")
        else:
            queued[row.host] += not row.parked
            waiting += 1
            if txn.get(row.queue_key(id, kind), None, t.queue) is None:
                yield Finding("want", subject, "is not in its host's queue")
        if row.follow != NONE:
            owed_rows += 1
            if not owed.set_key_dup(row.owed_key(), row.host + key):
                yield Finding("owed", subject, "is not counted for its follow")
    if txn.stat(t.queue)["entries"] != waiting:
        problem = f"{txn.stat(t.queue)['entries']} rows, {waiting} are called for"
        yield Finding("queue", "", problem)
    if txn.stat(t.owed)["entries"] != owed_rows:
        yield Finding("owed", "", f"{txn.stat(t.owed)['entries']} rows, {owed_rows} called for")
    slots: Counter[bytes] = Counter()
    for key in txn.cursor(t.slot).iternext(values=False):
        slots[key[8:16]] += 1
    yield from _hosts(txn, t, queued.copy(), slots.copy())
    counters = Counters.read(txn, t)
    if counters.due != queued.total():
        yield Finding("meta", "due", f"the counter says {counters.due}, not {queued.total()}")
    if counters.in_flight != slots.total():
        problem = f"the counter says {counters.in_flight}, not {slots.total()}"
        yield Finding("meta", "in_flight", problem)


def _hosts(txn: Txn, t: Tables, queued: Counter[bytes], slots: Counter[bytes]) -> Iterator[Finding]:
    ready = 0
    for key, row in txn.cursor(t.host):
        host = HostRow.unpack(row)
        if host_key(host.name) != key:
            yield Finding("host", host.name, "is kept under another host's key")
        if host.queued != queued.pop(key, 0):
            yield Finding("host", host.name, f"says {host.queued} rows wait, and others do")
        if host.in_flight != slots.pop(key, 0):
            yield Finding("host", host.name, f"says {host.in_flight} slots are out")
        if any(txn.get(turn_slot(key, end), None, t.slot) is None for end in host.turns):
            yield Finding("host", host.name, "has a turn without a slot")
        if not isnan(host.ready_at):
            ready += 1
            if txn.get(ready_key(host.ready_cause, host.ready_at, key), None, t.ready) is None:
                yield Finding("ready", host.name, "is not in the line")
    for key in {*queued, *slots}:
        if queued[key] or slots[key]:
            yield Finding("host", key.hex(), "is not there, and rows wait for it")
    if txn.stat(t.ready)["entries"] != ready:
        yield Finding("ready", "", f"{txn.stat(t.ready)['entries']} rows, {ready} are called for")


def check_agenda(txn: Txn, t: Tables) -> Iterator[Finding]:
    """Compare the calendar with the references that say that they stand in it."""
    placed = 0
    for id, row in txn.cursor(t.ref):
        if not row[3] & PLACED:
            continue
        placed += 1
        ref = Ref.unpack(row)
        if not ref.is_source:
            yield Finding("ref", ref.uri, "is planned, and nothing is to be asked")
        key = agenda_key(line_of(ref.interval, ref.bound), ref.due, id)
        if txn.get(key, None, t.agenda) is None:
            yield Finding("agenda", ref.uri, "is not in the calendar")
    if txn.stat(t.agenda)["entries"] != placed:
        problem = f"{txn.stat(t.agenda)['entries']} rows, {placed} are called for"
        yield Finding("agenda", "", problem)
    for id in txn.cursor(t.notices).iternext(values=False):
        stored = txn.get(id, None, t.ref)
        if stored is None or not Ref.unpack(stored).is_source:
            yield Finding("notices", id.hex(), "belongs to no source")
