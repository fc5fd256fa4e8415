"""What a failed attempt means for whoever asks for the same again: the same error, for a while.

Pure. A copy is good until its next check; the word that there is none is good for a minute after
the first failure, and for four times as long after each further one, up to a day. Invariant: what
is told from the store has the class, and so the status and the exit code, of what the origin or
the rules said when they were asked.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import FedpullError, Gone, NotFound, Refused, TimedOut, Unreachable
from .records import Attempt, Reference, State
from .why import REASONS

# Whoever has mended something may try again after a minute; a page that names a dead host, and is
# opened a thousand times a day, has it asked seven times on the first day and daily from then on.
FIRST = 60.0
_FACTOR = 4.0
LONGEST = 86_400.0
# The operator's own rules: no origin is asked about them.
_OURS = frozenset({"types", "blocked", "forgotten"})

_ERRORS: tuple[tuple[str, type[FedpullError]], ...] = (
    ("refused", Refused),
    ("not found", NotFound),
    ("gone", Gone),
    ("a Tombstone", Gone),
    ("timeout", TimedOut),
    ("unreachable", Unreachable),
    ("asked to wait", Unreachable),
)


@dataclass(frozen=True, slots=True)
class Denial:
    """The error that asking for something ended in, since when it is known, and how long it holds;
    `at` None: it has no end."""

    error: FedpullError
    at: float | None
    lifetime: float


def lifetime(failures: int) -> float:
    """For how many seconds the latest of so many failures in a row is believed."""
    return min(FIRST * _FACTOR ** min(failures - 1, 16), LONGEST)


def error_of(subject: str, attempt: Attempt | None) -> FedpullError | None:
    """The error that an attempt ended in; None when it ended well."""
    if attempt is None:
        return None
    for word, error in _ERRORS:
        if attempt.outcome.startswith(word):
            return error(subject, attempt.outcome)
    return None


def denial(reference: Reference, subject: str = "") -> Denial | None:
    """What the store says instead of a copy; None where the last attempt did not fail.

    `subject`: what the caller named, where that is not the reference's id."""
    subject = subject or reference.id
    last = reference.log[0] if reference.log else None
    reason = reference.reason or ""
    # An attempt without a record of its own (what is gone came to be so in a page) has no end.
    at = last.at if last is not None else None
    if reference.state is State.GONE:
        gone = Gone(subject, REASONS.get(reason) or "its origin no longer has it")
        return Denial(gone, at, LONGEST)
    if reference.state is State.REFUSED:
        refused = Refused(subject, REASONS.get(reason) or reason or "is refused by policy")
        barred, lasts = reference.barred, LONGEST
        if reason == "robots" and barred is not None and at is not None:
            lasts = max(barred - at, 0.0)
        return Denial(refused, None if reason in _OURS else at, lasts)
    error = error_of(subject, last)
    if last is None or error is None or last.at <= (reference.verified_at or 0.0):
        return None  # since then it came, perhaps embedded in something else
    failures = max(_in_a_row(reference), reference.failures, 1)
    return Denial(error, at, lifetime(failures))


def _in_a_row(reference: Reference) -> int:
    """How many of the latest attempts failed; what is no document has no count of its own."""
    count = 0
    for attempt in reference.log:
        if error_of(reference.id, attempt) is None:
            break
        count += 1
    return count
