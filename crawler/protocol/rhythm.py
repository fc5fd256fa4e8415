"""When in the day, and when in a burst, an outbox is best read: an interval moved to a better time.

Pure. It does not decide how often an outbox is read on average; `interval` does. Invariant: the
time that comes out is positive, finite and at most three times the interval that went in.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import atan2, cos, exp, hypot, log, pi, sin, sqrt

from .assumptions import BRANCHING, BURST_MEMORY, DEEPEST_NIGHT, PROFILE_DOUBT
from .rhythm_table import DEPTHS, FIRST, RATIO, THRESHOLDS
from .source import DAY, Source

_TURN = 2.0 * pi
_BURST_DECAY = (1.0 - BRANCHING) / BURST_MEMORY  # of what a burst still brings, per day
_STEP = 1.0 / 20.0  # days: fine enough for the edge of a night
_PHASES = len(THRESHOLDS[0][0])
_FINE = 2  # levels of interval, and
_DEPTHS = 16  # of depth, between which is not told apart


def rhythm(source: Source) -> tuple[float, float]:
    """How deep the nights of an account are (0 to 1) and when its day peaks (radians)."""
    length = 2.0 * hypot(source.profile_x, source.profile_y)
    deep = length * source.changes / (source.changes + PROFILE_DOUBT)
    return min(deep, DEEPEST_NIGHT), atan2(source.profile_y, source.profile_x)


@lru_cache(2048)
def _thresholds(depth: int, level: int) -> tuple[float, ...]:
    """By phase of the day, how many waiting items are worth a read, in units of the plain rule's;
    the first again at the end, for interpolation; then the least of all."""
    deep, high = depth / _DEPTHS, len(THRESHOLDS[0]) - 1
    whole, rest = divmod(level, _FINE)
    i, j = min(whole, high), min(whole + 1, high)
    half, full = (_between(t[i], t[j], rest / _FINE) for t in THRESHOLDS)
    if deep <= DEPTHS[0]:
        row = _between((100.0,) * _PHASES, half, deep / DEPTHS[0])
    else:
        row = _between(half, full, min((deep - DEPTHS[0]) / (DEPTHS[1] - DEPTHS[0]), 1.0))
    row = tuple(x / 100.0 for x in row)
    return (*row, row[0], min(row))


def _between(low: Sequence[float], high: Sequence[float], part: float) -> tuple[float, ...]:
    return tuple(a + (b - a) * part for a, b in zip(low, high, strict=True))


def with_rhythm(source: Source, changes: float, days: float) -> float:
    """The first moment at which so much has come together that it is worth a read just then.

    That is `changes * days` items by the plain rule; more in the morning, when more is about to
    come, and less in the evening, before the night. While a burst goes on, more is about to come
    too: it is waited for until what has come outweighs what still comes.
    """
    deep, peak = rhythm(source)
    burst = BRANCHING * source.burst / (1.0 - BRANCHING)  # items that the burst still brings
    if deep < 0.03 and burst < 1e-3 * (1.0 + changes * days):
        return days
    level = max(round(_FINE * log(days / FIRST) / log(RATIO)), 0) if days > FIRST else 0
    row = _thresholds(round(deep * _DEPTHS), min(level, _FINE * len(THRESHOLDS[0])))
    start = (source.last % DAY) / DAY - peak / _TURN
    depth = deep / _TURN
    sine = sin(_TURN * start)
    plain = changes * days
    # Before this not even the evening is worth a request.
    u = max(days * row[-1] - 2.0 * depth - burst / changes, 0.0)
    shortest, longest = 0.02 * days, 3.0 * days
    while True:
        fading = exp(-_BURST_DECAY * u) if burst else 0.0
        phase = start + u
        angle = _TURN * phase
        m = changes * (u + depth * (sin(angle) - sine)) + burst * (1.0 - fading)
        bursting = burst * _BURST_DECAY * fading
        hour = phase % 1.0 * _PHASES
        i = int(hour)
        factor = row[i] + (row[i + 1] - row[i]) * (hour - i)
        wanted = plain * (sqrt(factor * factor + bursting / changes) if bursting else factor)
        missing = wanted - m
        if missing <= 0.01 * wanted or u >= longest:
            return max(u, shortest)
        now = changes * (1.0 + deep * cos(angle)) + bursting
        u += min(max(missing / now, shortest), _STEP)
