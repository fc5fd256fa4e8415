"""What simulated days came to: what was found how late, and what was asked how often. Pure.

An edit counts as found by the first version of the document that is stored after it, and by a
first sight after it; what was deleted before anybody saw it was nothing to find.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
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


def report(
    scenario: Scenario,
    start: float,
    asked: Sequence[Asked],
    happened: Sequence[Happened],
    changes: Iterable[tuple[float, Change]],
    outboxes: Mapping[tuple[str, str], str],
    shown: Set[str],
) -> dict[str, Any]:
    """All figures; times in hours, counted from the start. `outboxes`: by host and path."""
    lags, missing = found(happened, changes, shown)
    noticed = _noticed(happened, asked)
    if noticed:
        lags["noticed"] = noticed
    windows: defaultdict[str, list[float]] = defaultdict(list)
    reads: Counter[str] = Counter()
    for one in asked:
        if (one.host, one.path) in outboxes:
            windows[one.host].append(one.at)
            reads[outboxes[one.host, one.path]] += 1
    accounts = Counter(outboxes.values())
    return {
        "requests": len(asked),
        "pages": sum(map(len, windows.values())),
        "busiest_window": max((most_within(w, _WINDOW) for w in windows.values()), default=0),
        "reads": {name: round(reads[name] / n, 1) for name, n in sorted(accounts.items())},
        "by_hour": _by_hour(asked, start),
        "busiest_hour": most_within([one.at for one in asked], HOUR),
        "by_status": dict(Counter(str(one.status) for one in asked)),
        "gaps": _gaps(asked, scenario.gap),
        "lags": {
            verb: {name: _summary(values) for name, values in sorted(groups.items())}
            for verb, groups in lags.items()
        },
        "missing": [
            {
                "verb": one.verb,
                "id": one.id,
                "group": one.group,
                "at": round((one.at - start) / HOUR, 1),
                "posted": round((one.posted - start) / HOUR, 1),
            }
            for one in missing
        ],
    }


def found(
    happened: Sequence[Happened], changes: Iterable[tuple[float, Change]], shown: Set[str]
) -> tuple[dict[str, dict[str, list[float]]], list[Happened]]:
    """By verb and group how late each was found, in seconds; and what was not.

    `shown` are the posts that the outboxes offer at the end: one that had scrolled out of the only
    page there is before anybody looked is nothing to find.
    """
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
        elif ends == float("inf") and (one.id in shown or seen[one.id]):
            missing.append(one)
    return lags, missing


def _noticed(happened: Sequence[Happened], asked: Sequence[Asked]) -> dict[str, list[float]]:
    """How late each deletion was first met by a request, whatever was made of the answer: what only
    says 404 is believed after a week."""
    times: defaultdict[str, list[float]] = defaultdict(list)
    for request in asked:
        times[request.url].append(request.at)
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
        passed = one.at - last.get(one.host, float("-inf"))
        if passed < gap - 1e-3:
            found.append([one.host, one.target, round(passed, 3)])
        last[one.host] = one.at
    return found
