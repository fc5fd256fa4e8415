"""What a document says of itself, in whatever shape its server writes it.

It reads plain JSON and never the network; it says who a document claims to be from and for, not
whether that is true (`identity` does). Invariant: no JSON value makes a reader raise; what cannot
be read is None or empty. Only `check_terms` refuses.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from .classes import ACTIVITY_TYPES, ACTOR_TYPES, COLLECTION_TYPES, class_of
from .shapes import (
    AS2,
    MAX_VALUES,
    PUBLIC,
    PUBLIC_URI,
    addresses_of,
    as_list,
    id_of,
    ids_of,
    is_public,
    primary_type,
    texts_of,
    types_of,
)
from .terms import check_document, check_terms, holds_keywords
from .times import rfc3339
from .uri import MAX_LENGTH, same_origin
from .views import (
    Attachment,
    attachments,
    content,
    end_time,
    name,
    start_time,
    summary,
    text,
    url,
)

__all__ = [
    "ACTIVITY_TYPES",
    "ACTOR_TYPES",
    "AS2",
    "COLLECTION_TYPES",
    "PUBLIC",
    "PUBLIC_URI",
    "Attachment",
    "Audience",
    "also_known_as",
    "as_list",
    "attachments",
    "audience",
    "check_document",
    "check_terms",
    "class_of",
    "content",
    "context_of",
    "end_time",
    "hashtags",
    "holds_keywords",
    "id_of",
    "ids_of",
    "in_reply_to",
    "is_for_all",
    "is_public",
    "is_tombstone",
    "moved_to",
    "name",
    "outbox_of",
    "owner",
    "preferred_username",
    "primary_type",
    "published",
    "start_time",
    "summary",
    "text",
    "types_of",
    "updated",
    "url",
]

# Mastodon keeps fewer hashtags than this on a post; each at most as long as it lets one be.
_MAX_TAGS = 100
_MAX_TAG_LENGTH = 100


@dataclass(frozen=True, slots=True)
class Audience:
    """Whom a document is addressed to. `bto` and `bcc` are nobody's business and never read."""

    to: tuple[str, ...]
    cc: tuple[str, ...]
    audience: tuple[str, ...]
    stated: bool  # an empty list states that it is for nobody; null and absence state nothing

    @property
    def public(self) -> bool:
        return self.listed or is_public(self.cc) or is_public(self.audience)

    @property
    def listed(self) -> bool:
        """Public in `to`; public in `cc` only is what Mastodon calls unlisted."""
        return is_public(self.to)


def audience(doc: Any) -> Audience:
    if not isinstance(doc, dict):
        return Audience((), (), (), False)
    to, cc, others = doc.get("to"), doc.get("cc"), doc.get("audience")
    stated = to is not None or cc is not None or others is not None
    return Audience(addresses_of(to), addresses_of(cc), addresses_of(others), stated)


def is_for_all(doc: dict[str, Any]) -> bool:
    """Whether a document is addressed to everybody: `audience(doc).public`.

    Asked of every object of every page, and nearly always answered by one look.
    """
    for addressees in (doc.get("to"), doc.get("cc")):
        if isinstance(addressees, list) and PUBLIC_URI in addressees[:MAX_VALUES]:
            return True
    return audience(doc).public


def owner(doc: Any, kind: str | None = None) -> str | None:
    """Who answers for a document: itself for an actor, the actor of an activity, else its author.

    Of several authors it is the first (PeerTube: the account, then the channel). `kind` is its
    class, where that is known already.
    """
    if not isinstance(doc, dict):
        return None
    kind = kind or class_of(doc)
    if kind == "actor":
        return id_of(doc)
    if kind == "activity":
        return id_of(doc.get("actor"))
    author = doc.get("attributedTo")
    return id_of(author) if author is not None else id_of(doc.get("actor"))


def published(doc: Any) -> float | None:
    return rfc3339(doc.get("published")) if isinstance(doc, dict) else None


def updated(doc: Any) -> float | None:
    return rfc3339(doc.get("updated")) if isinstance(doc, dict) else None


def hashtags(doc: Any) -> tuple[str, ...]:
    """The hashtags, without their `#` and folded so that all spellings of one are equal."""
    tags = as_list(doc.get("tag")) if isinstance(doc, dict) else None
    if not tags:
        return ()
    found: dict[str, None] = {}
    for tag in tags:
        if len(found) >= _MAX_TAGS:
            break
        if isinstance(tag, dict) and (tag.get("type") == "Hashtag" or "Hashtag" in types_of(tag)):
            name = tag.get("name")
            if not isinstance(name, str):
                name = next(iter(texts_of(name)), "")
            folded = _folded(name[:400])
            if 0 < len(folded) <= _MAX_TAG_LENGTH:
                found[folded] = None
    return tuple(found)


@lru_cache(maxsize=1024)
def _folded(word: str) -> str:
    """Remembered, because who uses a hashtag uses it again."""
    return unicodedata.normalize("NFKC", word).strip().lstrip("#").casefold()


def in_reply_to(doc: Any) -> str | None:
    return id_of(doc.get("inReplyTo")) if isinstance(doc, dict) else None


def context_of(doc: Any) -> str | None:
    """The conversation: AS2's `context`, else OStatus's `conversation`, often a tag: URI."""
    if not isinstance(doc, dict):
        return None
    context, conversation = doc.get("context"), doc.get("conversation")
    if context is not None and (found := id_of(context)) is not None:
        return found
    for value in (conversation,) if context is None else (context, conversation):
        if isinstance(value, str) and 0 < len(value) <= MAX_LENGTH and value.isprintable():
            return id_of(value) or value
    return id_of(conversation)


def is_tombstone(doc: Any) -> bool:
    return "Tombstone" in types_of(doc)


def moved_to(doc: Any) -> str | None:
    """Where an actor says that it has gone (FEP-7628)."""
    return id_of(doc.get("movedTo")) if isinstance(doc, dict) else None


def also_known_as(doc: Any) -> tuple[str, ...]:
    """The other accounts that an actor says are its own."""
    return ids_of(doc.get("alsoKnownAs")) if isinstance(doc, dict) else ()


def preferred_username(doc: Any) -> str | None:
    return (
        next(iter(texts_of(doc.get("preferredUsername"))), None) if isinstance(doc, dict) else None
    )


def outbox_of(doc: Any) -> str | None:
    """An actor's outbox, if it lies on the actor's own origin: another one's is a claim that its
    server never made (FEP-fe34)."""
    if not isinstance(doc, dict):
        return None
    found, actor = id_of(doc.get("outbox")), id_of(doc)
    if found is None or actor is None or not same_origin(found, actor):
        return None
    return found
