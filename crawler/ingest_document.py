"""What follows from a document that came from its origin under its own id.

Pure. A document is kept only if it is addressed to everybody and its owner is of its origin; an
activity that stands in an outbox by its URL only is opened, and its object takes its place.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..cache.records import Entry, Mark, Outcome, Put, Relink, State, Want
from . import ingest_follow, ingest_move, ingest_plan
from .describe import put, refusal, stamp_of
from .ingest_base import comes_back, gone, lease_of, line, once_more, parked, settled, told
from .ingest_embedded import enclosing, fetched, objection, record, unwanted_type
from .ingest_next import next_wants
from .protocol import activitystreams as as2
from .protocol import media
from .protocol.uri import same_origin
from .reading import Prior, Reading

# Relations whose objects a follow's outbox offers: they are listed for it.
_LISTED = frozenset({"item", "boost"})
# Relations whose objects are taken from within the activity that was meant to be them.
_TAKEN = frozenset({"item", "reply"})
# Asked for by its own id, or held because it was: then an activity is a document as any other.
_FOR_ITS_OWN_SAKE = frozenset({"asked", "check", "deleted"})
# Only looked at again: it is kept as it was kept before.
_AGAIN = frozenset({"check", "deleted"})
# Activities whose object an outbox offers as its owner's own.
OFFERING = frozenset({"Create", "Update"})
# Activities that are opened one in another, as Lemmy does; a chain of boosts leads nowhere.
_MOST_OPENED = 2


def refetch(base: Outcome, reading: Reading) -> Outcome:
    """The answer claims another id of its origin or of another one: that id is asked, once."""
    want = lease_of(base).want
    assert reading.refetch is not None
    again = replace(want, uri=reading.refetch, refetch=True, due=base.at, attempts=0)
    mark = Mark(want.uri, State.REDIRECTED, target=reading.refetch)
    done = replace(base, marks=(mark,), wants=(again,))
    return told(done, 200, f"says its id is {reading.refetch}")


def not_modified(base: Outcome, reading: Reading, prior: Prior) -> Outcome:
    """304: what we hold is what the origin serves."""
    want, headers = lease_of(base).want, reading.answer.headers
    etag, modified = media.validators(headers)
    mark = Mark(
        want.uri,
        verified=True,
        at=base.at - media.age(headers),
        etag=etag,
        last_modified=modified,
        plan=ingest_plan.renewed(prior, headers, base.at),
    )
    done = replace(base, marks=(mark,), wants=once_more(want, base.at))
    follow = prior.follow
    if want.relation == "actor" and follow is not None:
        unconfirmed = follow.handle is None and follow.key.startswith("@")
        if follow.outbox_kind is None or unconfirmed:
            # Not read on behalf of this follow, or its handle is not confirmed: look at it whole.
            done = replace(done, wants=(replace(want, due=base.at, scheduled=False),))
        elif not follow.once:
            done = replace(done, wants=(parked(want),))
    return told(done, 304, "not modified")


def document(base: Outcome, reading: Reading, prior: Prior) -> Outcome:
    """A document that passed the identity rule for `reading.id`."""
    doc, id = reading.document, reading.id
    assert doc is not None
    want = lease_of(base).want
    if id != want.uri:
        base = replace(base, marks=(*base.marks, Mark(want.uri, State.REDIRECTED, target=id)))
    if as2.is_tombstone(doc):
        return told(replace(base, marks=(*base.marks, gone(id, "tombstone"))), 200, "a Tombstone")
    if as2.class_of(doc) == "activity" and want.relation not in _FOR_ITS_OWN_SAKE:
        return _opened(base, reading, prior)
    stamp = stamp_of(doc, base.at)
    reason = refusal(doc, stamp, vouched=prior.known is not None and prior.known.vouched)
    listed = want.relation in _LISTED
    if reason is None and want.relation not in _AGAIN and unwanted_type(doc, stamp, prior.rules):
        # In this follow's list it has no place, whoever keeps it.
        outbox = prior.follow.outbox if prior.follow and listed else None
        base = replace(base, relink=Relink(outbox, want.uri, None, want.follow) if outbox else None)
        listed = False
        if all(unwanted_type(doc, stamp, rules) for rules in prior.others.values()):
            reason = "types"
    if reason is not None:
        return _refused(base, id, reason, stamp.type)
    kept = put(
        id,
        reading.answer.body,
        doc,
        stamp,
        at=base.at,
        verified_at=base.at - media.age(reading.answer.headers),
        plan=ingest_plan.of_document(id, stamp, reading, prior, base.at),
        follow=want.follow if listed else "",
        headers=reading.answer.headers,
        form=reading.answer.form,
    )
    not_theirs = [key for key, rules in prior.others.items() if unwanted_type(doc, stamp, rules)]
    base = replace(
        base,
        puts=(kept,),
        wants=(*next_wants(want, doc, stamp, prior, base.at), *once_more(want, base.at)),
        unlisted=tuple((want.uri, key) for key in not_theirs),
        attempt=line(base, 200, "stored"),
    )
    if want.relation == "actor":
        return ingest_follow.actor(base, id, doc, stamp, prior)
    if want.relation == "moved":
        return ingest_move.arrived(base, id, doc, stamp, prior)
    return base


def _refused(base: Outcome, id: str, reason: str, type: str) -> Outcome:
    mark = Mark(id, State.REFUSED, reason=reason, purge=reason != "types", type=type)
    return told(replace(base, marks=(*base.marks, mark)), 200, f"refused: {reason}")


def _opened(base: Outcome, reading: Reading, prior: Prior) -> Outcome:
    """An activity whose URL stood in an outbox, or in a post: its object takes its place."""
    want, activity = lease_of(base).want, reading.document
    assert activity is not None
    verb, object_id = as2.primary_type(activity) or "Activity", as2.id_of(activity.get("object"))
    listed = want.relation in _LISTED
    outbox = prior.follow.outbox if prior.follow and listed else None
    if object_id is None or not _leads_on(verb, want, prior):
        relink = Relink(outbox, want.uri, None, want.follow) if outbox else None
        mark = Mark(want.uri, State.REFUSED, reason="types", type=verb)
        done = replace(base, marks=(*base.marks, mark), relink=relink)
        return told(done, 200, f"{verb}: nothing to keep")
    announced = verb == "Announce" or want.relation == "boost"
    entry = Entry(object_id, activity=want.uri, announced=announced)
    marks = [Mark(want.uri, State.REDIRECTED, target=object_id)]
    if verb in OFFERING and same_origin(want.uri, object_id) and as2.is_for_all(activity):
        marks.append(Mark(object_id, vouched=True))
    base = replace(
        base,
        relink=Relink(outbox, want.uri, entry, want.follow) if outbox else None,
        marks=(*base.marks, *marks),
    )
    relation = "boost" if listed and announced else want.relation
    kept = _embedded(reading, activity, want, base.at, prior) if relation in _TAKEN else None
    if prior.states.get(object_id) is State.GONE and not comes_back(prior, object_id, base.at):
        kept = None
    if kept is not None:
        doc = activity["object"]
        wants = next_wants(want, doc, kept.stamp, prior, base.at)
        return told(replace(base, puts=(kept,), wants=tuple(wants)), 200, f"{verb} opened")
    if settled(prior, object_id):
        return told(base, 200, f"{verb} of a known object")
    depth = want.depth + 1 if listed else want.depth - (want.relation == "parent")
    opened = replace(want, uri=object_id, relation=relation, due=base.at, attempts=0, depth=depth)
    return told(replace(base, wants=(opened,)), 200, f"{verb} opened")


def _leads_on(verb: str, want: Want, prior: Prior) -> bool:
    """Whether an activity's object is what was meant by its URL. Every opening costs a level, so
    that activities about activities come to an end."""
    if want.relation == "parent":
        return verb in OFFERING and want.depth > 0
    if want.relation == "reply":
        return verb in OFFERING  # its thread has only so many requests
    if want.relation not in _LISTED or want.depth >= _MOST_OPENED:
        return False
    boosts = prior.rules is None or prior.rules.boosts
    return verb in OFFERING or (verb == "Announce" and want.relation == "item" and boosts)


def _embedded(
    reading: Reading, activity: dict[str, Any], want: Want, now: float, prior: Prior
) -> Put | None:
    """The record of an activity's object, if it counts as fetched and may be kept."""
    doc, id = activity.get("object"), as2.id_of(activity.get("object"))
    owner, refetch = as2.id_of(activity.get("actor")), prior.ages.refetch_embedded
    around = enclosing(reading, owner, trusted=True, refetch=refetch)
    if not isinstance(doc, dict) or id is None or around is None:
        return None
    body = fetched(around, doc)
    if body is None:
        return None
    stamp = stamp_of(doc, now, around.context)
    if objection(doc, stamp, activity, prior.rules) is not None:
        return None
    current = now - media.age(reading.answer.headers)
    plan = ingest_plan.of_embedded(stamp.type, want.relation, prior)
    follow = want.follow if want.relation in _LISTED else ""
    return record(around, id, body, doc, stamp, follow, now, current, plan, activity=activity)
