"""Whether our clock is wrong, by what the servers that answer us say of the time. It sets no clock.

A clock that is wrong by more than servers forgive has every signature refused, ours at them and
theirs at us (RFC 9421 section 3.2.1, draft-cavage-12 section 2.1.4), and nothing else seems amiss.
Invariants: the word of fewer than three hosts never counts, since one server's clock is its own
business; what is remembered is bounded.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from statistics import median

from .answer import Answer
from .protocol import media

log = logging.getLogger(__name__)

_HOSTS = 3
_REMEMBERED = 32  # hosts that answered last


def agreed(apart: Iterable[float]) -> float:
    """By how many seconds our clock is ahead of what hosts agree on, each with its own difference;
    0 while they are too few, or most of them are within what everybody forgives."""
    told = list(apart)
    middle = median(told) if len(told) >= _HOSTS else 0.0
    return middle if abs(middle) > media.CLOCKS_APART else 0.0


class Skew:
    """The difference that each of the latest hosts showed; on the loop's thread."""

    def __init__(self) -> None:
        self._apart: dict[str, float] = {}
        self._warned = False

    def heard(self, answer: Answer) -> None:
        """An answer came, straight from its host; warns in the log when that shows us to be wrong.

        One that a cache has held says when it was made, not what time it is.
        """
        if "date" not in answer.headers or media.age(answer.headers):
            return
        host = answer.hops[-1].host
        self._apart.pop(host, None)
        apart = self._apart[host] = media.clock_apart(answer.headers, answer.at)
        if len(self._apart) > _REMEMBERED:
            del self._apart[next(iter(self._apart))]
        if abs(apart) <= media.CLOCKS_APART and not self._warned:
            return  # as nearly always: this one cannot have raised a doubt
        doubts = self.doubts()
        if doubts and not self._warned:
            log.warning("%s", doubts[0])
        self._warned = bool(doubts)

    def doubts(self) -> tuple[str, ...]:
        """What an operator is told in the status and at /readyz; empty while the clock is right."""
        apart = agreed(self._apart.values())
        if not apart:
            return ()
        way = "ahead of" if apart > 0 else "behind"
        wrong = f"is {abs(apart):.0f} s {way} that of {len(self._apart)} servers"
        return (f"clock: {wrong}, so signatures are refused: expected one that NTP keeps right",)
