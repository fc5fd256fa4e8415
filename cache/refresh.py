"""One tick of the refresh loop: sweep a slice of all references, then queue what is to be asked.

It asks nobody and decides no order: `agenda` says what is due, the queue and its hosts say when it
is asked. Invariants: nothing is queued beyond the budget, whatever others spend; never more than
`FEW` rows of one host; a tick that finds nothing to do writes nothing.
"""

from __future__ import annotations

from dataclasses import replace

from ..crawler.protocol.source import COLLECTIONS, Kind
from . import backlog, hosts, marks, sources, threads, wants
from .account import Account
from .agenda import Agenda
from .agenda_rows import WorkRows, host_of
from .backlog import Figures
from .environment import Environment, Tables, Txn
from .host_state import is_dead
from .intern import known_id
from .lanes import HostCap
from .layout import LOCAL, NONE
from .queue_layout import HostRow
from .records import Cause, Mark, Politeness
from .records import Kind as Wanted
from .ref_layout import HAS_BODY, IS_SOURCE, Ref
from .work import Work

# Twice a day each reference is planned anew at the present price: prices fall while sources wait,
# and without it copies of actors are out of date twice as often.
_SWEEP = 43_200.0
_SLICE = 100  # references a sweep goes on by, so that a small store is not written every second
_MOST_SWEPT = 2_000  # in one tick: some 40 ms of the writer's thread
_MOST_PURGED = 50
_SET_BACK = 60.0  # smaller steps are waited out
_LONGEST_STEP = 3_600.0  # between two ticks; more was a pause, which is not caught up with
# Rows of one host that wait to be asked: with more the queue, not the agenda, would choose.
FEW = 3
_SOON = 60.0  # rows are queued for a host that paces itself, unless it has spent what it had
# Of its interval, how much longer a source waits whose host has no room: who is asked often tries
# often, and what a host has kept waiting does not come back to it all at once.
_AGAIN = 1.0 / 16.0
_MOST_PROMOTED = 1_000  # in one tick
_ROUNDS = 4  # in which others take the places of those whose host has no room
_SAVE_EVERY = 60.0
# An attempt that counts as recent: sources that fail are tried at least weekly, hosts daily.
_RECENT = 8 * 86_400.0
_HOUR = 3_600.0
STATE = b"agenda"  # in `meta`


class Refresh:
    """Lives as long as the store is open; all of it on the writer's thread."""

    def __init__(self, agenda: Agenda, keep_unverified: float) -> None:
        self._agenda = agenda
        self._keep = keep_unverified
        self._cursor = NONE
        self._owed = 0.0  # references that the sweep is behind
        self._misplanned = 0  # references that were planned by a clock which was set back
        self._ticked = 0.0
        self._saved = 0.0

    @property
    def account(self) -> Account:
        return self._agenda.prices.account

    def tick(self, work: Work, now: float) -> int:
        """How many rows were queued."""
        rows = WorkRows(work)
        self.account.hold()
        self._agenda.prices.retune(now)
        self._sweep(work, rows, now)
        promoted = self._promote_due(work, rows, now)
        if abs(now - self._saved) >= _SAVE_EVERY:
            self.save(work, now)
        return promoted

    def _promote_due(self, work: Work, rows: WorkRows, now: float) -> int:
        agenda, gate = self._agenda, _Gate(work, now)
        left = min(self.account.room(now), _MOST_PROMOTED)
        promoted = 0
        for _ in range(_ROUNDS):
            chosen = agenda.due(rows, now, left) if left > 0 else []
            if not chosen:
                break
            for id in chosen:
                ref = work.ref(id, change=False)
                key = host_of(ref.uri)
                opens = gate.opens(key, ref.kind)
                if opens > now:
                    agenda.postpone(rows, id, opens + min(_AGAIN * ref.interval, _HOUR))
                    hosts.get(work, key).backlog += 1
                    work.unsettled.add(key)
                elif promote(work, id, now):
                    self._note(work, key, ref, now)
                    promoted += 1
                    left -= 1
        self.account.charge(promoted, now)
        return promoted

    def _note(self, work: Work, key: bytes, ref: Ref, now: float) -> None:
        """How far the refreshing of a host is behind."""
        host = hosts.load(work, key)
        if host is not None:
            host.lag = int(max(now - ref.verified_at - ref.interval, 0.0))
            host.backlog = self._agenda.prices.lanes.ahead(key, ref.kind)
            work.unsettled.add(key)

    def be_polite(self, politeness: Politeness) -> None:
        """Hosts bear more, or less, from now on."""
        self._agenda.prices.lanes.bound(host_cap(politeness))

    def save(self, work: Work, now: float) -> None:
        """Write down what would be lost with the process. What is as it was is not written, so that
        an idle daemon writes nothing."""
        self._saved = now
        state, figures = self._agenda.prices.state(), self.figures(now)
        if work.txn.get(STATE, None, work.t.meta) != state:
            work.put(work.t.meta, STATE, state)
        if figures.differ(backlog.figures(work.txn, work.t, None)):
            work.put(work.t.meta, backlog.FIGURES, figures.pack())

    def figures(self, now: float) -> Figures:
        """What the status shows; may be asked for by any thread."""
        agenda = self._agenda
        return Figures(
            at=now,
            sources=agenda.prices.histogram.total,
            used=self.account.used(now),
            price=agenda.prices.price,
            floor=agenda.prices.at_floor,
        )

    def signal(self, work: Work, uri: str, now: float) -> bool:
        """A notice came for a source: ask at once if the agenda thinks that it is worth it."""
        id = known_id(work, uri)
        if id is None or not work.ref(id, change=False).is_source:
            return False
        if not self._agenda.signal(WorkRows(work), id, now):
            return False
        asked = promote(work, id, now, Cause.PUSH)
        self.account.charge(int(asked), now)
        return asked

    def set_back(self, work: Work) -> None:
        """What was planned by a clock that was ahead waits for times that are far off now: come by
        everything as fast as may be, not in half a day."""
        self._misplanned = work.counters.references

    def _sweep(self, work: Work, rows: WorkRows, now: float) -> None:
        elapsed = min(max(now - self._ticked, 0.0), _LONGEST_STEP)
        if now < self._ticked - _SET_BACK:
            self.set_back(work)
        self._ticked = now
        count = work.counters.references
        hurried = min(self._misplanned, _MOST_SWEPT)
        self._misplanned -= hurried
        self._owed = min(self._owed + count * elapsed / _SWEEP + hurried, float(_MOST_SWEPT))
        if self._owed < min(_SLICE, count):
            return
        purges = _MOST_PURGED
        cursor = work.txn.cursor(work.t.ref)
        more = cursor.set_range(self._cursor)
        while more and self._owed >= 1.0 and purges:
            id, row = cursor.item()
            self._owed -= 1.0
            if row[3] & (IS_SOURCE | HAS_BODY):
                purges -= self._look_at(work, rows, id, now)
            more = cursor.set_range(id + b"\0")
            self._cursor = id + b"\0"
        if not more:
            self._cursor = NONE

    def _look_at(self, work: Work, rows: WorkRows, id: bytes, now: float) -> bool:
        """Plan one reference anew; whether it was purged instead."""
        ref = work.ref(id, change=False)
        if ref.verified_by == LOCAL:
            return False
        if ref.has_body and _is_unverifiable(work, id, ref, now, self._keep):
            marks.mark(work, Mark(ref.uri, reason="unverified", purge=True), now)
            return True
        if not ref.is_source:
            sources.adopt(work, id, work.ref(id))
        self._agenda.sweep_one(rows, id, now)
        if not ref.placed and not sources.is_asked(work, id, ref.kind):
            self._put_back(work, rows, id, now)
        return False

    def _put_back(self, work: Work, rows: WorkRows, id: bytes, now: float) -> None:
        """What was to be asked for it has vanished from the queue, with a follow perhaps."""
        ref = work.ref(id)
        if ref.kind == Kind.OUTBOX and sources.row_of(work, id, ref.kind) is None:
            sources.end(work, id, ref)  # nobody follows it any more
        else:
            self._agenda.put_back(rows, id, now)


def promote(work: Work, id: bytes, now: float, cause: Cause | None = None) -> bool:
    """Queue what asks for a source; False: nothing asks for it any more, or something does."""
    ref = work.ref(id, change=False)
    row = sources.row_of(work, id, ref.kind)
    if row is not None:
        waits = row.parked
        if waits:
            page = ref.kind in COLLECTIONS
            if cause is None:
                cause = Cause.NEW if page else Cause.REFRESH
            kind = Wanted.PAGE if page else Wanted.DOCUMENT
            wants.bring_forward(work, id, kind, row, cause, now)
        return waits
    if ref.kind not in COLLECTIONS:
        cause = Cause.REFRESH if cause is None else cause
        wants.add_check(work, id, ref.uri, host_of(ref.uri), cause, now)
        return True
    # An outbox without a row is nobody's any more; a thread's collection never has one.
    want = threads.listing_want(work, id, now) if ref.kind == Kind.LISTING else None
    if want is None:
        sources.end(work, id, work.ref(id))
        return False
    wants.add(work, want if cause is None else replace(want, cause=cause), promoted=True)
    return True


class _Gate:
    """When hosts have room for another row. One tick; it counts what the tick itself queues."""

    def __init__(self, work: Work, now: float) -> None:
        self._work = work
        self._now = now
        self._room: dict[tuple[bytes, bool], int] = {}

    def opens(self, host: bytes, kind: int) -> float:
        """Now, which takes one place, or the time until which there is none."""
        page = kind in COLLECTIONS
        found = hosts.load(self._work, host)
        if found is None:
            return self._now
        opens = found.until
        if page:
            opens = max(opens, hosts.page_at(self._work, host, found, self._now))
        if found.paced:
            paced = hosts.paced_at(self._work, found, self._now, waited_for=False)
            opens = max(opens, paced - _SOON)
        if opens > self._now:
            return opens
        left = self._room.get((host, page))
        if left is None:
            left = FEW - hosts.waiting(self._work, host, page, FEW)
        self._room[host, page] = left - 1
        # What waits there takes about so long; then there is room again.
        wait = FEW * max(self._work.politeness.gap, found.slowed, 1.0)
        return self._now if left > 0 else self._now + wait


def _is_unverifiable(work: Work, id: bytes, ref: Ref, now: float, keep: float) -> bool:
    """Whether a copy could not be verified for too long though that was tried until lately.

    That nobody asked, because we were not running, says nothing about the copy.
    """
    if not now - ref.verified_at > keep:
        return False
    if ref.failures:
        log = work.extra(id, change=False).get("log", ())
        if log and log[0][0] >= now - _RECENT:
            return True
    host = hosts.load(work, host_of(ref.uri))
    return host is not None and _has_been_failing(host, now)


def _has_been_failing(host: HostRow, now: float) -> bool:
    tried = now - _RECENT <= host.next_at <= now + _RECENT
    return tried and is_dead(host.failures, host.since, now)


def host_cap(politeness: Politeness) -> HostCap:
    """How many requests an hour the refresh loop may count on: what politeness leaves for pages,
    and for documents what the gap leaves beside them."""
    rates = [count / max(seconds, 1.0) for count, seconds in politeness.page_windows]
    pages = min(rates) * _HOUR
    if politeness.gap <= 0.0:
        return lambda _, kind: pages if kind in COLLECTIONS else None
    most = _HOUR / politeness.gap
    pages = min(pages, most / 2.0)
    return lambda _, kind: pages if kind in COLLECTIONS else most - pages


def remembered(environment: Environment, agenda: Agenda) -> Agenda:
    """The agenda as it was when the store was closed; what was lost is counted by the sweep."""

    def reader(txn: Txn, t: Tables) -> tuple[bytes | None, Figures]:
        return txn.get(STATE, None, t.meta), backlog.figures(txn, t, None)

    state, figures = environment.read(reader)
    if state is not None:
        agenda.prices.restore(state)
        agenda.prices.account.restore(figures.used, figures.at)
    return agenda
