"""Reading ActivityStreams in all its shapes."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedpull.crawler.protocol import activitystreams as as2
from fedpull.errors import BadInput

A = "https://a.example/users/a"
PUBLIC = as2.PUBLIC_URI

IDS: dict[str, tuple[Any, str | None]] = {
    "a string": (A, A),
    "not in canonical form": ("HTTPS://A.example:443/users/a", A),
    "an object": ({"id": A, "type": "Person"}, A),
    "an object with @id": ({"@id": A}, A),
    "a list": ([None, 7, A, "https://b.example/"], A),
    "a list of objects": ([{"type": "Person", "id": A}], A),
    "null": (None, None),
    "a number": (7, None),
    "empty": ("", None),
    "relative": ("/users/a", None),
    "a fragment": ("#a", None),
    "a blank node": ("_:b0", None),
    "another scheme": ("at://did:plc:x/1", None),
    "an object without id": ({"type": "Person"}, None),
    "an id that is a list": ({"id": [A]}, None),
    "an id that is an object": ({"id": {"@id": A}}, None),
    "a value": ({"@value": A}, None),
    "a list value": ({"@list": [A]}, None),
    "by language": ({"en": A}, None),
    "NUL in it": (A + "\0", None),
    "8 KB": (A + "a" * 8192, None),
}


@pytest.mark.parametrize(("value", "expected"), IDS.values(), ids=IDS)
def test_ids(value: Any, expected: str | None) -> None:
    """An id is found in every shape that a property may have; what is no URI is none."""
    assert as2.id_of(value) == expected


def test_several_ids() -> None:
    """All ids of a property come once each, in order."""
    assert as2.ids_of([A, {"id": "https://b.example/"}, A, None, [A]]) == (A, "https://b.example/")
    assert as2.ids_of(A) == (A,)
    assert as2.ids_of(None) == ()


TYPES: dict[str, tuple[Any, tuple[str, ...]]] = {
    "a short name": ("Note", ("Note",)),
    "a prefixed name": ("as:Note", ("Note",)),
    "an IRI": ("https://www.w3.org/ns/activitystreams#Note", ("Note",)),
    "a list": (["Note", "as:Article", "Note"], ("Note", "Article")),
    "somebody's own": (["https://x.example/Hat", "Hat"], ("https://x.example/Hat", "Hat")),
    "null": (None, ()),
    "a number": (7, ()),
    "numbers among names": ([7, None, "Note", {}], ("Note",)),
    "empty": ("", ()),
}


@pytest.mark.parametrize(("value", "expected"), TYPES.values(), ids=TYPES)
def test_types(value: Any, expected: tuple[str, ...]) -> None:
    """Types of ActivityStreams have their short names, other ones stay as they are."""
    assert as2.types_of({"type": value}) == expected
    assert as2.types_of({"@type": value}) == expected
    assert as2.primary_type({"type": value}) == (expected[0] if expected else None)


CLASSES: dict[str, tuple[dict[str, Any], str]] = {
    "a note": ({"type": "Note"}, "object"),
    "an actor": ({"type": "Service"}, "actor"),
    "an activity": ({"type": "Create"}, "activity"),
    "a collection": ({"type": "OrderedCollectionPage"}, "collection"),
    "a note that calls itself a person too": ({"type": ["Note", "Person"], "inbox": A}, "object"),
    "a person that calls itself a note too": ({"type": ["Person", "Note"]}, "actor"),
    "an unknown type before a known one": ({"type": ["Hat", "Article"]}, "object"),
    "a note with a key": ({"type": "Note", "publicKey": {"publicKeyPem": "x"}}, "object"),
    "a question with an actor": ({"type": "Question", "actor": A}, "object"),
    "an unknown type with an inbox": ({"type": "Bot", "inbox": A}, "actor"),
    "an unknown type with an actor": ({"type": "EmojiBurst", "actor": A}, "activity"),
    "no type, but items": ({"orderedItems": []}, "collection"),
    "no type, an author and an actor": ({"actor": A, "attributedTo": A}, "object"),
    "nothing": ({}, "object"),
}


@pytest.mark.parametrize(("doc", "expected"), CLASSES.values(), ids=CLASSES)
def test_every_document_has_one_class(doc: dict[str, Any], expected: str) -> None:
    """The first known type decides; only a document without one is judged by its properties."""
    assert as2.class_of(doc) == expected


AUDIENCES: dict[str, tuple[dict[str, Any], bool, bool, bool]] = {
    "the full IRI": ({"to": [PUBLIC]}, True, True, True),
    "the prefixed name": ({"to": "as:Public"}, True, True, True),
    "the bare name": ({"to": ["Public"]}, True, True, True),
    "an embedded Public": ({"to": [{"id": PUBLIC, "type": "Collection"}]}, True, True, True),
    "unlisted": ({"to": [A], "cc": PUBLIC}, True, False, True),
    "in audience": ({"audience": PUBLIC}, True, False, True),
    "followers only": ({"to": [f"{A}/followers"], "cc": []}, False, False, True),
    "a space behind": ({"to": ["as:Public "]}, False, False, True),
    "small letters": ({"to": ["as:public"]}, False, False, True),
    "http": ({"to": ["http://www.w3.org/ns/activitystreams#Public"]}, False, False, True),
    "Public in bto": ({"bto": [PUBLIC], "to": []}, False, False, True),
    "nobody": ({"to": []}, False, False, True),
    "not stated": ({"to": None}, False, False, False),
    "absent": ({}, False, False, False),
    "a list value": ({"to": {"@list": [PUBLIC]}}, False, False, True),
    "a value": ({"to": [{"@value": "as:Public"}]}, False, False, True),
    "by language": ({"to": {"en": PUBLIC}}, False, False, True),
    "an embedded Public, by @id": ({"cc": {"@id": "as:Public"}}, True, False, True),
}


@pytest.mark.parametrize(("doc", "public", "listed", "stated"), AUDIENCES.values(), ids=AUDIENCES)
def test_audience(doc: dict[str, Any], public: bool, listed: bool, stated: bool) -> None:
    """Three spellings are public and nothing else; unlisted is public but not in `to`."""
    found = as2.audience(doc)

    assert (found.public, found.listed, found.stated) == (public, listed, stated)


OWNERS: dict[str, tuple[dict[str, Any], str | None]] = {
    "an author": ({"type": "Note", "attributedTo": A}, A),
    "an embedded author": ({"type": "Note", "attributedTo": {"id": A, "type": "Person"}}, A),
    "the first of two": (
        {"type": "Video", "attributedTo": [{"type": "Person", "id": A}, "https://a.example/c/1"]},
        A,
    ),
    "an old object with an actor": ({"type": "Note", "actor": A}, A),
    "an activity": ({"type": "Create", "actor": A, "attributedTo": "https://b.example/"}, A),
    "an actor": ({"type": "Group", "id": A, "attributedTo": f"{A}/moderators"}, A),
    "nobody": ({"type": "Note"}, None),
}


@pytest.mark.parametrize(("doc", "expected"), OWNERS.values(), ids=OWNERS)
def test_owner(doc: dict[str, Any], expected: str | None) -> None:
    """Who answers for a document depends on its class."""
    assert as2.owner(doc) == expected


TIMES: dict[str, tuple[Any, float | None]] = {
    "UTC": ("2026-11-21T20:30:25Z", 1795293025.0),
    "small letters": ("2026-11-21t20:30:25z", 1795293025.0),
    "an offset (Gancio)": ("2026-11-21T22:09:54.666+01:00", 1795295394.666),
    "microseconds (BookWyrm)": ("2026-11-21T20:30:25.926471+00:00", 1795293025.926471),
    "nanoseconds": ("2026-11-21T20:30:25.926471999Z", 1795293025.926471),
    "no offset": ("2026-11-21T20:30:25", 1795293025.0),
    "a date": ("2026-11-21", 1795219200.0),
    "before 1970": ("1950-01-01T00:00:00Z", 0.0),
    "year 1": ("0001-01-01T00:00:00+14:00", 0.0),
    "year 9999": ("9999-12-31T23:59:59Z", 253402300799.0),
    "month 13": ("2026-13-01T00:00:00Z", None),
    "words": ("yesterday", None),
    "a number": (1795293025, None),
    "a list": (["2026-11-21T20:30:25Z"], None),
    "1 MB": ("2" * 1_000_000, None),
}


@pytest.mark.parametrize(("text", "expected"), TIMES.values(), ids=TIMES)
def test_times(text: Any, expected: float | None) -> None:
    """Times are read in every form that servers write, never before 1970."""
    doc = dict.fromkeys(("published", "updated", "startTime", "endTime"), text)

    for read in (as2.published, as2.updated, as2.start_time, as2.end_time):
        assert read(doc) == (None if expected is None else pytest.approx(expected, abs=1e-5))


def test_hashtags() -> None:
    """Hashtags are folded to one spelling each; mentions and odd ones are left out."""
    tags = [
        {"type": "Hashtag", "name": "#Fediverse"},
        {"type": "as:Hashtag", "name": "fediverse"},
        {"type": ["Hashtag"], "name": ["#STRASSE"]},
        {"type": "Hashtag", "name": "#Straße"},
        {"type": "Hashtag", "name": "#ＡＢ"},
        {"type": "Mention", "name": "@a@a.example"},
        {"type": "Hashtag", "name": 7},
        {"type": "Hashtag"},
        "#text",
        None,
    ]

    assert as2.hashtags({"tag": tags}) == ("fediverse", "strasse", "ab")
    assert as2.hashtags({"tag": tags[0]}) == ("fediverse",)
    many = [{"type": "Hashtag", "name": f"#t{n}"} for n in range(5000)]
    assert len(as2.hashtags({"tag": many})) == 100
    assert as2.hashtags({"tag": {"type": "Hashtag", "name": "x" * 1_000_000}}) == ()


def test_threads() -> None:
    """What an object answers, and which conversation it belongs to."""
    assert as2.in_reply_to({"inReplyTo": {"id": A}}) == A
    assert as2.in_reply_to({"inReplyTo": [A, "https://b.example/"]}) == A
    assert as2.in_reply_to({"inReplyTo": None}) is None
    assert as2.context_of({"context": A, "conversation": "tag:x"}) == A
    tag = "tag:a.example,2026-01-01:objectId=1:objectType=Conversation"
    assert as2.context_of({"conversation": tag}) == tag
    assert as2.context_of({"context": tag}) == tag
    assert as2.context_of({"context": "a\0b"}) is None
    assert as2.context_of({"context": ["x"], "conversation": 7}) is None


WORDS: dict[str, tuple[dict[str, Any], tuple[str, ...], str | None]] = {
    "plain": ({"name": "a"}, (), "a"),
    "plain and a map": ({"name": "a", "nameMap": {"de": "b"}}, (), "a"),
    "the language asked for": ({"name": "a", "nameMap": {"de": "b"}}, ("fr", "de"), "b"),
    "a regional language": ({"name": "a", "nameMap": {"de-AT": "b"}}, ("DE",), "b"),
    "only a map": ({"nameMap": {"it": "b", "en": "c"}}, (), "c"),
    "only a map, no English": ({"nameMap": {"it": "b"}}, (), "b"),
    "a map in the wrong place": ({"name": {"en": "c"}}, (), "c"),
    "a JSON-LD value": ({"name": {"@value": "v", "@language": "en"}}, (), "v"),
    "a list": ({"name": [7, "a"]}, (), "a"),
    "null": ({"name": None}, (), None),
    "a number": ({"name": 7, "nameMap": [1]}, (), None),
    "empty": ({"name": ""}, (), ""),
}


@pytest.mark.parametrize(("doc", "languages", "expected"), WORDS.values(), ids=WORDS)
def test_words(doc: dict[str, Any], languages: tuple[str, ...], expected: str | None) -> None:
    """The words come in the language asked for, else as the server wrote them."""
    assert as2.text(doc, "name", languages) == expected
    assert as2.name(doc, languages) == expected


def test_attachments() -> None:
    """Attachments are Documents, Links or URIs; those without an address are left out."""
    doc = {
        "attachment": [
            {"type": "Document", "mediaType": "image/png", "url": f"{A}/1.png", "name": "One"},
            {"type": "Image", "url": [{"type": "Link", "href": f"{A}/2", "mediaType": "a/b"}]},
            {"type": "Link", "href": f"{A}/3"},
            f"{A}/4",
            {"type": "PropertyValue", "name": "x", "value": "y"},
            {"type": "Image", "url": "/5.png", "mediaType": None},
            7,
        ]
    }

    found = as2.attachments(doc)

    assert [one.url for one in found] == [f"{A}/1.png", f"{A}/2", f"{A}/3", f"{A}/4"]
    assert [one.media_type for one in found] == ["image/png", "a/b", None, None]
    assert found[0].name == "One"
    assert as2.attachments({"attachment": doc["attachment"][0]}) == found[:1]


def test_pages_for_people() -> None:
    """Of several links the HTML one is the page; a Link object is read like a URI."""
    links = [
        {"type": "Link", "mediaType": "video/mp4", "href": f"{A}/v"},
        {"type": "Link", "mediaType": "text/html", "href": f"{A}/h"},
    ]

    assert as2.url({"url": links}) == f"{A}/h"
    assert as2.url({"url": links[:1]}) == f"{A}/v"
    assert as2.url({"url": A}) == A
    assert as2.url({"url": "javascript:alert(1)"}) is None


def test_outboxes() -> None:
    """An outbox on another origin is not one; a name is a string."""
    assert as2.outbox_of({"id": A, "outbox": f"{A}/outbox"}) == f"{A}/outbox"
    assert as2.outbox_of({"id": A, "outbox": {"id": f"{A}/outbox"}}) == f"{A}/outbox"
    assert as2.outbox_of({"id": A, "outbox": "https://b.example/outbox"}) is None
    assert as2.outbox_of({"id": A, "outbox": "https://a.example:8443/outbox"}) is None
    assert as2.outbox_of({"id": A}) is None
    assert as2.preferred_username({"preferredUsername": "alice"}) == "alice"
    assert as2.preferred_username({"preferredUsername": 7}) is None


AS = "https://www.w3.org/ns/activitystreams"
GOOD_TERMS: dict[str, Any] = {
    "a context by name": {"@context": AS},
    "own terms": {"@context": [AS, {"toot": "http://joinmastodon.org/ns#", "x": "toot:x"}]},
    "the standard meaning": {"@context": [AS, {"id": "@id", "type": "@type", "as": f"{AS}#"}]},
    "the standard meaning, typed": {"@context": {"to": {"@id": "as:to", "@type": "@id"}}},
    "equal twins": {"id": A, "@id": A, "type": "Note", "@type": "Note"},
    "the words in text": {"content": "@graph", "name": '"@reverse"'},
}
BAD_TERMS: dict[str, Any] = {
    "@graph": {"@graph": [{"id": A}]},
    "@included below": {"object": {"@included": []}},
    "@reverse in a list": {"tag": [{}, {"@reverse": {}}]},
    "@reverse in a context": {"@context": {"x": {"@reverse": "as:to"}}},
    "id redefined": {"@context": {"id": "https://x.example/id"}},
    "type redefined": {"@context": [AS, {"type": {"@id": "x:type"}}]},
    "actor redefined": {"@context": {"actor": "as:object"}},
    "to redefined in an item": {"items": [{"@context": {"to": "as:cc"}}]},
    "cc taken away": {"@context": {"cc": None}},
    "object as container": {"@context": {"object": {"@id": "as:object", "@container": "@list"}}},
    "attributedTo with a scope": {
        "@context": {"attributedTo": {"@id": "as:attributedTo", "@context": {"id": "x:y"}}}
    },
    "the prefix redefined": {"@context": [AS, {"as": "https://x.example/#"}]},
    "@graph by another name": {"@context": [AS, {"parts": "@graph"}]},
    "@id by another name": {"items": [{"@context": {"uri": {"@id": "@id"}}}]},
    "@type by another name": {"@context": {"kind": "@type"}},
    "17 contexts": {"@context": [AS] * 17},
    "two ids": {"id": A, "@id": "https://b.example/"},
    "two types": {"object": {"type": "Note", "@type": "Person"}},
}


@pytest.mark.parametrize("doc", GOOD_TERMS.values(), ids=GOOD_TERMS)
def test_terms_as_they_are_defined(doc: Any) -> None:
    """Own terms, and repetitions of the standard's, are fine."""
    as2.check_terms(doc)
    as2.check_document(doc)


@pytest.mark.parametrize("doc", BAD_TERMS.values(), ids=BAD_TERMS)
def test_terms_with_another_meaning(doc: Any) -> None:
    """What JSON-LD would read differently from plain JSON is refused, at any depth."""
    with pytest.raises(BadInput):
        as2.check_terms(doc)
    with pytest.raises(BadInput):
        as2.check_document(doc)


KEYS = """
id @id type @type actor object attributedTo to cc audience tag name nameMap content url href
inReplyTo context conversation published updated attachment preferredUsername outbox mediaType
@context @value startTime items orderedItems first next prev totalItems partOf as
"""
ODD = st.recursive(
    st.sampled_from([None, True, 7, -1.5, "", "Note", "Create", A, PUBLIC, "x", "2026-01-01"]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.sampled_from(KEYS.split()), inner, max_size=6),
    ),
    max_leaves=20,
)
READERS = [
    as2.as_list, as2.id_of, as2.ids_of, as2.types_of, as2.primary_type, as2.class_of, as2.audience,
    as2.owner, as2.published, as2.updated, as2.hashtags, as2.in_reply_to, as2.context_of,
    as2.is_tombstone, as2.name, as2.content, as2.summary, as2.start_time, as2.end_time,
    as2.attachments, as2.url, as2.preferred_username, as2.outbox_of,
]  # fmt: skip


@given(ODD)
def test_readers_never_raise(value: Any) -> None:
    """Whatever JSON comes, reading it raises nothing, and gives the same twice."""
    for read in READERS:
        assert read(value) == read(value)
    with suppress(BadInput):
        as2.check_terms(value)


@given(ODD.filter(lambda value: isinstance(value, dict)), st.sampled_from(["", "@reverse", "@a"]))
def test_a_document_is_checked_as_any_part_of_one(doc: dict[str, Any], key: str) -> None:
    """The short way to check a document finds what looking at all of it finds."""
    doc = {**doc, "tag": [{"name": "@a@b.example", key: "@id"}] * 15} if key else doc
    try:
        as2.check_terms(doc)
    except BadInput:
        with pytest.raises(BadInput):
            as2.check_document(doc)
    else:
        as2.check_document(doc)


@given(ODD.filter(lambda value: isinstance(value, dict)))
def test_everybody_is_found_as_in_the_whole_audience(doc: dict[str, Any]) -> None:
    """The short way to ask whether a document is for everybody gives what reading all gives."""
    assert as2.is_for_all(doc) == as2.audience(doc).public
