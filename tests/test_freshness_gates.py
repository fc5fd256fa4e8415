"""The refresh policy as shipped, driven along small traces: how near it comes to the optimum.

The oracle knows every rate; the ratio is its mean delay over ours. Larger traces, and what others
reach on them, are the business of `benchmarks/freshness.py`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "benchmarks"))
from freshness_adapter import Scheduler
from freshsim import drive, oracle, peers, world

N, DAYS, WARM = 600, 10.0, 4.0
OFTEN = world.Pushes(0.5)


def delays(trace: world.Trace, per_day: float, cap: float | None = None) -> float:
    """The oracle's mean delay over ours; every budget and cap kept."""
    n = len(trace.specs)
    scheduler = Scheduler(per_day * n / 24, None if cap is None else cap / 24)
    result = drive.run(trace, scheduler, per_day, cap=cap, warm=WARM)
    assert result.violations == 0
    return oracle.delay(trace, per_day * n, cap) / result.delay


OUTBOXES = [
    ("even posting", {"realistic": False}, 1.0, None, 0.85),
    ("few requests", {}, 0.25, None, 0.87),
    ("one request a day", {}, 1.0, None, 1.0),
    ("many requests", {}, 4.0, None, 1.0),
    ("no history on the first page", {"history": False}, 1.0, None, 0.75),
    ("half of the servers push", {"pushes": OFTEN}, 1.0, None, 1.5),
    ("slow hosts", {}, 1.0, 60.0, 0.85),
]


@pytest.mark.parametrize(
    ("made", "per_day", "cap", "gate"), [row[1:] for row in OUTBOXES], ids=[r[0] for r in OUTBOXES]
)
def test_new_posts_are_found_nearly_as_soon_as_can_be(
    made: dict[str, object], per_day: float, cap: float | None, gate: float
) -> None:
    """Bursts, nights and pushes make up for not knowing the rates."""
    ratios = [
        delays(world.outboxes(N, DAYS, seed, **made), per_day, cap)  # type: ignore[arg-type]
        for seed in (11, 12)
    ]

    assert sum(ratios) / 2 > gate


@pytest.mark.parametrize(("per_day", "gate"), [(0.3, 0.95), (1.0, 0.97)])
def test_copies_are_nearly_as_true_as_can_be(per_day: float, gate: float) -> None:
    """The share of time in which the copies of actors are current, beside the oracle's."""
    trace = world.documents(N, DAYS, 11)

    result = drive.run(trace, Scheduler(per_day * N / 24), per_day, warm=WARM)

    assert result.violations == 0
    assert (1 - result.stale) / (1 - oracle.staleness(trace, per_day * N)) > gate


PUSHES = [
    ("most are told", world.Pushes(0.5, recall=0.9, false=0.05)),
    ("half are lost, half are false", world.Pushes(0.8, recall=0.5, false=1.0)),
    ("nearly all are lost", world.Pushes(0.8, recall=0.1, false=0.05)),
    ("five false ones for each change", world.Pushes(0.5, recall=0.3, false=5.0)),
]


@pytest.mark.parametrize("pushes", [row[1] for row in PUSHES], ids=[row[0] for row in PUSHES])
def test_pushes_help_or_do_no_harm(pushes: world.Pushes) -> None:
    """Judging them is never much worse than the better of ignoring them and polling on each."""
    worst = []
    for seed in (21, 22):
        trace = world.outboxes(N, DAYS, seed, pushes=pushes)
        delay = {
            how: drive.run(trace, Scheduler(2.0 * N / 24, pushes=how), 2.0, warm=WARM).delay
            for how in ("judged", "ignored", "followed")
        }
        worst.append(min(delay["ignored"], delay["followed"]) / delay["judged"])

    assert sum(worst) / 2 > 0.94  # two small traces; the benchmark holds larger ones to 0.97


@pytest.mark.parametrize("days", [0.5, 1.0, 2.0, 5.0])
def test_posts_are_fresher_than_under_any_fixed_interval(days: float) -> None:
    """They change less and less: young ones deserve the requests that old ones do not need."""
    trace = world.documents(N, DAYS, 31, posts=1.0)
    fixed = drive.run(trace, peers.Fixed(days), 1_000.0, warm=WARM)
    per_day = fixed.requests / N / DAYS

    ours = drive.run(trace, Scheduler(per_day * N / 24), per_day, warm=WARM)

    assert ours.requests <= fixed.requests
    assert ours.stale_posts < 0.8 * fixed.stale_posts


@pytest.mark.parametrize("peer", [peers.Uniform, peers.Miniflux, peers.Nutch])
def test_nobody_finds_new_posts_sooner_with_as_many_requests(peer: type[peers.Queue]) -> None:
    """At a peer's own number of requests ours are at least 1.6 times sooner."""
    trace = world.outboxes(N, DAYS, 41)
    theirs = drive.run(trace, peer(2.0 * N / 24), 2.0, warm=WARM)
    per_day = theirs.requests / N / DAYS

    ours = drive.run(trace, Scheduler(per_day * N / 24), per_day, warm=WARM)

    assert theirs.delay > 1.6 * ours.delay


def test_what_is_mixed_starves_nobody() -> None:
    """Outboxes, actors and posts on one budget: each is asked."""
    some, others = world.outboxes(300, DAYS, 51), world.documents(300, DAYS, 51, posts=0.4)
    for spec in others.specs:
        spec.id = f"d{spec.id}"
    shifted = [(t, i + 300) for t, i in others.changes]
    mixed = world.Trace(some.specs + others.specs, sorted(some.changes + shifted), [], DAYS)

    result = drive.run(mixed, Scheduler(2.0 * N / 24), 2.0, warm=WARM)

    assert result.violations == 0
    for kind in ("outbox", "actor", "post"):
        asked = [bool(p) for p, s in zip(result.polls, mixed.specs, strict=True) if s.kind == kind]
        assert sum(asked) > 0.4 * len(asked)
