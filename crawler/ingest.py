"""Answer -> Outcome: every consequence of one answer, as values.

Pure: what is known already comes in as `Prior`, the time as `now`; the shell applies the outcome in
one transaction. Invariant: an outcome gives its lease back, and a follow is never left without a
row in the queue that leads on.

    FINGER    -> the follow's actor, or its confirmation        (ingest_follow)
    DOCUMENT  -> a body under its id, parents and authors next   (ingest_document)
    PAGE      -> members, embedded bodies, the walk's next step  (ingest_page, ingest_thread)
    no answer -> when to try again, and what to tell             (ingest_failure)
"""

from __future__ import annotations

from dataclasses import replace

from ..cache.records import Kind, Outcome
from . import (
    ingest_document,
    ingest_failure,
    ingest_follow,
    ingest_page,
    ingest_thread,
    ingest_visit,
)
from .asking import asks
from .host_reports import reports
from .reading import Prior, Reading


def ingest(reading: Reading, prior: Prior, now: float) -> Outcome:
    """Decide what follows from `reading`. Never raises on what a server sent."""
    outcome = _decide(reading, prior, now)
    if reading.lease.want.follow and prior.follow is None:
        # Unfollowed meanwhile: what was fetched is kept, nothing more is asked for its sake.
        return replace(outcome, wants=(), walk=None, walk_url=None, polls=())
    return ingest_follow.kept_going(outcome, prior)


def _decide(reading: Reading, prior: Prior, now: float) -> Outcome:
    base = Outcome(
        at=now,
        lease=reading.lease,
        follow_was=prior.follow,
        hosts=reports(reading.answer, now, page=reading.lease.want.kind is Kind.PAGE),
    )
    if reading.problem:
        return ingest_failure.unusable(base, prior, reading.problem, status=200)
    if reading.page is not None:
        if reading.lease.want.relation != "outbox":
            return ingest_thread.page(base, reading, prior)
        return ingest_page.page(base, reading, prior)
    if reading.finger is not None:
        return ingest_follow.finger(base, reading, prior)
    if reading.refetch is not None:
        return ingest_document.refetch(base, reading)
    if reading.document is not None:
        return ingest_document.document(base, reading, prior)
    if reading.answer.not_modified and asks(reading.lease).conditional:
        if reading.lease.want.kind is Kind.PAGE:
            return ingest_visit.not_modified(base, reading, prior)
        return ingest_document.not_modified(base, reading, prior)
    return ingest_failure.status(base, reading, prior)
