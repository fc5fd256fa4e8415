"""The agenda: which source is asked next, and what becomes of it once it has answered.

The shipped book-keeping of the refresh policy, over rows that somebody else keeps (LMDB in the
store, packed memory in the benchmark): it learns from answers, places sources in the calendar, and
takes out what is due, the most overdue first. It fetches nothing, and enforces no politeness.
Invariants: a source stands in the calendar exactly when its row says so, and once; `due` hands each
out once; a stored time later than the source's longest interval from now counts for nothing,
whatever the clock did.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import heapify, heappop, heapreplace
from math import inf
from typing import Any

from ..crawler.protocol import estimate, interval
from ..crawler.protocol.source import DAY, POST, TURN, Notices, Seen, Source
from .calendar_lines import LINES, MIDDLE, SCALES, Id, Rows, line_of
from .prices import Prices

EARLIEST = 0.5  # of its interval: nothing is asked earlier, however much budget is left
_LOOKS = 64  # heads that are looked at in vain in one call, besides four for each that is wanted
# Those are overdue and lose their place at the head; who is looked at early keeps it.
_EARLY_LOOK = 4
_SAME = 0.04  # a new interval within so much of the old one is no reason to move a source
_LOOK_ANEW = 3_600.0  # seconds for which it is remembered where a line begins
_GOLDEN = 0.6180339887498949
# What came with one page comes back within so much of its interval: its rows are then written on
# a leaf or two of the calendar instead of one each.
_PAGE = 1.0 / 32.0
# What became of a head that was looked at.
_CHOSEN, _PUT_OFF, _PASSED_OVER = range(3)


class Agenda:
    """Over rows that are handed in with each call; it remembers where the lines begin, no more."""

    def __init__(self, prices: Prices) -> None:
        self.prices = prices
        self._heads: dict[int, float] = {}  # no line begins before this; an empty one has none
        self._looked = -inf
        self._began = 0

    # --- sources come, answer and go

    def begin(self, rows: Rows, id: Id, source: Source, seen: Seen, now: float) -> None:
        """A source that was asked for the first time."""
        self.begin_page(rows, source, [(id, source.born)], seen, now)

    def begin_page(
        self, rows: Rows, source: Source, born: Sequence[tuple[Id, float]], seen: Seen, now: float
    ) -> None:
        """Documents that came together and differ in nothing but when they were born."""
        estimate.begin(source, _sane(seen, now))
        # What is added one after the other must not come back together.
        self._began += 1
        part = self._began * _GOLDEN % 1.0
        step = _PAGE / len(born)
        if source.kind == POST:
            part, step = 0.5 + part / 2.0, step / 2.0
        for id, source.born in born:
            source.bucket = 0
            self.prices.plan_new(id, source)
            self.prices.grown(now)
            due = source.last + max(part * source.interval, source.shortest)
            self._place(rows, id, source, due)
            part += step

    def observe(self, rows: Rows, id: Id, seen: Seen, now: float) -> None:
        """An answer came: learn, and plan the next request."""
        source = rows.load(id)
        if source is None:
            return
        self._take_out(rows, id, source)
        seen = _sane(seen, now)
        notices = self._notices(rows, id)
        if notices is not None:
            self.prices.trust.learn(estimate.answered(notices, seen, source.last))
            rows.save_notices(id, notices)
        estimate.observe(source, seen)
        source.failures = 0
        self.prices.plan(id, source, notices)
        self.prices.stretched(source)
        self._place(rows, id, source, source.last + source.interval)

    def backoff(self, rows: Rows, id: Id, now: float, until: float) -> None:
        """No answer. That says nothing about changes: what was learnt stays as it was."""
        source = rows.load(id)
        if source is None:
            return
        self._take_out(rows, id, source)
        source.failures = min(source.failures + 1, 255)
        if not source.interval:
            self.prices.plan(id, source, self._notices(rows, id))
        self._place(rows, id, source, max(until, now))

    def postpone(self, rows: Rows, id: Id, until: float) -> None:
        """It was handed out and cannot be asked before `until`: a pause of its host, no failure."""
        source = rows.load(id)
        if source is not None:
            self._take_out(rows, id, source)
            self._place(rows, id, source, until)

    def signal(self, rows: Rows, id: Id, now: float) -> bool:
        """A notice came. True: ask now; it is taken out of the calendar for that."""
        source = rows.load(id)
        if source is None:
            return False
        notices = self.prices.trust.apply(rows.notices(id) or Notices())
        estimate.heard(notices, now)
        rows.save_notices(id, notices)
        worth, cost = self.prices.worth(source), self.prices.price_of(source)
        asked = interval.worth_asking(source, notices, worth, cost, now)
        if not asked or not source.placed:  # the answer that is under way will show it
            return False
        self._take_out(rows, id, source)
        rows.save(id, source)
        return True

    def note(self, rows: Rows, id: Id, now: float) -> None:
        """A notice came of something that is asked for by itself. The source waits for its time,
        and is asked less often the more of its changes come this way."""
        if rows.load(id) is not None:
            notices = self.prices.trust.apply(rows.notices(id) or Notices())
            estimate.heard(notices, now, direct=True)
            rows.save_notices(id, notices)

    def drop(self, rows: Rows, id: Id) -> None:
        """It is no source any more."""
        source = rows.load(id)
        if source is None:
            return
        self._take_out(rows, id, source)
        self.prices.forget(id, source)
        rows.save(id, source)
        rows.save_notices(id, None)

    # --- choosing

    def due(self, rows: Rows, now: float, most: int) -> list[Id]:
        """Up to `most` sources, the most overdue first, taken out of the calendar.

        While the price is above its floor budget is scarce and what is left of it is spent on
        those that come next; at the floor nobody is asked before its time.
        """
        soonest = 0.0 if self.prices.at_floor else 1.0 - EARLIEST
        heads: list[tuple[float, int, Any, Iterator[tuple[float, Id]] | None]] = [
            (lateness, line, None, None)
            for line, due in self._find_heads(now).items()
            if (lateness := (due - now) / MIDDLE[line]) <= soonest
        ]
        heapify(heads)
        chosen: list[Id] = []
        looks = _LOOKS + 4 * most
        left_behind = 0  # bits, one a line: something that is still there was looked at
        while heads and len(chosen) < most and looks > 0:
            lateness, line, id, entries = heads[0]
            if lateness > soonest:
                break
            if lateness > 0.0 and line >= SCALES:
                heappop(heads)
                continue
            if entries is None:
                entries = rows.line(line)
            else:
                looks -= 1 if lateness <= 0.0 else _EARLY_LOOK
                verdict = self._choose(rows, id, line, now)
                if verdict == _CHOSEN:
                    chosen.append(id)
                else:
                    left_behind |= 1 << line
            entry = next(entries, None)
            if not left_behind >> line & 1:
                if entry is None:
                    self._heads.pop(line, None)
                else:
                    self._heads[line] = entry[0]
            if entry is None:
                heappop(heads)
            else:
                due, id = entry
                heapreplace(heads, ((due - now) / MIDDLE[line], line, id, entries))
        if chosen:
            self.prices.account.granted(len(chosen), now)
        return chosen

    def look_anew(self) -> None:
        """Forget where the lines begin: a transaction that took sources out was thrown away."""
        self._looked = -inf

    def _find_heads(self, now: float) -> dict[int, float]:
        if not 0.0 <= now - self._looked < _LOOK_ANEW:
            self._looked = now
            self._heads = dict.fromkeys(range(LINES), -inf)
        return self._heads

    def _choose(self, rows: Rows, id: Id, line: int, now: float) -> int:
        source = rows.load(id)
        if source is None or not source.placed or line_of(source.interval, source.bound) != line:
            return _PASSED_OVER
        early = source.due > now
        if early and (source.failures or source.last <= now < source.last + source.shortest):
            return _PASSED_OVER  # what has failed waits for its whole back-off
        if now < source.not_before <= source.last + source.longest:
            return _PASSED_OVER
        waited = source.bound == TURN
        if self.prices.lanes.admit(source.host, source.kind, now, waited=waited, early=early):
            rows.unplace(id, line, source.due)
            source.placed = False
            rows.save(id, source)
            return _CHOSEN
        if early:
            return _PASSED_OVER
        self._take_out(rows, id, source)
        again = self.prices.lanes.put_off(source.host, source.kind, now, waited=waited)
        source.bound = TURN
        self._place(rows, id, source, max(again, now + 1.0))
        return _PUT_OFF

    # --- keeping in step

    def sweep_one(self, rows: Rows, id: Id, now: float) -> None:
        """Come by a source: count it, plan it at today's price, correct what a clock has done.

        Prices fall while sources wait in far places. To be called for all sources in the order of
        their ids, twice a day; one that lost its place is put back by whoever knows that.
        """
        source = rows.load(id)
        anew = self.prices.sweep(id, source)
        if source is None or not source.placed:
            return
        wrong = source.last > now + DAY or source.due > now + max(source.longest, 8.0 * DAY)
        if anew or wrong:
            self._replan(rows, id, source, now, wrong=wrong)

    def _replan(self, rows: Rows, id: Id, source: Source, now: float, *, wrong: bool) -> None:
        was, bound = max(source.interval, 1.0), source.bound
        # What was spread stays spread: all that was added on one day would come back on one day.
        part = 1.0 if wrong else (source.due - source.last) / was
        source.last = min(source.last, now)
        if source.not_before > now + 8.0 * DAY:  # no origin's word reaches so far
            source.not_before = 0.0
        self.prices.plan(id, source, self._notices(rows, id))
        new, decided = source.interval, source.bound
        source.interval, source.bound = was, bound
        same = abs(new - was) <= _SAME * was and decided == bound
        if bound == TURN:  # it waits for a turn, unless it is not even due at today's price
            part = 1.0
            same = source.last + new <= now
        if not wrong and (source.failures or same):
            rows.save(id, source)
            return
        self._take_out(rows, id, source)
        source.interval, source.bound = new, decided
        self._place(rows, id, source, source.last + part * new)

    def put_back(self, rows: Rows, id: Id, now: float) -> None:
        """A source that stands nowhere, because what was to be asked for it has vanished."""
        source = rows.load(id)
        if source is not None and not source.placed:
            source.last = min(source.last, now)
            self.prices.plan(id, source, self._notices(rows, id))
            self._place(rows, id, source, source.last + source.interval)

    def _notices(self, rows: Rows, id: Id) -> Notices | None:
        notices = rows.notices(id)
        return None if notices is None else self.prices.trust.apply(notices)

    def _place(self, rows: Rows, id: Id, source: Source, due: float) -> None:
        if source.not_before > due:
            latest = source.last + max(source.longest, 8.0 * DAY)
            due = max(due, min(source.not_before, latest))
        source.due = float(round(due))
        source.placed = True
        rows.save(id, source)
        line = line_of(source.interval, source.bound)
        rows.place(id, line, source.due)
        if source.due < self._heads.get(line, inf):
            self._heads[line] = source.due

    def _take_out(self, rows: Rows, id: Id, source: Source) -> None:
        if source.placed:
            rows.unplace(id, line_of(source.interval, source.bound), source.due)
            source.placed = False


def _sane(seen: Seen, now: float) -> Seen:
    """An answer is no newer than now, whatever its Date and Age said."""
    if seen.at == seen.at and seen.at <= now:
        return seen
    return Seen(now, seen.new, seen.stamp, seen.history, seen.since, seen.cost)
