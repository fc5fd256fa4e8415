"""What has been going on over time: by the minute for two days, by the half-hour for two months.

Pure: it counts nothing and reads no clock; `sampler` feeds it. It holds numbers only, no host and
no id, and at most MOST points of each length. Invariants: points are in order, none overlaps; time
that nobody watched has no point, so that a stopped daemon is a gap and not a zero.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from typing import Any

import orjson

FINE, COARSE = 60.0, 1_800.0
MOST = 2_880  # of each: two days, and two months
_VERSION = 1


@dataclass(frozen=True, slots=True)
class Point:
    """What happened in the `seconds` before `at`, and what was the case then."""

    at: float
    seconds: float
    answered: float = 0.0  # requests of ours that got an answer, whatever its status
    failed: float = 0.0  # requests of ours that got none
    changes: float = 0.0  # entries of the change log
    late: float = 0.0  # sources that were due and had not been asked yet
    used: float = 0.0  # requests of the hour before
    documents: float = 0.0
    bytes: float = 0.0

    @property
    def start(self) -> float:
        return self.at - self.seconds


SUMS = ("answered", "failed", "changes")  # a longer time has more of them; the rest is averaged
_FIELDS = tuple(field.name for field in fields(Point))
_LEVELS = tuple(name for name in _FIELDS if name not in ("at", "seconds", *SUMS))


class Series:
    """The points of one store."""

    def __init__(self, fine: Iterable[Point] = (), coarse: Iterable[Point] = ()) -> None:
        self.fine = deque(fine, MOST)
        self.coarse = deque(coarse, MOST)
        self._open: list[Point] = []  # of the half-hour that is not over yet

    def add(self, point: Point) -> None:
        """Take the latest point. What a clock that was ahead has left behind gives way to it."""
        for points in (self.fine, self.coarse, self._open):
            while points and points[-1].at > point.start + 1.0:
                points.pop()
        self.fine.append(point)
        if self._open and self._open[0].start // COARSE != point.start // COARSE:
            self.coarse.append(merged(self._open))
            self._open = []
        self._open.append(point)

    def points(self, since: float, until: float) -> list[Point]:
        """Those that end in between: minutes where there are minutes, before that half-hours."""
        first = self.fine[0].start if self.fine else until
        coarse = [point for point in self.coarse if since < point.at <= first + 1.0]
        return coarse + [point for point in self.fine if since < point.at <= until]

    def dump(self) -> bytes:
        """The text of a file that `load` reads."""
        kept = {
            "version": _VERSION,
            "fields": _FIELDS,
            "fine": list(map(astuple, self.fine)),
            "coarse": [astuple(one) for one in (*self.coarse, *_closed(self._open))],
        }
        return orjson.dumps(kept)


def load(text: bytes, now: float) -> Series:
    """What a process before has seen; a text that cannot be read is as good as none."""
    try:
        kept: Any = orjson.loads(text)
        if kept["version"] != _VERSION or tuple(kept["fields"]) != _FIELDS:
            return Series()
        fine, coarse = (
            [Point(*map(float, row)) for row in kept[name]] for name in ("fine", "coarse")
        )
    except (ValueError, TypeError, KeyError):
        return Series()
    return Series(_in_order(fine, now), _in_order(coarse, now))


def merged(points: Sequence[Point]) -> Point:
    """Several points as one: it counts for as long as they do together, not for the gaps."""
    seconds = sum(point.seconds for point in points)
    sums = {name: sum(getattr(point, name) for point in points) for name in SUMS}
    levels = {
        name: sum(getattr(point, name) * point.seconds for point in points) / (seconds or 1.0)
        for name in _LEVELS
    }
    return Point(points[-1].at, seconds, **sums, **levels)


def _closed(points: Sequence[Point]) -> list[Point]:
    return [merged(points)] if points else []


def _in_order(points: Iterable[Point], now: float) -> list[Point]:
    kept: list[Point] = []
    for point in points:
        if point.seconds > 0.0 and point.at <= now and (not kept or point.at > kept[-1].at):
            kept.append(point)
    return kept
