"""How long deliveries took and what went wrong with them, counted for the metrics.

It judges nothing. Invariant: what it holds is bounded: a few buckets, and words of ours.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from ..cache.histogram import Histogram

# A server nearby takes 50 ms, a busy one seconds; more than 10 s are not waited for, beside what
# connecting takes.
BOUNDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


@dataclass(slots=True)
class DeliveryTally:
    """On the loop's thread."""

    durations: Histogram = field(default_factory=lambda: Histogram(BOUNDS))
    errors: Counter[str] = field(default_factory=Counter)

    def took(self, seconds: float, error: str) -> None:
        """One try; `error` is empty where it arrived."""
        self.durations.observe(seconds)
        if error:
            self.errors[error] += 1
