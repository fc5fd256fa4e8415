"""Under which name a type is kept, listed and asked for."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedpull.crawler.protocol.shapes import AS2
from fedpull.crawler.protocol.vocabulary import KNOWN_TYPES, type_named, types_of

TOOT = "http://joinmastodon.org/ns#"
OWN = ["https://www.w3.org/ns/activitystreams", {"m": TOOT, "Smiley": {"@id": "m:Emoji"}}]

SAME = {
    "Note": ("Note", "as:Note", AS2 + "Note", "http://www.w3.org/ns/activitystreams#Note"),
    TOOT + "Emoji": ("Emoji", "toot:Emoji", TOOT + "Emoji"),
    "http://schema.org#PropertyValue": ("PropertyValue", "schema:PropertyValue"),
    "https://schema.org/Recipe": ("https://schema.org/Recipe",),
    "Recipe": ("Recipe", "as:Recipe"),
    AS2 + "Emoji": ("as:Emoji",),
    "unheard:Of": ("unheard:Of",),
}


@pytest.mark.parametrize("name", SAME)
def test_all_spellings_of_a_type_are_one(name: str) -> None:
    """ActivityStreams types go by their short name, others by their IRI, whoever writes them."""
    for spelling in SAME[name]:
        assert types_of({"type": spelling}) == (name,)
        assert types_of({"@type": [spelling, name]}) == (name,)
        assert type_named(f" {spelling}") == name


CONTEXTS: dict[str, tuple[str, Any, str]] = {
    "a term of the document": ("Smiley", OWN, TOOT + "Emoji"),
    "a prefix of the document": ("m:Emoji", OWN, TOOT + "Emoji"),
    "its vocabulary": ("Recipe", {"@vocab": "https://schema.org/"}, "https://schema.org/Recipe"),
    "the vocabulary without a name": ("Recipe", {"@vocab": "_:"}, "Recipe"),
    "a prefix against the usual": ("toot:Emoji", {"toot": "https://x.example/"}, "https://x.example/Emoji"),
    "the last of two": ("T", [{"T": "https://a.example/"}, {"T": "https://b.example/"}], "https://b.example/"),
    "an AS2 type cannot be redefined": ("Note", {"Note": "https://x.example/Note"}, "Note"),
    "a context by its URL says nothing": ("Emoji", "https://x.example/context", TOOT + "Emoji"),
    "a circle ends": ("a:b", {"a": "b:", "b": "a:"}, "a:b:b:b:b"),
    "a term of itself": ("T", {"T": "T"}, "T"),
    "null takes a meaning away": ("Emoji", {"Emoji": None}, TOOT + "Emoji"),
}  # fmt: skip


@pytest.mark.parametrize("case", CONTEXTS)
def test_a_type_means_what_its_own_document_says(case: str) -> None:
    """Terms, prefixes and the vocabulary that are written out in its context go first."""
    word, context, meant = CONTEXTS[case]

    if case != "a circle ends":
        assert types_of({"@context": context, "type": word}) == (meant,)
        assert types_of({"type": word}, context) == (meant,)
    else:
        assert len(types_of({"@context": context, "type": word})) == 1


@pytest.mark.parametrize("value", [None, 5, True, {}, [[]], "", {"@value": "Note"}, [None, 1.5]])
def test_what_is_no_type_names_none(value: Any) -> None:
    """Nor does it raise."""
    assert types_of({"type": value}) == ()
    assert types_of(value) == ()


KEYS = st.sampled_from(["@context", "type", "@vocab", "m", "T"]) | st.text(max_size=4)
LEAVES = st.none() | st.floats() | st.text(max_size=9) | st.sampled_from(["m:X", "Note", "T"])
JSON = st.recursive(
    LEAVES,
    lambda one: st.lists(one, max_size=4) | st.dictionaries(KEYS, one, max_size=4),
    max_leaves=12,
)


@given(JSON, JSON)
def test_any_value_has_types_without_raising_and_their_names_stay(doc: Any, context: Any) -> None:
    """Whatever stands there; and a name that was given out is its own name."""
    for name in types_of(doc, context):
        assert type_named(name) == name or name != name.strip()


def test_what_is_known_is_no_type_of_activitystreams() -> None:
    """Else a short name would be two types."""
    assert all(not iri.startswith(AS2) for iri in KNOWN_TYPES.values())
