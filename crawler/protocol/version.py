"""Whether what the origin serves now is a new version of what we hold.

It compares stamps, never bodies, and knows no clock. Invariants: an older `updated` never replaces
a newer one, and what a document is (its class), whose it is and when it was published never change
under one id.
"""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import orjson

from .classes import class_of
from .record import record

# What changes without anybody having edited anything: reactions and their counts, signatures made
# at request time. `@context` is left out because an embedded copy has none of its own.
_VOLATILE = frozenset(
    ("@context", "dislikes", "emojiReactions", "likes", "proof", "replies", "shares", "signature")
) | frozenset(("views", "bto", "bcc"))
# A collection's totals, and its cursors, of which some carry the time of the request (Ghost).
_NO_PAGING = _VOLATILE | frozenset(
    ("current", "first", "last", "next", "prev", "startIndex", "totalItems")
)
# One document may be written with whole seconds here and with fractions there.
_SAME_MOMENT = 1.0
# A clock may be wrong by a time zone; what lies further ahead would block every later edit.
_MOST_AHEAD = 86_400.0


@record(frozen=True, slots=True)
class Stamp:
    """What two versions of a document are compared by."""

    content_hash: bytes
    updated: float | None = None
    owner: str | None = None
    published: float | None = None
    kind: str = "object"  # its class: actor, object, activity or collection
    type: str = ""


def content_hash(doc: dict[str, Any], kind: str | None = None) -> bytes:
    """16 bytes that are equal for equal content, in whatever order and place it was served.

    `kind` is its class, where that is known already."""
    left_out = _NO_PAGING if (kind or class_of(doc)) == "collection" else _VOLATILE
    content = doc.copy()
    for key in left_out:
        content.pop(key, None)
    try:
        canonical = orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # an integer of more than 64 bits, which JSON allows
        canonical = json.dumps(content, sort_keys=True, ensure_ascii=True).encode()
    # SHA-256 because processors do it themselves, in half the time that BLAKE2 takes.
    return sha256(canonical).digest()[:16]


def believable(updated: float | None, now: float) -> float | None:
    """`updated` as far as it is believed: one that lies ahead (the year 9999) counts as not stated,
    since no later edit could ever be newer."""
    return updated if updated is not None and updated <= now + _MOST_AHEAD else None


def supersedes(old: Stamp | None, new: Stamp) -> str:
    """`created`, `updated`, `unchanged`, `older` or `conflict`: what `new` is to `old`.

    A conflict is a document that became another one (FEP-96ff; GoToSocial refuses the same): the
    version we hold stays. A Tombstone is none, it states neither author nor date. A new version
    without `updated` is believed, since it is what the origin serves now.
    """
    if old is None:
        return "created"
    if old.content_hash == new.content_hash:
        return "unchanged"
    if _is_another(old, new):
        return "conflict"
    if old.updated is not None and new.updated is not None and new.updated < old.updated:
        return "older"
    return "updated"


def _is_another(old: Stamp, new: Stamp) -> bool:
    if old.kind != new.kind:
        return True
    if "Tombstone" in (old.type, new.type) or old.kind in ("actor", "collection"):
        return False
    if old.owner is not None and old.owner != new.owner:
        return True
    if old.published is None or new.published is None:
        return False
    return abs(old.published - new.published) >= _SAME_MOMENT
