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
_PHASES = len(THRESHOLDS[0][0])
_STEP = 1.0 / _PHASES  # days: as fine as the table
_STARTS = 48  # of an interval, in a day
_JUMP = 0.2  # of an interval: from one evening to the next, say; there is nothing in between
_OVER = 0.02  # of what is waited for: a burst that brings less is over
_FLAT = 0.03  # a day without a night
_LOCKED = 0.4  # days: longer intervals end in an evening, be they a little longer or shorter
_FINE = 4  # levels of interval, and
_DEPTHS = 16  # of depth, between which is not told apart
_HIGHEST = _FINE * len(THRESHOLDS[0])


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


def with_rhythm(source: Source, changes: float, days: float, untold: float = 1.0) -> float:
    """The first moment at which so much has come together that it is worth a read just then.

    That is `changes * days` items by the plain rule; more in the morning, when more is about to
    come, and less in the evening, before the night. While a burst goes on, more is about to come
    too: it is waited for until what has come outweighs what still comes. `untold` is the share of
    the items that no notice tells of; only these are `changes`.
    """
    deep, peak = rhythm(source)
    burst = untold * BRANCHING * source.burst / (1.0 - BRANCHING)  # items that it still brings
    over = burst < _OVER * changes * days
    if deep < _FLAT and over:
        return days
    level = max(round(_FINE * log(days / FIRST) / log(RATIO)), 0) if days > FIRST else 0
    depth, level = round(deep * _DEPTHS), min(level, _HIGHEST)
    start = ((source.last % DAY) / DAY - peak / _TURN) % 1.0
    if not over or level == _HIGHEST:
        return _wait(_thresholds(depth, level), start, deep, days, burst / changes)
    nominal, waits = _waits(depth, level)
    hour = start * _STARTS
    i = min(int(hour), _STARTS - 1)  # what is a hair below midnight rounds up to it
    low, high = waits[i], waits[i + 1]
    if abs(high - low) < _JUMP * nominal:
        low += (high - low) * (hour - i)
    elif hour - i > 0.5:
        low = high
    return low if days > _LOCKED else low * days / nominal


@lru_cache(1024)
def _waits(depth: int, level: int) -> tuple[float, tuple[float, ...]]:
    """An interval in days, and for each hour of the day at which it begins, when it should end."""
    days = FIRST * RATIO ** (level / _FINE)
    row = _thresholds(depth, level)
    waits = [_wait(row, n / _STARTS, depth / _DEPTHS, days, 0.0) for n in range(_STARTS)]
    return days, (*waits, waits[0])


def _wait(row: tuple[float, ...], start: float, deep: float, days: float, burst: float) -> float:
    """Days until the items that wait reach the threshold; `burst` in days of the usual rate."""
    depth = deep / _TURN
    sine = sin(_TURN * start)
    # Before this not even the evening is worth a request.
    u = days * row[-1] - 2.0 * depth - burst
    u = max(u, 0.0)
    before, lacked = u, 0.0
    shortest, longest = 0.02 * days, 3.0 * days
    while True:
        angle = _TURN * (start + u)
        hour = (start + u) % 1.0 * _PHASES
        i = int(hour)
        wanted = days * (row[i] + (row[i + 1] - row[i]) * (hour - i))
        m = u + depth * (sin(angle) - sine)
        now = 1.0 + deep * cos(angle)
        if burst:
            fading = burst * exp(-_BURST_DECAY * u)
            m += burst - fading
            fading *= _BURST_DECAY
            now += fading
            wanted = sqrt(wanted * wanted + days * days * fading)
        missing = wanted - m
        if missing <= 0.01 * wanted or u >= longest:
            break
        before, lacked = u, missing
        step = missing / now
        if step > _STEP:
            step = _STEP
        u += step if step > shortest else shortest
    if missing < 0.0 < lacked:
        u = before + (u - before) * lacked / (lacked - missing)
    return u if u > shortest else shortest
