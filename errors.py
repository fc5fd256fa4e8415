"""The errors that cross a layer, and nothing else.

A FedpullError carries its subject (an id, a path, a handle), the reason, and the hints that a rim
needs: the HTTP status the private API answers, the exit code a command ends with, whether trying
again later can help. Library exceptions are wrapped into one of these once, where they are met.
The one mapping of failures to statuses and exit codes is this table of classes.
"""

from __future__ import annotations

from collections.abc import Iterable


class FedpullError(Exception):
    """Anything that Fedpull refuses or fails to do, for a stated reason.

    `subject` names the thing, `reason` says what is wrong with it, `expected` what would have been
    right (may be empty). `str()` gives one line: `subject: reason: expected ...`.
    """

    http_status = 500
    exit_code = 1
    retry = False
    problem = "error"  # last part of the RFC 9457 problem type

    def __init__(self, subject: str, reason: str, expected: str = "") -> None:
        self.subject = subject
        self.reason = reason
        self.expected = expected
        super().__init__(subject, reason, expected)

    def __str__(self) -> str:
        line = f"{self.subject}: {self.reason}" if self.subject else self.reason
        return f"{line}: expected {self.expected}" if self.expected else line


class BadInput(FedpullError):
    """The caller's words are wrong: scheme, IP literal, port, handle, usage, configuration."""

    http_status = 400
    exit_code = 2
    problem = "bad-input"


class Unfit(BadInput):
    """Everything that is wrong with what somebody gave, at once; what is first stands for all where
    there is room for one."""

    def __init__(self, errors: Iterable[BadInput]) -> None:
        self.errors = tuple(errors)
        first = self.errors[0]
        super().__init__(first.subject, first.reason, first.expected)

    def __str__(self) -> str:
        return "\n".join(map(str, self.errors))


class Refused(FedpullError):
    """Policy says no: blocklist, robots, consent, not public, forgotten."""

    http_status = 403
    exit_code = 4
    problem = "refused"


class NotFound(FedpullError):
    """The origin says 404, or the cache does not hold it."""

    http_status = 404
    exit_code = 3
    problem = "not-found"


class Gone(FedpullError):
    """The origin says 410 or serves a Tombstone."""

    http_status = 410
    exit_code = 3
    problem = "gone"


class TooOld(Gone):
    """Entries of the change log that were asked for are not kept any more; `oldest` is the first
    that is. Whoever follows the log has missed some, and begins anew from the lists."""

    problem = "too-old"

    def __init__(self, subject: str, reason: str, expected: str = "", oldest: int = 0) -> None:
        super().__init__(subject, reason, expected)
        self.oldest = oldest


class Unreachable(FedpullError):
    """Anything else on the way: name, address, connect, TLS, status, type, size, identity.

    Callers outside see one word: `reason` is for the log. Time-outs are 504.
    """

    http_status = 502
    exit_code = 5
    retry = True
    problem = "unreachable"


class TimedOut(Unreachable):
    """The origin did not answer within the time that it was given."""

    http_status = 504


class StoreError(FedpullError):
    """The store cannot be opened, read or written as it is."""

    http_status = 503
    exit_code = 1
    problem = "store"


class StoreLocked(StoreError):
    """Another process is the writer of this store."""
