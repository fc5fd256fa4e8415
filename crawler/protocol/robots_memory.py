"""What is known of a host's robots.txt: read, not there, or not to be had, and until when.

Pure: it decides what an attempt to read one comes to; it fetches nothing and keeps nothing.
Invariants: nothing is believed for longer than a day (RFC 9309 section 2.4); where the file can not
be had, everything is disallowed, and it is asked for again after pauses that grow up to a day.

    200                          what parses
    404, 410 and other 4xx       nothing is disallowed (RFC 9309 section 2.3.1.3)
    more than five redirects     the same (section 2.3.1.2)
    401, 403, 429                everything is: who locks robots.txt has not invited robots
    5xx, no answer, the rest     everything is, until it can be read
"""

from __future__ import annotations

from typing import Literal

from .record import record
from .robots import Rules, Ruling, parse

DAY = 86_400.0
MAX_HOPS = 5
# GoToSocial asks for 500 s. So that robots.txt, the pause and the document fit into the half minute
# for which a person waits, and the pause before a redirect into the time of a chain.
MAX_DELAY = 20.0
_LOCKED_PAUSE = 900.0
_SILENT_PAUSE = 60.0  # whoever has mended something may try again after a minute
_SLACK = 3_600.0  # by which a clock may have been set back since
_CLOSED = (401, 403, 429)
_STATUS = "status "

State = Literal["read", "none", "closed"]


@record(frozen=True, slots=True)
class Robots:
    """One host's ("host:port"), as of `at`; to be asked for again from `until` on."""

    at: float
    until: float
    state: State
    said: str = ""  # where no rules were read: what came instead
    failures: int = 0  # in a row
    rules: Rules = Rules()

    def judge(self, target: str) -> Ruling:
        """Whether the path and query of a URL may be asked for, and why."""
        if self.state == "read":
            return self.rules.judge(target)
        return Ruling(self.state == "none", self.said)

    @property
    def silent(self) -> bool:
        """Nothing was said at all, neither yes nor no: the host could not be reached."""
        return self.state == "closed" and not self.said.startswith(_STATUS)

    @property
    def delay(self) -> float:
        """The pause between two requests that it asks for, as far as that is granted."""
        return min(self.rules.delay or 0.0, MAX_DELAY)


def fresh(known: Robots | None, now: float) -> Robots | None:
    """What may still be believed; a clock that was set back makes nothing last longer."""
    if known is None or now >= known.until or known.until - now > DAY + _SLACK:
        return None
    return known


def answered(status: int, body: bytes, before: Robots | None, now: float) -> Robots:
    """What a complete answer comes to; `before` is what was known, fresh or not."""
    if status == 200:
        return Robots(now, now + DAY, "read", rules=parse(body))
    if 400 <= status < 500 and status not in _CLOSED:
        return Robots(now, now + DAY, "none", f"{_STATUS}{status}")
    return _closed(f"{_STATUS}{status}", _LOCKED_PAUSE, before, now)


def lost(said: str, redirects: int, before: Robots | None, now: float) -> Robots:
    """No answer came, for the reason `said`; `redirects` is how many came instead."""
    if redirects > MAX_HOPS:
        return Robots(now, now + DAY, "none", f"more than {MAX_HOPS} redirects")
    return _closed(said, _SILENT_PAUSE, before, now)


def _closed(said: str, first: float, before: Robots | None, now: float) -> Robots:
    failures = 1 + (before.failures if before is not None else 0)
    pause = min(first * 4.0 ** min(failures - 1, 8), DAY)
    return Robots(now, now + pause, "closed", said, failures)
