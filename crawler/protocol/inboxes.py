"""Where mail for an actor goes, as its own document says. Pure; it believes no other origin.

Invariant: every inbox is of the actor's own origin, so that no document can turn what we sign and
send against another host.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .shapes import id_of
from .uri import same_origin


@dataclass(frozen=True, slots=True)
class Inboxes:
    """`own` is for what concerns this actor alone, `shared` for what all of its server may read."""

    own: str
    shared: str | None


def inboxes_of(doc: dict[str, Any]) -> Inboxes | None:
    """None where the document names no inbox that counts."""
    actor, own = id_of(doc), id_of(doc.get("inbox"))
    if actor is None or own is None or not same_origin(own, actor):
        return None
    endpoints = doc.get("endpoints")
    shared = id_of(endpoints.get("sharedInbox")) if isinstance(endpoints, dict) else None
    if shared is not None and not same_origin(shared, actor):
        shared = None
    return Inboxes(own, shared)
