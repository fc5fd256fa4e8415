"""What every part of ingest needs of an outcome that is being built. Pure; decides nothing."""

from __future__ import annotations

from dataclasses import replace

from ..cache.records import Attempt, Lease, Outcome, State
from .protocol.classes import ACTIVITY_TYPES
from .reading import Prior


def told(base: Outcome, status: int | None, outcome: str) -> Outcome:
    """`base` with its line for the reference's log."""
    return replace(base, attempt=line(base, status, outcome))


def line(base: Outcome, status: int | None, outcome: str) -> Attempt:
    """The line for the log alone, for what is replaced in one go."""
    return Attempt(base.at, lease_of(base).want.cause.name.lower(), status, outcome)


def lease_of(base: Outcome) -> Lease:
    """The lease that the outcome answers; ingest never builds one without."""
    assert base.lease is not None
    return base.lease


def settled(prior: Prior, uri: str) -> bool:
    """Whether a reference needs no request of its own now: held, gone, refused or led elsewhere."""
    return standing(prior, uri) not in (State.UNKNOWN, State.FAILED)


def standing(prior: Prior, uri: str) -> State:
    """The state of a reference to this follow: what was refused for another one's `types` is as
    good as new where this one keeps it."""
    state = prior.states.get(uri, State.UNKNOWN)
    if state is State.REFUSED:
        seen = prior.details.get(uri)
        if seen is not None and seen.reason == "types" and _keeps(prior, seen.type):
            return State.UNKNOWN
    return state


def unwanted(prior: Prior, uri: str) -> bool:
    """Whether it is known to be of a type that this follow does not keep."""
    seen = prior.details.get(uri)
    if seen is None or _keeps(prior, seen.type):
        return False
    if seen.state is State.REFUSED:
        return seen.reason == "types"
    return seen.state is State.RESOLVED and seen.cls == "object"


def _keeps(prior: Prior, type: str | None) -> bool:
    if type in ACTIVITY_TYPES:  # nothing that anybody keeps for its own sake
        return False
    types = prior.rules.types if prior.rules is not None else None
    return types is None or type in types
