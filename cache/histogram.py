"""How often something took how long: counts in a few fixed ranges, as Prometheus keeps them.

It reads no clock and names nothing. Invariants: the ranges are fixed when it is made, so that its
size never grows; a snapshot is cumulative, and its last bound is infinite.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

# From a loopback answer to the longest time-out; each about twice the one before.
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


@dataclass(frozen=True, slots=True)
class Buckets:
    """A histogram at one moment: how many were at most each bound, and what all came to."""

    bounds: tuple[float, ...] = SECONDS
    counts: tuple[int, ...] = (0,) * (len(SECONDS) + 1)  # cumulative; the last one counts all
    sum: float = 0.0


class Histogram:
    """Counts what it observes. One thread observes; any may take a snapshot."""

    __slots__ = ("_bounds", "_counts", "_sum")

    def __init__(self, bounds: Sequence[float] = SECONDS) -> None:
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(self._bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        """Count one value; what a clock that was set back makes negative is 0."""
        value = max(value, 0.0)
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def snapshot(self) -> Buckets:
        total, counts = 0, []
        for count in tuple(self._counts):
            total += count
            counts.append(total)
        return Buckets(self._bounds, tuple(counts), self._sum)
