"""The breaker of an origin to which we deliver: closed, open, half open, or dead. Pure.

It knows no inbox and sends nothing; how long a pause lasts is `delivering`'s to say. Invariants:
only an answer to a request of ours closes it; while it is half open one delivery goes, as a probe;
what waited is released one delivery at a time, no sooner than RELEASE_GAP says.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Standing = Literal["ok", "paused", "dead"]

# Mastodon's measure: an outage of a weekend is weather, seven days on which nothing arrived are a
# state, and they need not follow one another.
DEAD_DAYS = 7
# A server that comes back finds its own users and every other server at its door. Fedify releases
# one a second; so do we for a minute, then as much faster as it proves to take it.
RELEASE_GAP = 1.0
_STEADY, _FASTER, _SHORTEST = 60, 0.97, 0.01
_DAY = 86_400.0
_TO_PROBE = 1
_PROBED = {_TO_PROBE: 2}
# With nothing to send nobody asks, so this is how long it is known at all. A server that was dead
# is asked once a week at the least while anything goes to it, which renews this.
REMEMBERED = 30 * _DAY


@dataclass(frozen=True, slots=True)
class Health:
    """What is known of an origin. `since`: of the first failure in this row of them."""

    failures: int = 0  # in a row
    since: float | None = None
    until: float = 0.0  # not to be asked before
    days: int = 0  # on which something failed
    day: int = 0  # the latest of them, counted from 1970
    early: int = 0  # a probe out of turn: none, to be made, made since the last one at its time
    error: str = ""  # the latest
    at: float = 0.0  # the latest failure
    eased: int | None = None  # how many it has taken since it came back; None: it is up

    @property
    def dead(self) -> bool:
        return self.days >= DEAD_DAYS


UP = Health()


def failed(health: Health, now: float, until: float, error: str) -> Health:
    """Nothing came back, or that it can take nothing now."""
    day = int(now // _DAY)
    return Health(
        failures=health.failures + 1,
        since=now if health.since is None else min(health.since, now),
        until=until,
        days=health.days + (health.failures == 0 or day != health.day),
        day=day,
        early=_PROBED.get(health.early, 0),
        error=error,
        at=now,
    )


def answered(health: Health, now: float, rest: float | None = None) -> Health:
    """It has answered a request of ours, whatever it said: it is alive. `rest`: it takes nothing
    more before then."""
    eased = 0 if health.failures else health.eased
    until = rest or 0.0
    if eased is None or (gap := release_gap(eased)) < _SHORTEST:
        return Health(until=until) if until else UP
    return Health(until=max(until, now + gap), eased=eased + 1)


def release_gap(taken: int) -> float:
    """Between two deliveries to an origin that came back and has taken so many since."""
    return RELEASE_GAP * _FASTER ** max(taken - _STEADY, 0)


def heard_from(health: Health, now: float) -> Health:
    """It has sent us something, which does not say that it takes anything: one probe goes at once,
    and the next only at its time, or a server whose inbox is broken would be asked for each of its
    posts (mastodon/mastodon#31118)."""
    if not health.failures or health.early or health.until <= now:
        return health
    return replace(health, until=now, early=_TO_PROBE)


def standing(health: Health, now: float) -> Standing:
    """The word for people."""
    if health.dead:
        return "dead"
    return "paused" if health.failures else "ok"
