"""Expansion of what servers really write, in a tenth of the time that PyLD takes.

A document whose contexts and keys are plain (see `ld_active`) is expanded here to the very value
that PyLD gives, keys in the same order; anything else raises NotPlain before any of it is used.
Invariant: it looks at every value once.
"""

from __future__ import annotations

import sys
from typing import Any

from .ld_active import Active, NotPlain, Term, absolute, within

_NONE: frozenset[str] = frozenset()
_LANGUAGE_MAP = frozenset(("@language",))
_HUGE = sys.float_info.max
_CONTAINERS = (_NONE, frozenset(("@list",)), frozenset(("@set",)), _LANGUAGE_MAP)


def expand(active: Active, doc: dict[str, Any]) -> list[Any]:
    """The expanded form of a document under the contexts that are in force around it."""
    node = _node(active, doc)
    if not node or (len(node) == 1 and "@id" in node):
        return []  # what says nothing about anything
    return [node]


def _node(active: Active, element: dict[str, Any]) -> dict[str, Any]:
    if "@context" in element:
        active = within(active, element["@context"])
    node: dict[str, Any] = {}
    terms = active.terms
    for key in sorted(element):
        value = element[key]
        term = terms.get(key)
        if term is None:
            if key == "@context":
                continue
            iri = key if key in ("@id", "@type") else _property(active, key)
        else:
            iri = term.iri
            if term.scoped is not None:
                raise NotPlain(key)
        if iri is None:
            continue
        if iri == "@id":
            if not isinstance(value, str) or "@id" in node:
                raise NotPlain("@id")
            node["@id"] = active.reference(value)
        elif iri == "@type":
            _types(active, value, node)
        elif absolute(iri):
            _add(active, node, iri, key, term, value)
    return node


def _property(active: Active, key: str) -> str | None:
    if key.startswith("@"):
        raise NotPlain(key)  # @value, @language, @list and their kin: rare, and PyLD's
    return active.iri(key)


def _types(active: Active, value: Any, node: dict[str, Any]) -> None:
    if "@type" in node:
        raise NotPlain("two types")
    found: list[str] = []
    for word in value if isinstance(value, list) else [value]:
        if not isinstance(word, str):
            raise NotPlain("@type")
        term = active.terms.get(word)
        if term is not None and term.scoped is not None:
            raise NotPlain(word)
        iri = active.iri(word)
        if iri is None:
            raise NotPlain(word)
        found.append(iri)
    if found:
        node["@type"] = found


def _add(
    active: Active, node: dict[str, Any], iri: str, key: str, term: Term | None, value: Any
) -> None:
    container = term.container if term is not None else _NONE
    if container == _LANGUAGE_MAP and isinstance(value, dict):
        expanded: Any = _language_map(active, value)
    elif container not in _CONTAINERS:
        raise NotPlain(key)
    else:
        expanded = _value(active, term, value, "@list" in container)
        if expanded is None:
            return
        if "@list" in container:
            expanded = {"@list": expanded if isinstance(expanded, list) else [expanded]}
    there = node.get(iri)
    if there is None:
        node[iri] = expanded if isinstance(expanded, list) else [expanded]
    elif isinstance(expanded, list):
        there.extend(expanded)
    else:
        there.append(expanded)


def _value(active: Active, term: Term | None, value: Any, in_list: bool) -> Any:
    if value is None:
        return None
    if isinstance(value, dict):
        return _node(active, value)
    if not isinstance(value, list):
        return _scalar(active, term, value)
    found: list[Any] = []
    for one in value:
        expanded = _value(active, term, one, in_list)
        if isinstance(expanded, list):
            if in_list:
                found.append({"@list": expanded})
            else:
                found.extend(expanded)
        elif expanded is not None:
            found.append(expanded)
    return found


def _scalar(active: Active, term: Term | None, value: Any) -> dict[str, Any]:
    kind = term.type if term is not None else None
    if isinstance(value, str):
        if kind == "@id":
            return {"@id": active.reference(value)}
        if kind == "@vocab":
            iri = active.iri(value)
            if iri is None or value.startswith("@"):
                raise NotPlain(value)
            return {"@id": iri}
    elif abs(value) > _HUGE:
        raise NotPlain("a number that is no float")
    if kind == "@json":
        raise NotPlain("@json")
    if kind is not None and not kind.startswith("@"):
        return {"@type": kind, "@value": value}
    if not isinstance(value, str):
        return {"@value": value}
    language = term.language if term is not None and term.has_language else active.language
    return {"@value": value} if language is None else {"@language": language, "@value": value}


def _language_map(active: Active, by_language: dict[str, Any]) -> list[Any]:
    found: list[Any] = []
    for tag in sorted(by_language):
        texts = by_language[tag]
        none = tag == "@none" or (tag in active.terms and active.terms[tag].iri == "@none")
        for text in texts if isinstance(texts, list) else [texts]:
            if text is None:
                continue
            if not isinstance(text, str):
                raise NotPlain("a language map")
            found.append({"@value": text} if none else {"@value": text, "@language": tag.lower()})
    return found
