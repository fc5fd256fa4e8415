"""What happens in a simulated Fediverse, as a plan: who posts, edits and deletes what, and when.

Pure: a scenario and its seed give the same plan each time. Rates are heavy-tailed (a few accounts
write most posts), posts come in bursts and by day rather than by night, and a post is edited or
deleted the less likely the older it is. Times are days, counted from the start of the crawl.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

Verb = Literal["post", "edit", "delete"]

# Posts a day: the median account writes twice a week, one in forty more than eight a day.
_MEDIAN, _SPREAD = 0.25, 1.8
_MOST = 40.0
# Two posts in five are caused by another one, shortly before.
_CHILDREN, _CHILD_AFTER = 0.4, 40 / 1_440
_RHYTHM = 0.8  # 1: nobody posts at four in the morning
_EDITED, _DELETED = 0.12, 0.08
_SOONEST, _LATEST = 3 / 1_440, 10.0  # an edit follows its post evenly in ln(age) between these
_HISTORY = 30.0
_MOST_HISTORY = 40  # posts of one account before the start


@dataclass(frozen=True, slots=True)
class Scenario:
    """A world and what befalls the daemon in it."""

    actors: int = 24
    hosts: int = 8
    families: tuple[str, ...] = ()  # () are all, one after the other
    days: float = 2.0  # for so long something happens
    linger: float = 0.0  # days after that, at most, until all of it must have been found
    seed: int = 1
    budget: int = 120  # requests an hour
    gap: float = 2.0
    pages: int = 20  # in 15 minutes
    down: tuple[tuple[float, float], ...] = ()  # the daemon: from this day on, for so many days
    outages: tuple[tuple[float, float, int], ...] = ()  # from, for, which host: it does not answer
    jumps: tuple[tuple[float, float], ...] = ()  # when, by how many days the clock is set


@dataclass(frozen=True, slots=True, order=True)
class Happening:
    """Somebody does something. `post` counts the account's posts in the order of publication."""

    at: float
    actor: int
    verb: Verb
    post: int


def rates(scenario: Scenario) -> list[float]:
    """Posts a day by actor: the same shares of busy and quiet ones whatever the seed."""
    normal = NormalDist(math.log(_MEDIAN), _SPREAD)
    shares = [(nth + 0.5) / scenario.actors for nth in range(scenario.actors)]
    found = [min(math.exp(normal.inv_cdf(share)), _MOST) for share in shares]
    random.Random(f"{scenario.seed}/rates").shuffle(found)
    return found


def group(rate: float) -> str:
    """How often somebody posts, in a word."""
    return "often" if rate >= 2 else "daily" if rate >= 0.5 else "weekly" if rate >= 0.1 else "rare"


def happenings(scenario: Scenario) -> list[Happening]:
    """Everything that happens, in order; what is before day 0 is there when the crawl begins."""
    found: list[Happening] = []
    for actor, rate in enumerate(rates(scenario)):
        rng = random.Random(f"{scenario.seed}/{actor}")
        times = sorted(_posts(rng, rate, scenario.days))
        past = sum(at <= 0 for at in times)
        for nth, at in enumerate(times[max(0, past - _MOST_HISTORY) :]):
            found.append(Happening(at, actor, "post", nth))
            found.extend(_changes(rng, at, actor, nth, scenario.days))
    return sorted(found)


def _posts(rng: random.Random, rate: float, days: float) -> Iterator[float]:
    """A branching process: each post has on average `_CHILDREN` that follow it."""
    phase = rng.random()
    at = -_HISTORY
    while (at := at + rng.expovariate(rate * (1 - _CHILDREN) * (1 + _RHYTHM))) < days:
        awake = (1 + _RHYTHM * math.cos(2 * math.pi * (at - phase))) / (1 + _RHYTHM)
        if rng.random() >= awake:
            continue
        family = [at]
        for parent in family:
            child = parent
            while rng.random() < _CHILDREN / (1 + _CHILDREN):
                child += rng.expovariate(1 / _CHILD_AFTER)
                family.append(child)
        yield from (one for one in family if one < days)


def _changes(
    rng: random.Random, posted: float, actor: int, nth: int, days: float
) -> Iterator[Happening]:
    ends = days
    if rng.random() < _DELETED and (at := posted + _later(rng)) < days:
        ends = at
        if at > 0:
            yield Happening(at, actor, "delete", nth)
    if rng.random() < _EDITED and 0 < (at := posted + _later(rng)) < ends:
        yield Happening(at, actor, "edit", nth)


def _later(rng: random.Random) -> float:
    return _SOONEST * math.exp(rng.random() * math.log(_LATEST / _SOONEST))
