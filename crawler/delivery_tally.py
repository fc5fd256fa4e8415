"""How long deliveries took and what went wrong with them, counted for the metrics.

It judges nothing. Invariant: what it holds is bounded: a few buckets, and words of ours.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from ..cache.histogram import Histogram


@dataclass(slots=True)
class DeliveryTally:
    """On the loop's thread."""

    durations: Histogram = field(default_factory=Histogram)
    errors: Counter[str] = field(default_factory=Counter)

    def took(self, seconds: float, error: str) -> None:
        """One try; `error` is empty where it arrived."""
        self.durations.observe(seconds)
        if error:
            self.errors[error] += 1
