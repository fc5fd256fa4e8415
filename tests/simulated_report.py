"""What simulated days came to: what was found how late, and what was asked how often. Pure.

An edit counts as found by the first version of the document that is stored after it, and by a
first sight after it; what was deleted before anybody saw it was nothing to find.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, median
from typing import Any

from simulated_world import Scenario

from fedpull.cache.views import Change

HOUR = 3_600.0
_WINDOW = 900.0  # of the pages that one host serves us


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, as a host saw it."""

    at: float
    host: str
    target: str
    status: int

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def url(self) -> str:
        return f"https://{self.host}{self.target}"


@dataclass(frozen=True, slots=True)
class Happened:
    """Something that there is to find."""

    at: float
    verb: str
    id: str
    posted: float
    group: str
    family: str
    text: str


def report(
    scenario: Scenario,
    start: float,
    asked: Sequence[Asked],
    happened: Sequence[Happened],
    changes: Iterable[tuple[float, Change]],
    pages: Mapping[str, set[str]],
) -> dict[str, Any]:
    """All figures; times in hours, counted from the start. `pages`: by host, outboxes' paths."""
    lags, missing = found(happened, changes)
    noticed = _noticed(happened, asked)
    if noticed:
        lags["noticed"] = noticed
    windows = defaultdict(list)
    for one in asked:
        if one.path in pages.get(one.host, ()):
            windows[one.host].append(one.at)
    return {
        "requests": len(asked),
        "pages": sum(map(len, windows.values())),
        "busiest_window": max((most_within(w, _WINDOW) for w in windows.values()), default=0),
        "by_hour": _by_hour(asked, start),
        "busiest_hour": most_within([one.at for one in asked], HOUR),
        "by_status": _count(one.status for one in asked),
        "gaps": _gaps(asked, scenario.gap),
        "lags": {
            verb: {name: _summary(values) for name, values in sorted(groups.items())}
            for verb, groups in lags.items()
        },
        "missing": [
            [
                one.verb,
                one.family,
                one.group,
                round((one.at - start) / HOUR, 1),
                round((one.posted - start) / HOUR, 1),
                one.id,
            ]
            for one in missing
        ],
    }


def found(
    happened: Sequence[Happened], changes: Iterable[tuple[float, Change]]
) -> tuple[dict[str, dict[str, list[float]]], list[Happened]]:
    """By verb and group how late each was found, in seconds; and what was not."""
    seen: defaultdict[str, list[tuple[float, str]]] = defaultdict(list)
    for at, change in changes:
        seen[change.id].append((at, change.kind))
    deleted = {one.id: one.at for one in happened if one.verb == "delete"}
    lags: dict[str, dict[str, list[float]]] = {}
    missing = []
    for one in happened:
        wanted = {"post": ("created",), "edit": ("created", "updated"), "delete": ("deleted",)}
        times = [
            at for at, kind in seen[one.id] if kind in wanted[one.verb] and at >= one.at - 1e-3
        ]
        ends = deleted.get(one.id, float("inf"))
        if times and (one.verb == "delete" or times[0] <= ends):
            lags.setdefault(one.verb, {}).setdefault(one.group, []).append(times[0] - one.at)
        elif one.verb == "delete":
            # Never seen, or seen for the first time when it was gone already.
            if any(kind == "created" for _, kind in seen[one.id]):
                missing.append(one)
        elif ends == float("inf"):
            missing.append(one)
    return lags, missing


def _noticed(happened: Sequence[Happened], asked: Sequence[Asked]) -> dict[str, list[float]]:
    """How late each deletion was first met by a request, whatever was made of the answer: what only
    says 404 is believed after a week."""
    times: defaultdict[str, list[float]] = defaultdict(list)
    for one in asked:
        times[one.url].append(one.at)
    lags: dict[str, list[float]] = {}
    for one in happened:
        if one.verb == "delete":
            later = [at for at in times[one.id] if at >= one.at]
            if later:
                lags.setdefault(one.group, []).append(later[0] - one.at)
    return lags


def _summary(values: Sequence[float]) -> dict[str, float]:
    hours = sorted(value / HOUR for value in values)
    return {
        "n": len(hours),
        "mean": round(mean(hours), 3),
        "median": round(median(hours), 3),
        "p90": round(hours[int(len(hours) * 0.9)], 3),
        "max": round(hours[-1], 3),
    }


def _by_hour(asked: Sequence[Asked], start: float) -> list[int]:
    if not asked:
        return []
    counts = [0] * (int((asked[-1].at - start) / HOUR) + 1)
    for one in asked:
        counts[int((one.at - start) / HOUR)] += 1
    return counts


def _count(values: Iterable[int]) -> dict[str, int]:
    counts: defaultdict[str, int] = defaultdict(int)
    for value in values:
        counts[str(value)] += 1
    return dict(counts)


def most_within(times: Sequence[float], seconds: float) -> int:
    """The most of the (ordered) times that any span of this length holds."""
    return max(
        (nth + 1 - bisect_left(times, at - seconds + 1e-6) for nth, at in enumerate(times)),
        default=0,
    )


def _gaps(asked: Sequence[Asked], gap: float) -> list[list[Any]]:
    """Requests that came too soon after the one before them."""
    last: dict[str, float] = {}
    found: list[list[Any]] = []
    for one in asked:
        if one.at - last.get(one.host, float("-inf")) < gap - 1e-3:
            found.append([one.host, one.target, round(one.at - last[one.host], 3)])
        last[one.host] = one.at
    return found
