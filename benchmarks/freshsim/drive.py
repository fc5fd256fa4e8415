"""Drives a scheduler along a trace: budget and host caps enforced, answers given, polls logged.

The scheduler sees what a crawler sees and nothing else. A request beyond a host's cap is refused
and counted as a violation, as is one more than the budget allows or the same twice in one call.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from .world import Spec, Trace

DAY = 86_400.0
TICK = 60.0


class Scheduler(Protocol):
    def add(
        self, id: str, now: float, host: str, kind: str, weight: float = 1.0,
        history: Sequence[float] = (), since: float | None = None,
    ) -> None: ...  # fmt: skip

    def due(self, now: float, budget: int) -> list[str]: ...

    def observe(
        self, id: str, now: float, changed: bool, new_items: int = 0,
        last_modified: float | None = None,
    ) -> None: ...  # fmt: skip

    def signal(self, id: str, now: float) -> None: ...

    def backoff(self, id: str, now: float, until: float) -> None: ...


@dataclass(slots=True)
class Result:
    """What came of it: when each source was asked, and what that was worth."""

    polls: list[list[float]]  # by source, in days
    requests: int = 0
    violations: int = 0
    seconds: float = 0.0  # that the scheduler took
    calls: int = 0
    delay: float = 0.0  # mean days that an item of an outbox waited
    stale: float = 0.0  # share of time in which a document's copy was out of date, by weight
    stale_posts: float = 0.0
    by_hour: dict[int, int] = field(default_factory=dict)


class _Caps:
    def __init__(self, per_day: float | None) -> None:
        self.per_day = per_day
        self._tokens: dict[str, tuple[float, float]] = {}

    def take(self, host: str, now: float) -> bool:
        if self.per_day is None:
            return True
        tokens, at = self._tokens.get(host, (1.0, 0.0))
        most = max(1.5, 3.0 * self.per_day * TICK / DAY)
        tokens = min(tokens + (now - at) / DAY * self.per_day, most)
        there = tokens >= 0.999
        self._tokens[host] = (tokens - there, now)
        return there


def run(
    trace: Trace, scheduler: Scheduler, per_day: float, *, cap: float | None = None,
    warm: float = 7.0, tail: float = 1.0,
) -> Result:  # fmt: skip
    """`per_day`: requests per source and day; `cap`: per host and day."""
    number = {spec.id: i for i, spec in enumerate(trace.specs)}
    waiting = [0] * len(trace.specs)
    latest: list[float | None] = [None] * len(trace.specs)
    result = Result([[] for _ in trace.specs])
    events = _events(trace)
    caps, at, tokens = _Caps(cap), 0, 0.0
    per_tick = per_day * len(trace.specs) / DAY * TICK
    for tick in range(int(trace.days * DAY / TICK)):
        now = tick * TICK
        while at < len(events) and events[at][0] * DAY <= now:
            t, what, i = events[at]
            at += 1
            if what == 1:
                waiting[i] += 1
                latest[i] = t * DAY
            else:
                _tell(scheduler, trace.specs[i], what, now, result)
        tokens = min(tokens + per_tick, max(2.0, 4.0 * per_tick))
        if int(tokens) < 1:
            continue
        began = time.perf_counter()
        chosen = scheduler.due(now, int(tokens))
        result.seconds += time.perf_counter() - began
        result.calls += 1
        if len(chosen) > int(tokens) or len(set(chosen)) < len(chosen):
            result.violations += 1
            chosen = list(dict.fromkeys(chosen))[: int(tokens)]
        tokens -= len(chosen)
        for id in chosen:
            i = number[id]
            began = time.perf_counter()
            if caps.take(trace.specs[i].host, now):
                stamp = latest[i] if trace.specs[i].tells else None
                result.polls[i].append(now / DAY)
                result.requests += 1
                scheduler.observe(id, now, waiting[i] > 0, waiting[i], stamp)
                waiting[i] = 0
            else:
                result.violations += 1
                scheduler.backoff(id, now, now + 600.0)
            result.seconds += time.perf_counter() - began
            result.calls += 1
    _score(trace, result, warm, tail)
    return result


def _events(trace: Trace) -> list[tuple[float, int, int]]:
    known = [(max(spec.born, 0.0), 0, i) for i, spec in enumerate(trace.specs)]
    changes = [(t, 1, i) for t, i in trace.changes]
    signals = [(t, 2, i) for t, i in trace.signals]
    return sorted(known + changes + signals)


def _tell(scheduler: Scheduler, spec: Spec, what: int, now: float, result: Result) -> None:
    began = time.perf_counter()
    if what == 2:
        scheduler.signal(spec.id, now)
    else:
        history = [spec.born * DAY] if spec.kind == "post" else [t * DAY for t in spec.history]
        since = None if spec.since is None else spec.since * DAY
        scheduler.add(spec.id, now, spec.host, spec.kind, spec.weight, history, since)
    result.seconds += time.perf_counter() - began
    result.calls += 1


def _score(trace: Trace, result: Result, warm: float, tail: float) -> None:
    waited = items = 0.0
    stale: dict[str, float] = {"actor": 0.0, "post": 0.0}
    live = dict(stale)
    for spec in trace.specs:
        if spec.kind != "outbox":
            live[spec.kind] += spec.weight * max(trace.days - max(spec.born, warm), 0.0)
    outdated = [-1.0] * len(trace.specs)  # until when the copy is known to be out of date
    for t, i in trace.changes:
        spec, polls = trace.specs[i], result.polls[i]
        found = bisect_left(polls, t)
        seen = polls[found] if found < len(polls) else trace.days
        if spec.kind == "outbox":
            if warm <= t < trace.days - tail:
                waited += spec.weight * (seen - t)
                items += spec.weight
        elif t > outdated[i]:
            stale[spec.kind] += spec.weight * max(seen - max(t, warm), 0.0)
            outdated[i] = seen
    result.delay = waited / items if items else 0.0
    result.stale = sum(stale.values()) / max(sum(live.values()), 1e-9)
    result.stale_posts = stale["post"] / max(live["post"], 1e-9)
