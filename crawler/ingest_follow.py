"""From a handle to an outbox: WebFinger, the actor, the two-way check.

Pure. A handle counts only when the actor's own side confirms it (WebFinger both ways, one hop
further at most); until then the follow shows no handle and its outbox is not read.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..cache.records import Cause, Follow, Kind, Mark, Outcome, State, Want
from . import ingest_move
from .ingest_base import DAY, GONE_AGAIN, lease_of, parked, told
from .protocol import activitystreams as as2
from .protocol import webfinger
from .protocol.handle import Handle, parse_actor, parse_handle
from .protocol.uri import same_origin
from .protocol.version import Stamp
from .reading import Prior, Reading


def finger(base: Outcome, reading: Reading, prior: Prior) -> Outcome:
    """A WebFinger answer: it names the actor of a follow, confirms it, or answers who asked."""
    want, found = lease_of(base).want, reading.finger
    assert found is not None
    # Who asked reads the two things that the answer says: whom it names, and as what.
    mark = Mark(want.uri, State.REDIRECTED, target=found.actor, reason=found.subject)
    base = replace(base, marks=(mark,))
    if want.relation == "asked" or prior.follow is None:
        return told(base, 200, f"names {found.actor}")
    follow = prior.follow
    if want.relation == "confirm":
        return _confirmation(base, found, follow, want)
    actor = Want(found.actor, Kind.DOCUMENT, want.cause, base.at, follow.key, "actor")
    named = replace(follow, actor=found.actor, subject=found.subject or None)
    done = replace(base, follow=named, wants=(actor,))
    return told(done, 200, f"names {found.actor}")


def _confirmation(base: Outcome, found: webfinger.Finger, follow: Follow, want: Want) -> Outcome:
    handle = parse_actor(follow.key)
    if not isinstance(handle, Handle) or follow.actor is None:
        return told(base, 200, "nothing to confirm")
    first = first_finger(follow, follow.actor)
    if not webfinger.agrees(handle, follow.actor, found, first):
        return _unconfirmed(base, follow, f"{want.uri} does not name {follow.actor} as {handle}")
    own = webfinger.subject_handle(found) or handle
    followed = replace(follow, handle=str(own), last_error=None)
    wants = outbox_want(want, followed, base.at)
    return told(replace(base, follow=followed, wants=wants), 200, "confirmed")


def first_finger(follow: Follow, actor: str) -> webfinger.Finger:
    """What the handle's own server said, as far as it is kept."""
    return webfinger.Finger(follow.subject or f"acct:{follow.key.removeprefix('@')}", actor, ())


def actor(base: Outcome, id: str, doc: dict[str, Any], stamp: Stamp, prior: Prior) -> Outcome:
    """The followed actor's document: what to read next, and whether the handle is its own."""
    want, follow = lease_of(base).want, prior.follow
    if follow is None or ingest_move.is_former(follow, id):
        return told(base, 200, "stored")
    if stamp.kind != "actor":
        return _unconfirmed(base, follow, f"{id} is not an actor but {stamp.type or 'untyped'}")
    if prior.leader is not None and prior.leader != follow.key:
        return _double(base, id, follow, prior.leader)
    was = follow.outbox
    outbox = as2.outbox_of(doc)
    if outbox is not None and not same_origin(outbox, id):
        # An outbox elsewhere is a claim that the other origin has not made (FEP-fe34).
        outbox = None
    follow = replace(
        follow,
        actor=id,
        name=as2.text(doc, "name") or as2.preferred_username(doc),
        outbox=outbox,
        outbox_kind=follow.outbox_kind if outbox else "none",
        last_success=base.at if outbox is None else follow.last_success,
        last_error=None if _mended(follow, want, outbox) else follow.last_error,
        complete=follow.complete or outbox is None,
    )
    if not follow.once:
        again = parked(replace(want, uri=id))
        base = replace(base, wants=(*base.wants, again, *ingest_move.leads_to(doc, follow, base)))
    back = prior.states.get(id) is State.GONE
    wants = outbox_want(want, follow, base.at) if outbox != was or back else ()
    if follow.handle is None and follow.key.startswith("@"):
        return _check_handle(base, id, doc, follow)
    return told(replace(base, follow=follow, wants=(*base.wants, *wants)), 200, "stored")


def _mended(follow: Follow, want: Want, outbox: str | None) -> bool:
    """Whether what went wrong last time was about the actor: its outbox speaks for itself."""
    return outbox is None or (follow.last_error or "").startswith(f"{want.uri}: ")


def _check_handle(base: Outcome, id: str, doc: dict[str, Any], follow: Follow) -> Outcome:
    """Followed by handle: it must be the actor's own."""
    want = lease_of(base).want
    asked = parse_handle(follow.key)
    verdict = webfinger.confirm(asked, first_finger(follow, id), doc)
    if isinstance(verdict, webfinger.NotConfirmed):
        return _unconfirmed(base, follow, f"{asked} is not the actor's own: {verdict.reason}")
    if isinstance(verdict, webfinger.AskAlso):
        url = webfinger.finger_url(verdict.handle)
        ask = Want(url, Kind.FINGER, want.cause, base.at, follow.key, "confirm")
        return told(replace(base, follow=follow, wants=(*base.wants, ask)), 200, "stored")
    follow = replace(follow, handle=str(asked), last_error=None)
    wants = (*base.wants, *outbox_want(want, follow, base.at))
    return told(replace(base, follow=follow, wants=wants), 200, "stored")


def _double(base: Outcome, id: str, follow: Follow, leader: str) -> Outcome:
    """One outbox is read for one follow; who listed its actor twice is told of the other name."""
    reason = f"{id} is followed already, as {leader}"
    again = replace(parked(lease_of(base).want), uri=id, follow=leader)
    double = replace(follow, actor=id, outbox=None, last_error=reason)
    return told(replace(base, follow=double, wants=(again,)), 200, reason)


def _unconfirmed(base: Outcome, follow: Follow, reason: str) -> Outcome:
    """Not read; the handle is looked up again in a day, in case its server mends it."""
    again = looked_up_later(lease_of(base).want, base.at)
    done = replace(base, follow=replace(follow, last_error=reason), wants=(again,))
    return told(done, 200, reason)


def kept_going(outcome: Outcome, prior: Prior) -> Outcome:
    """See to it that a follow whose actor could not be read is told so and looked at again, and
    that an outbox which its actor does not name any more is left alone."""
    want, follow = lease_of(outcome).want, prior.follow
    if follow is None:
        return outcome
    if want.relation == "outbox" and want.uri != follow.outbox:
        others = tuple(one for one in outcome.wants if one.relation != "outbox")
        return replace(outcome, wants=others, walk=None, walk_url=None, follow=None, polls=())
    if want.relation != "actor":
        return outcome
    if ingest_move.is_former(follow, want.uri):
        others = tuple(one for one in outcome.wants if one.relation != "actor")
        return replace(outcome, wants=others, follow=None)
    wants = tuple(_from_the_start(one, follow) for one in outcome.wants)
    if any(one.follow == follow.key for one in wants) or (follow.once and outcome.follow):
        return replace(outcome, wants=wants)
    if outcome.follow is None:
        said = outcome.attempt.outcome if outcome.attempt is not None else "is no actor"
        outcome = replace(outcome, follow=replace(follow, last_error=f"{want.uri}: {said}"))
    if follow.once:
        return replace(outcome, wants=wants)
    # What was refused, or led elsewhere, may be mended any day; what is gone is looked at because
    # somebody still follows it, and once in a while only.
    over = any(mark.state is State.GONE for mark in outcome.marks)
    again = looked_up_later(want, outcome.at, GONE_AGAIN if over else DAY)
    return replace(outcome, wants=(*wants, _from_the_start(again, follow)))


def _from_the_start(again: Want, follow: Follow) -> Want:
    """An id that the actor's URL claimed, and that failed, is not asked for ever in its place."""
    if again.relation != "actor" or not again.refetch or again.attempts == 0:
        return again
    uri = follow.actor or follow.key
    return again if uri.startswith("@") else replace(again, uri=uri, refetch=False)


def looked_up_later(want: Want, now: float, wait: float = DAY) -> Want:
    """What left no document whose next look could be planned is looked at once in so long."""
    return replace(
        want,
        due=now + wait,
        cause=Cause.REFRESH,
        scheduled=True,
        attempts=0,
        refetch=False,
    )


def outbox_want(want: Want, follow: Follow, now: float) -> tuple[Want, ...]:
    if follow.outbox is None:
        return ()
    cause = Cause.NEW if want.cause is Cause.REFRESH else max(want.cause, Cause.NEW)
    return (Want(follow.outbox, Kind.PAGE, cause, now, follow.key, "outbox"),)
