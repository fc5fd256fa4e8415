"""The price of a request: what all sources want at it is the budget."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedpull.crawler.protocol import interval, price
from fedpull.crawler.protocol.source import DAY, Kind, Notices, Source

NOW = 1_700_000_000.0


def sources(n: int, seed: int = 1) -> list[Source]:
    """A mix of kinds, rates and weights."""
    random = Random(seed)
    return [
        Source(
            random.choice(list(Kind)), b"h" * 8, NOW, changes=random.lognormvariate(0, 2),
            exposure=random.uniform(1, 60), weight=random.lognormvariate(0, 1),
            born=NOW - random.uniform(0, 90) * DAY,
        )
        for _ in range(n)
    ]  # fmt: skip


def counted(rows: list[Source]) -> price.Histogram:
    histogram = price.Histogram()
    for row in rows:
        number = histogram.number(price.key_of(row, row.weight, None))
        histogram.move(row.bucket, number, swept=False)
        row.bucket = number
    return histogram


@pytest.mark.parametrize("budget", [200.0, 1_000.0, 5_000.0])
def test_at_the_solved_price_the_demand_is_the_budget(budget: float) -> None:
    """Feed-forward: the price is that at which the histogram wants what there is."""
    histogram = counted(sources(2_000))

    solved = histogram.solve(budget, 1.0, 0.0)

    assert histogram.demand(solved) == pytest.approx(budget, rel=0.01)


def test_the_histogram_stands_for_its_sources() -> None:
    """What the buckets want is what their sources want one by one, bursts and nights aside."""
    rows = sources(4_000)
    histogram = counted(rows)

    wanted = sum(DAY / interval.seconds(row, row.weight, 0.05) for row in rows)

    assert histogram.demand(0.05) == pytest.approx(wanted, rel=0.04)


def test_the_price_does_not_fall_below_its_floor() -> None:
    """A budget larger than what is worth asking is not spent."""
    histogram = counted(sources(10))

    assert histogram.solve(1e9, 1.0, 1e-4) == pytest.approx(1e-4)


def test_without_budget_everything_is_too_dear() -> None:
    """Nothing is divided by a budget of none."""
    assert counted(sources(10)).solve(0.0, 1.0) > 1e6


def test_what_hosts_do_not_let_through_is_left_to_others() -> None:
    """A demand of which half is held back has a lower price."""
    histogram = counted(sources(1_000))

    free = histogram.solve(200.0, 1.0, 0.0)
    held = histogram.solve(200.0, 1.0, 0.0, lambda wanted: wanted / 2)

    assert held < free
    assert histogram.demand(held) == pytest.approx(400.0, rel=0.01)


FIXED = Source(Kind.POST, b"h" * 8, NOW, shortest=DAY, longest=DAY)
CAPPED = Source(Kind.OUTBOX, b"h" * 8, NOW, changes=1.0, exposure=30.0, longest=7 * DAY)
BOUNDED = [
    ("an age that is fixed by the configuration", FIXED, 1e6, 1.0),
    ("an outbox that is read every week at least", CAPPED, 1e9, 1 / 7),
]


@pytest.mark.parametrize(
    ("row", "at", "wanted"), [r[1:] for r in BOUNDED], ids=[r[0] for r in BOUNDED]
)
def test_bounds_of_a_source_are_wanted_at_any_price(row: Source, at: float, wanted: float) -> None:
    """What the operator has asked for does not become less when budget is short."""
    assert counted([row]).demand(at) == pytest.approx(wanted, rel=0.3)


def test_a_sweep_corrects_what_was_counted_twice() -> None:
    """A pass over all sources counts them anew; then drift is gone."""
    rows = sources(100)
    histogram = counted(rows)
    histogram.move(0, rows[0].bucket, swept=False)  # counted, and its transaction thrown away

    for _ in range(2):
        histogram.recount()
        for row in rows:
            histogram.swept(row.bucket)

    histogram.recount()
    assert histogram.total == 100


def test_the_histogram_outlives_a_restart() -> None:
    """What `state` gave is counted again, under the same numbers."""
    rows = sources(300)
    histogram = counted(rows)

    again = price.Histogram.from_state(histogram.state())

    assert again.demand(0.1) == pytest.approx(histogram.demand(0.1))
    assert all(again.key(row.bucket) == histogram.key(row.bucket) for row in rows)


@pytest.mark.parametrize("state", [b"", b"[[1]]", b'[[["a"], 1]]', b"[[[7, 7], 1]]", b"{}"])
def test_a_state_that_cannot_be_read_is_no_state(state: bytes) -> None:
    """A sweep counts everything anew; nothing is raised."""
    assert price.Histogram.from_state(state).total == 0


def test_what_pushes_costs_what_its_notices_bring() -> None:
    """A source that notifies truly is counted with the requests that its notices lead to."""
    row = Source(Kind.OUTBOX, b"h" * 8, NOW, changes=60.0, exposure=30.0)
    notices = Notices(hits=90.0, observed=100.0, signals=95.0, exposure=48.0)
    key = price.key_of(row, 1.0, notices)

    assert 1.5 < price.requests(key, 0.2) < 4.0


@given(st.floats(1e-3, 1e6), st.integers(0, 20))
def test_a_price_is_found_for_any_budget(budget: float, seed: int) -> None:
    """Finite, positive, and no step of the search is lost."""
    solved = counted(sources(50, seed)).solve(budget, 1.0)

    assert 0.0 < solved < float("inf")
