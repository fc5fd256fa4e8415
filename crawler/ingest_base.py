"""What every part of ingest needs of an outcome that is being built. Pure; decides nothing."""

from __future__ import annotations

from dataclasses import replace

from ..cache.records import PARKED, Attempt, Cause, Kind, Lease, Mark, Outcome, State, Want
from .protocol.classes import ACTIVITY_TYPES
from .reading import Prior

HOUR, DAY = 3_600.0, 86_400.0
# What failed is asked again when something mentions it, but by and by, and not at every mention: a
# page that lists what is not there for us (bovine) is read again every few minutes.
_RETRY = (HOUR, 7 * DAY)
# What the origin said is gone does not come back on the next page's word (FEP-4f05; a cache in
# front, a restored backup), only after this.
COOL_DOWN = DAY
# How often a follow whose actor is gone looks whether it still is.
GONE_AGAIN = 30 * DAY
# Looked up for each item of each page: see `protocol.source` on members of enums.
_UNKNOWN, _REFUSED = State.UNKNOWN, State.REFUSED
# What its owner says is deleted, and is served all the same: a cache in front may be behind.
_DELETED_AGAIN = 600.0


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


def asked_again(prior: Prior, uri: str, now: float) -> bool:
    """Whether a reference that is mentioned is worth a request: never asked, or failed long ago."""
    state = standing(prior, uri)
    if state is not State.FAILED:
        return state is State.UNKNOWN
    failed = prior.details.get(uri)
    if failed is None or not failed.log:
        return True
    shortest, longest = _RETRY
    wait = min(shortest * 4.0 ** min(max(failed.failures - 1, 0), 16), longest)
    return not 0 <= now - failed.log[0].at < wait


def comes_back(prior: Prior, uri: str, now: float) -> bool:
    """Whether what was gone may come back with a copy that its origin embeds."""
    gone = prior.details.get(uri)
    return gone is not None and not 0 <= now - (gone.verified_at or 0.0) < COOL_DOWN


def parked(want: Want) -> Want:
    """The row of a follow as it waits for the agenda to bring it forward."""
    return replace(
        want,
        due=PARKED,
        cause=Cause.NEW if want.kind is Kind.PAGE else Cause.REFRESH,
        attempts=0,
        scheduled=True,
        refetch=False,
    )


def once_more(want: Want, now: float) -> tuple[Want, ...]:
    """The other look at what its owner says is deleted and is still there; `depth` counts them."""
    if want.relation != "deleted" or want.depth <= 0:
        return ()
    due, depth = now + _DELETED_AGAIN, want.depth - 1
    return (replace(want, due=due, cause=Cause.NEW, depth=depth, attempts=0, scheduled=True),)


def gone(id: str, reason: str, error: str = "") -> Mark:
    """The end of a document at its origin: nothing of it is kept but that it was there."""
    return Mark(id, State.GONE, reason=reason, error=error, purge=True)


def standing(prior: Prior, uri: str) -> State:
    """The state of a reference to this follow: what was refused for another one's `types` is as
    good as new where this one keeps it."""
    state = prior.states.get(uri, _UNKNOWN)
    if state is _REFUSED:
        seen = prior.details.get(uri)
        if seen is not None and seen.reason == "types" and _keeps(prior, seen.type):
            return State.UNKNOWN
        if seen is not None and seen.reason == "robots":
            return State.FAILED  # whoever mentions it later may have it looked up again
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
