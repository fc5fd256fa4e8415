"""The trail of each fetch, in the log and in traces: a number that all its steps have in common.

    asked -> hop... -> answered | failed -> ingested -> stored | not stored

It decides nothing. Invariant: while nobody wants to know, a fetch that succeeds writes nothing here
and keeps nothing; what it does keep ends with the lease.
"""

from __future__ import annotations

import logging
import zlib
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..cache.records import Lease, Outcome
from .answer import Answer, FetchFailed, Hop

# Its own name, as these lines are one subject wherever they are written from.
log = logging.getLogger("fedpull.fetch")


@dataclass(slots=True)
class Course:
    """One fetch while it is being traced."""

    lease: Lease
    answered: float
    hops: tuple[Hop, ...]
    status: int | None = None
    bytes: int = 0
    error: str = ""
    decided: float = 0.0


class Traces(Protocol):
    """Where courses that have ended go."""

    def tell(self, number: str, course: Course, ended: float, changes: int, error: str) -> None: ...


def number_of(lease: Lease) -> str:
    """The number of a fetch: the same wherever it is asked for, and nowhere kept. A host is never
    leased twice until the same moment for the same URL."""
    return f"{zlib.crc32(f'{lease.url} {lease.until!r}'.encode()):08x}"


def told(level: int, event: str, number: str, message: str, *args: object, **fields: Any) -> None:
    """A line with what machines want to know of it."""
    extra = {"fields": {"event": event, "request": number, **fields}}
    log.log(level, message, *args, extra=extra)


def on_debug() -> bool:
    return log.isEnabledFor(logging.DEBUG)


def asked(lease: Lease) -> None:
    """A lease has become a request."""
    if on_debug():
        cause = lease.want.cause.name.lower()
        what: dict[str, Any] = {"url": lease.url, "host": lease.host, "cause": cause}
        said = ("%s is asked for", lease.url)
        told(logging.DEBUG, "asked", number_of(lease), *said, follow=lease.want.follow, **what)


def hopped(number: str, method: str, url: str, status: int, size: int, seconds: float) -> None:
    """A request has been answered; call it where `on_debug` says so."""
    what = {"url": url, "status": status, "bytes": size, "seconds": round(seconds, 4)}
    said = "%s %s: %d, %d bytes in %.3f s"
    told(logging.DEBUG, "hop", number, said, method, url, status, size, seconds, **what)


@dataclass(slots=True)
class Trail:
    """What the ingestor says of each lease. On the loop's thread."""

    traces: Traces | None = None
    _courses: dict[str, Course] = field(default_factory=dict)

    def answered(self, lease: Lease, answer: Answer, outcome: str) -> None:
        if self.traces is not None:
            size = len(answer.body)
            course = Course(lease, answer.at, answer.hops, answer.status, size)
            self._courses[number_of(lease)] = course
        if on_debug():
            what: dict[str, Any] = {"url": lease.url, "status": answer.status}
            what |= {"bytes": len(answer.body), "outcome": outcome}
            said = ("%s: %d, %s", lease.url, answer.status, outcome)
            told(logging.DEBUG, "answered", number_of(lease), *said, **what)

    def failed(self, lease: Lease, error: FetchFailed, now: float) -> None:
        if self.traces is not None:
            course = Course(lease, now, error.hops, error.status, error=error.kind)
            self._courses[number_of(lease)] = course
        if log.isEnabledFor(logging.INFO):
            cause = lease.want.cause.name.lower()
            what: dict[str, Any] = {"url": lease.url, "host": lease.host, "cause": cause}
            said = ("%s: %s (%s)", lease.url, error.reason, error.kind)
            told(logging.INFO, "failed", number_of(lease), *said, kind=error.kind, **what)

    def ingested(self, lease: Lease, outcome: Outcome, now: float) -> None:
        if (course := self._courses.get(number_of(lease)) if self._courses else None) is not None:
            course.decided = now
        if on_debug():
            documents, wants = len(outcome.puts), len(outcome.wants)
            said = ("%s: %d documents, %d further wants", lease.url, documents, wants)
            what: dict[str, Any] = {"documents": documents, "wants": wants}
            told(logging.DEBUG, "ingested", number_of(lease), *said, url=lease.url, **what)

    def stored(self, lease: Lease, changes: int, now: float) -> None:
        self._end(lease, now, changes, "")
        if on_debug():
            said = ("%s: on disk, %d changes", lease.url, changes)
            told(logging.DEBUG, "stored", number_of(lease), *said, url=lease.url, changes=changes)

    def lost(self, lease: Lease, error: BaseException, now: float) -> None:
        """Nothing came of it; the lease runs out by itself, and what it was for is asked again."""
        self._end(lease, now, 0, type(error).__name__)
        said = ("%s was not stored: %s", lease.url, error)
        told(logging.ERROR, "not stored", number_of(lease), *said, url=lease.url)

    def _end(self, lease: Lease, now: float, changes: int, error: str) -> None:
        if self.traces is None:
            return
        number = number_of(lease)
        if (course := self._courses.pop(number, None)) is not None:
            self.traces.tell(number, course, now, changes, error)
