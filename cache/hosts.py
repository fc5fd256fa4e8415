"""Hosts inside a transaction: slots, gap, limits, and when each may be asked again.

What an answer means for a host is decided in `host_state`, what the limits that it announces do to
its pace in `windows`; which row is next, in `leases`. Every slot counts, whoever took it, so
schedule, push and on-demand share one budget. Invariants: never more slots out than `concurrency`
(one while probing), never two requests within `gap`, never more pages than `page_windows` allows,
never more requests than the host says it has left; the row in `ready` is when something of the
host can be leased, and is absent when nothing can.
"""

from __future__ import annotations

from math import isnan, nan
from typing import NamedTuple

from ..crawler.protocol.robots_memory import DAY
from . import collection_pace, host_room, robots, windows
from .host_state import HostHealth, host_after, is_probing, is_throttled
from .layout import NONE, U64, host_key, micros, number, some
from .queue_layout import TURN, HostRow
from .records import PARKED, Cause, HostReport, Kind
from .work import Work

# A host that was just asked stands behind those that wait since the same moment; without a gap it
# would be asked again and again before them.
STEP_BACK = 1e-6
_PARKED = U64.pack(micros(PARKED))


class Group(NamedTuple):
    """The earliest row of one kind and cause in a host's queue."""

    kind: int
    cause: int
    due: float
    id: bytes


def named(work: Work, name: str) -> tuple[bytes, HostRow]:
    """A host by its name; a new one has never been asked."""
    key = host_key(name)
    found = load(work, key)
    if found is None:
        blocked = bool(work.policy) and work.policy.host(name) is not None
        host_room.make_room(work, key)
        found = work.hosts[key] = HostRow(name, blocked=blocked)
    return key, found


def load(work: Work, key: bytes) -> HostRow | None:
    row = work.hosts.get(key)
    if row is None:
        stored = work.txn.get(key, None, work.t.host)
        if stored is not None:
            row = work.hosts[key] = HostRow.unpack(stored)
            work.host_rows[key] = stored
    return row


def get(work: Work, key: bytes) -> HostRow:
    row = work.hosts.get(key) or load(work, key)
    if row is None:
        raise LookupError(key)
    return row


def health(host: HostRow) -> HostHealth:
    return HostHealth(
        failures=host.failures,
        throttles=host.throttles,
        refusals=host.refusals,
        since=some(host.since),
        until=host.until,
        last_error=host.last_error,
        strange=host.strange,
    )


def learn(work: Work, report: HostReport, now: float) -> None:
    """Take in what one request taught, and give its slot back where it had one of its own."""
    key, host = named(work, report.host)
    wait = gap(work, host, now)
    last = host.next_at - wait
    if not (_is_plain(report) and _is_well(host)):
        _judge(host, report, now)
    if report.knock is not None:
        host.knock = report.knock
    if report.robots is not None:
        robots.keep(work, key, report.robots)
        host.delay, host.delay_until = report.robots.delay, report.robots.until
        wait = gap(work, host, now)
        host.next_at = max(host.next_at, last + wait)
    # The host counts from what it saw, which came after name, connection and TLS.
    host.next_at = max(host.next_at, min(report.sent, now) + wait)
    if report.limits or host.paced:
        _keep_pace(work, key, host, report, now)
    if report.slot and host.turns:
        end_turn(work, key, host, host.turns[0])
    work.unsettled.add(key)


def _is_plain(report: HostReport) -> bool:
    """Whether there is nothing in it to judge: a success, or no request at all."""
    if not report.ok or report.refused or report.error or report.pause is not None:
        return False
    return report.status is None or report.status < 400


def _is_well(host: HostRow) -> bool:
    """Whether nothing is held against it: then a plain answer leaves it as it is."""
    held = host.failures or host.throttles or host.refusals or host.strange
    return not (held or host.until or host.last_error) and isnan(host.since)


def _judge(host: HostRow, report: HostReport, now: float) -> None:
    before = health(host)
    after = host_after(report.host, before, report, now)
    host.failures, host.throttles, host.refusals = after.failures, after.throttles, after.refusals
    host.since, host.until, host.last_error = number(after.since), after.until, after.last_error
    host.strange = after.strange
    # What was under way when the first 429 came is one mistake of ours, not several.
    if is_throttled(report) and before.until <= now:
        part = windows.allowance(host.allowance, host.allowance_at, now)
        host.allowance, host.allowance_at = windows.halved(part), now


def _keep_pace(work: Work, key: bytes, host: HostRow, report: HostReport, now: float) -> None:
    """What the host announces of its limits, and how much slower than stated that makes us."""
    under_way = host.in_flight - bool(report.slot and host.turns)
    sent = min(report.sent, now) or now
    known = (host.windows, report.limits, report.host, host.requests, under_way, sent, now)
    host.windows = windows.hear(*known)
    part = windows.allowance(host.allowance, host.allowance_at, now)
    if part >= 1.0:
        host.allowance, host.allowance_at = 1.0, 0.0
    stated = gap(work, host, now)
    pace = max(windows.spread(host.windows, host.requests, now), stated / part)
    host.slowed = pace if pace > stated else 0.0
    work.agenda.prices.lanes.slow_down(key, host.slowed)


def capacity(work: Work, host: HostRow) -> int:
    probing = is_probing(host.failures, host.throttles, host.refusals, host.strange)
    probing = probing or (host.paced and windows.unheard(host.windows, work.now + STEP_BACK))
    return 1 if probing else work.politeness.concurrency


def gap(work: Work, host: HostRow, now: float) -> float:
    """Between two requests: what the operator states, or what the host asks for in robots.txt."""
    stated = work.politeness.gap
    if not host.delay or not now < host.delay_until <= now + 2 * DAY:
        return stated
    return max(stated, host.delay)


def free_at(host: HostRow) -> float:
    """When gap and pause allow the next request."""
    return max(host.next_at, host.until)


def paced_at(work: Work, host: HostRow, now: float, *, waited_for: bool) -> float:
    """When the limits of a host that is `paced` allow the next request."""
    last = host.next_at - gap(work, host, now)
    at = windows.opens(host.windows, host.requests, last, waited_for=waited_for)
    if waited_for:
        return at
    part = windows.allowance(host.allowance, host.allowance_at, now)
    return max(at, last + gap(work, host, now) / part)


def is_in_pace(work: Work, host: HostRow, now: float, *, waited_for: bool) -> bool:
    # Times in `ready` are rounded to microseconds.
    return paced_at(work, host, now, waited_for=waited_for) <= now + STEP_BACK


def page_at(work: Work, key: bytes, host: HostRow, now: float) -> float:
    """When the windows of pages allow the next one."""
    return collection_pace.page_at(work.txn, work.t, work.politeness, key, host, now)


def take(
    work: Work,
    key: bytes,
    host: HostRow,
    now: float,
    page: bool,
    *,
    paid: bool = False,
    cause: Cause | None = None,
) -> None:
    """Count one request that begins now; `paid`: the budget's account has counted it before."""
    if not paid:
        new, backfill = cause is Cause.NEW, cause is Cause.BACKFILL
        work.agenda.prices.account.charge(1, now, own=new, backfill=backfill)
    host.in_flight += 1
    host.requests += 1
    host.next_at = now + gap(work, host, now)
    work.counters.in_flight += 1
    if page:
        collection_pace.note(work, key, host, now)
    work.unsettled.add(key)


def give_back(work: Work, key: bytes) -> None:
    """One slot less. What was learnt comes in a report."""
    host = get(work, key)
    host.in_flight = max(host.in_flight - 1, 0)
    work.counters.in_flight -= 1
    work.unsettled.add(key)


def begin_turn(work: Work, key: bytes, host: HostRow, until: float) -> None:
    """Note a slot outside the queue; it ends at `until` even when nobody reports."""
    end = micros(until)
    while end in host.turns:
        end += 1
    host.turns = tuple(sorted((*host.turns, end)))
    work.put(work.t.slot, turn_slot(key, end), b"")


def end_turn(work: Work, key: bytes, host: HostRow, end: int) -> None:
    host.turns = tuple(other for other in host.turns if other != end)
    if work.delete(work.t.slot, turn_slot(key, end)):
        give_back(work, key)


def turn_slot(key: bytes, end: int) -> bytes:
    return U64.pack(end) + key + NONE + bytes((TURN,))


def groups(work: Work, key: bytes) -> list[Group]:
    """The heads of a host's queue, one for each kind and cause that it holds; of those that are
    parked there are none."""
    found: list[Group] = []
    cursor = work.txn.cursor(work.t.queue)
    more = cursor.set_range(key)
    while more and (row := cursor.key())[:8] == key:
        kind, cause = row[8], row[9]
        due = U64.unpack_from(row, 10)[0] / 1e6
        if due < PARKED:
            found.append(Group(kind, cause, due, row[18:26]))
        more = cursor.set_range(key + bytes((kind, cause + 1)))
    return found


def waiting(work: Work, key: bytes, page: bool, most: int) -> int:
    """How many rows of a host wait to be refreshed, up to `most`: pages of what is read again for
    new items, or documents that are checked."""
    kind, cause = (Kind.PAGE, Cause.NEW) if page else (Kind.DOCUMENT, Cause.REFRESH)
    prefix = key + bytes((kind, cause))
    cursor = work.txn.cursor(work.t.queue)
    more, count = cursor.set_range(prefix), 0
    while more and count < most and _is_waiting(cursor.key(), prefix):
        count += 1
        more = cursor.next()
    return count


def _is_waiting(key: bytes, prefix: bytes) -> bool:
    return key.startswith(prefix) and key[10:18] < _PARKED


def settle(work: Work) -> None:
    """Bring `ready` and `host` in line with what changed. Before leasing, and before a commit."""
    for key in sorted(work.unsettled):
        host = get(work, key)
        was = None if isnan(host.ready_at) else (host.ready_cause, host.ready_at)
        now = _ready(work, key, host)
        if was != now:
            if was is not None:
                work.delete(work.t.ready, ready_key(*was, key))
            if now is not None:
                work.put(work.t.ready, ready_key(*now, key), b"")
            host.ready_cause, host.ready_at = now if now is not None else (0, nan)
        row = host.pack()
        if work.host_rows.get(key) != row:
            work.put(work.t.host, key, row)
            work.host_rows[key] = row
    work.unsettled.clear()


def ready_key(cause: int, at: float, key: bytes) -> bytes:
    return bytes((cause,)) + U64.pack(micros(at)) + key


def _ready(work: Work, key: bytes, host: HostRow) -> tuple[int, float] | None:
    """The cause and time of what can be leased next from a host."""
    if host.blocked or host.queued == 0 or host.in_flight >= capacity(work, host):
        return None
    free, now = free_at(host), work.now
    times: list[tuple[float, Group]] = []
    for group in groups(work, key):
        at = max(free, group.due)
        if group.kind == Kind.PAGE:
            at = max(at, page_at(work, key, host, now))
        if host.paced:
            at = max(at, paced_at(work, host, now, waited_for=group.cause == Cause.ON_DEMAND))
        times.append((at, group))
    if not times:
        return None
    earliest = min(at for at, _ in times)
    # Of what is due by the time the host is free, the most urgent goes first and names the place
    # in the line of hosts.
    horizon = max(earliest, free, now)
    cause = min(group.cause for at, group in times if at <= horizon)
    return cause, max(earliest, host.next_at - gap(work, host, now) + STEP_BACK)
