"""Whether a document's words mean what plain JSON takes them for.

We read plain JSON; others expand JSON-LD. A document that would say one thing here and another
there (its own context gives `to` a new meaning, a part of it hides in `@graph`, `id` and `@id`
differ) is refused. It loads no context and expands nothing. Invariant: the check is linear in the
document and raises nothing but BadInput.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import orjson

from ...errors import BadInput
from .shapes import AS2

_FORBIDDEN = frozenset(("@graph", "@included", "@reverse"))
# Keywords that hide a part of a document, or say who it is, under whatever name a context gives
# them; `id` and `type` are the names that everybody reads.
_NAMELESS = _FORBIDDEN | {"@id", "@nest", "@type"}
# All keys that are looked for below, as they stand in a text behind the quote and the at sign.
_KEYWORDS = (b'context"', b'graph"', b'id"', b'included"', b'reverse"', b'type"')
_LONG_CONTEXT = 8192  # Mastodon's takes 2,500 bytes
# At signs in one text above which looking at each takes longer than a search for both bytes.
_MENTIONS = 20
_MAX_CONTEXTS = 16  # Mastodon's longest has 3 entries, Fedify's 5

# What a context may say of the terms that decide identity, authority and audience: what the
# ActivityStreams context says, which many servers repeat.
_MEANINGS: dict[str, frozenset[str]] = {
    "id": frozenset(("@id",)),
    "type": frozenset(("@type",)),
    "as": frozenset((AS2,)),
    **{
        term: frozenset((f"as:{term}", AS2 + term))
        for term in ("actor", "attributedTo", "to", "cc", "object")
    },
}


def holds_keywords(text: bytes) -> bool:
    """Whether a JSON text without escapes of letters holds a key that `check_terms` looks for.

    One byte is searched for ten times as fast as two are, and nearly all that is found are the
    mentions and profiles of a post.
    """
    at = text.find(b"@")
    for _ in range(_MENTIONS):
        if at < 0:
            return False
        if text.startswith(_KEYWORDS, at + 1) and text[at - 1 : at] == b'"':
            return True
        at = text.find(b"@", at + 1)
    return b'"@' in text


def check_document(doc: dict[str, Any]) -> None:
    """`check_terms` of a whole document, which is looked through only if it holds keywords beside
    its own context: a text of it is written and searched in a fraction of the time."""
    rest = doc.copy()
    context = rest.pop("@context", None)
    try:
        beside, own = orjson.dumps(rest), orjson.dumps(context)
    except orjson.JSONEncodeError:  # an integer of more than 64 bits, or nested very deeply
        check_terms(doc)
        return
    if len(own) > _LONG_CONTEXT or holds_keywords(beside):
        check_terms(doc)
    else:
        _check_own_context(own)


@lru_cache(maxsize=256)
def _check_own_context(text: bytes) -> None:
    """Remembered where it is good, because a server puts the same one into all its documents."""
    check_terms({"@context": orjson.loads(text)})


def check_terms(doc: Any) -> None:
    """Raise BadInput if any part of the document redefines or hides what we read."""
    stack = [doc]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            if not _FORBIDDEN.isdisjoint(value):
                raise _bad("uses " + next(iter(_FORBIDDEN & value.keys())))
            if "@context" in value:
                _check_context(value["@context"])
            if "@id" in value or "@type" in value:
                _check_twins(value)
            stack += [one for one in value.values() if isinstance(one, (dict, list))]
        elif isinstance(value, list):
            stack += [one for one in value if isinstance(one, (dict, list))]


def _check_twins(value: dict[str, Any]) -> None:
    for plain, keyword in (("id", "@id"), ("type", "@type")):
        if plain in value and keyword in value and value[plain] != value[keyword]:
            raise _bad(f"has two different values as {plain} and {keyword}")


def _check_context(context: Any) -> None:
    entries = context if isinstance(context, list) else [context]
    if len(entries) > _MAX_CONTEXTS:
        raise _bad(f"has more than {_MAX_CONTEXTS} contexts")
    for entry in entries:
        if isinstance(entry, dict):
            for term, allowed in _MEANINGS.items():
                if term in entry and not _means(entry[term], allowed):
                    raise _bad(f"gives {term} another meaning in its own context")
            for term, definition in entry.items():
                word = definition.get("@id") if isinstance(definition, dict) else definition
                if isinstance(word, str) and word in _NAMELESS and term not in ("id", "type"):
                    raise _bad(f"gives {word} another name in its own context")


def _means(definition: Any, allowed: frozenset[str]) -> bool:
    """A definition is a string, or an object whose `@id` is one and which changes no more than
    how its value is typed (scoped contexts and containers do change the meaning)."""
    if isinstance(definition, dict):
        if not definition.keys() <= {"@id", "@type"}:
            return False
        if definition.get("@type") not in (None, "@id"):
            return False
        definition = definition.get("@id")
    return isinstance(definition, str) and definition in allowed


def _bad(reason: str) -> BadInput:
    return BadInput("JSON-LD", reason, "the terms of ActivityStreams as they are defined")
