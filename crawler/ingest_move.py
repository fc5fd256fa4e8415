"""An actor that has moved: the follow goes on at the new one, where both of them say so.

Pure. The old actor's document has to name the new one (`movedTo`), the new one's the old
(`alsoKnownAs`), each from its own origin; a claim of one side moves nothing (FEP-7628, and
Mastodon's rule for Move). What was kept of the old actor stays.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..cache.records import Cause, Follow, Kind, Mark, Outcome, Want
from . import ingest_follow
from .ingest_base import DAY, lease_of, parked, told
from .protocol import activitystreams as as2
from .protocol.uri import same_origin
from .protocol.version import Stamp
from .reading import Prior

# Mastodon lets an account move once in thirty days; a follow that is led on more often than this is
# being led in a circle.
_COOL_DOWN = 7 * DAY


def is_former(follow: Follow, id: str) -> bool:
    """Whether this is an actor that a follow has left, be it moves ago: its row may have waited for
    its server all the time."""
    if follow.moved_from is None or follow.actor is None or id == follow.actor:
        return False
    return id == follow.moved_from or not same_origin(id, follow.actor)


def leads_to(doc: dict[str, Any], follow: Follow, base: Outcome) -> tuple[Want, ...]:
    """What the followed actor's document makes us look at: where it says that it has moved."""
    there = as2.moved_to(doc)
    if there is None or there == follow.actor or not _may_move(follow, base.at):
        return ()
    return (Want(there, Kind.DOCUMENT, Cause.NEW, base.at, follow.key, "moved"),)


def _may_move(follow: Follow, now: float) -> bool:
    return follow.moved_at is None or not 0 <= now - follow.moved_at < _COOL_DOWN


def arrived(base: Outcome, id: str, doc: dict[str, Any], stamp: Stamp, prior: Prior) -> Outcome:
    """The document of the actor that a followed one says it has become."""
    follow = prior.follow
    if follow is None or follow.actor is None or stamp.kind != "actor":
        return told(base, 200, "stored")
    if follow.actor not in as2.also_known_as(doc):
        return told(base, 200, f"stored; does not say that it was {follow.actor}")
    if id == follow.actor or not _may_move(follow, base.at):
        return told(base, 200, "stored")
    if prior.leader not in (None, follow.key):
        reason = f"{follow.actor} is now {id}, which is followed already, as {prior.leader}"
        return told(replace(base, follow=replace(follow, last_error=reason)), 200, reason)
    old = follow.actor
    outbox = as2.outbox_of(doc)
    follow = replace(
        follow,
        actor=id,
        name=as2.text(doc, "name") or as2.preferred_username(doc),
        outbox=outbox,
        outbox_kind=None if outbox else "none",
        complete=outbox is None,
        last_error=None,
        moved_from=old,
        moved_at=base.at,
        subscribed="no",  # that was to the old one's pushes
        subscription=None,
    )
    want = replace(lease_of(base).want, uri=id, relation="actor")
    rows = () if follow.once else (parked(want),)
    done = replace(
        base,
        follow=follow,
        wants=(*base.wants, *rows, *ingest_follow.outbox_want(want, follow, base.at)),
        marks=(*base.marks, Mark(old, target=id, note="moved")),
    )
    return told(done, 200, f"stored; is what {old} has become")
