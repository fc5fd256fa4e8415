"""What the words of a document mean under its contexts, without a JSON-LD processor.

It knows that part of JSON-LD which the servers of the Fediverse write: terms, prefixes, a
vocabulary, coercion, lists, sets and language maps. Whatever goes beyond (a context within a
definition, a protected term that is defined anew, an error) raises NotPlain, and PyLD has the word.
Invariant: what it makes of a context is what PyLD makes of it; tests compare them.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Any, NamedTuple

import orjson

from . import ld_contexts

KEYWORD = re.compile(r"@[a-zA-Z]+$")
_ABSOLUTE = re.compile(r"(?:[A-Za-z][A-Za-z0-9+-.]*|_):\S*$")
_IRI_LIKE = re.compile(r".*(?::[^:]|/)")
_PREFIX_END = tuple(":/?#[]@")
_PLAIN_ENTRY = frozenset(("@language", "@protected", "@version", "@vocab"))
_PLAIN_DEFINITION = frozenset(("@container", "@context", "@id", "@language", "@protected", "@type"))
_CONTAINERS = frozenset(("@graph", "@index", "@language", "@list", "@set"))
_NONE: frozenset[str] = frozenset()


class NotPlain(Exception):
    """This needs a whole JSON-LD processor."""


class Term(NamedTuple):
    """What a term means. `iri` None: it is to be ignored."""

    iri: str | None
    type: str | None = None
    container: frozenset[str] = _NONE
    has_language: bool = False
    language: str | None = None
    prefix: bool = False
    scoped: Any = None  # the context within its definition, if there is one
    protected: bool = False


class Active:
    """The contexts that are in force at one place. Never changed once it is made."""

    __slots__ = ("language", "terms", "vocab")

    def __init__(
        self,
        terms: dict[str, Term] | None = None,
        vocab: str | None = None,
        language: str | None = None,
    ) -> None:
        self.terms = {} if terms is None else terms
        self.vocab = vocab
        self.language = language

    def iri(self, word: str) -> str | None:
        """A key, a type or another word of the vocabulary; None: it means nothing."""
        term = self.terms.get(word)
        if term is not None:
            return term.iri
        if word.startswith("@"):
            if not KEYWORD.match(word):
                raise NotPlain(word)
            return None  # a keyword is the caller's business; what looks like one is ignored
        found = self._compact(word)
        if found is not None:
            return found
        if self.vocab is None:
            raise NotPlain(word)
        return self.vocab + word

    def reference(self, value: str) -> str:
        """An id; relative ones need the document's place and are left to PyLD."""
        found = None if value.startswith("@") else self._compact(value)
        if found is None:
            raise NotPlain(value)
        return found

    def _compact(self, value: str) -> str | None:
        """A compact or absolute IRI, written out."""
        prefix, colon, rest = value.partition(":")
        if not colon or not prefix:
            return None
        if prefix == "_" or rest.startswith("//"):
            return value
        space = self.terms.get(prefix)
        if space is not None and space.prefix and space.iri is not None:
            return space.iri + rest
        return value if _ABSOLUTE.match(value) else None


def absolute(iri: str) -> bool:
    return _ABSOLUTE.match(iri) is not None


EMPTY = Active()


def active(context: Any) -> Active:
    """The contexts of a whole document."""
    return within(EMPTY, context)


def within(parent: Active, context: Any) -> Active:
    """What is in force where a part of a document has a context of its own."""
    try:
        return _within(parent, orjson.dumps(context))
    except orjson.JSONEncodeError:
        raise NotPlain("a context") from None


@lru_cache(maxsize=256)
def _within(parent: Active, text: bytes) -> Active:
    """Remembered, because a server puts the same one into all its documents."""
    context = orjson.loads(text)
    found = parent
    for entry in context if isinstance(context, list) else [context]:
        if isinstance(entry, str):
            name = ld_contexts.known(entry)
            if name is None:
                raise NotPlain(entry)
            found = _bundled(found, name)
        elif isinstance(entry, dict):
            found = _defined(found, entry)
        else:
            raise NotPlain("null")
    return found


@lru_cache(maxsize=256)
def _bundled(parent: Active, name: str) -> Active:
    return _within(parent, orjson.dumps(ld_contexts.entries(name)))


@cache
def canonical() -> Active:
    return active(ld_contexts.entries(ld_contexts.CANONICAL))


def _defined(parent: Active, context: dict[str, Any]) -> Active:
    """One object of definitions on top of what is in force."""
    if any(key.startswith("@") and key not in _PLAIN_ENTRY for key in context):
        raise NotPlain("a keyword")
    found = Active(dict(parent.terms), parent.vocab, parent.language)
    if context.get("@version", 1.1) != 1.1 or context.get("@protected", True) is not True:
        raise NotPlain("a keyword")
    if "@vocab" in context:
        vocab = context["@vocab"]
        if not isinstance(vocab, str) or not absolute(vocab):
            raise NotPlain("@vocab")
        found.vocab = found.iri(vocab)
    if "@language" in context:
        if not isinstance(context["@language"], str):
            raise NotPlain("@language")
        found.language = context["@language"].lower()
    building = _Building(found, context)
    for term in context:
        if not term.startswith("@"):
            building.define(term)
    return found


class _Building:
    """The definitions of one object, each made after those that it is made of."""

    __slots__ = ("active", "context", "done", "protected")

    def __init__(self, active: Active, context: dict[str, Any]) -> None:
        self.active = active
        self.context = context
        self.protected = "@protected" in context
        self.done: dict[str, bool] = {}

    def define(self, term: str) -> None:
        if term in self.done:
            if not self.done[term]:
                raise NotPlain("a circle")
            return
        if not term or _IRI_LIKE.match(term):
            raise NotPlain("a term in form of an IRI")
        self.done[term] = False
        before = self.active.terms.pop(term, None)
        made = self._made(term, self.context[term])
        if before is not None and before.protected:
            made = made._replace(protected=True)
            if made != before:
                raise NotPlain("a protected term")
        self.active.terms[term] = made
        self.done[term] = True

    def _made(self, term: str, value: Any) -> Term:
        simple = value is None or isinstance(value, str)
        if simple:
            value = {"@id": value}
        if not isinstance(value, dict) or not value.keys() <= _PLAIN_DEFINITION:
            raise NotPlain("a definition")
        iri = self._iri(term, value)
        marked = value.get("@protected")
        has_language = "@language" in value and "@type" not in value
        return Term(
            iri,
            self._type(value),
            _container(value),
            has_language,
            _language(value) if has_language else None,
            simple and iri is not None and iri != term and _is_prefix(term, iri),
            value.get("@context"),
            bool(marked) or (self.protected and bool(value.get("@protected", True))),
        )

    def _iri(self, term: str, value: dict[str, Any]) -> str | None:
        word = value.get("@id", term)
        if word is None:
            return None
        if not isinstance(word, str) or not word:
            raise NotPlain("@id")
        if word in ("@id", "@type"):
            return word
        if word != term:
            return self._expanded(word)
        if ":" in term or self.active.vocab is None:
            raise NotPlain("@id")
        return self.active.vocab + term

    def _type(self, value: dict[str, Any]) -> str | None:
        word = value.get("@type")
        if word is None and "@type" not in value:
            return None
        if not isinstance(word, str):
            raise NotPlain("@type")
        if word in ("@id", "@vocab", "@none", "@json"):
            return word
        found = self._expanded(word)
        if found.startswith("_:"):
            raise NotPlain("@type")
        return found

    def _expanded(self, word: str) -> str:
        """A word that may depend on other definitions of the same object."""
        if word.startswith("@"):
            raise NotPlain(word)
        if word in self.context:
            self.define(word)
        elif ":" in word and word.partition(":")[0] in self.context:
            prefix, _, rest = word.partition(":")
            if prefix != "_" and not rest.startswith("//"):
                self.define(prefix)
        found = self.active.iri(word)
        if found is None or not absolute(found):
            raise NotPlain(word)
        return found


def _is_prefix(term: str, iri: str) -> bool:
    return ":" not in term and (iri.startswith("_:") or iri.endswith(_PREFIX_END))


def _container(value: dict[str, Any]) -> frozenset[str]:
    if "@container" not in value:
        return _NONE
    given = value["@container"]
    kinds = given if isinstance(given, list) else [given]
    if not all(isinstance(one, str) and one in _CONTAINERS for one in kinds) or len(kinds) != 1:
        raise NotPlain("@container")
    return frozenset(kinds)


def _language(value: dict[str, Any]) -> str | None:
    language = value["@language"]
    if language is not None and not isinstance(language, str):
        raise NotPlain("@language")
    return language.lower() if language is not None else None
