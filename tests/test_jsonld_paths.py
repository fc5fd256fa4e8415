"""The direct path and PyLD are one: over real documents, and over generated ones."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fedpull.crawler.protocol import jsonld, ld_contexts, ld_expand
from fedpull.crawler.protocol.ld_active import NotPlain, active
from fedpull.crawler.protocol.vocabulary import type_named, types_of
from fedpull.errors import BadInput, Refused

CORPORA = Path(__file__).parent.parent.parent / "shared" / "corpora"
AS = "https://www.w3.org/ns/activitystreams"
ID = "https://social.example/notes/1"


def shown(doc: dict[str, Any], form: jsonld.Form, *, direct: bool) -> Any:
    """The view; None where there is none."""
    try:
        return jsonld.view(doc, form, ID, direct=direct)
    except (Refused, BadInput):
        return None


def compare(doc: dict[str, Any]) -> bool:
    """Hold both paths against each other, in both forms; whether the direct one leads there."""
    led = True
    for form in jsonld.FORMS:
        slow = shown(doc, form, direct=False)
        try:
            fast = jsonld._direct(jsonld.prepared(doc, None), form)
        except (Refused, BadInput):
            assert slow is None
            continue
        if fast is None:  # then PyLD's expansion may still be compacted without it
            led = False
            assert json.dumps(shown(doc, form, direct=True)) == json.dumps(slow)
        else:
            # As text: in the same order, and 1 is not 1.0.
            assert json.dumps(fast) == json.dumps(slow)
    return led


def documents() -> Iterator[dict[str, Any]]:
    """Every document of the collection, and what is embedded in it."""
    for path in sorted(CORPORA.rglob("*.json")):
        try:
            value = json.loads(path.read_bytes())
        except ValueError:
            continue
        if "captures" in path.parts and isinstance(value, dict):
            value = value.get("json")
        if isinstance(value, dict):
            yield value
            yield from _embedded(value)


def _embedded(value: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for name in ("object", "orderedItems", "items", "first"):
        inner = value.get(name)
        for one in inner if isinstance(inner, list) else [inner]:
            if isinstance(one, dict) and "type" in one:
                yield one


@pytest.mark.corpora
@pytest.mark.skipif(not CORPORA.is_dir(), reason="the collection of documents is not there")
def test_real_documents() -> None:
    """Of a collection from twenty server programs, nearly all go the direct path."""
    led = [compare(document) for document in documents()]

    assert len(led) > 1000
    assert sum(led) > 0.95 * len(led)


@pytest.mark.corpora
@pytest.mark.skipif(not CORPORA.is_dir(), reason="the collection of documents is not there")
def test_the_types_of_real_documents() -> None:
    """What lists call the types of a document is what its expanded form has."""
    for document in documents():
        expanded = shown(document, "expanded", direct=True)
        if expanded:
            types = [type_named(iri.removeprefix("_:")) for iri in expanded[0].get("@type", [])]
            assert types_of(document) == tuple(dict.fromkeys(types))


TERMS = sorted(active(ld_contexts.entries(ld_contexts.CANONICAL)).terms)
KEYS = st.sampled_from(
    [*TERMS, "own", "listed", "tagged", "p:x", "as:name", "unheard", "https://x.example/y", "a b"]
)
WORDS = ["", "x", "Note", "Emoji", "toot:Emoji", "as:Public", "p:1", "en", "own", "_:b", "#a", "/a"]
IRIS = [
    "https://www.w3.org/ns/activitystreams#Public",
    "https://www.w3.org/ns/activitystreams#Note",
    "https://x.example/1",
    "tag:x,2026:y",
]
STRINGS = st.sampled_from([*WORDS, *IRIS, "2026-01-01T00:00:00Z", "x y:z", "@id"])
SCALARS = STRINGS | st.integers(-9, 9) | st.floats(-9, 9) | st.booleans() | st.none()
LANGUAGES = st.dictionaries(
    st.sampled_from(["en", "DE", "zh_cn", "@none"]), STRINGS | st.lists(STRINGS, max_size=2)
)
OWN = {
    "p": "https://x.example/p#",
    "own": {"@id": "p:own", "@type": "@id"},
    "listed": {"@id": "p:listed", "@container": "@list"},
    "tagged": {"@id": "p:tagged", "@container": "@language"},
    "kind": {"@id": "p:kind", "@type": "@vocab"},
    "when": {"@id": "p:when", "@type": "http://www.w3.org/2001/XMLSchema#dateTime"},
    "plain": {"@id": "p:plain", "@language": None},
}
CONTEXTS = st.sampled_from(
    [
        AS,
        [AS, "https://w3id.org/security/v1"],
        [AS, "https://w3id.org/security/data-integrity/v1", OWN],
        [AS, OWN],
        [AS, OWN, {"@language": "de"}],
        [OWN, "https://gotosocial.org/ns", AS, {"Hashtag": "as:Hashtag", "x": None}],
        "https://litepub.social/litepub/context.jsonld",
        ["https://join-lemmy.org/context.json", AS],
        [AS, {"@vocab": "https://schema.org/"}, {"own": "p:own", "p": "as:"}],
        [AS, "https://w3id.org/identity/v1"],
        [],
    ]
)


def nodes(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    values = inner | st.lists(inner, max_size=3) | LANGUAGES
    return st.tuples(
        st.dictionaries(KEYS, values, max_size=5),
        st.dictionaries(st.sampled_from(["id", "type", "@type", "@id"]), STRINGS, max_size=2),
        st.none() | CONTEXTS,
    ).map(lambda parts: {**({"@context": parts[2]} if parts[2] else {}), **parts[0], **parts[1]})


NODES = st.recursive(
    SCALARS, lambda inner: nodes(inner) | st.lists(inner, max_size=3), max_leaves=9
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(CONTEXTS, nodes(NODES))
def test_generated_documents(context: Any, doc: dict[str, Any]) -> None:
    """Where the direct path leads to a view, it is PyLD's; and what PyLD refuses, it does not show.
    Neither raises anything but a refusal."""
    compare({**doc, "@context": context})


DEFINITIONS = st.dictionaries(
    st.sampled_from(["a", "b", "c", "d", "name", "@vocab", "@language", "@protected", "a:b"]),
    st.sampled_from(["a:x", "b:", "c", "as:name", "https://x.example/", "@id", "_:x", "en", ""])
    | st.none()
    | st.booleans()
    | st.fixed_dictionaries(
        {},
        optional={
            "@id": st.sampled_from(["a:x", "b", "as:tag", "https://x.example/#", None]),
            "@type": st.sampled_from(["@id", "@vocab", "@none", "a:t", "xsd:float"]),
            "@container": st.sampled_from(["@list", "@set", "@language", ["@list"]]),
            "@language": st.sampled_from(["EN", None]),
            "@protected": st.booleans(),
        },
    ),
    max_size=5,
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(DEFINITIONS, max_size=3), nodes(SCALARS))
def test_generated_contexts(own: list[dict[str, Any]], doc: dict[str, Any]) -> None:
    """The words of a document mean the same to both, whatever it defines."""
    used = {name: "a:b" for entry in own for name in entry if not name.startswith("@")}
    compare({**doc, **used, "@context": [AS, *own]})


def test_what_needs_a_whole_processor() -> None:
    """Contexts within definitions, values in full and relative ids are left to PyLD."""
    multikey = [AS, "https://w3id.org/security/multikey/v1"]
    for context, doc in (
        (multikey, {"attachment": {"type": "Multikey"}}),
        (AS, {"name": {"@value": "x"}}),
        (AS, {"url": "/x"}),
    ):
        with pytest.raises(NotPlain):
            ld_expand.expand(active(context), doc)
        assert not compare({"@context": context, **doc})
