"""What follows from a document that came from its origin under its own id.

Pure. A document is kept only if it is addressed to everybody and its owner is of its origin; an
activity that stands in an outbox by its URL only is opened, and its object takes its place.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson

from ..cache.records import Cause, Entry, Kind, Mark, Outcome, Put, Relink, State, Want
from . import ingest_follow
from .describe import put, reads_plainly, refusal, stamp_of
from .ingest_base import lease_of, settled, told
from .protocol import activitystreams as as2
from .protocol.freshness import document_interval
from .protocol.identity import embedded_counts
from .protocol.uri import origin
from .protocol.version import Stamp
from .reading import Prior, Reading

# Relations whose objects a follow's outbox offers: they are listed for it.
_LISTED = frozenset({"item", "boost"})
# Activities whose object an outbox offers as its owner's own.
OFFERING = frozenset({"Create", "Update"})


def refetch(base: Outcome, reading: Reading) -> Outcome:
    """The answer claims another id of its origin or of another one: that id is asked, once."""
    want = lease_of(base).want
    assert reading.refetch is not None
    again = replace(want, uri=reading.refetch, refetch=True, due=base.at, attempts=0)
    mark = Mark(want.uri, State.REDIRECTED, target=reading.refetch)
    done = replace(base, marks=(mark,), wants=(again,))
    return told(done, 200, f"says its id is {reading.refetch}")


def not_modified(base: Outcome, prior: Prior) -> Outcome:
    """304: what we hold is what the origin serves."""
    want = lease_of(base).want
    known = prior.known
    interval = document_interval(
        (known.cls if known else None) or "object", known.published if known else None, base.at
    )
    mark = Mark(want.uri, verified=True, next_check=base.at + interval, interval=interval)
    done = replace(base, marks=(mark,))
    if want.relation == "actor":
        done = replace(done, wants=(ingest_follow.actor_again(want, base.at),))
    return told(done, 304, "not modified")


def document(base: Outcome, reading: Reading, prior: Prior) -> Outcome:
    """A document that passed the identity rule for `reading.id`."""
    lease, doc, id = lease_of(base), reading.document, reading.id
    assert doc is not None
    want = lease.want
    if id != want.uri:
        base = replace(base, marks=(*base.marks, Mark(want.uri, State.REDIRECTED, target=id)))
    if as2.is_tombstone(doc):
        gone = Mark(id, State.GONE, reason="tombstone", purge=True)
        return told(replace(base, marks=(*base.marks, gone)), 200, "a Tombstone")
    if as2.class_of(doc) == "activity" and want.relation != "asked":
        return _opened(base, reading, prior)
    stamp = stamp_of(doc)
    reason = refusal(doc, stamp) or _unwanted_type(doc, stamp, prior)
    if reason is not None:
        return _refused(base, id, reason)
    headers = reading.answer.headers
    kept = put(
        id,
        reading.answer.body,
        doc,
        stamp,
        at=base.at,
        interval=document_interval(stamp.kind, stamp.published, base.at),
        follow=want.follow if want.relation in _LISTED else "",
        etag=headers.get("etag"),
        last_modified=headers.get("last-modified"),
    )
    base = replace(base, puts=(kept,), wants=tuple(next_wants(want, doc, stamp, prior, base.at)))
    if want.relation == "actor":
        return ingest_follow.actor(base, id, doc, stamp, prior)
    return told(base, 200, "stored")


def next_wants(
    want: Want, doc: dict[str, Any], stamp: Stamp, prior: Prior, now: float
) -> list[Want]:
    """What an object makes us resolve next: its author, its parents, or as deep as was asked."""
    if want.relation == "asked":
        return _asked_deeper(want, doc, now)
    if stamp.kind != "object":
        return []
    found = []
    rules = prior.rules
    depth = want.depth if want.relation == "parent" else (rules.parents if rules else 0)
    parent = as2.in_reply_to(doc)
    if parent and parent != as2.id_of(doc) and depth > 0 and not settled(prior, parent):
        found.append(_follow_up(want, parent, "parent", depth - 1, now))
    followed = prior.follow.actor if prior.follow else None
    if stamp.owner and stamp.owner != followed and not settled(prior, stamp.owner):
        found.append(_follow_up(want, stamp.owner, "author", 0, now))
    return found


def _follow_up(want: Want, uri: str, relation: str, depth: int, now: float) -> Want:
    cause = max(want.cause, Cause.NEW)
    return Want(uri, Kind.DOCUMENT, cause, now, want.follow, relation, depth)


def _asked_deeper(want: Want, doc: dict[str, Any], now: float) -> list[Want]:
    if want.depth <= 0:
        return []
    named = (as2.in_reply_to(doc), as2.owner(doc), as2.id_of(doc.get("object")))
    return [
        Want(uri, Kind.DOCUMENT, want.cause, now, want.follow, "asked", want.depth - 1)
        for uri in dict.fromkeys(named)
        if uri is not None and uri != want.uri
    ]


def _unwanted_type(doc: dict[str, Any], stamp: Stamp, prior: Prior) -> str | None:
    rules = prior.rules
    if rules is None or stamp.kind != "object" or wanted_type(doc, rules.types):
        return None
    return "types"


def wanted_type(doc: dict[str, Any], types: tuple[str, ...] | None) -> bool:
    """Whether a follow that keeps `types` (None: all) keeps this object."""
    return types is None or not set(types).isdisjoint(as2.types_of(doc))


def _refused(base: Outcome, id: str, reason: str) -> Outcome:
    mark = Mark(id, State.REFUSED, reason=reason, purge=reason != "types")
    return told(replace(base, marks=(*base.marks, mark)), 200, f"refused: {reason}")


def _opened(base: Outcome, reading: Reading, prior: Prior) -> Outcome:
    """An activity whose URL stood in an outbox: its object takes its place."""
    want, activity = lease_of(base).want, reading.document
    assert activity is not None
    verb, object_id = as2.primary_type(activity), as2.id_of(activity.get("object"))
    announced = verb == "Announce"
    outbox = prior.follow.outbox if prior.follow else None
    if outbox is None or object_id is None or not _offered(verb, prior):
        relink = Relink(outbox, want.uri, None) if outbox else None
        mark = Mark(want.uri, State.REFUSED, reason="types")
        done = replace(base, marks=(*base.marks, mark), relink=relink)
        return told(done, 200, f"{verb}: nothing to keep")
    entry = Entry(object_id, activity=want.uri, announced=announced)
    base = replace(
        base,
        relink=Relink(outbox, want.uri, entry, want.follow),
        marks=(*base.marks, Mark(want.uri, State.REDIRECTED, target=object_id)),
    )
    kept = None if announced else _embedded(reading, activity, want.follow, base.at, prior)
    if kept is not None:
        doc = activity["object"]
        wants = next_wants(replace(want, relation="item"), doc, kept.stamp, prior, base.at)
        return told(replace(base, puts=(kept,), wants=tuple(wants)), 200, f"{verb} opened")
    if settled(prior, object_id):
        return told(base, 200, f"{verb} of a known object")
    relation = "boost" if announced else "item"
    wanted = replace(want, uri=object_id, relation=relation, due=base.at, attempts=0)
    return told(replace(base, wants=(wanted,)), 200, f"{verb} opened")


def _offered(verb: str | None, prior: Prior) -> bool:
    if verb == "Announce":
        return prior.rules is None or prior.rules.boosts
    return verb in OFFERING


def _embedded(
    reading: Reading, activity: dict[str, Any], follow: str, now: float, prior: Prior
) -> Put | None:
    doc = activity.get("object")
    owner = as2.id_of(activity.get("actor"))
    if not isinstance(doc, dict) or reading.parsed is None:
        return None
    if not reads_plainly(doc, reading.parsed.slice(doc)):
        return None
    url = reading.answer.final_url
    if not embedded_counts(True, owner, origin(url), doc):
        return None
    return embedded_put(reading, doc, activity, follow=follow, now=now, prior=prior)


def embedded_put(
    reading: Reading,
    doc: dict[str, Any],
    around: dict[str, Any] | None,
    *,
    follow: str,
    now: float,
    prior: Prior,
) -> Put | None:
    """The record of an embedded object that counts as fetched; None where it may not be kept."""
    id = as2.id_of(doc)
    body = reading.parsed.slice(doc) if reading.parsed else None
    if id is None or body is None:
        return None
    stamp = stamp_of(doc)
    if refusal(doc, stamp, around) or _unwanted_type(doc, stamp, prior):
        return None
    return put(
        id,
        body,
        doc,
        stamp,
        at=now,
        interval=document_interval(stamp.kind, stamp.published, now),
        follow=follow,
        enclosing=reading.answer.final_url,
        context=_context_around(reading, doc),
    )


def _context_around(reading: Reading, doc: dict[str, Any]) -> bytes | None:
    if "@context" in doc or reading.parsed is None:
        return None
    around = reading.parsed.value.get("@context")
    return orjson.dumps(around) if around is not None else None
