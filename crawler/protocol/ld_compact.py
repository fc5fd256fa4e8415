"""Compaction to the canonical context, in a tenth of the time that PyLD takes.

There is one context that views are compacted to, and it holds neither maps by index nor contexts
within definitions; so what is left of the algorithm is the choice of a term for each value. What
that part does not cover raises NotPlain. Invariant: its result is PyLD's, keys in the same order.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from . import ld_contexts
from .ld_active import NotPlain, Term, canonical

# The IRI of a property, how its values are kept, by type or by language: which term that is.
_Choices = dict[str, dict[str, dict[str, dict[str, str]]]]
_OF_NODES = ("@id", "@id@set", "@type", "@set@type", "@set", "@none", "@index", "@index@set")
_OF_VALUES = ("@set", "@none", "@index", "@index@set")
_OF_LANGUAGES = ("@language", "@language@set", *_OF_VALUES)
_OF_PLAIN = (*_OF_VALUES, "@language", "@language@set")
_NO_TERM = Term(None)


def compact(expanded: list[Any]) -> dict[str, Any]:
    """The expanded form of a document in the words of the canonical context."""
    found: dict[str, Any] = {"@context": ld_contexts.entries(ld_contexts.CANONICAL)}
    if len(expanded) > 1 or any("@value" in one or "@list" in one for one in expanded):
        raise NotPlain("several documents")
    if expanded:
        found.update(_node(expanded[0]))
    return found


def _node(element: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for iri in sorted(element):
        value = element[iri]
        if iri == "@id":
            found["id"] = _reference(value)
        elif iri == "@type":
            types = [_word(one) for one in value]
            found["type"] = types[0] if len(types) == 1 else types
        elif iri.startswith("@"):
            raise NotPlain(iri)
        elif not value:
            found.setdefault(_term_for(iri, value), [])
        else:
            for one in value:
                _put(found, _term_for(iri, one), one)
    return found


def _put(found: dict[str, Any], name: str, item: dict[str, Any]) -> None:
    """One value of a property, under the term that was chosen for it."""
    term = canonical().terms.get(name, _NO_TERM)
    if "@list" in item:
        if len(item) > 1:
            raise NotPlain("@index")
        values = [_item(term, one) for one in item["@list"]]
        if "@list" in term.container:
            found[name] = values
            return
        _append(found, name, {"@list": values})
    elif "@language" in term.container:
        if not item.keys() <= {"@language", "@value"}:
            raise NotPlain("@direction")
        by_language = found.setdefault(name, {})
        _append(by_language, item.get("@language", "@none"), item["@value"])
    elif "@set" in term.container:
        raise NotPlain(name)
    else:
        _append(found, name, _item(term, item))


def _append(found: dict[str, Any], name: str, value: Any) -> None:
    if name not in found:
        found[name] = value
    elif isinstance(found[name], list):
        found[name].append(value)
    else:
        found[name] = [found[name], value]


def _item(term: Term, item: dict[str, Any]) -> Any:
    if "@value" in item:
        return _value(term, item)
    if "@list" in item:
        raise NotPlain("a list in a list")
    if len(item) == 1 and "@id" in item:
        if term.type == "@vocab":
            return _word(item["@id"])
        reference = _reference(item["@id"])
        return reference if term.type == "@id" else {"id": reference}
    return _node(item)


def _value(term: Term, item: dict[str, Any]) -> Any:
    value = item["@value"]
    if isinstance(value, (dict, list)) or not item.keys() <= {"@value", "@type", "@language"}:
        raise NotPlain("@value")
    if len(item) == 1 or ("@type" in item and item["@type"] == term.type):
        return value
    if "@type" in item:
        return {"type": _word(item["@type"]), "@value": value}
    return {"@language": item["@language"], "@value": value}


def _term_for(iri: str, item: Any) -> str:
    """The term that fits a property with such a value best (JSON-LD API section 6.3)."""
    choices = _choices().get(iri)
    if choices is not None:
        containers, kind, wanted = _wanted(item)
        for container in containers:
            terms = choices[container][kind] if container in choices else {}
            for one in wanted:
                if one in terms:
                    return terms[one]
    return _word(iri, beside=choices is not None, alone=False)


def _wanted(item: Any) -> tuple[tuple[str, ...], str, tuple[str, ...]]:
    if isinstance(item, list):  # no value at all
        return ("@set", "@none"), "@type", ("@id", "@none")
    if "@list" in item:
        return _wanted_for_list(item["@list"])
    if "@value" in item:
        if "@language" in item:
            return _OF_LANGUAGES, "@language", (item["@language"], "@none")
        if "@type" in item:
            return _OF_VALUES, "@type", (item["@type"], "@none")
        return _OF_PLAIN, "@language", ("@null", "@none")
    if "@id" not in item:
        return _OF_NODES, "@type", ("@id", "@none")
    word = canonical().terms.get(_word(item["@id"]))
    if word is not None and word.iri == item["@id"]:
        return _OF_NODES, "@type", ("@vocab", "@id", "@none")
    return _OF_NODES, "@type", ("@id", "@vocab", "@none")


def _wanted_for_list(items: list[Any]) -> tuple[tuple[str, ...], str, tuple[str, ...]]:
    containers = ("@list", "@none", "@index", "@index@set")
    if not items:
        return containers, "@any", ("@none",)
    language = kind = ""
    for item in items:
        its_language, its_kind = _language_and_kind(item)
        if not language:
            language = its_language
        elif its_language != language and "@value" in item:
            language = "@none"
        kind = its_kind if not kind or its_kind == kind else "@none"
    if kind != "@none":
        return containers, "@type", (kind, "@none")
    return containers, "@language", (language, "@none")


def _language_and_kind(item: dict[str, Any]) -> tuple[str, str]:
    if "@value" not in item:
        return "@none", "@id"
    if "@language" in item:
        return item["@language"], "@none"
    return ("@none", item["@type"]) if "@type" in item else ("@null", "@none")


def _word(iri: str, *, beside: bool = False, alone: bool = True) -> str:
    """A type or a property by its term, else by what stands behind the vocabulary, else as CURIE.

    `beside`: the property has terms, of which none fits its value. `alone`: there is no value.
    """
    active = canonical()
    _check(iri)
    if alone and not beside and iri in _choices():
        found = _choices()[iri]
        for container in ("@set", "@none"):
            terms = found[container]["@type"] if container in found else {}
            for one in ("@id", "@none"):
                if one in terms:
                    return terms[one]
    vocab = active.vocab or ""
    if iri.startswith(vocab) and iri != vocab and iri[len(vocab) :] not in active.terms:
        return iri[len(vocab) :]
    return _curie(iri)


def _reference(iri: str) -> str:
    """An id: written out, or by a prefix (`as:Public`)."""
    _check(iri)
    return _curie(iri)


def _check(iri: str | None) -> None:
    """PyLD makes null of what looks like a keyword and is none."""
    if iri is None or iri.startswith("@"):
        raise NotPlain("a keyword")


def _curie(iri: str) -> str:
    prefixes, starts = _prefixes()
    if iri.startswith(starts):
        found = [
            f"{term}:{iri[len(space) :]}"
            for term, space in prefixes
            if iri != space and iri.startswith(space)
        ]
        if found:
            return min(found, key=lambda one: (len(one), one))
    prefix = canonical().terms.get(iri.partition(":")[0])
    if prefix is not None and prefix.prefix:
        raise NotPlain(iri)  # it would be read as a CURIE, which it is not
    return iri


@cache
def _prefixes() -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    found = tuple(
        (name, term.iri)
        for name, term in canonical().terms.items()
        if term.prefix and term.iri is not None
    )
    return found, tuple(space for _, space in found)


@cache
def _choices() -> _Choices:
    """Which terms there are for an IRI: the inverse context (JSON-LD API section 4.3)."""
    found: _Choices = {}
    for name, term in sorted(canonical().terms.items(), key=lambda one: (len(one[0]), one[0])):
        if not term.iri:
            continue
        container = "".join(sorted(term.container)) or "@none"
        entry = found.setdefault(term.iri, {}).setdefault(
            container, {"@language": {}, "@type": {}, "@any": {}}
        )
        entry["@any"].setdefault("@none", name)
        if term.type is not None:
            entry["@type"].setdefault(term.type, name)
        else:
            entry["@type"].setdefault("@none", name)
            entry["@language"].setdefault("@none", name)
    return found
