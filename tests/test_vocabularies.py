"""Documents in the terms of each vocabulary: shapes that servers write, and none that raises."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_cache_document import document

from fedpull.cache.vocabularies import ActivityPub, ActivityStreams, Schema, Security, Toot
from fedpull.crawler.protocol.as2_values import Choice, Emoji, Mention, Place, Poll
from fedpull.crawler.protocol.views import Attachment

URI = "https://a.example"
KEY = {
    "id": f"{URI}/u#main-key",
    "owner": f"{URI}/u",
    "publicKeyPem": "-----BEGIN PUBLIC KEY-----\nnone\n-----END PUBLIC KEY-----\n",
}

READ: list[tuple[str, type, str, dict[str, Any], Any]] = [
    ("a mention", ActivityStreams, "mentions",
     {"tag": {"type": "Mention", "href": f"{URI}/u", "name": "@u@a.example"}},
     (Mention(f"{URI}/u", "@u@a.example"),)),
    ("a mention of nobody", ActivityStreams, "mentions", {"tag": [{"type": "Mention"}, 5]}, ()),
    ("a place with its postal address (Mobilizon)", ActivityStreams, "place",
     {"location": {"type": "Place", "name": "Hall", "latitude": 48.5, "longitude": 9,
                   "address": {"streetAddress": "1 Way", "addressLocality": "Town", "x": 1}}},
     Place("Hall", "1 Way, Town", 48.5, 9.0)),
    ("a place in words (Gancio)", ActivityStreams, "place",
     {"location": [{"name": "Hall", "address": "1 Way"}]}, Place("Hall", "1 Way", None, None)),
    ("a place that is only named", ActivityStreams, "place", {"location": "The hall"},
     Place("The hall", None, None, None)),
    ("a place that would have to be fetched", ActivityStreams, "place",
     {"location": f"{URI}/places/1"}, None),
    ("a place beyond the pole", ActivityStreams, "place", {"location": {"latitude": 91}},
     Place(None, None, None, None)),
    ("a poll with one answer", ActivityStreams, "poll",
     {"type": "Question", "oneOf": [{"name": "yes", "replies": {"totalItems": 3}}, {"x": 1}],
      "endTime": "1970-01-02T00:00:00Z", "votersCount": 4},
     Poll((Choice("yes", 3),), False, 86400.0, 4)),
    ("a poll with several", ActivityStreams, "poll", {"anyOf": {"name": "yes"}},
     Poll((Choice("yes", None),), True, None, None)),
    ("no poll", ActivityStreams, "poll", {}, None),
    ("what its server counts", ActivityStreams, "likes", {"likes": {"totalItems": 7}}, 7),
    ("a count below zero", ActivityStreams, "likes", {"likes": {"totalItems": -7}}, None),
    ("a count that is only named", ActivityStreams, "shares", {"shares": f"{URI}/shares"}, None),
    ("whom it is for", ActivityStreams, "to", {"to": "as:Public"},
     ("https://www.w3.org/ns/activitystreams#Public",)),
    ("all authors", ActivityStreams, "authors",
     {"attributedTo": [f"{URI}/u", {"type": "Group", "id": f"{URI}/g"}]},
     (f"{URI}/u", f"{URI}/g")),
    ("what a picture is", ActivityStreams, "attachments",
     {"attachment": [{"type": "Document", "mediaType": "image/png", "url": f"{URI}/i.png",
                      "summary": "A cat", "width": 3, "height": 4.0, "blurhash": "UJ",
                      "focalPoint": [0.5, -1]}]},
     (Attachment(f"{URI}/i.png", "image/png", "A cat", "Document", 3, 4, "UJ", (0.5, -1.0)),)),
    ("odd sizes of a picture", ActivityStreams, "images",
     {"image": {"url": f"{URI}/i", "width": -3, "height": True, "blurhash": 5,
                "focalPoint": [2, "x"]}},
     (Attachment(f"{URI}/i", None, None, None),)),
    ("an actor's name", ActivityPub, "preferred_username", {"preferredUsername": "u"}, "u"),
    ("a shared inbox", ActivityPub, "shared_inbox",
     {"endpoints": {"sharedInbox": f"{URI}/inbox"}}, f"{URI}/inbox"),
    ("who approves followers", ActivityPub, "locked", {"manuallyApprovesFollowers": True}, True),
    ("who does not say", ActivityPub, "locked", {"manuallyApprovesFollowers": "yes"}, False),
    ("no key that can be read", Security, "public_keys", {"type": "Person", "publicKey": KEY}, ()),
    ("what is stated", Toot, "indexable", {"indexable": False}, False),
    ("what is not stated", Toot, "discoverable", {"discoverable": "no"}, None),
    ("emoji, by prefix or IRI", Toot, "emoji",
     {"tag": [{"type": "toot:Emoji", "name": ":cat:", "icon": {"url": f"{URI}/c.png"}},
              {"type": "http://joinmastodon.org/ns#Emoji", "name": "dog"}]},
     (Emoji("cat", f"{URI}/c.png"), Emoji("dog", None))),
    ("the fields of a profile", Schema, "fields",
     {"attachment": [{"type": "PropertyValue", "name": "Web", "value": "<a>x</a>"},
                     {"type": "schema:PropertyValue", "name": "Other"}, 7]},
     (("Web", "<a>x</a>"),)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("vocabulary", "field", "parts", "expected"),
    [row[1:] for row in READ],
    ids=[row[0] for row in READ],
)
def test_a_view_reads(vocabulary: Any, field: str, parts: dict[str, Any], expected: Any) -> None:
    """Each view reads its vocabulary's words in the shapes in which servers write them."""
    assert getattr(document(**parts).view(vocabulary), field) == expected


LANGUAGES: list[tuple[str, dict[str, Any], tuple[str, ...], str | None]] = [
    ("the first that it has", {"nameMap": {"en": "feast", "de": "Fest"}}, ("fr", "de"), "Fest"),
    ("a region of it", {"nameMap": {"de-AT": "Fest"}, "name": "feast"}, ("de",), "Fest"),
    ("else what the author put first", {"nameMap": {"de": "Fest"}, "name": "feast"}, ("fr",),
     "feast"),
    ("no wish at all", {"nameMap": {"de": "Fest"}, "name": "feast"}, (), "feast"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("parts", "languages", "expected"),
    [row[1:] for row in LANGUAGES],
    ids=[row[0] for row in LANGUAGES],
)
def test_texts_by_language(
    parts: dict[str, Any], languages: tuple[str, ...], expected: str | None
) -> None:
    """A text comes in the language that its reader likes best, as far as it was written in it."""
    shown = document(**parts)

    assert shown.text("name", languages) == expected
    assert shown.view(ActivityStreams, languages).name == expected


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers() | st.text(max_size=5)
    | st.sampled_from([URI, "Mention", "Emoji", "PropertyValue", "Hashtag"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["type", "id", "href", "name", "url", "value", "replies", "totalItems",
                         "address", "latitude", "focalPoint", "width", "icon", "@list", "de"]),
        inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
WORDS = (
    "type", "name", "nameMap", "content", "summary", "attributedTo", "to", "cc", "audience",
    "inReplyTo", "context", "published", "updated", "startTime", "endTime", "url", "location",
    "attachment", "image", "icon", "tag", "oneOf", "anyOf", "sensitive", "replies", "likes",
    "shares", "votersCount", "preferredUsername", "inbox", "endpoints", "outbox", "followers",
    "following", "liked", "manuallyApprovesFollowers", "movedTo", "alsoKnownAs", "publicKey",
    "assertionMethod", "discoverable", "indexable", "memorial", "featured", "featuredTags",
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(WORDS), JSON, max_size=8) | JSON)
def test_no_document_makes_a_view_raise(doc: Any) -> None:
    """Whatever stands where, each view is made, and says what it can."""
    for vocabulary in (ActivityStreams, ActivityPub, Security, Toot, Schema):
        assert vocabulary.of(doc, ("de",)) == vocabulary.of(doc, ("de",))
