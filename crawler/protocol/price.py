"""What one request costs: found so that the demand of all sources at that price is the budget.

A histogram of the sources, by what their intervals depend on, in steps of a quarter on logarithmic
scales: a few hundred buckets stand for ten million sources. Feed-forward: nothing is steered by
backlog, which swings. It knows no source and no time. Invariant: `count` and `uncount` of the same
bucket cancel exactly.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from math import exp, log, sqrt

from . import interval
from .assumptions import PRICE_FLOOR
from .estimate import age, precision, rate
from .source import ACTOR, DAY, OUTBOX, POST, Notices, Source

_STEPS = 4.0  # buckets per unit of a natural logarithm: within an eighth of the true value
_COARSE = 2.0  # where the interval depends on it less
_HIGHEST = 1e9
_CLOSE = 0.003  # of the budget; estimates are coarser than that
_FIXED = -1

Key = tuple[int, ...]


def key_of(source: Source, worth: float, notices: Notices | None) -> Key:
    """What the interval of a source depends on, besides the price."""
    low, high = _bounds(source.shortest, source.longest)
    if source.shortest >= source.longest:
        return (_FIXED, _level(source.longest / DAY, 8.0))
    changes = rate(source)
    if source.kind == ACTOR:
        return (ACTOR, low, high, _level(changes), _level(worth))
    if source.kind == POST:
        old = _level(age(source, source.last), _COARSE)
        return (POST, low, high, _level(worth * changes), old)
    if notices is None:
        return (OUTBOX, low, high, _level(worth * changes))
    left, notified = interval.unnoticed(changes, notices)
    if notices.direct:
        return (OUTBOX, low, high, _level(worth * left))
    true = _level(precision(notices) * worth, _COARSE)
    return (OUTBOX, low, high, _level(worth * left), _level(notified), true)


@lru_cache(1024)  # a handful of pairs, one for each way in which follows are configured
def _bounds(shortest: float, longest: float) -> tuple[int, int]:
    return _level(shortest / DAY, _COARSE), _level(longest / DAY, _COARSE)


def _level(value: float, steps: float = _STEPS) -> int:
    return round(steps * log(max(value, 1e-12)))


def _value(level: int, steps: float = _STEPS) -> float:
    return exp(level / steps)


def is_plain(key: Key) -> bool:
    """Whether its requests are all the interval's: no notices bring others, no age is fixed."""
    return len(key) == 4


@lru_cache(8192)
def _meaning(key: Key) -> tuple[float, ...]:
    """What a key says: least and most requests a day, then what its interval depends on."""
    if key[0] == _FIXED:
        days = _value(key[1], 8.0)
        return (1.0 / days, 1.0 / days)
    least, most = 1.0 / _value(key[2], _COARSE), 1.0 / _value(key[1], _COARSE)
    x = _value(key[3])
    if key[0] == POST:
        return (least, most, x, _value(key[4], _COARSE))
    if key[0] == ACTOR:
        return (least, most, x, _value(key[4]))
    if len(key) == 4:
        return (least, most, sqrt(x / 2.0))
    return (least, most, x, _value(key[4]), _value(key[5], _COARSE))


def requests(key: Key, price: float) -> float:
    """Requests a day of one source of this bucket."""
    meaning = _meaning(key)
    least, most = meaning[0], meaning[1]
    if len(meaning) == 2:
        return least
    if len(meaning) == 3:
        wanted = meaning[2] / sqrt(price)
    elif key[0] == ACTOR:
        wanted = 1.0 / interval.steady(meaning[2], meaning[3], price)
    elif key[0] == POST:
        wanted = 1.0 / interval.ageing(meaning[2], meaning[3], 1.0, price)
    else:
        wanted = 1.0 / interval.mean_noticed(meaning[2], meaning[3], price, meaning[4])
    return least if wanted < least else most if wanted > most else wanted


@lru_cache(4096)
def strength(key: Key) -> float:
    """What a source asks of its host: at a price L it wants about strength / sqrt(L) requests."""
    if key[0] == _FIXED:
        return 0.0
    if key[0] == ACTOR:
        return sqrt(_value(key[3]) * _value(key[4]) / 2.0)
    if key[0] == POST:
        return sqrt(_value(key[3]) / _value(key[4], _COARSE) / 2.0)
    if is_plain(key):
        return sqrt(_value(key[3]) / 2.0)
    # With notices that are followed it asks for up to 1.4 times of what it would without.
    told = _value(key[4]) * _value(key[5], _COARSE)
    return 1.2 * sqrt((_value(key[3]) + told) / 2.0)


@lru_cache(8192)
def number_of(key: Key) -> int:
    """Two bytes that stand for a key in a row, the same in every process.

    Two keys with one number are counted as the first of them: of a few hundred that is one or none.
    """
    mixed = 0
    for part in key:
        mixed = (mixed * 1_000_003 + part + 7) & 0xFFFFFFFF
    return ((mixed * 2_654_435_761 & 0xFFFFFFFF) >> 16) or 1


class Histogram:
    """How many sources stand in which bucket; and, while a sweep passes, what it has counted.

    Counts may drift from the truth when a transaction is thrown away after it was counted. A sweep
    counts everything anew, in the order of the ids: `recount` begins with each pass.
    """

    def __init__(self) -> None:
        self._keys: dict[int, Key] = {}
        self._counts: dict[int, int] = {}
        self._fresh: dict[int, int] | None = None
        self.total = 0
        self.moves = 0  # since the price was solved

    def number(self, key: Key) -> int:
        number = number_of(key)
        self._keys.setdefault(number, key)
        return number

    def key(self, number: int) -> Key | None:
        return self._keys.get(number)

    def move(self, old: int, new: int, *, swept: bool) -> None:
        """A source goes from one bucket to another; 0 is none. `swept`: this pass counted it."""
        if old == new:
            return
        self.moves += 1
        self.total += (new > 0) - (old > 0)
        _step(self._counts, old, new)
        if swept and self._fresh is not None:
            _step(self._fresh, old, new)

    def recount(self) -> None:
        """Begin a pass over all sources; what the pass before has counted becomes the count."""
        if self._fresh is not None:
            self._counts = {number: count for number, count in self._fresh.items() if count}
            self._keys = {number: self._keys[number] for number in self._counts}
            self.total = sum(self._counts.values())
        self._fresh = {}

    def swept(self, number: int) -> None:
        """This pass has come by a source that stands in this bucket."""
        if self._fresh is not None:
            self._fresh[number] = self._fresh.get(number, 0) + 1

    def demand(self, price: float) -> float:
        """Requests a day that all sources want at this price."""
        keys = self._keys
        return sum(n * requests(keys[number], price) for number, n in self._counts.items() if n)

    def solve(
        self,
        budget: float,
        start: float,
        floor: float = PRICE_FLOOR,
        passing: Callable[[float], float] = float,
    ) -> float:
        """The price at which the demand is `budget` requests a day; not below the floor.

        `passing` says how much of a demand hosts let through; the rest is left for others.
        """
        self.moves = 0
        if budget <= 0.0:
            return _HIGHEST
        low, high = log(floor) if floor > 0.0 else -40.0, log(_HIGHEST)
        at = min(max(log(start), low), high) if start > 0.0 else 0.0
        slope, before, was = -0.5, 0.0, 0.0
        for turn in range(40):
            wanted = passing(self.demand(exp(at)))
            off = log(wanted / budget) if wanted > 0.0 else -40.0
            if abs(off) < _CLOSE or (at <= low and off < 0.0) or (at >= high and off > 0.0):
                break
            if turn and abs(at - before) > 1e-9:
                slope = min(max((off - was) / (at - before), -1.5), -0.1)
            before, was = at, off
            at = min(max(at - min(max(off / slope, -6.0), 6.0), low), high)
        return exp(at)

    def state(self) -> bytes:
        """To be kept over a restart."""
        rows = [[list(self._keys[number]), n] for number, n in self._counts.items() if n]
        return json.dumps(rows).encode()

    @classmethod
    def from_state(cls, state: bytes) -> Histogram:
        """What `state` gave; an empty one for what cannot be read, which a sweep fills."""
        self = cls()
        try:
            for parts, count in json.loads(state):
                key = tuple(int(part) for part in parts)
                requests(key, 1.0)  # a key of another version raises here
                self._counts[self.number(key)] = max(int(count), 0)
        except (ValueError, TypeError, LookupError, ArithmeticError):
            return cls()
        self.total = sum(self._counts.values())
        return self


def _step(counts: dict[int, int], old: int, new: int) -> None:
    if old and counts.get(old, 0) > 0:
        counts[old] -= 1
    if new:
        counts[new] = counts.get(new, 0) + 1
