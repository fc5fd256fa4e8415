"""What hosts announce of their limits, kept between answers, and the pace that follows. Pure.

It reads no header (`crawler.protocol.rate_limits`) and knows no queue. Between two answers what is
left counts down by every request of ours, those under way included. Invariant: whatever a host
announced, no more requests go to it before a window's end than it said were left; a window ends
within LONGEST of what announced it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ..crawler.protocol.rate_limits import DAY, MOST_WINDOWS, Announced
from .spread import share_of

# What servers write in whole seconds they may have rounded down.
_ROUNDED = 1.0
_LATE_PART, _LATEST = 0.05, 30.0  # of the wait, and seconds: how much later we come than we may
LONGEST = DAY + _ROUNDED + _LATEST
# A tenth, and one request at least, is left for who waits: people, and the further hops of what has
# begun.
_RESERVE = 0.1
# After a 429 the host is asked half as often, and a tenth of the full pace more in each hour, which
# is how servers' own limits are found (additive increase, multiplicative decrease).
_LEAST_ALLOWANCE = 1 / 16
_GROWS = 0.1 / 3_600.0


class Window(NamedTuple):
    """A window as it was last announced. `left` counts from when `counted` requests had been made
    of the host; `heard` is when the request was sent whose answer said so."""

    name: str
    quota: int
    span: float
    left: int
    counted: int
    resets: float
    heard: float

    def remaining(self, requests: int) -> int:
        """How many more requests it bears, when so many have been made of the host."""
        return max(self.left - max(requests - self.counted, 0), 0)


def hear(
    windows: tuple[Window, ...],
    told: Iterable[Announced],
    host: str,
    requests: int,
    under_way: int,
    sent: float,
    now: float,
) -> tuple[Window, ...]:
    """The windows after one answer: those that it names, and of the others those that still run.

    `requests` have been made of the host, and answers to `under_way` are to come: what they take is
    not in what the host says is left.
    """
    known = {one.name: one for one in windows if one.resets > now}
    for one in told:
        before = known.get(one.name)
        if before is not None and before.heard >= sent:
            continue  # the answer to an earlier request, overtaken by that to a later one
        known[one.name] = Window(
            name=one.name,
            quota=one.quota,
            span=one.span,
            left=max(one.remaining - under_way, 0),
            counted=requests,
            resets=now + late(host, min(one.reset, DAY), now) + _ROUNDED,
            heard=sent,
        )
    kept = sorted(known.values(), key=lambda one: one.heard)[-MOST_WINDOWS:]
    return tuple(kept)


def opens(windows: tuple[Window, ...], requests: int, last: float, *, waited_for: bool) -> float:
    """When the windows let the next request go, `last` being the time of the one before.

    What somebody waits for goes as long as anything is left; all else is spread over the time that
    is left, and leaves the reserve.
    """
    at = 0.0
    for one in windows:
        usable = one.remaining(requests) - (0 if waited_for else _reserve(one))
        if usable <= 0:
            at = max(at, one.resets)
        elif not waited_for and one.resets > last:
            at = max(at, last + (one.resets - last) / usable)
    return at


def unheard(windows: tuple[Window, ...], now: float) -> bool:
    """Whether a window has begun anew and no answer has told of it yet: one request goes alone."""
    return any(one.resets <= now for one in windows)


def spread(windows: tuple[Window, ...], requests: int, now: float) -> float:
    """The seconds between two requests that nobody waits for, as the windows have it now."""
    usable = [(one.resets - now, one.remaining(requests) - _reserve(one)) for one in windows]
    return max((wait / max(left, 1) for wait, left in usable if wait > 0.0), default=0.0)


def _reserve(window: Window) -> int:
    return max(int(window.quota * _RESERVE), 1) if window.quota > 1 else 0


def allowance(kept: float, since: float, now: float) -> float:
    """The part of the full pace that a host gets whose latest 429 came at `since`, and left it the
    part `kept`."""
    if not since:
        return 1.0
    return min(kept + _GROWS * max(now - since, 0.0), 1.0)


def halved(part: float) -> float:
    """The part of the full pace after one more 429."""
    return max(part / 2.0, _LEAST_ALLOWANCE)


def late(host: str, seconds: float, at: float) -> float:
    """A wait as long as it was asked for, and a little longer: by another bit for each host and
    time, so that hosts whose windows end at one moment are not asked at one."""
    return seconds + min(seconds * _LATE_PART, _LATEST) * share_of(host, at)
