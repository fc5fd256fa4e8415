"""Whether a document may be looked at as JSON-LD: its contexts are known ones, and bounded.

The view follows a document's own words, so whoever writes these decides what it costs and what it
seems to say. Here is refused what nobody needs and only a hostile document would use: contexts
that would have to be fetched, aliases of keywords that hide a part of the document, contexts within
definitions (each use of such a term is the processing of one more context), more definitions than
any server writes. It processes nothing. Invariant: what passes names only contexts that are there,
and the work of processing it is bounded by the constants below.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from ...errors import Refused
from . import ld_contexts
from .terms import check_document
from .uri import shown

# Mastodon's longest has 3 entries, Fedify's 5.
_MAX_ENTRIES = 16
# Fedify writes a context with 70 definitions into each of the 20 items of a page; the same one is
# processed once. So these count what is different.
_MAX_DIFFERENT = 32
_MAX_DEFINITIONS = 1000
# But each place where one stands is looked up, and below another parent it is another one.
_MAX_PLACES = 256
# A document of a million bytes may use a prefix a hundred thousand times, each written out.
_MAX_TERM = 256
_MAX_MEANING = 512

_ENTRY_KEYWORDS = frozenset(("@language", "@protected", "@version", "@vocab"))
_DEFINITION_KEYWORDS = frozenset(("@container", "@id", "@language", "@protected", "@type"))
_CONTAINERS = frozenset(("@language", "@list", "@set"))
_TYPES = frozenset(("@id", "@none", "@vocab"))


def check(doc: dict[str, Any]) -> None:
    """Raise Refused for what has no view as JSON-LD, BadInput for what is refused altogether."""
    check_document(doc)
    different: set[bytes] = set()
    definitions = 0
    for places, context in enumerate(_contexts(doc), 1):
        if places > _MAX_PLACES:
            raise _refused("@context", f"stands in more than {_MAX_PLACES} places")
        try:
            text = orjson.dumps(context)
        except orjson.JSONEncodeError:  # an integer of more than 64 bits
            raise _refused("@context", "holds what no context does") from None
        if text in different:
            continue
        different.add(text)
        definitions += _check_context(context)
        if len(different) > _MAX_DIFFERENT or definitions > _MAX_DEFINITIONS:
            raise _refused("@context", "defines more than any server does")


def _contexts(doc: dict[str, Any]) -> Iterator[Any]:
    """Every context of the document, wherever it stands."""
    stack: list[Any] = [doc]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            for key, one in value.items():
                if key == "@context":
                    yield one
                elif isinstance(one, (dict, list)):
                    stack.append(one)
        else:
            stack += [one for one in value if isinstance(one, (dict, list))]


def _check_context(context: Any) -> int:
    """How many terms it defines itself."""
    entries = context if isinstance(context, list) else [context]
    if len(entries) > _MAX_ENTRIES:
        raise _refused("@context", f"has more than {_MAX_ENTRIES} entries")
    count = 0
    for entry in entries:
        if isinstance(entry, str):
            if ld_contexts.known(entry) is None:
                raise _refused(shown(entry), "is a context that Fedpull does not have")
        elif isinstance(entry, dict):
            count += len(entry)
            for term, meaning in entry.items():
                _check_definition(term, meaning)
        elif entry is not None:
            raise _refused("@context", "is neither a URL nor an object")
    return count


def _check_definition(term: str, meaning: Any) -> None:
    if term.startswith("@"):
        if term not in _ENTRY_KEYWORDS:
            raise _refused(shown(term), "is not taken in a document's own context")
        return
    if len(term) > _MAX_TERM:
        raise _refused(shown(term), "is a longer term than any server uses")
    if isinstance(meaning, dict):
        _check_keywords(term, meaning)
        meaning = meaning.get("@id")
    if not isinstance(meaning, str):
        return
    if len(meaning) > _MAX_MEANING:
        raise _refused(shown(term), "means a longer IRI than any server uses")
    if meaning.startswith("@") and (term, meaning) not in (("id", "@id"), ("type", "@type")):
        raise _refused(shown(term), f"is another name for {shown(meaning)}")


def _check_keywords(term: str, definition: dict[str, Any]) -> None:
    if not definition.keys() <= _DEFINITION_KEYWORDS:
        other = next(iter(definition.keys() - _DEFINITION_KEYWORDS))
        raise _refused(shown(term), f"is defined with {shown(other)}")
    kind = definition.get("@type")
    if isinstance(kind, str) and kind.startswith("@") and kind not in _TYPES:
        raise _refused(shown(term), f"is defined as {shown(kind)}")
    container = definition.get("@container")
    for one in container if isinstance(container, list) else [container]:
        if one is not None and not (isinstance(one, str) and one in _CONTAINERS):
            raise _refused(shown(term), "is defined as a kind of container that is not taken")


def _refused(subject: str, reason: str) -> Refused:
    return Refused(subject, f"{reason}; the document is there as plain JSON")
