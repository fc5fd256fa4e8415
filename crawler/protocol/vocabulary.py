"""Under which name a type goes: ActivityStreams' own short, any other by its full IRI.

`toot:Emoji`, `Emoji` beside a context that says so, and `http://joinmastodon.org/ns#Emoji` are one
type, and `as:Note` is `Note`. It reads the words of a document and of its own `@context`; it runs
no JSON-LD processor and loads nothing. Invariants: no JSON value makes it raise, its work is
bounded, and what it returns it returns again when it is given that.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from .classes import ACTIVITY_TYPES, ACTOR_TYPES, COLLECTION_TYPES, OBJECT_TYPES
from .shapes import AS2, as_list
from .uri import MAX_LENGTH

# All that is a type in the ActivityStreams namespace. Hashtag is the one that nobody defined and
# everybody uses. A document cannot give these another meaning: plain JSON is the authority.
AS2_TYPES = frozenset(
    {"Hashtag", "IsContact", "IsFollowedBy", "IsFollowing", "IsMember", "Link", "Mention"}
    | (ACTIVITY_TYPES - {"EmojiReact"})
    | ACTOR_TYPES
    | COLLECTION_TYPES
    | OBJECT_TYPES
)

# Prefixes as servers write them; those of a document's own context go before.
PREFIXES = {
    "as": AS2,
    "bookwyrm": "https://bookwyrm.social/ns#",
    "fedibird": "http://fedibird.com/ns#",
    "funkwhale": "https://funkwhale.audio/ns#",
    "gts": "https://gotosocial.org/ns#",
    "lemmy": "https://join-lemmy.org/ns#",
    "litepub": "http://litepub.social/ns#",
    "misskey": "https://misskey-hub.net/ns#",
    "mz": "https://joinmobilizon.org/ns#",
    "ostatus": "http://ostatus.org#",
    "pt": "https://joinpeertube.org/ns#",
    "schema": "http://schema.org#",
    "sec": "https://w3id.org/security#",
    "sm": "http://smithereen.software/ns#",
    "toot": "http://joinmastodon.org/ns#",
    "vcard": "http://www.w3.org/2006/vcard/ns#",
}
# What a bare word means where its document does not say; each as its origin's context has it.
KNOWN_TYPES = {
    "Album": "https://funkwhale.audio/ns#Album",
    "AnnounceAuthorization": "https://gotosocial.org/ns#AnnounceAuthorization",
    "AnnounceRequest": "https://gotosocial.org/ns#AnnounceRequest",
    "Artist": "https://funkwhale.audio/ns#Artist",
    "ChatMessage": "http://litepub.social/ns#ChatMessage",
    "CryptographicKey": "https://w3id.org/security#Key",
    "DataIntegrityProof": "https://w3id.org/security#DataIntegrityProof",
    "Emoji": "http://joinmastodon.org/ns#Emoji",
    "EmojiReact": "http://litepub.social/ns#EmojiReact",
    "IdentityProof": "http://joinmastodon.org/ns#IdentityProof",
    "Infohash": "https://joinpeertube.org/ns#Infohash",
    "Library": "https://funkwhale.audio/ns#Library",
    "LikeAuthorization": "https://gotosocial.org/ns#LikeAuthorization",
    "LikeRequest": "https://gotosocial.org/ns#LikeRequest",
    "Multikey": "https://w3id.org/security#Multikey",
    "Playlist": "https://joinpeertube.org/ns#Playlist",
    "PlaylistElement": "https://joinpeertube.org/ns#PlaylistElement",
    "PropertyValue": "http://schema.org#PropertyValue",
    "QuoteAuthorization": "https://w3id.org/fep/044f#QuoteAuthorization",
    "QuoteRequest": "https://w3id.org/fep/044f#QuoteRequest",
    "ReplyAuthorization": "https://gotosocial.org/ns#ReplyAuthorization",
    "ReplyRequest": "https://gotosocial.org/ns#ReplyRequest",
    "Track": "https://funkwhale.audio/ns#Track",
}

_MAX_TYPES = 16
_MAX_CONTEXTS = 16  # as `terms` has it: a document with more is refused
_MAX_STEPS = 4  # a term names a prefix, that a namespace; nobody goes further
_HTTP_AS2 = "http://www.w3.org/ns/activitystreams#"


def types_of(document: Any, context: Any = None) -> tuple[str, ...]:
    """The types of a document, each once, in its order. `context` is the `@context` of the answer
    that a document without one was embedded in."""
    if not isinstance(document, dict):
        return ()
    value = document["type"] if "type" in document else document.get("@type")
    if isinstance(value, str) and value in AS2_TYPES:  # what nearly all documents are
        return (value,)
    own = document.get("@context", context)
    found: dict[str, None] = {}
    for word in as_list(value)[:_MAX_TYPES]:
        if isinstance(word, str) and 0 < len(word) <= MAX_LENGTH:
            found[_meant(word, own)] = None
    return tuple(found)


@lru_cache(maxsize=1024)
def type_named(text: str) -> str:
    """The name under which a type is found that a person writes short, with a prefix, or in full.

    `Emoji`, `toot:Emoji` and its IRI give the IRI; `Note`, `as:Note` and its IRI give `Note`.
    """
    return _meant(text.strip()[:MAX_LENGTH], None)


def _meant(word: str, context: Any) -> str:
    if word in AS2_TYPES:
        return word
    if context is not None and not isinstance(context, str):
        word = _by_own_context(word, context)
    return _known(word)


@lru_cache(maxsize=4096)
def _known(word: str) -> str:
    word = KNOWN_TYPES.get(word, word)
    prefix, colon, rest = word.partition(":")
    if colon and not rest.startswith("//") and prefix in PREFIXES:
        word = PREFIXES[prefix] + rest
    if word.startswith(_HTTP_AS2):
        word = AS2 + word[len(_HTTP_AS2) :]
    name = word.removeprefix(AS2)
    # `as:Emoji` is not what `Emoji` is: only what no other vocabulary calls so has a short name.
    return name if name.isidentifier() and name not in KNOWN_TYPES else word[:MAX_LENGTH]


def _by_own_context(word: str, context: Any) -> str:
    """What the document's own terms and prefixes make of a word; itself where they say nothing."""
    for _ in range(_MAX_STEPS):
        found = _defined(word, context)
        if found is None:
            prefix, colon, rest = word.partition(":")
            space = _defined(prefix, context) if colon and not rest.startswith("//") else None
            found = None if space is None else space + rest
        if found is None or found == word or len(found) > MAX_LENGTH:
            break
        word = found
    if ":" not in word and word not in KNOWN_TYPES:
        vocabulary = _defined("@vocab", context)
        # ActivityStreams' own is `_:`, which is no name that anybody else could use.
        if vocabulary is not None and not vocabulary.startswith("_"):
            return (vocabulary + word)[:MAX_LENGTH]
    return word


def _defined(term: str, context: Any) -> str | None:
    """The `@id` that the last entry which defines a term gives it."""
    for entry in _own_entries(context):
        meaning = entry.get(term)
        if isinstance(meaning, dict):
            meaning = meaning.get("@id")
        if isinstance(meaning, str) and meaning:
            return meaning
    return None


def _own_entries(context: Any) -> Iterator[dict[str, Any]]:
    """The entries written out in a context, the last first."""
    for entry in reversed(as_list(context)[:_MAX_CONTEXTS]):
        if isinstance(entry, dict):
            yield entry
