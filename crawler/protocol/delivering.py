"""What became of a delivery: over, or to be tried again, and when. Pure; it sends nothing.

A row fails for itself, for its inbox, or for the whole origin, and each is left alone for as long
as that says. Invariants: only requests that were really sent count as attempts; what is tried again
is tried before its time to live is over, and never sooner than the host has asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

from .breaker import DEAD_DAYS
from .media import CLOCKS_APART, clock_apart
from .rate_limits import HOUR, announced, retry_after

State = Literal["waiting", "delivered", "given_up", "expired"]

# Before the request was sent: no name, no address, no connection, no TLS.
_UNSENT = frozenset(("name", "address", "connect", "tls"))
# Not to be asked at all, by the rules for URLs or the operator's word.
_FORBIDDEN = frozenset(("url", "refused"))
_GONE = 410
_NOT_FOUND, _NOT_FOUND_TIMES = 404, 3  # an inbox that says so three times is gone as well
_UNKNOWN_KEY, _TIMEOUT = 401, 408
_WAIT = frozenset((429, 503))
_NOT_IMPLEMENTED = 501
_TOLD_APART = frozenset((401, 403, 404, 410, 429))
# What can go wrong, in a word: before there is an answer, and by the answer.
_HINDRANCES = ("name", "address", "connect", "tls", "timeout", "protocol", "url", "refused")
ERRORS = (
    *_HINDRANCES,
    *("http_3xx", "http_401", "http_403", "http_404", "http_410", "http_429"),
    *("http_4xx", "http_5xx"),
)
_DAY = 86_400.0
# A server that is dead is asked once a day for a month, and then once a week.
_DEAD_PAUSES = ((30 * _DAY, _DAY), (float("inf"), 7 * _DAY))
# Synapse's spread: those that failed together do not come back together.
_SPREAD = (0.8, 1.4)


@dataclass(frozen=True, slots=True)
class Schedule:
    """`retry`: seconds after the first, second... failure; there is one, and the last holds on.
    `ttl`: seconds."""

    retry: tuple[float, ...]
    ttl: float


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of a delivery before this attempt."""

    attempts: int
    not_found: int  # how often its inbox has said 404, in a row
    created: float
    host_failures: int  # of its origin, in a row
    host_days: int = 0  # on which its origin failed
    host_since: float | None = None  # when that began


@dataclass(frozen=True, slots=True)
class Reply:
    """How the request ended: a status, or what stood in the way (`kind` of FetchFailed)."""

    status: int | None
    headers: Mapping[str, str]
    kind: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`host_until`: its origin failed, and is left alone until then. `inbox_gone`: whatever else
    waits for this inbox is over, too. `moved`: its owner is to be looked at anew, who may have
    another inbox. `rest_until`: its origin has taken it, and takes no more before then."""

    state: State
    counted: bool
    error: str = ""
    retry_at: float | None = None
    host_until: float | None = None
    inbox_gone: bool = False
    moved: bool = False
    rest_until: float | None = None


def judge(reply: Reply, past: Past, schedule: Schedule, now: float, chance: float) -> Verdict:
    """`chance`, from 0 to 1, spreads the times."""
    status = reply.status
    if status is None:
        return _unanswered(reply, past, schedule, now, chance)
    if 200 <= status < 300:
        return Verdict("delivered", counted=True, rest_until=_spent(reply.headers, now))
    error = f"the inbox answers {status}"
    if status == _GONE or (status == _NOT_FOUND and _often(past)):
        return Verdict("given_up", counted=True, error=error, inbox_gone=True, moved=True)
    failing = status in _WAIT or (status >= 500 and status != _NOT_IMPLEMENTED)
    if not failing and status not in (_NOT_FOUND, _UNKNOWN_KEY, _TIMEOUT):
        # Also 3xx: what is signed for one URL is not sent to another (Mastodon never redirects it).
        return Verdict("given_up", counted=True, error=error, moved=300 <= status < 400)
    counted = True
    if status == _UNKNOWN_KEY and (apart := _apart(reply, now)):
        counted, error = False, f"{error}; {apart}"
    until = _host_until(reply, past, schedule, now, chance) if failing else None
    asked = _asked(reply, now) is not None
    if asked and _is_believed(past, schedule):
        return Verdict("waiting", counted, error, _in_time(now, until, past, schedule), until)
    # To be asked to wait is no refusal, and a wrong clock no attempt: time alone ends these.
    patient = status in _WAIT or not counted
    if past.attempts >= len(schedule.retry) and not patient:
        return Verdict("given_up", counted=True, error=error, host_until=until)
    by_age = asked or not counted
    pauses = _pauses(schedule, now - past.created) if by_age else past.attempts
    at = now + _spread(_delay(schedule, pauses), chance)
    return Verdict("waiting", counted, error, _in_time(at, until, past, schedule), until)


def kind_of(reply: Reply) -> str:
    """What went wrong, one of `ERRORS`; empty: nothing."""
    status = reply.status
    if status is None:
        return reply.kind if reply.kind in _HINDRANCES else "protocol"
    if status in _TOLD_APART:
        return f"http_{status}"
    return "" if 200 <= status < 300 else f"http_{min(max(status // 100, 3), 5)}xx"


def _spent(headers: Mapping[str, str], now: float) -> float | None:
    """Until when the limit that it announces lets nothing more in."""
    ends = [one.reset for one in announced(headers, now) if one.remaining <= 0]
    return now + min(max(ends), HOUR) if ends else None


def _apart(reply: Reply, now: float) -> str:
    """A signature is refused where clocks differ, whichever of the two is wrong: no fault of the
    inbox, and none of the delivery."""
    apart = clock_apart(reply.headers, now)
    if abs(apart) <= CLOCKS_APART:
        return ""
    return f"its clock and ours are {abs(apart):.0f} s apart"


def _unanswered(reply: Reply, past: Past, schedule: Schedule, now: float, chance: float) -> Verdict:
    """A host that is away keeps what waits for it until that is too old."""
    if reply.kind in _FORBIDDEN:
        return Verdict("given_up", counted=False, error=reply.reason)
    sent = reply.kind not in _UNSENT
    until = _host_until(reply, past, schedule, now, chance)
    return Verdict("waiting", sent, reply.reason, _in_time(now, until, past, schedule), until)


def _often(past: Past) -> bool:
    return past.not_found >= _NOT_FOUND_TIMES - 1


def _asked(reply: Reply, now: float) -> float | None:
    """In how many seconds the host wants to be asked again; None: it does not say."""
    return retry_after(reply.headers, now) if reply.status in _WAIT else None


def _is_believed(past: Past, schedule: Schedule) -> bool:
    """Whether a host is asked as soon as it says: one that says a second each time, and never means
    it, would be asked a hundred thousand times a day."""
    return past.host_failures < len(schedule.retry)


def _host_until(reply: Reply, past: Past, schedule: Schedule, now: float, chance: float) -> float:
    asked = _asked(reply, now)
    if asked is not None:
        return now + asked
    if past.host_since is not None and past.host_days >= DEAD_DAYS:
        age = now - past.host_since
        pause = next(pause for most, pause in _DEAD_PAUSES if age < most)
        return now + max(_spread(pause, chance), pause)
    return now + _spread(_delay(schedule, past.host_failures), chance)


def in_a_row(statuses: Sequence[int | None]) -> int:
    """How many 404s the latest answers are. What stood in the way of a request is no answer."""
    answers = [status for status in statuses if status is not None]
    return next((n for n, one in enumerate(answers[::-1]) if one != _NOT_FOUND), len(answers))


def _in_time(at: float, until: float | None, past: Past, schedule: Schedule) -> float:
    """Not before its host, and once more at the end of its time, which is when it expires."""
    return min(max(at, until or 0.0), past.created + schedule.ttl)


def _delay(schedule: Schedule, failures: int) -> float:
    return schedule.retry[min(failures, len(schedule.retry) - 1)]


def _pauses(schedule: Schedule, age: float) -> int:
    """How many of the schedule's pauses are over: for what does not count as an attempt, or was
    made when its host wanted it."""
    return sum(after <= age for after in accumulate(schedule.retry))


def _spread(seconds: float, chance: float) -> float:
    low, high = _SPREAD
    return seconds * (low + (high - low) * chance)
