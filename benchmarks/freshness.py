"""Our refresh policy beside what is usually shipped, on the same traces at equal requests.

    .venv/bin/python benchmarks/freshness.py [--n 2000] [--seeds 1 2] [--plot docs/freshness.svg]

For outboxes, the oracle's mean delay over each policy's; for actors, its staleness over theirs
(the oracle knows every rate, and nothing of bursts, days and pushes). Then, for each peer with as
many requests as it makes of its own accord: how long new posts wait, theirs and ours. No network.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import plot
from freshness_adapter import Scheduler
from freshsim import drive, oracle, peers, world

Maker = Callable[[int, float, int], world.Trace]
RATES = (0.25, 1.0, 4.0)
POLICIES: dict[str, Callable[[float, float | None], drive.Scheduler]] = {
    "Fedpull": Scheduler,
    "uniform": peers.Uniform,
    "TTL by type": peers.Ttl,
    "Miniflux-like": peers.Miniflux,
    "Nutch-like": peers.Nutch,
}


@dataclass(frozen=True)
class Case:
    """A sort of trace, and how it is judged."""

    name: str
    make: Maker
    per_day: float
    cap: float | None = None
    actors: bool = False


_NO_PUSHES = world.Pushes()


def _outboxes(
    pushes: world.Pushes = _NO_PUSHES, *, realistic: bool = True, history: bool = True
) -> Maker:
    def make(n: int, days: float, seed: int) -> world.Trace:
        return world.outboxes(n, days, seed, pushes=pushes, realistic=realistic, history=history)

    return make


CASES = (
    Case("even posting", _outboxes(realistic=False), 1.0),
    *(Case(f"outboxes, {rate:g} a day", _outboxes(), rate) for rate in RATES),
    Case("no history seen", _outboxes(history=False), 1.0),
    Case("half of them push", _outboxes(world.Pushes(0.5)), 1.0),
    Case("hosts capped at 200 a day", _outboxes(), 1.0, cap=200.0),
    Case("actors, 0.2 a day", world.documents, 0.2, actors=True),
    Case("actors, 1 a day", world.documents, 1.0, actors=True),
)


def ratio(case: Case, policy: str, trace: world.Trace) -> float:
    """The oracle's delay or staleness over the policy's: 1 is as good."""
    n = len(trace.specs)
    hourly = None if case.cap is None else case.cap / 24.0
    scheduler = POLICIES[policy](case.per_day * n / 24.0, hourly)
    result = drive.run(trace, scheduler, case.per_day, cap=case.cap)
    if policy == "Fedpull" and result.violations:
        raise SystemExit(f"{case.name}: {result.violations} violations of budget or cap")
    if case.actors:
        return oracle.staleness(trace, case.per_day * n, case.cap) / result.stale
    return oracle.delay(trace, case.per_day * n, case.cap) / result.delay


def table(n: int, days: float, seeds: Sequence[int]) -> dict[str, dict[str, float]]:
    """By case and policy, the mean ratio over the seeds; printed as it comes."""
    print(f"{'':28s}" + "".join(f"{name:>15s}" for name in POLICIES), flush=True)
    found: dict[str, dict[str, float]] = {}
    for case in CASES:
        traces = [case.make(n, days, seed) for seed in seeds]
        row = found[case.name] = {}
        for policy in POLICIES:
            if case.cap is None or policy == "Fedpull":  # the others know nothing of hosts
                row[policy] = sum(ratio(case, policy, t) for t in traces) / len(traces)
        cells = "".join(f"{row[p]:15.2f}" if p in row else f"{'':>15s}" for p in POLICIES)
        print(f"{case.name:28s}{cells}", flush=True)
    return found


def at_their_own_pace(n: int, days: float, seeds: Sequence[int]) -> None:
    """Each peer makes as many requests as its rule asks for; we get the same number."""
    print(
        f"\n{'at its own pace':28s}{'a day':>15s}{'its delay, h':>15s}{'ours, h':>15s}", flush=True
    )
    for name, make in POLICIES.items():
        if name in ("Fedpull", "uniform"):
            continue
        rows = []
        for seed in seeds:
            trace = world.outboxes(n, days, seed)
            theirs = drive.run(trace, make(200.0 * n, None), 200.0)
            per_day = theirs.requests / n / days
            ours = drive.run(trace, Scheduler(per_day * n / 24.0), per_day)
            rows.append((per_day, 24.0 * theirs.delay, 24.0 * ours.delay))
        mean = [sum(column) / len(rows) for column in zip(*rows, strict=True)]
        print(f"{name:28s}{mean[0]:15.2f}{mean[1]:15.2f}{mean[2]:15.2f}", flush=True)


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--n", type=int, default=2_000, help="sources of a trace")
    parser.add_argument("--days", type=float, default=21.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--plot", type=Path)
    given = parser.parse_args(arguments)
    found = table(given.n, given.days, given.seeds)
    at_their_own_pace(given.n, given.days, given.seeds)
    if given.plot:
        bars = {name: row for name, row in found.items() if len(row) == len(POLICIES)}
        given.plot.write_text(plot.bars(bars, tuple(POLICIES)))


if __name__ == "__main__":
    main(sys.argv[1:])
