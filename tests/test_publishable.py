"""What may be published, and how what may not is told."""

from __future__ import annotations

import json
from typing import Any

import pytest
from publishing_cases import ALICE, ORIGIN, PUBLIC, RULES, WE, note

from fedpull.crawler.protocol import publishable
from fedpull.errors import BadInput, Unfit

THEIRS = "https://a.example/notes/1"
OURS = f"{ORIGIN}/objects/1"


def create(**more: Any) -> dict[str, Any]:
    return {"type": "Create", "object": note(**more)}


def errors(value: Any) -> list[str]:
    try:
        publishable.read(json.dumps(value).encode(), WE, RULES)
    except Unfit as error:
        return str(error).splitlines()
    return []


FIT = {
    "a bare note": note(),
    "a bare note for our followers": note(to=WE.followers),
    "a note for one person": note(to=[ALICE]),
    "a note with hidden addressees only": {"type": "Note", "bcc": ALICE},
    "addressees as objects": note(to={"id": ALICE, "type": "Person"}),
    "all spellings of everybody": note(to=["Public"], cc=["as:Public", PUBLIC]),
    "a type of another vocabulary": {"type": "https://schema.org/Recipe", "to": PUBLIC},
    "an object with two types": {"type": ["Note", "Offer"], "to": PUBLIC},
    "a poll, which is an object": {"type": "Question", "oneOf": [], "to": PUBLIC},
    "a Create": create(),
    "a Create of which only the activity is addressed": {
        "type": "Create",
        "to": PUBLIC,
        "object": {"type": "Note"},
    },
    "a Create by us": {**create(), "actor": WE.actor},
    "an object of ours by name": create(attributedTo=[WE.actor]),
    "a context that names ActivityStreams": note()
    | {"@context": ["https://www.w3.org/ns/activitystreams", {"x": "https://x.example/"}]},
    "a Like": {"type": "Like", "object": THEIRS, "to": ALICE},
    "an Announce": {"type": "Announce", "object": {"id": THEIRS}, "to": PUBLIC},
    "an Undo, which goes where its activity went": {"type": "Undo", "object": OURS},
    "a Delete": {"type": "Delete", "object": OURS},
    "an Update": {"type": "Update", "object": {"id": OURS, "type": "Note"}},
    "an activity that needs no object": {"type": "Arrive", "to": PUBLIC},
    "an activity of another vocabulary": {
        "type": "Rate",
        "actor": WE.actor,
        "object": THEIRS,
        "to": PUBLIC,
    },
    "a reply": note(inReplyTo=THEIRS),
    "null, which says nothing": note(id=None, inReplyTo=None, published=None, cc=None),
}


@pytest.mark.parametrize("value", FIT.values(), ids=FIT.keys())
def test_fit(value: Any) -> None:
    """What others understand and somebody gets may be published."""
    assert errors(value) == []


UNFIT: dict[str, tuple[Any, str]] = {
    "no type": ({"to": PUBLIC}, "type: is missing"),
    "an actor": ({"type": "Person", "to": PUBLIC}, "type: Person is an actor"),
    "a collection": ({"type": "Collection", "to": PUBLIC}, "type: Collection is a collection"),
    "a Tombstone": ({"type": "Tombstone", "to": PUBLIC}, "type: Tombstone is what a Delete leaves"),
    "an id of one's own": (note(id="https://x.example/1"), "id: is given: expected none"),
    "the same as JSON-LD": (note() | {"@id": "https://x.example/1"}, "@id: is given"),
    "an id within a Create": (create(id=OURS), "object.id: is given"),
    "everybody, unseen": (note(to=ALICE, bcc="Public"), "bcc: everybody cannot be hidden"),
    "nobody": ({"type": "Note"}, "to: is missing, and so are cc, bto, bcc and audience"),
    "nobody, twice": (create(to=[]), "to: is missing"),
    "a name for an addressee": (
        create(to=["as:Public", "bob"]),
        "object.to[1]: 'bob' is neither an https URI nor as:Public: expected the id of an actor",
    ),
    "a handle": (note(cc="@bob@b.example"), "cc: '@bob@b.example' is neither"),
    "a number": (note(to=[1]), "to[0]: a number is neither"),
    "an object without a name": (note(bto=[{}]), "bto[0]: a value is neither"),
    "plain http": (note(to="http://a.example/u"), "to: http://a.example/u has the scheme http"),
    "an address of the network": (note(to="https://10.0.0.1/u"), "names the address 10.0.0.1"),
    "a strange port": (note(to="https://a.example:22/u"), "names the port 22"),
    "somebody in a URI": (note(to="https://a@b.example/u"), "is neither an https URI"),
    "what is ours and nobody": (note(to=f"{ORIGIN}/objects/1"), "is ours, and nobody"),
    "too many": (note(to=[f"https://a.example/{n}" for n in range(1_001)]), "to: names too many"),
    "another author": (note(attributedTo=ALICE), f"attributedTo: '{ALICE}' is not our actor"),
    "another actor": ({**create(), "actor": ALICE}, f"actor: '{ALICE}' is not our actor"),
    "no time": (note(published="yesterday"), "published: 'yesterday' is not a time"),
    "no time of an event": (note(startTime=12), "startTime: a number is not a time"),
    "a reply to nothing": (note(inReplyTo="x"), "inReplyTo: 'x' is not an https URI"),
    "a Create of nothing": ({"type": "Create", "to": PUBLIC}, "object: is missing"),
    "a Create of a URI": ({"type": "Create", "object": THEIRS}, "object: is not what the Create"),
    "a Create of an activity": (
        {"type": "Create", "object": {"type": "Like", "to": PUBLIC}},
        "object.type: Like is an activity",
    ),
    "an Update without an id": ({"type": "Update", "object": note()}, "object.id: is missing"),
    "an Update of our actor": (
        {"type": "Update", "object": {"id": WE.actor, "type": "Application"}},
        "object.id: is our actor",
    ),
    "a Like of nothing that has a name": (
        {"type": "Like", "object": {"type": "Note"}, "to": PUBLIC},
        "object: names nothing",
    ),
    "a Follow": (
        {"type": "Follow", "object": ALICE},
        "Follow is not for publishing: expected `fed",
    ),
    "an Accept": ({"type": "Accept", "object": THEIRS}, "expected `fedpull followers accept`"),
    "a context without ActivityStreams": (
        note() | {"@context": "https://x.example/"},
        "@context: does not name ActivityStreams",
    ),
    "a context that gives a hidden word another name": (
        note() | {"@context": ["https://www.w3.org/ns/activitystreams", {"x": "as:bto"}]},
        "@context: gives bto or bcc another name",
    ),
    "a context further in that does": (
        note(tag={"@context": {"x": {"@id": "https://www.w3.org/ns/activitystreams#bcc"}}}),
        "@context: gives bto or bcc another name",
    ),
    "a context that turns words around": (
        note() | {"@context": ["https://www.w3.org/ns/activitystreams", {"to": "as:bcc"}]},
        "@context: gives to another meaning",
    ),
}


@pytest.mark.parametrize(("value", "said"), UNFIT.values(), ids=UNFIT.keys())
def test_unfit(value: Any, said: str) -> None:
    """What is wrong is told by its property, with what would have been right."""
    found = errors(value)

    assert [line for line in found if said in line], found


def test_all_at_once() -> None:
    """Whoever has made three mistakes is told of three."""
    value = create(to=["bob"], published="never", id=OURS)

    assert [line.partition(":")[0] for line in errors(value)] == [
        "object.id",
        "object.published",
        "object.to[0]",
    ]


NO_JSON = {
    "nothing": b"",
    "a list": b"[]",
    "one key twice": b'{"type":"Note","type":"Article"}',
    "not UTF-8": b'{"type":"\xff"}',
    "a number that no parser agrees on": b'{"type":"Note","x":1e999}',
    "more than anybody reads": b'{"type":"Note","content":"' + b"x" * 300_000 + b'"}',
}


@pytest.mark.parametrize("body", NO_JSON.values(), ids=NO_JSON.keys())
def test_no_json(body: bytes) -> None:
    """What two servers could read differently is not published."""
    with pytest.raises(BadInput):
        publishable.read(body, WE, RULES)
