"""What one cause may have us do: a thread of a follow, something asked on demand, a push.

Pure: what was spent and the budget in, a typed reason out. Invariant: whatever answers say, what
they lead to ends within the requests, levels, bytes and seconds of what it began with.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Final, Literal

from .thread import MAX_FETCHES

Spent = Literal["fetches", "depth", "bytes", "seconds"]

_MIB: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Budget:
    """What may be spent for one root."""

    fetches: int
    depth: int  # levels from the root
    bytes: int  # of documents, as they are kept
    seconds: float  # from the first request on; after that nothing more is queued


# Mastodon takes in 400 accounts and 1,000 posts for one request, within five minutes
# (DISCOVERIES_PER_REQUEST and the life of that counter): accounts and posts together are bounded
# by `fetches` here.
ON_DEMAND: Final = Budget(fetches=MAX_FETCHES, depth=100, bytes=32 * _MIB, seconds=300.0)
# A thread is read for as long as it lives, which `thread.QUIET_AGE` ends.
FOLLOW: Final = Budget(fetches=MAX_FETCHES, depth=1_000, bytes=64 * _MIB, seconds=inf)


@dataclass(frozen=True, slots=True)
class Account:
    """What a root has cost so far."""

    fetches: int
    bytes: int
    started: float


def over(budget: Budget, account: Account, now: float) -> Spent | None:
    """What is used up; None: one more request may be queued."""
    if account.fetches >= budget.fetches:
        return "fetches"
    if account.bytes >= budget.bytes:
        return "bytes"
    # A clock that was set back gives no more time than there was.
    if not 0.0 <= now - account.started < budget.seconds:
        return "seconds" if budget.seconds < inf else None
    return None
