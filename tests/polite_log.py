"""Whether a host was asked politely, judged by nothing but what it saw. It knows no frontier.

Whoever stands behind the log, a simulated server or a script, says of each request when it came,
when it was answered, and what was told with the answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Seen:
    """One request. `wait`: with its answer the host asked to be left alone for so long."""

    at: float
    answered: float
    page: bool = False
    status: int = 200
    wait: float = 0.0


def most_at_once(seen: Iterable[Seen]) -> int:
    """The largest number of requests that were before the host at one moment."""
    steps = sorted((time, step) for one in seen for time, step in ((one.at, 1), (one.answered, -1)))
    most = now = 0
    for _, step in steps:  # what ends at a moment has ended when another begins
        now += step
        most = max(most, now)
    return most


def most_within(times: Iterable[float], seconds: float) -> int:
    """The largest number of moments in any window of that length."""
    ordered = sorted(times)
    most = first = 0
    for last, at in enumerate(ordered):
        while ordered[first] <= at - seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


def shortest_gap(seen: Iterable[Seen]) -> float:
    times = sorted(one.at for one in seen)
    return min((later - earlier for earlier, later in pairwise(times)), default=float("inf"))


def during_pauses(seen: Sequence[Seen], late: float = 0.0) -> list[tuple[float, float]]:
    """Requests that came while the host had asked to be left alone, but for those that were under
    way when it did: when, and after which answer. `late`: the log may be so late."""
    found = []
    for told in seen:
        until = told.answered + told.wait - late
        found += [(one.at, told.answered) for one in seen if told.answered < one.at < until]
    return found


def too_fast(
    seen: Sequence[Seen],
    *,
    concurrency: int,
    gap: float,
    pages: Iterable[tuple[int, float]],
    late: float = 0.0,
) -> list[str]:
    """Everything in which the log is above what was stated, in words."""
    found = []
    if (most := most_at_once(seen)) > concurrency:
        found.append(f"{most} requests at once")
    if (shortest := shortest_gap(seen)) < gap - late - 1e-6:
        found.append(f"two requests within {shortest:.3f} s")
    times = [one.at for one in seen if one.page]
    for count, seconds in pages:
        if (most := most_within(times, seconds - late - 1e-6)) > count:
            found.append(f"{most} pages within {seconds:g} s")
    found += [
        f"a request at {at:.2f}, in the pause told at {told:.2f}"
        for at, told in during_pauses(seen, late)
    ]
    return found
