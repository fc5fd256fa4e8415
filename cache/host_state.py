"""What a host's answers mean for asking it again: a pure decision, without queue and store.

429 and 503 pause the host as long as it says, failures to answer make a breaker that opens after
three in a row and doubles up to six hours, refusals in a row leave the host alone. It counts no
slots. Invariant: a pause never ends later than MAX_PAUSE from now, whatever was claimed; one for a
host that has been dead for two months never later than LONGEST_PAUSE.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import blake2b

from .records import HostReport

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


@dataclass(frozen=True, slots=True)
class HostHealth:
    """What was learnt about a host. `since` is the first of the present row of failures."""

    failures: int = 0
    throttles: int = 0
    refusals: int = 0
    since: float | None = None
    until: float = 0.0
    last_error: str = ""

    @property
    def probing(self) -> bool:
        """The pause was for cause: one request at a time until one succeeds."""
        return is_probing(self.failures, self.throttles, self.refusals)


def is_probing(failures: int, throttles: int, refusals: int) -> bool:
    return failures >= _TRIES or throttles > 0 or refusals >= _UNWELCOME


def is_dead(failures: int, since: float, now: float) -> bool:
    """Whether nobody has answered for a week, though we tried."""
    return failures >= _MANY and now - since >= DEAD_AFTER


def host_after(host: str, health: HostHealth, report: HostReport, now: float) -> HostHealth:
    """The health of `host` after one request."""
    if report.ok and report.status is None:
        return health  # a slot that was given back without a request
    after = _judged(host, health, report, now)
    if report.pause is not None:
        after = replace(after, until=max(after.until, min(report.pause, now + MAX_PAUSE)))
    return after


def _judged(host: str, health: HostHealth, report: HostReport, now: float) -> HostHealth:
    status = report.status or 0
    error = report.error or (f"status {status}" if status >= 400 else "")
    if report.ok and status in (429, 503):
        return _throttled(health, error, report.pause is not None, now)
    if not report.ok or status >= 500:
        return _failed(host, health, error, now)
    if report.refused:
        refusals = health.refusals + 1
        until = now + MAX_PAUSE if refusals >= _UNWELCOME else health.until
        return HostHealth(refusals=refusals, until=until, last_error=error)
    if health.until > now and not health.failures:  # it answered what was sent before the pause
        return replace(health, refusals=0)
    return HostHealth()


def _throttled(health: HostHealth, error: str, told: bool, now: float) -> HostHealth:
    if health.until > now or told:  # those that were under way when the first 429 came say the same
        return replace(health, last_error=error, throttles=max(health.throttles, 1))
    pause = min(_THROTTLE * 2.0 ** min(health.throttles, 16), _LONGEST_THROTTLE)
    return replace(health, throttles=health.throttles + 1, until=now + pause, last_error=error)


def _failed(host: str, health: HostHealth, error: str, now: float) -> HostHealth:
    if health.until > now:  # sent before the pause began: one outage, not several
        return replace(health, last_error=error)
    failures = health.failures + 1
    since = min(health.since, now) if health.since is not None else now
    until = health.until
    if is_dead(failures, since, now):
        pause = LONGEST_PAUSE if now - since >= _GIVEN_UP_AFTER else MAX_PAUSE
        until = now + pause * (1.0 - _JITTER * _spread(host, failures))
    elif failures >= _TRIES:
        pause = min(_FIRST_BACKOFF * 2.0 ** min(failures - _TRIES, 16), _LONGEST_BACKOFF)
        until = now + pause * (1.0 - _JITTER + 2.0 * _JITTER * _spread(host, failures))
    return replace(health, failures=failures, since=since, until=until, last_error=error)


def _spread(host: str, failures: int) -> float:
    """A number in [0, 1) that differs from host to host, so that an outage's hosts do not return
    in step, and is the same in every run."""
    digest = blake2b(b"%s %d" % (host.encode(), failures), digest_size=4).digest()
    return int.from_bytes(digest, "big") / 2**32


def standing(health: HostHealth, now: float) -> str:
    """The word that people read: ok, slow, paused, dead or unwelcome."""
    if health.since is not None and is_dead(health.failures, health.since, now):
        return "dead"
    if health.refusals >= _UNWELCOME:
        return "unwelcome"
    if health.until > now:
        return "paused"
    return "slow" if health.failures or health.throttles else "ok"
