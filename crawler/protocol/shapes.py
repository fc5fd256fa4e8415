"""The shapes in which ActivityStreams values come, taken down to plain ones.

A property may hold one value or a list, a URI, an embedded object or a stub, a Link, or JSON-LD's
`@id` forms; these readers flatten that. They fetch nothing and expand no contexts: plain JSON is
the authority. Invariant: no JSON value makes them raise, and every id they return is canonical.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from ...errors import BadInput
from .uri import MAX_LENGTH, canonical

AS2 = "https://www.w3.org/ns/activitystreams#"
PUBLIC_URI = AS2 + "Public"
# ActivityPub section 5.6 gives these three; anything else, a trailing space even, is not public.
PUBLIC = frozenset((PUBLIC_URI, "as:Public", "Public"))

# More addressees, tags or attachments than any server lets its users have; what is beyond is
# not looked at (documents are kept whole).
MAX_VALUES = 1000
_PREFIXES = (AS2, "as:", "http://www.w3.org/ns/activitystreams#")


def as_list(value: Any) -> list[Any]:
    """The values of a property: none for null, one for a single value, else the list itself."""
    if value is None:
        return []
    if isinstance(value, list):
        return value
    return [value]


def uri_or_none(value: Any) -> str | None:
    """The canonical form of a string that is an http(s) URI."""
    if not isinstance(value, str):
        return None
    # Conversations are tag: URIs as often as not, and an exception costs more than this look.
    if value.startswith("http") or value[:4].lower() == "http":
        return _canonical(value)
    return None


@lru_cache(maxsize=4096)
def _canonical(text: str) -> str | None:
    """Remembered, because the ids of actors and audiences recur in every item of a page."""
    try:
        return canonical(text)
    except BadInput:
        return None


def id_of(value: Any) -> str | None:
    """The id of what a property holds: a URI, or the `id` (or `@id`) of an embedded object.

    Of a list it is the first id. None when nothing there is an http(s) URI.
    """
    if isinstance(value, str):
        return uri_or_none(value)
    if isinstance(value, dict):
        return uri_or_none(value.get("id", value.get("@id")))
    if isinstance(value, list):
        return next(iter(ids_of(value[:MAX_VALUES])), None)
    return None


def ids_of(value: Any) -> tuple[str, ...]:
    """All ids of a property, each once, in order."""
    found: dict[str, None] = {}
    for one in as_list(value)[:MAX_VALUES]:
        if not isinstance(one, list) and (uri := id_of(one)) is not None:
            found[uri] = None
    return tuple(found)


def addresses_of(value: Any) -> tuple[str, ...]:
    """As `ids_of`, with every spelling of the Public collection as its URI."""
    found: dict[str, None] = {}
    for one in as_list(value)[:MAX_VALUES]:
        word = one.get("id", one.get("@id")) if isinstance(one, dict) else one
        if isinstance(word, str):
            uri = PUBLIC_URI if word in PUBLIC else uri_or_none(word)
            if uri is not None:
                found[uri] = None
    return tuple(found)


def is_public(values: tuple[str, ...]) -> bool:
    return not PUBLIC.isdisjoint(values)


def types_of(doc: Any) -> tuple[str, ...]:
    """The types of a document: AS2 ones by their short names, others as they stand."""
    if not isinstance(doc, dict):
        return ()
    value = doc["type"] if "type" in doc else doc.get("@type")
    if isinstance(value, str):
        return _one_type(value)
    return tuple(dict.fromkeys(_short(one) for one in as_list(value)[:16] if _is_word(one)))


@lru_cache(maxsize=1024)
def _one_type(name: str) -> tuple[str, ...]:
    return (_short(name),) if name else ()


def primary_type(doc: Any) -> str | None:
    types = types_of(doc)
    return types[0] if types else None


def _is_word(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= MAX_LENGTH


def _short(name: str) -> str:
    for prefix in _PREFIXES:
        if name.startswith(prefix):
            return name[len(prefix) :]
    return name[:MAX_LENGTH]


def texts_of(value: Any) -> list[str]:
    """The strings of a property, also where they are written as JSON-LD values."""
    found = []
    for one in as_list(value)[:MAX_VALUES]:
        word = one.get("@value") if isinstance(one, dict) else one
        if isinstance(word, str):
            found.append(word)
    return found
