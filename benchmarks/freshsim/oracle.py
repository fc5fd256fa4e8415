"""The best that a policy without luck can do: rates known, the convex program solved.

For Poisson sources of known rates and a budget in requests a day; with caps, of each host too. A
policy that uses bursts, days and pushes may beat it. It runs no simulation.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from functools import partial

from fedpull.crawler.protocol.interval import steady

from .world import Spec, Trace

_SHORTEST, _LONGEST = 1.0 / 1_440.0, 60.0


def _interval(spec: Spec, price: float) -> float:
    rate = max(spec.rate, 1e-9)
    if spec.kind == "outbox":
        days = math.sqrt(2.0 * price / (spec.weight * rate))
    else:
        days = steady(rate, spec.weight, price)
    return min(max(days, _SHORTEST), _LONGEST)


def _solve(demand: Callable[[float], float], budget: float, low: float = 1e-12) -> float:
    low, high = math.log(low), math.log(1e9)
    for _ in range(60):
        middle = (low + high) / 2.0
        if demand(math.exp(middle)) > budget:
            low = middle
        else:
            high = middle
    return math.exp(high)


def intervals(trace: Trace, budget: float, cap: float | None = None) -> list[float]:
    """Days between two requests of each source."""
    by_host = defaultdict(list)
    for spec in trace.specs:
        by_host[spec.host if cap is not None else ""].append(spec)
    most = cap if cap is not None else math.inf

    def wanted(host: str, price: float) -> float:
        return sum(1.0 / _interval(spec, price) for spec in by_host[host])

    price = _solve(lambda p: sum(min(wanted(host, p), most) for host in by_host), budget)
    prices = {}
    for host in by_host:
        full = wanted(host, price) > most
        prices[host] = _solve(partial(wanted, host), most, price) if full else price
    return [_interval(spec, prices[spec.host if cap is not None else ""]) for spec in trace.specs]


def delay(trace: Trace, budget: float, cap: float | None = None) -> float:
    """Mean days that a new item waits, of outboxes."""
    total = items = 0.0
    for spec, days in zip(trace.specs, intervals(trace, budget, cap), strict=True):
        total += spec.weight * spec.rate * days / 2.0
        items += spec.weight * spec.rate
    return total / items


def staleness(trace: Trace, budget: float, cap: float | None = None) -> float:
    """The share of time, by weight, in which a copy is out of date, of actors."""
    total = weights = 0.0
    for spec, days in zip(trace.specs, intervals(trace, budget, cap), strict=True):
        v = max(spec.rate * days, 1e-12)
        total += spec.weight * (1.0 + math.expm1(-v) / v)
        weights += spec.weight
    return total / weights
