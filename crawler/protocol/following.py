"""The activities about following that we send: Follow, its Undo, Accept and Reject. Pure.

It decides neither whom to follow nor who may follow. Invariants: the same arguments give the same
bytes, so that what is delivered twice is one activity; every id is on our own origin.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

_CONTEXT = "https://www.w3.org/ns/activitystreams"
CONTENT_TYPE = "application/activity+json"


@dataclass(frozen=True, slots=True)
class Letter:
    """An activity of ours, as it is sent."""

    activity: str
    body: bytes


def follow_id(base: str, actor: str, at: float) -> str:
    """The id of our Follow of an actor. A later one has another: Lemmy and Fedify drop an activity
    whose id they have seen, Mastodon one that an Undo has come for before."""
    return f"{base}/follows/{_hash(actor, str(int(at)))}"


def follow(ours: str, actor: str, id: str) -> Letter:
    return _letter(id, "Follow", ours, actor, actor)


def undo(ours: str, actor: str, id: str) -> Letter:
    """Takes back the Follow of that id."""
    about = {"id": id, "type": "Follow", "actor": ours, "object": actor}
    return _letter(f"{id}/undo", "Undo", ours, actor, about)


def accept(ours: str, base: str, actor: str, follow: str) -> Letter:
    """Tells `actor` that its Follow of that id stands."""
    return _answer("Accept", ours, base, actor, follow)


def reject(ours: str, base: str, actor: str, follow: str) -> Letter:
    return _answer("Reject", ours, base, actor, follow)


def _answer(type: str, ours: str, base: str, actor: str, follow: str) -> Letter:
    id = f"{base}/{type.lower()}s/{_hash(actor, follow)}"
    about = {"id": follow, "type": "Follow", "actor": actor, "object": ours}
    if not follow:
        del about["id"]
    return _letter(id, type, ours, actor, about)


def _letter(id: str, type: str, ours: str, actor: str, about: str | dict[str, Any]) -> Letter:
    # It is for the one whom it concerns, and for nobody else to see.
    document = {
        "@context": _CONTEXT,
        "id": id,
        "type": type,
        "actor": ours,
        "object": about,
        "to": [actor],
    }
    return Letter(id, json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode())


def _hash(*parts: str) -> str:
    return blake2b("\n".join(parts).encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
