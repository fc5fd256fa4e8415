"""The calendar in which sources stand: its lines, and what the agenda asks of whoever keeps it.

A line for each half octave of interval: within it the order of due times is the order of elapsed
time over interval, so the most overdue of all is the head of one of a few dozen lines. No rows and
no choice are made here. Invariant: `line_of` depends on nothing that a row does not hold.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import Any, Protocol

from ..crawler.protocol.source import HOST, TURN, Notices, Source

Id = Any  # hashable, and in the order of a sweep

SCALES = 34  # half octaves from a minute to three months
# Those whose host is asked as often as it may be stand apart: there is no room to ask them early,
# and they would hide those that can be. So do those that are due and wait for a turn of their
# host: they go before all others.
WAITING = 2 * SCALES
LINES = WAITING + 1


class Rows(Protocol):
    """Where sources stand. Ids sort in the order in which a sweep comes by them."""

    def load(self, id: Id) -> Source | None: ...

    def save(self, id: Id, source: Source) -> None: ...

    def place(self, id: Id, line: int, due: float) -> None: ...

    def unplace(self, id: Id, line: int, due: float) -> None: ...

    def line(self, line: int) -> Iterator[tuple[float, Id]]:
        """By due time. What it yields may be unplaced, and placed again, before it goes on."""
        ...

    def notices(self, id: Id) -> Notices | None: ...

    def save_notices(self, id: Id, notices: Notices | None) -> None: ...


_BEGINS = tuple(60.0 * 2.0 ** (n / 2.0) for n in range(1, SCALES))
_SCALE: tuple[float, ...] = tuple(60.0 * 2.0 ** ((n + 0.5) / 2.0) for n in range(SCALES))
MIDDLE = (*_SCALE, *_SCALE, 1.0)


def line_of(seconds: float, bound: int) -> int:
    """The line of an interval."""
    if bound == TURN:
        return WAITING
    scale = bisect_right(_BEGINS, seconds)
    return scale + SCALES if bound == HOST else scale
