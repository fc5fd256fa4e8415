"""The account of the request budget: what may be asked just now. It picks nothing.

Every request is charged to it, whoever made it. The refresh loop waits for tokens, which everything
else takes from, so the loop yields to what people, pushes and new posts need; and where the loop
runs, everything that is asked without anybody waiting for it ends with the hour's share. Invariant:
only what people and pushes want can make an hour exceed the budget.
"""

from __future__ import annotations

from math import inf
from typing import Final

# The refill and the bucket together make the budget, so that no hour sees more than it.
_REFILL = 0.95
_BURST = 0.05
_HOUR = 3_600.0
# Others may owe the loop so much, in seconds of refill: a long backfill must not stop it for ever.
_LONGEST_DEBT = 600.0
# What its own requests lead to (the pages and posts that a poll has found) it has to save up for,
# so that a backlog of a month is no burst; but for nothing longer than this.
_LONGEST_OWN_DEBT = _HOUR
# A clock that jumped gives no more than this at once.
_LONGEST_GAP = 60.0
_MINUTE = 60.0
# While first sights wait, they and the loop (with what it finds) share the budget so, that neither
# has to wait for the other's end.
_BACKFILL = 0.6
_WAITS = 300.0  # a backfill that was refused lately wants more; the dispatcher asks each minute
# Where the budget has more than the loop wants, follows may lead to more than their share, up to
# this part of it in all; also in each few minutes, so that the loop never waits for long.
_LED: Final = 0.5
_FEW_MINUTES = 5
_MOST_FOLLOWS = 4_096  # that are counted each; what led to little is forgotten first


class Account:
    """Tokens, and how many requests there were in each minute of the last hour."""

    def __init__(self, per_hour: float) -> None:
        self.per_hour = per_hour
        self._refill = per_hour * _REFILL / _HOUR
        self._most = max(per_hour * _BURST, 1.0)
        self._tokens = 0.0
        self._at: float | None = None
        self._minutes: dict[int, int] = {}
        self._granted: dict[int, int] = {}
        self._backfills: dict[int, int] = {}
        self._led: dict[bytes, dict[int, int]] = {}  # by follow
        self._led_in_all: dict[int, int] = {}
        self._refused = -inf
        self._holds = False

    def hold(self) -> None:
        """The loop runs: from now on `left` is bounded. A single command asks what it was told."""
        self._holds = True

    def left(self, now: float, *, backfill: bool = False) -> float:
        """How many requests may begin that nobody waits for: of a backfill, or of all else."""
        if not self._holds:
            return inf
        # An hour that began within a minute holds 61 of them in part.
        used, backfills = _within(self._minutes, now, 61), _within(self._backfills, now, 61)
        left = max(self.per_hour * _REFILL, 1.0) - used
        if backfill:
            return min(left, max(self.per_hour * _BACKFILL, 1.0) - backfills)
        if 0.0 <= now - self._refused < _WAITS:
            left = min(left, self.per_hour * (_REFILL - _BACKFILL) - (used - backfills))
        return left

    def led(self, follow: bytes, now: float) -> None:
        """A request began that one follow has led to; it is charged besides."""
        if follow not in self._led and len(self._led) >= _MOST_FOLLOWS:
            self._led = {one: told for one, told in self._led.items() if _within(told, now, 60)}
            if len(self._led) >= _MOST_FOLLOWS:
                self._led.pop(min(self._led, key=lambda one: _within(self._led[one], now, 60)))
        _add(self._led.setdefault(follow, {}), 1, now)
        _add(self._led_in_all, 1, now)

    def may_lead(self, follow: bytes, follows: int, now: float, *, spare: bool) -> bool:
        """Whether one follow may lead to another request: to its share of the hour, and beyond that
        to what nobody else wants. `follows`: how many there are; `spare`: the loop wants no more
        than it has."""
        if not self._holds:
            return True
        told = self._led.get(follow)
        if told is None or _within(told, now, 61) < max(self.per_hour / max(follows, 1), 1.0):
            return True
        if not spare:
            return False
        lately = _within(self._led_in_all, now, _FEW_MINUTES)
        return (
            _within(self._led_in_all, now, 61) < self.per_hour * _LED
            and lately < self.per_hour * _LED * _FEW_MINUTES / 60
        )

    def refuse_backfill(self, now: float) -> None:
        """A backfill has to wait for its share."""
        self._refused = now

    def room(self, now: float) -> int:
        """How many requests the loop may begin."""
        if self._at is not None:
            gap = min(max(now - self._at, 0.0), _LONGEST_GAP)
            self._tokens = min(self._tokens + gap * self._refill, self._most)
        self._at = now
        return max(int(min(self._tokens, self.left(now))), 0)

    def charge(self, n: int, now: float, *, own: bool = False, backfill: bool = False) -> None:
        """Requests that were made; `own`: because of what the loop has found."""
        debt = -self._refill * (_LONGEST_OWN_DEBT if own else _LONGEST_DEBT)
        self._tokens = min(self._tokens, max(self._tokens - n, debt))
        _add(self._minutes, n, now)
        if backfill:
            _add(self._backfills, n, now)

    def granted(self, n: int, now: float) -> None:
        """Requests that the loop has begun; they are charged when they are made."""
        _add(self._granted, n, now)

    def restore(self, used: int, at: float) -> None:
        """What was used in the hour before a restart. Nothing is owed for it, and none of it is
        taken for what others asked, which would make the price rise."""
        _add(self._minutes, used, at)
        _add(self._granted, used, at)

    def used(self, now: float) -> int:
        """Requests of the last hour."""
        return _within(self._minutes, now, 60)

    def others(self, now: float) -> int:
        """Of these, those that were not the loop's."""
        return max(self.used(now) - _within(self._granted, now, 60), 0)


def _add(minutes: dict[int, int], n: int, now: float) -> None:
    minute = int(now // _MINUTE)
    minutes[minute] = minutes.get(minute, 0) + n
    if len(minutes) > 70:
        # By distance, not by order: the clock may have been set back.
        for other in [m for m in minutes if not minute - 61 < m <= minute]:
            del minutes[other]


def _within(minutes: dict[int, int], now: float, count: int) -> int:
    # A copy, since the status is asked for on other threads than the writer's.
    minute = int(now // _MINUTE)
    return sum(n for m, n in list(minutes.items()) if minute - count < m <= minute)
