"""What every part of ingest needs of an outcome that is being built. Pure; decides nothing."""

from __future__ import annotations

from dataclasses import replace

from ..cache.records import Attempt, Lease, Outcome, State
from .reading import Prior


def told(base: Outcome, status: int | None, outcome: str) -> Outcome:
    """`base` with its line for the reference's log."""
    cause = lease_of(base).want.cause.name.lower()
    return replace(base, attempt=Attempt(base.at, cause, status, outcome))


def lease_of(base: Outcome) -> Lease:
    """The lease that the outcome answers; ingest never builds one without."""
    assert base.lease is not None
    return base.lease


def settled(prior: Prior, uri: str) -> bool:
    """Whether a reference needs no request of its own now: held, gone, refused or led elsewhere."""
    return prior.states.get(uri, State.UNKNOWN) not in (State.UNKNOWN, State.FAILED)
