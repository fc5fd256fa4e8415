"""What a host's answers mean for asking it again: a pure decision, without queue and store.

429 and 503 pause the host as long as it says, failures to answer make a breaker that opens after
three in a row and doubles up to six hours; refusals in a row leave the host alone, and so do many
answers that are nothing but pages for people. It counts no slots. Invariant: a pause never ends
later than MAX_PAUSE from now, whatever was claimed; one for a host that has been dead for two
months never later than LONGEST_PAUSE; and none ends sooner than the host has asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from .records import HostReport
from .spread import share_of
from .windows import late

# Longer than any Retry-After worth believing; with it a wrong date cannot silence a host for ever.
MAX_PAUSE = 86_400.0
_THROTTLE = 300.0  # 429 without a time: Mastodon's limits are windows of 5 to 15 minutes
_LONGEST_THROTTLE = 3_600.0
_TRIES = 3  # one lost connection is weather, three in a row are a state
_FIRST_BACKOFF = 60.0
_LONGEST_BACKOFF = 6 * 3_600.0
_JITTER = 0.2
DEAD_AFTER = 7 * 86_400.0
_GIVEN_UP_AFTER = 60 * 86_400.0
LONGEST_PAUSE = 7 * 86_400.0
# That we were not running is no sign of death: so many failures in a row take half a day of trying.
_MANY = 12
# A server in authorized-fetch mode refuses every unsigned request, so a few say nothing about us.
_UNWELCOME = 10
# A domain that was sold answers everything with a page for people; so does, for some of its posts,
# a blog. Its pages of an outbox get every fourth turn, so that this many in a row say something.
_STRANGE = 20
_FIRST_SLEEP = 3_600.0


@dataclass(frozen=True, slots=True)
class HostHealth:
    """What was learnt about a host. `since` is the first of the present row of failures."""

    failures: int = 0
    throttles: int = 0
    refusals: int = 0
    since: float | None = None
    until: float = 0.0
    last_error: str = ""
    strange: int = 0  # in a row: answers of no type that the Fediverse has


def is_probing(failures: int, throttles: int, refusals: int, strange: int) -> bool:
    """A pause was for cause: one request at a time until one succeeds."""
    return failures >= _TRIES or throttles > 0 or refusals >= _UNWELCOME or strange >= _STRANGE


def is_throttled(report: HostReport) -> bool:
    """Whether we were too fast for it: 429, or a 503 that says when to return (GoToSocial's)."""
    told = report.pause is not None
    return report.ok and (report.status == 429 or (report.status == 503 and told))


def is_dead(failures: int, since: float, now: float) -> bool:
    """Whether nobody has answered for a week, though we tried."""
    return failures >= _MANY and now - since >= DEAD_AFTER


def host_after(host: str, health: HostHealth, report: HostReport, now: float) -> HostHealth:
    """The health of `host` after one request."""
    if report.ok and report.status is None:
        return health  # a slot that was given back without a request
    after = _judged(host, health, report, now)
    if report.pause is not None:
        told = late(host, max(report.pause - now, 0.0), now)
        after = replace(after, until=max(after.until, now + min(told, MAX_PAUSE)))
    return after


def _judged(host: str, health: HostHealth, report: HostReport, now: float) -> HostHealth:
    status = report.status or 0
    error = report.error or (f"status {status}" if status >= 400 else "")
    if report.ok and status in (429, 503):
        return _throttled(host, health, error, report.pause is not None, now)
    if not report.ok or status >= 500:
        return _failed(host, health, error, now)
    if report.error == "type":
        return _slept(health, error, now)
    if report.refused:
        refusals = health.refusals + 1
        until = now + MAX_PAUSE if refusals >= _UNWELCOME else health.until
        return HostHealth(refusals=refusals, until=until, last_error=error)
    if health.until > now and not health.failures:  # it answered what was sent before the pause
        return replace(health, refusals=0, strange=0)
    return HostHealth()


def _slept(health: HostHealth, error: str, now: float) -> HostHealth:
    """It answered with what is no document: a page for people, in most cases."""
    if health.until > now:
        return replace(health, last_error=error)
    strange, until = health.strange + 1, health.until
    if strange >= _STRANGE:
        until = now + min(_FIRST_SLEEP * 2.0 ** min(strange - _STRANGE, 16), MAX_PAUSE)
    return HostHealth(strange=strange, until=until, last_error=error)


def _throttled(host: str, health: HostHealth, error: str, told: bool, now: float) -> HostHealth:
    if health.until > now or told:  # those that were under way when the first 429 came say the same
        return replace(health, last_error=error, throttles=max(health.throttles, 1))
    pause = min(_THROTTLE * 2.0 ** min(health.throttles, 16), _LONGEST_THROTTLE)
    until = now + late(host, pause, now)
    return replace(health, throttles=health.throttles + 1, until=until, last_error=error)


def _failed(host: str, health: HostHealth, error: str, now: float) -> HostHealth:
    if health.until > now:  # sent before the pause began: one outage, not several
        return replace(health, last_error=error)
    failures = health.failures + 1
    since = min(health.since, now) if health.since is not None else now
    until = health.until
    if is_dead(failures, since, now):
        pause = LONGEST_PAUSE if now - since >= _GIVEN_UP_AFTER else MAX_PAUSE
        until = now + pause * (1.0 - _JITTER * share_of(host, failures))
    elif failures >= _TRIES:
        pause = min(_FIRST_BACKOFF * 2.0 ** min(failures - _TRIES, 16), _LONGEST_BACKOFF)
        until = now + pause * (1.0 - _JITTER + 2.0 * _JITTER * share_of(host, failures))
    return replace(health, failures=failures, since=since, until=until, last_error=error)


def standing(health: HostHealth, now: float) -> str:
    """The word that people read: ok, slow, paused, dead or unwelcome."""
    if health.since is not None and is_dead(health.failures, health.since, now):
        return "dead"
    if health.refusals >= _UNWELCOME:
        return "unwelcome"
    if health.until > now:
        return "paused"
    slow = health.failures or health.throttles or health.strange >= _STRANGE
    return "slow" if slow else "ok"


def reason(health: HostHealth, now: float) -> str | None:
    """Why it stands as it does, in a sentence for a person; None: there is nothing to tell."""
    error = f" ({health.last_error})" if health.last_error else ""
    if health.refusals >= _UNWELCOME:
        return f"has refused {health.refusals} requests in a row, and is asked once a day"
    if health.strange >= _STRANGE:
        return f"has answered {health.strange} requests in a row with what is no document"
    if health.failures:
        return f"has failed {health.failures} times in a row{error}"
    if health.until > now or health.throttles:
        return f"has asked us to wait{error}"
    return None
