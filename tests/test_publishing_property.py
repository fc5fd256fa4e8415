"""Whatever is given to publish: it is refused with a reason, or comes out fit for everybody."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from publishing_cases import ALICE, ORIGIN, PUBLIC, RULES, WE
from store_cases import NOW

from fedpull.crawler import describe
from fedpull.crawler.protocol import publishable, publishing
from fedpull.crawler.protocol.activitystreams import check_document, class_of, owner
from fedpull.crawler.protocol.publishing import Held, token
from fedpull.crawler.protocol.strictjson import parse_object, written
from fedpull.errors import BadInput

TOKEN = token(NOW, bytes(10))
WORDS = st.sampled_from(
    (
        *("Note", "Create", "Update", "Delete", "Undo", "Like", "Announce", "Person", "Collection"),
        *("Tombstone", "as:Public", PUBLIC, ALICE, WE.actor, WE.followers, f"{ORIGIN}/objects/1"),
        *("https://www.w3.org/ns/activitystreams", "2026-01-31T12:00:00Z", "", "\u2028", "x"),
    )
)
NAMES = st.sampled_from(
    (
        *("type", "id", "@id", "@context", "actor", "attributedTo", "object", "content", "name"),
        *(
            "to",
            "cc",
            "bto",
            "bcc",
            "audience",
            "published",
            "updated",
            "inReplyTo",
            "tag",
            "as:bto",
        ),
        *("replies", "inbox", "items", "x", "url", "source", "@graph", "formerType", "startTime"),
    )
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | WORDS
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=20,
)
OBJECTS = st.dictionaries(NAMES, VALUES, max_size=8)
# Of what decides nothing anything may be said, so that something comes of most of it.
MORE = st.dictionaries(st.sampled_from(("content", "tag", "replies", "x", "source")), VALUES)
WHOM = st.lists(st.sampled_from((PUBLIC, ALICE, WE.followers)), min_size=1, max_size=3)
FIT = st.builds(
    lambda kind, more, to, hidden: {**KINDS[kind](more), "to": to, "bcc": hidden},
    st.sampled_from(("Note", "Create", "Update", "Delete", "Like")),
    MORE,
    WHOM,
    st.sampled_from(([], [ALICE], [WE.followers])),
)
OURS = f"{ORIGIN}/objects/1"
KINDS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "Note": lambda more: {**more, "type": "Note"},
    "Create": lambda more: {"type": "Create", "object": {**more, "type": "Event"}},
    "Update": lambda more: {"type": "Update", "object": {**more, "type": "Note", "id": OURS}},
    "Delete": lambda more: {**more, "type": "Delete", "object": OURS},
    "Like": lambda more: {**more, "type": "Like", "object": "https://a.example/notes/1"},
}
HELD = Held(
    {
        "id": f"{ORIGIN}/objects/1",
        "type": "Note",
        "published": "2026-01-31T12:00:00Z",
        "to": PUBLIC,
    },
    (PUBLIC, ALICE),
)


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(OBJECTS | FIT | st.builds(lambda some, fit: {**some, **fit}, OBJECTS, FIT))
def test_refused_or_fit(value: dict[str, Any]) -> None:
    """What comes out is read by ourselves as ours, hides nobody, and is kept by who reads it."""
    try:
        read = publishable.read(json.dumps(value).encode(), WE, RULES)
        held = HELD if publishing.about(read) is not None else None
        made = publishing.make(read, WE, held, TOKEN, NOW)
    except BadInput:
        return

    for document in filter(None, (made.activity, made.local)):
        again = parse_object(written(document))
        assert again == document
        assert not [name for name in names_in(again) if name in ("bto", "bcc", "as:bto", "as:bcc")]
        check_document(again)
        assert again["id"].startswith(f"{ORIGIN}/")
    assert class_of(made.activity) == "activity"
    assert owner(made.activity) == WE.actor
    if made.local is not None and made.type != "Delete":
        stamp = describe.stamp_of(made.local, NOW)
        assert (stamp.kind, stamp.owner) == ("object", WE.actor)
        public = describe.refusal(made.local, stamp) is None
        assert public == made.recipients.public


def names_in(value: Any) -> list[str]:
    """Every key, at every depth."""
    if isinstance(value, dict):
        return [*value, *(name for one in value.values() for name in names_in(one))]
    return [name for one in value for name in names_in(one)] if isinstance(value, list) else []
