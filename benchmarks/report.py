"""The figures of all runs as a table and as a file; medians, and ratios within one benchmark."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import nginx
from entrants import OURS, STOCK

_WHAT = {
    "single": "one document per request",
    "pages": "one outbox, pages of 20 embedded posts",
    "outboxes": "sixteen outboxes at once, pages of 20 embedded posts",
    "hosts": "first sight of many hosts, a new TLS connection for each request",
    "poll": "the same hosts again, one new post each, a new TLS connection each",
}
# "with start" counts the CPU seconds of importing everything too, as a single command has to.
_HEADER = (
    f"  {'':40} {'docs':>6} {'CPU s':>7} {'start':>6} {'docs/CPU-s':>11}"
    f" {'x stock':>8} {'with start':>11} {'x stock':>8} {'MiB':>5}"
)


@dataclass(frozen=True, slots=True)
class Goal:
    """What we want of ours: times stock Scrapy's rate, and documents per CPU-second."""

    ratio: float | None
    rate: float


GOALS = {
    "single": Goal(2.0, 1500),
    "pages": Goal(5.0, 6000),
    "outboxes": Goal(5.0, 6000),
    "hosts": Goal(None, 600),
    "poll": Goal(None, 600),
}


@dataclass(frozen=True, slots=True)
class Result:
    """One run of one contender; seconds, MiB. `start` is the CPU of a run on an empty outbox."""

    shape: str
    contender: str
    documents: int
    cpu: float
    start: float
    wall: float
    memory: float

    @property
    def work(self) -> float:
        """CPU seconds without those of starting."""
        return max(self.cpu - self.start, 1e-9)

    @property
    def rate(self) -> float:
        """Documents per CPU-second, once started."""
        return self.documents / self.work


@dataclass(frozen=True, slots=True)
class Median:
    """The median over the runs of one contender."""

    contender: str
    documents: int
    cpu: float
    start: float
    rate: float
    rate_with_start: float
    memory: float


def line(result: Result) -> str:
    """One run, as it ends."""
    return (
        f"{result.shape:8} {result.contender:40} {result.cpu:6.2f} s CPU"
        f" ({result.start:.2f} to start) {result.wall:6.1f} s {result.rate:7.0f} a CPU-second"
    )


def medians(results: Sequence[Result]) -> dict[str, list[Median]]:
    """By shape, in the order in which they ran."""
    groups: dict[str, dict[str, list[Result]]] = {}
    for result in results:
        groups.setdefault(result.shape, {}).setdefault(result.contender, []).append(result)
    return {
        shape: [
            Median(
                name,
                runs[0].documents,
                median(r.cpu for r in runs),
                median(r.start for r in runs),
                median(r.rate for r in runs),
                median(r.documents / r.cpu for r in runs),
                median(r.memory for r in runs),
            )
            for name, runs in contenders.items()
        ]
        for shape, contenders in groups.items()
    }


def table(results: Sequence[Result]) -> str:
    lines = []
    for shape, rows in medians(results).items():
        stock = next((row for row in rows if row.contender == STOCK), None)
        lines += [
            "",
            f"{shape}: {_WHAT[shape]}",
            _HEADER,
        ]
        for row in rows:
            times = f"{row.rate / stock.rate:8.2f}" if stock else f"{'-':>8}"
            whole = row.rate_with_start
            times_whole = f"{whole / stock.rate_with_start:8.2f}" if stock else f"{'-':>8}"
            lines.append(
                f"  {row.contender:40} {row.documents:6} {row.cpu:7.2f} {row.start:6.2f}"
                f" {row.rate:11.0f} {times} {whole:11.0f} {times_whole} {row.memory:5.0f}"
            )
        ours = next((row for row in rows if row.contender == OURS), None)
        if ours is not None:
            lines.append(_goal(shape, ours, stock))
    return "\n".join(lines)


def _goal(shape: str, ours: Median, stock: Median | None) -> str:
    goal = GOALS[shape]
    parts = [f"{goal.rate:.0f} documents per CPU-second: measured {ours.rate:.0f}"]
    if goal.ratio is not None and stock is not None:
        parts.insert(0, f"{goal.ratio:.0f}x stock: measured {ours.rate / stock.rate:.2f}x")
    return "  goal " + "; goal ".join(parts)


def save(results: Sequence[Result], folder: Path, quick: bool) -> Path:
    """Every run, and what it ran on."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}{'-quick' * quick}.json"
    packages = ("fedpull", "Scrapy", "Twisted", "aiohttp", "lmdb", "uvloop")
    machine = {
        "python": platform.python_version(),
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "nginx": nginx.version(),
        **{name: importlib.metadata.version(name) for name in packages},
    }
    values = {"machine": machine, "runs": [asdict(result) for result in results]}
    path.write_text(json.dumps(values, indent=1), "utf-8")
    return path
