"""Under which id an answer may be kept, and whether an embedded object counts as fetched.

The rule in one line: a document is kept under `id` only if its final URL is of the origin of `id`
and `id` is the URL that was asked for or the final one; otherwise `id` is asked, once, and must
match then (FEP-fe34). Status and content type are checked before (`media.is_activity`). It fetches
nothing. Invariant: no host can make a document count for an id of another origin.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...errors import BadInput
from .activitystreams import owner
from .classes import class_of
from .shapes import id_of, uri_or_none
from .uri import canonical, is_at, same_origin


@dataclass(frozen=True, slots=True)
class Store:
    """Keep the answer under this id."""

    id: str


@dataclass(frozen=True, slots=True)
class FetchId:
    """The answer counts for nothing; ask this id instead."""

    id: str


@dataclass(frozen=True, slots=True)
class Drop:
    """The answer counts for nothing and leads nowhere."""

    reason: str


def decide(
    requested: str, final: str, doc: dict[str, Any], *, again: bool = False
) -> Store | FetchId | Drop:
    """What an answer is worth that came for `requested` from `final`, after its redirects.

    `again` says that `requested` was itself the id of an earlier answer: then it must match now.
    """
    id = claimed_id(doc)
    if id is None:
        return Drop("has no id that is an http(s) URI")
    try:
        # An id is canonical already, and nearly always it is what was asked for.
        asked = id if requested == id else canonical(requested)
        came_from = asked if final == requested else canonical(final)
    except BadInput:
        return Drop("came from no http(s) URI")
    named = id in (asked, came_from) or _bare(id) == _bare(came_from) == _bare(asked)
    if named and (id == came_from or same_origin(id, came_from)):
        reason = foreign_owner(id, doc)
        return Store(id) if reason is None else Drop(reason)
    if again or id == asked:
        return Drop(f"says that its id is {id} but did not come from there")
    return FetchId(id)


def _bare(uri: str) -> str:
    return uri.partition("#")[0]


def claimed_id(doc: dict[str, Any]) -> str | None:
    """The id of a top-level document, which must be one string (K11: no lists, no values)."""
    return uri_or_none(doc.get("id", doc.get("@id")))


def foreign_owner(id: str, doc: dict[str, Any]) -> str | None:
    """Why the owner that a document names cannot be its owner; None when it can.

    Nobody answers for a document of another origin (FEP-fe34, "MUST have the same origin").
    Actors and collections are exempt: `attributedTo` of a Lemmy community is its moderators.
    """
    kind = class_of(doc)
    if kind in ("actor", "collection"):
        return None
    named = doc.get("actor") if kind == "activity" else doc.get("attributedTo")
    if named is None:
        return None
    author = id_of(named)
    if author is None or not same_origin(author, id):
        return "names an owner of another origin"
    return None


def embedded_counts(
    page_url_verified: bool, page_owner: str | None, page_origin: str, obj: dict[str, Any]
) -> bool:
    """Does an object that was embedded in a page or activity count as fetched from its origin?

    Only if what it was embedded in passed the rule above with an ActivityStreams type, and the
    object is of the same origin and the same owner; else it is no more than an id (FEP-fe34).
    """
    id = claimed_id(obj)
    if not page_url_verified or page_owner is None or id is None:
        return False
    if owner(obj) != page_owner:
        return False
    # Both are canonical here, as `owner` and `claimed_id` give them.
    return is_at(page_origin, id) and is_at(page_origin, page_owner)
