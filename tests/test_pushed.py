"""What is read of a pushed activity: ids and words of the vocabulary, never a text."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fedpull.crawler.protocol.pushed import Pushed, read_pushed
from fedpull.errors import BadInput

PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
ALICE, BOB, CAT = "https://a.example/alice", "https://b.example/bob", "https://b.example/cat"
GROUP, NOTE = "https://g.example/group", "https://a.example/notes/1"
ACT, INNER = "https://a.example/acts/1", "https://b.example/acts/9"


def note(**more: Any) -> dict[str, Any]:
    return {"id": NOTE, "type": "Note", "attributedTo": ALICE, "content": "secret", **more}


def act(type: str, object: Any, actor: Any = ALICE, **more: Any) -> dict[str, Any]:
    return {"id": ACT, "type": type, "actor": actor, "object": object, **more}


def nested(levels: int) -> Any:
    return act("Undo", nested(levels - 1), id=INNER) if levels else NOTE


READ = [
    (
        "a Create is about its object",
        act("Create", note()),
        Pushed("Create", ALICE, ACT, NOTE, "Note"),
    ),
    (
        "what it answers is an id",
        act("Create", note(inReplyTo=INNER)),
        Pushed("Create", ALICE, ACT, NOTE, "Note", answers=INNER),
    ),
    ("an id alone has no type", act("Create", NOTE), Pushed("Create", ALICE, ACT, NOTE)),
    (
        "the time of an edit is kept",
        act("Update", note(updated="2026-01-01T00:00:00Z")),
        Pushed("Update", ALICE, ACT, NOTE, "Note", updated=1767225600.0),
    ),
    (
        "a Tombstone within a Delete is a type",
        act("Delete", {"id": NOTE, "type": "Tombstone"}),
        Pushed("Delete", ALICE, ACT, NOTE, "Tombstone"),
    ),
    (
        "Undo of a Like is about the post",
        act("Undo", {"id": INNER, "type": "Like", "actor": BOB, "object": NOTE}),
        Pushed("Undo", ALICE, ACT, NOTE, inner="Like", inner_actor=BOB, inner_id=INNER),
    ),
    (
        "Undo by id is about the activity",
        act("Undo", INNER),
        Pushed("Undo", ALICE, ACT, INNER),
    ),
    (
        "what is accepted may be no more than id and type",
        act("Accept", {"id": INNER, "type": "Follow"}),
        Pushed("Accept", ALICE, ACT, inner="Follow", inner_id=INNER),
    ),
    (
        "a group announces a Create (FEP-1b12)",
        act("Announce", act("Create", note(), BOB, id=INNER), GROUP),
        Pushed(
            "Announce", GROUP, ACT, NOTE, "Note", inner="Create", inner_actor=BOB, inner_id=INNER
        ),
    ),
    (
        "a group announces an Undo of a Delete",
        act("Announce", act("Undo", act("Delete", NOTE, CAT), BOB, id=INNER), GROUP),
        Pushed("Announce", GROUP, ACT, NOTE, inner="Undo Delete", inner_actor=BOB, inner_id=INNER),
    ),
    (
        "a Move names where to",
        act("Move", ALICE, target=BOB),
        Pushed("Move", ALICE, ACT, ALICE, target=BOB),
    ),
    (
        "an embedded actor counts by its id",
        act("Like", NOTE, {"id": BOB, "type": "Person", "name": "secret"}),
        Pushed("Like", BOB, ACT, NOTE),
    ),
    (
        "of several objects the first",
        act("Delete", [NOTE, INNER]),
        Pushed("Delete", ALICE, ACT, NOTE),
    ),
    ("a post's type with an actor", act("Question", NOTE), Pushed("Activity", ALICE, ACT, NOTE)),
    ("an activity without an id", act("Create", NOTE, id=None), Pushed("Create", ALICE, "", NOTE)),
    (
        "of a report no id is kept",
        act("Flag", [BOB, NOTE], content="secret"),
        Pushed("Flag", ALICE),
    ),
    (
        "of a report that is taken back neither",
        act("Undo", act("Flag", [BOB, NOTE], content="secret")),
        Pushed("Undo", ALICE),
    ),
    ("a word of nobody's vocabulary", act("Secret", NOTE), Pushed("Activity", ALICE, ACT, NOTE)),
    (
        "an object of an unknown type",
        act("Create", note(type="secret")),
        Pushed("Create", ALICE, ACT, NOTE),
    ),
    (
        "what is deeper than three says nothing",
        act("Undo", nested(4)),
        Pushed(
            "Undo",
            ALICE,
            ACT,
            INNER,
            "Undo",
            inner="Undo Undo Undo",
            inner_actor=ALICE,
            inner_id=INNER,
        ),
    ),
    (
        "public by the activity",
        act("Create", note(to=[BOB]), to=[PUBLIC]),
        Pushed("Create", ALICE, ACT, NOTE, "Note", public=True),
    ),
    (
        "public by the object",
        act("Create", note(to=["as:Public"])),
        Pushed("Create", ALICE, ACT, NOTE, "Note", public=True),
    ),
    (
        "for followers only",
        act("Create", note(), to=[BOB]),
        Pushed("Create", ALICE, ACT, NOTE, "Note", public=False),
    ),
]


@pytest.mark.parametrize(("document", "expected"), [c[1:] for c in READ], ids=[c[0] for c in READ])
def test_what_is_read(document: dict[str, Any], expected: Pushed) -> None:
    """Each shape of an activity comes down to the ids that it is about."""
    assert read_pushed(document) == expected


REFUSED = [
    ("no object", [act("Create", NOTE)]),
    ("a post", note()),
    ("no actor", {"id": ACT, "type": "Create", "object": NOTE}),
    ("an actor that is no URI", act("Create", NOTE, "alice")),
    ("several actors", act("Create", NOTE, [ALICE, BOB])),
    ("one actor beside something else", act("Create", NOTE, [ALICE, 1])),
    ("a context of its own", act("Create", NOTE, **{"@context": {"actor": "https://x.example/"}})),
    ("a part that hides", act("Create", NOTE, **{"@graph": []})),
    ("two actors in one word", act("Create", NOTE, **{"@id": BOB})),
]


@pytest.mark.parametrize("document", [case[1] for case in REFUSED], ids=[c[0] for c in REFUSED])
def test_what_is_no_activity_of_somebody(document: Any) -> None:
    """What does not say plainly who acts is refused."""
    with pytest.raises(BadInput):
        read_pushed(document)


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
keys = st.sampled_from(["type", "actor", "object", "id", "to", "target", "updated", "@type"])


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(keys, json), st.sampled_from(["Create", "Undo", "Flag", "Announce", "?"]))
def test_no_json_makes_it_raise_anything_else(document: dict[str, Any], type: str) -> None:
    """Whatever a sender writes, it is read or refused."""
    try:
        read_pushed({"type": type, "actor": ALICE, **document})
    except BadInput:
        return


def test_no_text_is_kept() -> None:
    """Whatever a body says in words, what is read of it holds none of them."""
    for _, document, _ in READ:
        assert "secret" not in repr(asdict(read_pushed(document))).lower()
