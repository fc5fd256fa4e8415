"""Traces: sources with heavy-tailed rates, bursts, days and nights, edits that thin out, pushes.

All times are days, counted from the start of the simulation. The numbers are those of the public
Fediverse as far as anyone has counted them; the policy under test does not see them. Invariant: a
seed and its parameters give the same trace on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

MINUTE = 1.0 / 1_440.0
HISTORY = 20  # items of a first page
_KNOWN = 200.0  # days of its past that an account's page may reach back to
_BURST = 30.0 * MINUTE
_NOTICE = 2.0 * MINUTE
_FIRST_EDITS = 5.0 * MINUTE


@dataclass(slots=True)
class Spec:
    """A source, as the trace knows it. `rate` is for the oracle only."""

    id: str
    host: str
    kind: str
    rate: float
    weight: float = 1.0
    tells: bool = True  # when it last changed
    history: list[float] = field(default_factory=list)
    since: float | None = None
    born: float = -1.0


@dataclass(slots=True)
class Trace:
    """What happens: (time, number of the source), in order of time."""

    specs: list[Spec]
    changes: list[tuple[float, int]]
    signals: list[tuple[float, int]]
    days: float


@dataclass(frozen=True, slots=True)
class Pushes:
    """Notices: from which share of the sources, of which share of changes, and how many false."""

    share: float = 0.0
    recall: float = 0.9
    false: float = 0.05  # per true change


def outboxes(
    n: int, days: float, seed: int, *, realistic: bool = True, history: bool = True,
    pushes: Pushes = Pushes(), tells: float = 1.0,
) -> Trace:  # fmt: skip
    """Accounts: most are dormant, some are bots; people post in bursts, and sleep."""
    random = Random(seed)
    host = _hosts(n, random)
    specs, changes, signals = [], [], []
    for number in range(n):
        rate, bot = _posting_rate(random)
        posts = _posts(random, rate, days, bot=bot, realistic=realistic)
        spec = Spec(f"s{number}", host(), "outbox", rate, tells=random.random() < tells)
        past = [t for t in posts if t < 0.0]
        if history:
            spec.history = past[-HISTORY:]
            spec.since = spec.history[0] if len(past) > HISTORY else -_KNOWN
        specs.append(spec)
        coming = [t for t in posts if t >= 0.0]
        changes += [(t, number) for t in coming]
        if random.random() < pushes.share:
            signals += _notices(random, number, coming, rate, days, pushes)
    return Trace(specs, sorted(changes), sorted(signals), days)


def documents(
    n: int, days: float, seed: int, *, posts: float = 0.0, pushes: Pushes = Pushes(),
    tells: float = 1.0,
) -> Trace:  # fmt: skip
    """Actors, which change at a steady rate, and a share of posts, which change the less the
    older they are."""
    random = Random(seed + 1_000)
    host = _hosts(n, random)
    specs, changes, signals = [], [], []
    for number in range(n):
        weight = random.lognormvariate(0.0, 1.2) / math.exp(0.72)
        if random.random() < posts:
            born = random.uniform(-14.0, days)
            theta = random.gammavariate(0.5, 0.16)
            edits = _edits(random, theta, born, days)
            spec = Spec(f"s{number}", host(), "post", theta / 2.0, weight, born=born)
        else:
            rate = min(random.lognormvariate(math.log(1.0 / 30.0), 2.0), 50.0)
            edits = _even(random, rate, 0.0, days)
            spec = Spec(f"s{number}", host(), "actor", rate, weight, random.random() < tells)
        specs.append(spec)
        edits = [t for t in edits if t >= max(spec.born, 0.0)]
        changes += [(t, number) for t in edits]
        if random.random() < pushes.share:
            signals += _notices(random, number, edits, spec.rate, days, pushes)
    return Trace(specs, sorted(changes), sorted(signals), days)


def _hosts(n: int, random: Random) -> Callable[[], str]:
    """Sizes by Zipf: the largest host has about a fifth of the sources, most have a handful."""
    count = max(20, n // 20)
    weights = [1.0 / rank**1.1 for rank in range(1, count + 1)]
    drawn = iter(random.choices(range(count), weights, k=n))
    return lambda: f"h{next(drawn)}"


def _posting_rate(random: Random) -> tuple[float, bool]:
    u = random.random()
    if u < 0.55:
        return random.lognormvariate(math.log(0.003), 1.0), False
    if u <= 0.99:
        return min(random.lognormvariate(math.log(0.35), 1.5), 500.0), False
    return min(5.0 * (1.0 + random.paretovariate(1.2) - 1.0), 500.0), True


def _posts(random: Random, rate: float, days: float, *, bot: bool, realistic: bool) -> list[float]:
    start = -min(_KNOWN, 60.0 / rate + 3.0)
    if bot or not realistic:
        return _even(random, rate, start, days)
    peak = random.choices((0.75, 0.58, 0.17), (0.35, 0.45, 0.20))[0] + random.gauss(0.0, 0.08)
    drawn = random.uniform(0.3, 0.7)  # posts that one post draws after it
    base = rate * (1.0 - drawn)
    turn, early, late = days, base, base
    if random.random() < 0.2:  # somebody starts, or stops
        turn = random.uniform(0.0, days)
        change = random.choice((8.0, 1.0 / 8.0))
        early = 2.0 * base / (1.0 + change)
        late = early * change
    posts = _daily(random, early, start, turn, peak) + _daily(random, late, turn, days, peak)
    waiting = list(posts)
    while waiting:
        t = waiting.pop()
        while random.random() < drawn / (1.0 + drawn):  # geometric, of mean `drawn`
            after = t + random.expovariate(1.0 / _BURST)
            if after < days:
                posts.append(after)
                waiting.append(after)
    return sorted(posts)


def _even(random: Random, rate: float, start: float, end: float) -> list[float]:
    times, t = [], start
    while (t := t + random.expovariate(rate)) < end:
        times.append(t)
    return times


def _daily(random: Random, rate: float, start: float, end: float, peak: float) -> list[float]:
    """A bump in the day, a floor in the night; mean 1, most 2.3."""
    kept = []
    for t in _even(random, 2.3 * rate, start, end):
        x = 0.5 * (1.0 + math.cos(2.0 * math.pi * (t - peak)))
        if random.random() * 2.3 < (0.05 + x**1.5) / 0.47441318:
            kept.append(t)
    return kept


def _edits(random: Random, theta: float, born: float, days: float) -> list[float]:
    """In the logarithm of age they come at an even rate."""
    most = math.log((max(days - born, 0.0) + _FIRST_EDITS) / _FIRST_EDITS)
    return [born + _FIRST_EDITS * math.expm1(s) for s in _even(random, max(theta, 1e-9), 0.0, most)]


def _notices(
    random: Random, number: int, changes: list[float], rate: float, days: float, pushes: Pushes
) -> list[tuple[float, int]]:
    told = [
        t + random.expovariate(1.0 / _NOTICE) for t in changes if random.random() < pushes.recall
    ]
    if pushes.false:
        told += _even(random, pushes.false * rate, 0.0, days)
    return [(t, number) for t in told]
