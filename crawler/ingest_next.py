"""What an object makes us resolve next: its author, what it answers, what answers it.

Pure. It asks for what a follow's rules let it ask (or as deep as was asked on demand), and never
for what is settled already; when it is asked for, and how much of a thread, is the queue's affair.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..cache.records import Cause, Kind, Want
from .ingest_base import asked_again, settled
from .protocol import activitystreams as as2
from .protocol import consent, listable, thread
from .protocol.version import Stamp
from .reading import Prior


def next_wants(
    want: Want, doc: dict[str, Any], stamp: Stamp, prior: Prior, now: float
) -> list[Want]:
    """What follows from an object that is kept."""
    if want.relation == "asked":
        return _asked_deeper(want, doc, prior, now)
    if stamp.kind != "object" or want.relation in ("check", "deleted"):
        return []
    found = [*_above(want, doc, prior, now), *_below(want, doc, prior, now)]
    followed = prior.follow.actor if prior.follow else None
    if stamp.owner and stamp.owner != followed and asked_again(prior, stamp.owner, now):
        found.append(_follow_up(want, stamp.owner, "author", 0, now, want.root))
    return found


def _above(want: Want, doc: dict[str, Any], prior: Prior, now: float) -> list[Want]:
    """What a followed post answers, and what that answers; a reply was found from above."""
    if want.relation == "reply" or not thread.is_reply(doc):
        return []
    depth = want.depth if want.relation == "parent" else _parents(prior)
    parent, id = as2.in_reply_to(doc), as2.id_of(doc)
    root = want.root or id or ""
    if depth <= 0 or parent == id:
        return []
    if parent is not None:
        asks = asked_again(prior, parent, now)
        return [_follow_up(want, parent, "parent", depth - 1, now, root)] if asks else []
    if want.relation == "parent" or settled(prior, id or ""):
        return []
    return above_in_conversation(want, doc, root, now)


def above_in_conversation(want: Want, doc: dict[str, Any], root: str, now: float) -> list[Want]:
    """The way to what a post answers where `inReplyTo` does not lead there."""
    place = thread.conversation(doc)
    return [] if place is None else [listing(want, place, 0, now, root)]


def _parents(prior: Prior) -> int:
    return prior.rules.parents if prior.rules else 0


def _below(want: Want, doc: dict[str, Any], prior: Prior, now: float) -> list[Want]:
    """Where the replies to a post stand. A post's thread is begun once; after that the collections
    that were found are read again by themselves."""
    is_reply = want.relation == "reply"
    levels = want.depth if is_reply else prior.rules.replies if prior.rules else 0
    if levels <= 0:
        return []
    id = as2.id_of(doc)
    # What does not say that it answers something was put among the replies by somebody else.
    ours = thread.is_reply(doc) if is_reply else _is_its_own(want, doc, prior)
    if not ours or id is None or id in prior.threads:
        return []
    root = want.root or id
    found = thread.places(doc, levels, whole=not is_reply)
    if found:
        return [listing(want, found[0], levels, now, root)]
    return [
        replace(_follow_up(want, uri, "reply", levels - 1, now, root), cause=Cause.BACKFILL)
        for uri in thread.listed(doc, id)
        if asked_again(prior, uri, now)
    ]


def _is_its_own(want: Want, doc: dict[str, Any], prior: Prior) -> bool:
    """Whether it is a post of the followed actor. The posts of a group are those that it announces
    and that are addressed to it (FEP-1b12: Lemmy, NodeBB)."""
    if want.relation == "item":
        return True
    actor = prior.follow.actor if prior.follow else None
    return want.relation == "boost" and actor in as2.ids_of(doc.get("audience"))


def listing(want: Want, place: thread.Place, levels: int, now: float, root: str) -> Want:
    """What asks for a collection of a thread, for the sake of what `want` asked for."""
    relation = place.relation if want.relation != "asked" else "asked"
    cause = below(want) if levels else _cause(want)
    return Want(place.url, Kind.PAGE, cause, now, want.follow, relation, levels, root=root)


def below(want: Want) -> Cause:
    """Why replies are asked for: a thread of hundreds must not stand before what followed actors
    post, nor before what is looked at again. Only who asked for it waits for it."""
    return want.cause if want.relation == "asked" else Cause.BACKFILL


def _follow_up(want: Want, uri: str, relation: str, depth: int, now: float, root: str) -> Want:
    return Want(uri, Kind.DOCUMENT, _cause(want), now, want.follow, relation, depth, root=root)


def _cause(want: Want) -> Cause:
    """What an urgent answer makes us ask is not urgent itself, but for who asked that deep."""
    return want.cause if want.relation == "asked" else max(want.cause, Cause.NEW)


def _asked_deeper(want: Want, doc: dict[str, Any], prior: Prior, now: float) -> list[Want]:
    """What somebody wants to see around a document. Its author may not want to be a way to others;
    where that is not known yet, the author is asked first."""
    if as2.class_of(doc) == "actor":
        return _behind_author(want, doc, prior, now)
    if want.depth <= 0 or prior.leads_on is False:
        return []
    root, author = want.root or as2.id_of(doc) or want.uri, as2.owner(doc)
    if prior.leads_on is None and author is not None and not want.root:
        return [_deeper(want, author, want.depth - 1, root, now)]
    return _around(want, doc, want.depth, root, now)


def _behind_author(want: Want, actor: dict[str, Any], prior: Prior, now: float) -> list[Want]:
    """The author of the post that somebody asked for is known now: what was put off for that."""
    id, post = as2.id_of(actor), prior.root
    if post is None or id is None or as2.owner(post) != id or prior.leads_on is not None:
        return []
    if not listable.leads_on(consent.read(actor, "actor")):
        return []
    wants = _around(replace(want, uri=want.root), post, want.depth + 1, want.root, now)
    return [one for one in wants if one.uri != id]


def _around(want: Want, doc: dict[str, Any], depth: int, root: str, now: float) -> list[Want]:
    named = (as2.in_reply_to(doc), as2.owner(doc), as2.id_of(doc.get("object")))
    deeper = [
        _deeper(want, uri, depth - 1, root, now)
        for uri in dict.fromkeys(named)
        if uri is not None and uri not in (want.uri, root)
    ]
    if as2.class_of(doc) == "object":
        # Each post for its own replies, level by level; the whole conversation is for where a
        # server offers nothing else.
        found = thread.places(doc, 1)
        deeper += [listing(want, place, depth, now, root) for place in found[:1]]
    return deeper


def _deeper(want: Want, uri: str, depth: int, root: str, now: float) -> Want:
    return Want(uri, Kind.DOCUMENT, want.cause, now, want.follow, "asked", depth, root=root)
