"""What an object makes us resolve next: its author, its parents, or as deep as was asked.

Pure. It asks for what a follow's rules let it ask, and never for what is settled already; when it
is asked for is the queue's affair.
"""

from __future__ import annotations

from typing import Any

from ..cache.records import Cause, Kind, Want
from .ingest_base import settled
from .protocol import activitystreams as as2
from .protocol.version import Stamp
from .reading import Prior


def next_wants(
    want: Want, doc: dict[str, Any], stamp: Stamp, prior: Prior, now: float
) -> list[Want]:
    """What an object makes us resolve next: its author, its parents, or as deep as was asked."""
    if want.relation == "asked":
        return _asked_deeper(want, doc, now)
    if stamp.kind != "object" or want.relation == "check":
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
