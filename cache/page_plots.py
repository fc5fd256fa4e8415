"""Plots of a series as the page shows them: buckets of equal length, and their places in a drawing.

Pure; it draws nothing (the template does) and knows no colour. Invariant: a bucket of which less
than half was watched has no value, and nothing is drawn across it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from .series import SUMS, Point, merged

# The drawing's own units; the style sheet stretches it to the width there is.
WIDTH, HEIGHT = 600.0, 100.0
TABLE = 12
RANGES = {"3h": (10_800.0, 90), "2d": (172_800.0, 96), "30d": (2_592_000.0, 120)}


@dataclass(frozen=True, slots=True)
class Bucket:
    """A stretch of time; `known`: what was seen of it, None where too little was."""

    start: float
    end: float
    known: Point | None


@dataclass(frozen=True, slots=True)
class Line:
    """One quantity: `paths` to stroke, `areas` to fill down to the ground, its latest value."""

    name: str
    label: str
    paths: tuple[str, ...]
    areas: tuple[str, ...]
    latest: float | None


@dataclass(frozen=True, slots=True)
class Plot:
    """A drawing of one or more quantities over the same time, and what stands beside it."""

    title: str
    unit: str
    top: float  # the value at the upper edge
    lines: tuple[Line, ...]
    gaps: tuple[tuple[float, float], ...]  # where nothing is known: x and width
    limit: float | None = None  # y of a limit that is worth showing
    limit_value: float | None = None


def buckets(points: Sequence[Point], since: float, until: float, count: int) -> list[Bucket]:
    """The time in between in equal parts; a point counts for the part that it ends in."""
    length = (until - since) / count
    sorted_in: list[list[Point]] = [[] for _ in range(count)]
    for point in points:
        if since < point.at <= until:
            sorted_in[min(ceil((point.at - since) / length) - 1, count - 1)].append(point)
    found = []
    for index, inside in enumerate(sorted_in):
        start = since + index * length
        watched = sum(point.seconds for point in inside)
        known = merged(inside) if inside and watched >= length / 2 else None
        found.append(Bucket(start, start + length, known))
    return found


def value(point: Point, name: str) -> float:
    """Of what happens: how often a minute; of what is the case: how much."""
    amount = float(getattr(point, name))
    return amount / point.seconds * 60.0 if name in SUMS else amount


def plot(
    title: str,
    unit: str,
    quantities: Sequence[tuple[str, str]],
    parts: Sequence[Bucket],
    limit: float | None = None,
) -> Plot:
    """`quantities`: the names of a point's fields, and what people are told that they are."""
    values = {
        name: [None if part.known is None else value(part.known, name) for part in parts]
        for name, _ in quantities
    }
    highest = max((one for row in values.values() for one in row if one is not None), default=0.0)
    # A limit far above everything would press the line to the ground: then it is only said.
    shows = limit is not None and 0 < limit <= 4 * highest
    top = _round_up(max(highest, limit or 0.0) if shows else highest)
    lines = tuple(_line(name, label, values[name], top) for name, label in quantities)
    y = HEIGHT * (1 - limit / top) if shows and limit is not None else None
    return Plot(title, unit, top, lines, _gaps(parts), y, limit)


def _line(name: str, label: str, values: Sequence[float | None], top: float) -> Line:
    paths, areas = [], []
    for run in _runs(values):
        points = [(_x(index, len(values)), _y(values[index] or 0.0, top)) for index in run]
        path = "M" + "L".join(f"{x:.1f},{y:.1f}" for x, y in points)
        if len(points) == 1:  # a line of no length is not seen
            path += f"h{WIDTH / len(values):.1f}"
        paths.append(path)
        areas.append(f"{path}V{HEIGHT:.0f}H{points[0][0]:.1f}Z")
    latest = next((one for one in reversed(values) if one is not None), None)
    return Line(name, label, tuple(paths), tuple(areas), latest)


def _runs(values: Sequence[float | None]) -> list[list[int]]:
    """The stretches without a gap, as indexes."""
    runs: list[list[int]] = []
    for index, one in enumerate(values):
        if one is None:
            continue
        if runs and runs[-1][-1] == index - 1:
            runs[-1].append(index)
        else:
            runs.append([index])
    return runs


def _gaps(parts: Sequence[Bucket]) -> tuple[tuple[float, float], ...]:
    width = WIDTH / len(parts)
    missing = [None if part.known is not None else 0.0 for part in parts]
    return tuple((run[0] * width, len(run) * width) for run in _runs(missing))


def _x(index: int, count: int) -> float:
    return (index + 0.5) * WIDTH / count


def _y(amount: float, top: float) -> float:
    return HEIGHT * (1 - amount / top)


def _round_up(highest: float) -> float:
    """The next number that people like to read: 1, 2, 5, 10, 20, 50..."""
    if highest <= 0.0:
        return 1.0
    step = 10.0 ** floor(log10(highest))
    return next(factor * step for factor in (1, 2, 5, 10) if highest <= factor * step)


def table(parts: Sequence[Bucket], shown: Plot) -> list[tuple[float, tuple[float | None, ...]]]:
    """The same in numbers, for who does not see a drawing: at most TABLE rows, the latest first."""
    step = ceil(len(parts) / TABLE)
    rows: list[tuple[float, tuple[float | None, ...]]] = []
    for start in range(0, len(parts), step):
        known = [part.known for part in parts[start : start + step] if part.known is not None]
        one = merged(known) if known else None
        values = tuple(None if one is None else value(one, line.name) for line in shown.lines)
        rows.append((parts[start].start, values))
    return rows[::-1]
