"""Whether a document's words mean what plain JSON takes them for.

We read plain JSON; others expand JSON-LD. A document that would say one thing here and another
there (its own context gives `to` a new meaning, a part of it hides in `@graph`, `id` and `@id`
differ) is refused. It loads no context and expands nothing. Invariant: the check is linear in the
document and raises nothing but BadInput.
"""

from __future__ import annotations

from typing import Any

from ...errors import BadInput
from .shapes import AS2

_FORBIDDEN = frozenset(("@graph", "@included", "@reverse"))
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
