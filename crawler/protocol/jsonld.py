"""Documents as JSON-LD: expanded, or compacted to one context. The only module that knows PyLD.

What most servers write goes a direct path (`ld_expand`, `ld_compact`); PyLD has the rest, with the
contexts that come with Fedpull and no others. A view is for reading: who a document is from, for
whom, and of what type is decided by its plain JSON elsewhere, never by what is said here.
Invariants: nothing is fetched, whatever a document names; what cannot be shown raises Refused or
BadInput and nothing else; of one document comes one view, by whichever path.
"""

from __future__ import annotations

import threading
from functools import cache
from typing import Any, Literal

import orjson

from ...errors import BadInput, Refused
from . import ld_compact, ld_contexts, ld_expand
from .ld_active import NotPlain, active
from .ld_bounds import check
from .strictjson import parse_object

Form = Literal["expanded", "compacted"]
FORMS: tuple[Form, ...] = ("expanded", "compacted")

# Eight times the largest document: prefixes are written out. Only a document that wants to be
# large makes more of itself.
_MAX_RESULT = 8 * 1024 * 1024
_MAX_REMEMBERED = 64
# PyLD's memory of contexts is not made for several threads.
_LOCK = threading.Lock()


def form_named(text: str) -> Form:
    for form in FORMS:
        if text == form:
            return form
    raise BadInput("form", f"{text[:40]!r} is not a form", " or ".join(FORMS))


def view(
    doc: dict[str, Any], form: Form, id: str, context: bytes | None = None, *, direct: bool = True
) -> list[Any] | dict[str, Any]:
    """A document that was stored as `id`, in one of the two forms.

    `context` is the `@context` (as JSON) of the answer that it was embedded in, for a document
    that has none of its own. `direct` False leaves it to PyLD even where that is not needed.
    """
    doc = prepared(doc, context)
    found: list[Any] | dict[str, Any] | None = None
    if direct:
        found = _direct(doc, form)
    if found is None:
        found = _by_pyld(doc, form, id, direct=direct)
    return found


def view_bytes(body: bytes, form: Form, id: str, context: bytes | None = None) -> bytes:
    """As `view`, from JSON text to JSON text."""
    return written(view(parse_object(body), form, id, context))


def direct_bytes(body: bytes, form: Form, context: bytes | None = None) -> bytes | None:
    """As `view_bytes`, by the direct path alone; None where that does not lead there."""
    found = _direct(prepared(parse_object(body), context), form)
    return None if found is None else written(found)


def written(value: list[Any] | dict[str, Any]) -> bytes:
    try:
        text = orjson.dumps(value)
    except orjson.JSONEncodeError:  # an integer of more than 64 bits
        raise _no_view("holds a number that is too large") from None
    if len(text) > _MAX_RESULT:
        raise _no_view("is too large when it is written out")
    return text


def prepared(doc: dict[str, Any], context: bytes | None) -> dict[str, Any]:
    """The document with the context that counts for it, and once checked."""
    if "@context" not in doc and context is not None:
        doc = {"@context": orjson.loads(context), **doc}
    check(doc)
    own = doc.get("@context")
    entries = own if isinstance(own, list) else [own]
    # ActivityStreams section 2.1.3: its context holds for a document that does not name it.
    if not any(isinstance(one, str) and _brings_as2(one) for one in entries):
        kept = [one for one in entries if one is not None]
        doc = {**doc, "@context": [ld_contexts.AS2_CONTEXT, *kept]}
    return doc


@cache
def _brings_as2(url: str) -> bool:
    name = ld_contexts.known(url)
    if name is None or name == "activitystreams":
        return name is not None
    return any(isinstance(one, str) and _brings_as2(one) for one in ld_contexts.entries(name))


def _direct(doc: dict[str, Any], form: Form) -> list[Any] | dict[str, Any] | None:
    try:
        expanded = ld_expand.expand(active(doc["@context"]), _without_context(doc))
        return expanded if form == "expanded" else ld_compact.compact(expanded)
    except NotPlain:
        return None


def _without_context(doc: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in doc.items() if key != "@context"}


def _by_pyld(
    doc: dict[str, Any], form: Form, id: str, *, direct: bool
) -> list[Any] | dict[str, Any]:
    """What PyLD makes of it. It may raise nearly anything on odd input; to us that is one case."""
    with _LOCK:
        try:
            return _run_pyld(_without_twins(doc), form, id, direct=direct)
        except Exception as error:
            raise _no_view(f"is no JSON-LD ({_code_of(error)})") from error


def _run_pyld(
    doc: dict[str, Any], form: Form, id: str, *, direct: bool
) -> list[Any] | dict[str, Any]:
    jsonld, remembered = _pyld()
    options = {
        "base": id,
        # A new one each time: it also keeps all that it meets for as long as it lives.
        "contextResolver": jsonld.ContextResolver(remembered, _load),
        "documentLoader": _load,
        "processingMode": "json-ld-1.1",
    }
    expanded: list[Any] = jsonld.expand(doc, options)
    if form == "expanded":
        return expanded
    if direct:  # PyLD holds each id against each prefix, which takes it longer than all the rest
        try:
            return ld_compact.compact(expanded)
        except NotPlain:
            pass
    # Without a base: an id stays written out, so that it means the same in any place.
    options |= {"base": "", "skipExpansion": True}
    canonical = ld_contexts.entries(ld_contexts.CANONICAL)
    compacted: dict[str, Any] = jsonld.compact(expanded, canonical, options)
    return compacted


@cache
def _pyld() -> tuple[Any, Any]:
    """Imported when it is needed: it brings lxml, and nine of ten documents do without it."""
    from pyld import jsonld

    jsonld.set_document_loader(_load)  # nor may anything else in it reach for the network
    return jsonld, _Remembered()


class _Remembered(dict[str, Any]):
    """The contexts that PyLD has read, a few at a time: `ld_bounds` says what one may cost."""

    def __setitem__(self, key: str, value: Any) -> None:
        if len(self) >= _MAX_REMEMBERED:
            self.clear()
        super().__setitem__(key, value)


def _load(url: str, options: object) -> dict[str, Any]:
    """PyLD's loader: a file of ours, parsed anew because PyLD writes into what it is given."""
    name = ld_contexts.known(url)
    if name is None:
        raise Refused(url, "is a context that Fedpull does not have")
    return {
        "contentType": "application/ld+json",
        "contextUrl": None,
        "documentUrl": url,
        "document": orjson.loads(ld_contexts.text(name)),
        "tag": "static",  # PyLD may remember it beyond this document
    }


def _without_twins(value: Any) -> Any:
    """`@id` beside an equal `id` says nothing more, and PyLD would refuse both."""
    if isinstance(value, list):
        return [_without_twins(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        key: one if key == "@context" else _without_twins(one)
        for key, one in value.items()
        if not ((key == "@id" and "id" in value) or (key == "@type" and "type" in value))
    }


def _code_of(error: BaseException) -> str:
    """PyLD's word for what is wrong, which stands in the innermost of its errors."""
    code = None
    inner: BaseException | None = error
    while inner is not None:
        code = getattr(inner, "code", None) or code
        inner = inner.__cause__
    return str(code) if code else type(error).__name__


def _no_view(reason: str) -> Refused:
    return Refused("JSON-LD", f"the document {reason}; it is there as plain JSON")
