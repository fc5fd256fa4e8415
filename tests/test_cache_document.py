"""The typed views of a document: what AS2 means, in all the shapes in which servers write it."""

from __future__ import annotations

import json
from math import nan
from typing import Any

import pytest

from fedpull.cache.codec import pack, unpack
from fedpull.cache.document import Document
from fedpull.cache.layout import BODY, NONE
from fedpull.cache.ref_layout import Ref
from fedpull.crawler.protocol.views import Attachment
from fedpull.errors import StoreError

ID = "https://a.example/1"


def document(**parts: Any) -> Document:
    form, stored = pack(json.dumps({"id": ID, "type": "Note", **parts}).encode())
    return Document(Ref(ID, fetched_at=1.0).pack(), BODY.pack(form, NONE, NONE) + stored)


VIEWS: list[tuple[str, str, dict[str, Any], Any]] = [
    ("a name", "name", {"name": "x"}, "x"),
    ("no name", "name", {}, None),
    ("a name in one language only", "name", {"nameMap": {"de": "Fest"}}, "Fest"),
    ("an odd name", "name", {"name": {"a": 1}, "nameMap": [3]}, None),
    ("content", "content", {"content": "<p>x</p>"}, "<p>x</p>"),
    ("a summary of null", "summary", {"summary": None}, None),
    ("the author", "author", {"attributedTo": "https://a.example/u"}, "https://a.example/u"),
    ("the first author", "actor", {"attributedTo": [{"id": "https://a.example/u"}, "x"]},
     "https://a.example/u"),
    ("an odd author", "actor", {"attributedTo": [[]]}, None),
    ("a start", "start_time", {"startTime": "1970-01-02T00:00:00Z"}, 86400.0),
    ("an odd start", "start_time", {"startTime": 5}, None),
    ("an end with an offset", "end_time", {"endTime": "1970-01-02T01:00:00+01:00"}, 86400.0),
    ("types", "types", {"type": ["Event", "https://schema.org/Event"]},
     ("Event", "https://schema.org/Event")),
    ("tags", "tags", {"tag": [{"type": "Hashtag", "name": "#Cats"}, {"type": "Mention"}]},
     ("cats",)),
    ("what it answers", "in_reply_to", {"inReplyTo": "https://b.example/2"}, "https://b.example/2"),
    ("a link", "url", {"url": "https://a.example/@x/1"}, "https://a.example/@x/1"),
    ("the page among links", "url",
     {"url": [{"type": "Link", "href": "https://a.example/v.mp4", "mediaType": "video/mp4"},
              {"type": "Link", "href": "https://a.example/w", "mediaType": "text/html"}]},
     "https://a.example/w"),
    ("no link", "url", {"url": {"href": 5}}, None),
    ("an attachment", "attachments",
     {"attachment": {"type": "Image", "url": "https://a.example/i.png", "mediaType": "image/png",
                     "name": "A cat"}},
     (Attachment("https://a.example/i.png", "image/png", "A cat", "Image"),)),
    ("an attachment whose url is a Link", "attachments",
     {"attachment": {"type": "File", "url": [{"href": "https://a.example/i", "mediaType": "a/b"}]}},
     (Attachment("https://a.example/i", "a/b", None, "File"),)),
    ("an attachment that is a string", "attachments", {"attachment": ["https://a.example/i"]},
     (Attachment("https://a.example/i", None, None, None),)),
    ("odd attachments", "attachments", {"attachment": [5, None, {}, {"url": [[]]}]}, ()),
]  # fmt: skip


@pytest.mark.parametrize(
    ("view", "parts", "expected"), [row[1:] for row in VIEWS], ids=[row[0] for row in VIEWS]
)
def test_views(view: str, parts: dict[str, Any], expected: Any) -> None:
    """Every view reads the shapes that servers use, and none raises on odd ones."""
    assert getattr(document(**parts), view) == expected


def test_a_document_says_what_it_is() -> None:
    """Its repr names it; fields that nobody has set are None."""
    shown = document()

    assert repr(shown) == f"<Document {ID} unknown>"
    assert (shown.updated, shown.published, shown.next_check) == (None, None, None)
    assert Ref.unpack(Ref(ID, updated=nan).pack()).uri == ID


BODIES = [b"", b"{}", b'{"a": "' + b"x" * 5000 + b'"}', bytes(range(256)) * 4]


@pytest.mark.parametrize("body", BODIES, ids=["empty", "short", "long", "bytes"])
def test_bodies_come_back_as_they_were(body: bytes) -> None:
    """Compression changes nothing, for no length."""
    assert unpack(*pack(body)) == body


DAMAGED: list[tuple[str, int, bytes]] = [
    ("an unknown form", 9, b"x"),
    ("no frame", 1, b"xxxxxxxxxx"),
    ("a truncated frame", 1, pack(b"y" * 5000)[1][:-6]),
    ("a flipped bit", 1, pack(bytes(range(200)))[1][:-1] + b"\0"),
]


@pytest.mark.parametrize(
    ("form", "stored"), [row[1:] for row in DAMAGED], ids=[row[0] for row in DAMAGED]
)
def test_damaged_bodies_are_errors(form: int, stored: bytes) -> None:
    """A body that cannot be read is an error of the store, not a crash or another body."""
    with pytest.raises(StoreError):
        unpack(form, stored)
