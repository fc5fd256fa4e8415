"""The agenda: which source is asked next, whatever clocks, hosts and answers do."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from fedpull.cache.agenda import Agenda
from fedpull.cache.prices import Prices
from fedpull.crawler.protocol.source import DAY, Kind, Seen, Source

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "benchmarks"))
from memory_rows import MemoryRows

NOW = 1_700_000_000.0
HOUR, YEAR = 3_600.0, 365 * DAY


class Refreshing:
    """Agenda and rows, driven as the refresh loop drives them: a tick each minute."""

    def __init__(self, budget: float, cap: float | None = None) -> None:
        self.prices = Prices(budget, None if cap is None else lambda host, kind: cap)
        self.agenda = Agenda(self.prices)
        self.rows = MemoryRows(epoch=0)
        self.asked: list[tuple[float, int]] = []
        self._swept = 0.0

    def begin(
        self,
        kind: Kind = Kind.OUTBOX,
        *,
        host: bytes = b"hhhh",
        now: float = NOW,
        posts: float = 1.0,
    ) -> int:
        """A source with so many posts a day."""
        id = self.rows.new()
        gap = DAY / posts
        history = tuple(now - n * gap for n in range(20, 0, -1)) if kind == Kind.OUTBOX else ()
        source = Source(kind, host, now, born=now - 10 * DAY)
        seen = Seen(now, history=history, since=history[0] if history else None)
        self.agenda.begin(self.rows, id, source, seen, now)
        return id

    def source(self, id: int) -> Source:
        source = self.rows.load(id)
        assert source is not None
        return source

    def run(self, start: float, days: float, *, sweep: bool = True) -> None:
        """Every request is answered at once, without news."""
        for tick in range(int(days * 1_440)):
            now = start + tick * 60.0
            self.prices.retune(now)
            if sweep:
                self._sweep(now)
            for id in self.agenda.due(self.rows, now, self.prices.account.room(now)):
                self.prices.account.charge(1, now)
                self.asked.append((now, id))
                self.agenda.observe(self.rows, id, Seen(now), now)

    def _sweep(self, now: float) -> None:
        self._swept += len(self.rows) / 720.0
        while self._swept >= 1.0:
            self._swept -= 1.0
            self.agenda.sweep_one(self.rows, self._next, now)
            self._next = (self._next + 1) % len(self.rows)

    _next = 0

    def by_hour(self) -> Counter[int]:
        return Counter(int(at // HOUR) for at, _ in self.asked)


class Promising(MemoryRows):
    """Rows whose origins have all promised not to change before a time."""

    def __init__(self, rows: MemoryRows, until: float) -> None:
        self.__dict__.update(rows.__dict__)
        self._until = until

    def load(self, id: int) -> Source | None:
        source = super().load(id)
        if source is not None:
            source.not_before = self._until
        return source


def test_what_is_most_overdue_goes_first() -> None:
    """By elapsed time over interval: an hour is more to a busy account than a day to a dormant."""
    loop = Refreshing(1_000.0)
    busy, slow = loop.begin(posts=20.0), loop.begin(posts=0.05)

    now = max(loop.source(slow).due, loop.source(busy).due) + 6 * HOUR
    first = loop.agenda.due(loop.rows, now, 1)

    assert first == [busy]


def test_nothing_is_handed_out_twice() -> None:
    """What is being asked stands in no calendar until it has been answered."""
    loop = Refreshing(1_000.0)
    ids = [loop.begin() for _ in range(20)]

    first = loop.agenda.due(loop.rows, NOW + DAY, 12)
    then = loop.agenda.due(loop.rows, NOW + DAY, 12)

    assert sorted(first + then) == ids
    assert not loop.agenda.due(loop.rows, NOW + 2 * DAY, 12)


def test_budget_beyond_what_is_worth_asking_is_not_spent() -> None:
    """At the floor of the price nobody is asked before it is due."""
    loop = Refreshing(100_000.0)
    for _ in range(10):
        loop.begin(posts=1.0)

    loop.run(NOW, 1.0)

    assert 10 * 24 < len(loop.asked) < 10 * 24 * 4 * 1.2


def test_the_budget_holds_in_every_hour() -> None:
    """However much there is to ask, no hour sees more requests than the budget."""
    loop = Refreshing(60.0)
    for n in range(1_000):
        loop.begin(posts=0.1 * (1 + n % 40))

    loop.run(NOW, 2.0)

    assert max(loop.by_hour().values()) <= 60
    assert len(loop.asked) > 0.9 * 60 * 48


def test_a_month_of_downtime_is_worked_off_without_a_burst() -> None:
    """Everything is overdue then; it comes back within budget, the most overdue first."""
    loop = Refreshing(60.0)
    for n in range(500):
        loop.begin(posts=0.1 * (1 + n % 40))
    loop.run(NOW, 1.0)
    loop.asked.clear()

    loop.run(NOW + 31 * DAY, 2.0)

    assert max(loop.by_hour().values()) <= 60
    assert len({id for _, id in loop.asked}) == 500


JUMPS = [("forward by a year", YEAR), ("back by a year", -YEAR), ("back by an hour", -HOUR)]


@pytest.mark.parametrize("jump", [by for _, by in JUMPS], ids=[name for name, _ in JUMPS])
def test_a_clock_that_jumps_makes_no_storm_and_no_freeze(jump: float) -> None:
    """A day later everything is asked as before, and no hour in between saw too much."""
    loop = Refreshing(60.0)
    for _ in range(200):
        loop.begin(posts=1.0)
    loop.run(NOW, 1.0)
    loop.asked.clear()

    loop.run(NOW + DAY + jump, 2.0)

    assert max(loop.by_hour().values()) <= 60
    assert len({id for _, id in loop.asked}) == 200


def test_a_clock_that_was_a_year_ahead_and_is_mended_leaves_no_trace() -> None:
    """What was planned and learnt in the wrong year is planned anew by the sweep."""
    loop = Refreshing(60.0)
    for _ in range(50):
        loop.begin(posts=1.0)
    loop.run(NOW + YEAR, 0.5)
    loop.asked.clear()

    loop.run(NOW, 2.0)

    assert len({id for _, id in loop.asked}) == 50
    assert all(loop.source(id).last <= NOW + 2 * DAY for id in range(50))


def test_a_host_at_its_cap_is_asked_evenly_and_hides_nobody() -> None:
    """A crowd behind a slow host takes that host's turns only; the others are asked as ever."""
    loop = Refreshing(100.0, cap=10.0)
    crowd = {loop.begin(host=b"slow", posts=5.0) for _ in range(200)}
    others = {loop.begin(host=n.to_bytes(4, "big"), posts=5.0) for n in range(20)}

    loop.run(NOW, 2.0)

    slow = Counter(int(at // HOUR) for at, id in loop.asked if id in crowd)
    assert max(slow.values()) <= 10
    assert sum(slow.values()) > 0.7 * 48 * 9
    assert sum(id in others for _, id in loop.asked) > 20 * 2 * 10


def test_everybody_behind_a_slow_host_gets_a_turn() -> None:
    """Whoever waits for a turn keeps its place in the line of those that wait."""
    loop = Refreshing(1_000.0, cap=10.0)
    crowd = {loop.begin(host=b"slow", posts=0.5 * (1 + n % 8)) for n in range(100)}

    loop.run(NOW, 4.0)

    assert {id for _, id in loop.asked} == crowd


def test_a_failure_says_nothing_about_changes() -> None:
    """Backing off keeps what was learnt, and nothing is asked before its end."""
    loop = Refreshing(1_000.0)
    id = loop.begin(posts=5.0)
    before = loop.source(id)

    loop.agenda.backoff(loop.rows, id, NOW, NOW + 9 * HOUR)
    loop.run(NOW, 0.35)

    after = loop.source(id)
    assert not loop.asked
    assert (after.changes, after.exposure, after.failures) == (before.changes, before.exposure, 1)


def test_an_origin_that_promises_no_change_is_not_asked_before() -> None:
    """A `max-age` is a lower bound, for what is due and for what is asked early."""
    loop = Refreshing(1_000.0)
    id = loop.begin(posts=20.0)
    rows = Promising(loop.rows, NOW + 5 * HOUR)

    loop.agenda.observe(rows, id, Seen(NOW), NOW)

    assert loop.source(id).due == NOW + 5 * HOUR
    assert not loop.agenda.due(rows, NOW + 4 * HOUR, 9)


def test_a_notice_that_is_worth_it_is_followed_at_once_and_once() -> None:
    """The second notice of what is being asked already brings no second request."""
    loop = Refreshing(1_000.0)
    for _ in range(2_000):
        loop.begin(posts=0.5)
    id = loop.begin(posts=0.5)
    loop.run(NOW, 0.01)

    asked = [loop.agenda.signal(loop.rows, id, NOW + HOUR) for _ in range(3)]

    assert asked == [True, False, False]


def test_notices_that_lie_are_not_followed_for_long() -> None:
    """A server that pushes all day without anything new brings few requests."""
    loop = Refreshing(5.0)
    for _ in range(200):
        loop.begin(posts=0.5)
    id = loop.begin(posts=0.5)
    loop.run(NOW, 0.1)

    asked = 0
    for n in range(500):
        now = NOW + DAY + n * 60.0
        if loop.agenda.signal(loop.rows, id, now):
            asked += 1
            loop.agenda.observe(loop.rows, id, Seen(now), now)

    assert asked < 100


def polls_a_day(pushed: bool, days: int, loop: Refreshing, id: int, start: float) -> float:
    """Lives with an outbox of 24 posts a day; reads a day in the last two days."""
    latest, told, asked = start, 0, list[float]()
    for minute in range(days * 1_440):
        now = start + minute * 60.0
        if minute % 60 == 0:
            latest, told = now, told + 1
            if pushed:
                loop.agenda.note(loop.rows, id, now + 5.0)
        loop.prices.retune(now)
        for one in loop.agenda.due(loop.rows, now + 30.0, loop.prices.account.room(now)):
            loop.prices.account.charge(1, now)
            if one == id:
                asked.append(now)
                seen = Seen(now + 30.0, told, latest if told else None)
                told = 0
            else:
                seen = Seen(now + 30.0)
            loop.agenda.observe(loop.rows, one, seen, now + 30.0)
    return sum(at >= start + (days - 2) * DAY for at in asked) / 2.0


def test_who_pushes_reliably_is_polled_less_until_the_pushes_stop() -> None:
    """What a push told of was asked for by itself, so the outbox is read for the rest only; as soon
    as reads find what nobody told of, it is read as often as before."""
    loop = Refreshing(60.0)
    for _ in range(200):
        loop.begin(posts=1.0)
    id = loop.begin(posts=24.0)

    before = polls_a_day(False, 4, loop, id, NOW)
    pushed = polls_a_day(True, 20, loop, id, NOW + 4 * DAY)
    stopped = polls_a_day(False, 40, loop, id, NOW + 24 * DAY)

    assert pushed < before / 2.5
    assert stopped > before / 1.5


def test_what_is_only_noted_is_not_asked_before_its_time() -> None:
    """A notice of what is asked for by itself leaves the source where it stands."""
    loop = Refreshing(1_000.0)
    id = loop.begin(posts=0.5)
    due = loop.source(id).due

    loop.agenda.note(loop.rows, id, NOW + HOUR)

    assert loop.source(id).placed
    assert loop.source(id).due == due


def test_what_pushes_are_worth_in_general_is_kept_over_a_restart() -> None:
    """A new source's pushes are judged by what was learnt before; an older state knows nothing."""
    prices = Prices(100.0)
    prices.trust.true, prices.trust.told = 0.3, 0.9
    again, older = Prices(100.0), Prices(100.0)

    again.restore(prices.state())
    older.restore(prices.histogram.state())

    assert (again.trust.true, again.trust.told) == (0.3, 0.9)
    assert older.trust == Prices(100.0).trust


def test_what_is_new_in_a_new_pass_is_priced() -> None:
    """What was remembered of documents like it is not from the pass before: its key was dropped
    there, and each solving of the price would fail for want of it."""
    prices = Prices(100.0)
    source = Source(Kind.POST, b"hhhh", NOW, born=NOW - DAY)
    for id in (1, 2, 1, 2, 1):  # two passes, and the third has begun
        prices.sweep(id, None)
        prices.plan_new(id + 10, replace(source))

    prices.sweep(2, None)
    prices.sweep(1, None)
    prices.plan_new(13, replace(source))
    prices.retune(NOW)

    assert prices.histogram.demand(prices.price) > 0.0


def test_what_is_dropped_is_counted_no_more() -> None:
    """A reference that is gone takes no part in the price and is not asked."""
    loop = Refreshing(1_000.0)
    id = loop.begin(posts=5.0)

    loop.agenda.drop(loop.rows, id)
    loop.run(NOW, 0.5)

    assert loop.prices.histogram.total == 0
    assert not loop.asked


def test_what_was_added_together_does_not_come_back_together() -> None:
    """A list of a thousand follows is spread over the first interval."""
    loop = Refreshing(500.0)
    for _ in range(1_000):
        loop.begin(posts=0.5)

    loop.run(NOW, 1.0)

    hours = loop.by_hour()
    assert max(hours.values()) < 2.5 * len(loop.asked) / 24


def test_a_price_that_fell_reaches_what_waits_far_ahead() -> None:
    """The sweep plans at today's price what was planned at a dearer one."""
    loop = Refreshing(1.0)
    ids = [loop.begin(posts=0.02) for _ in range(100)]
    loop.run(NOW, 0.1)
    far = loop.source(ids[0]).interval
    loop.prices.account.per_hour = 100.0

    loop.prices.retune(NOW + DAY)
    for now in (NOW + DAY, NOW + 1.5 * DAY):
        for id in ids:
            loop.agenda.sweep_one(loop.rows, id, now)

    assert loop.source(ids[0]).interval < far / 5
