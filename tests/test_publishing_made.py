"""What is made of what is published: activities, objects, ids, addressing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from publishing_cases import ALICE, BOB, ORIGIN, PUBLIC, WE, note
from store_cases import NOW

from fedpull.crawler.protocol import publishing
from fedpull.crawler.protocol.addressing import Recipients
from fedpull.crawler.protocol.publishing import Held, Made, token
from fedpull.errors import BadInput

TOKEN = "018bcfe5680000000000000000000001"
OBJECT, ACTIVITY = f"{ORIGIN}/objects/{TOKEN}", f"{ORIGIN}/activities/{TOKEN}"
WHEN = "2023-11-14T22:13:20.000Z"


def made(value: dict[str, Any], held: Held | None = None) -> Made:
    return publishing.make(value, WE, held, TOKEN, NOW)


def held(audience: tuple[str, ...] = (PUBLIC, ALICE), **more: Any) -> Held:
    """A note of ours as it stands, addressed to everybody and, unseen, to Alice."""
    document = {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": OBJECT,
        "type": "Note",
        "attributedTo": WE.actor,
        "published": "2023-01-01T00:00:00Z",
        "to": [PUBLIC],
        "content": "hello",
        **more,
    }
    return Held(document, audience)


def test_bare_object() -> None:
    """A bare object is published with a Create; both say who, when and for whom."""
    one = made(note(cc=WE.followers, tag=[{"type": "Hashtag", "name": "#a"}]))

    assert one.activity == {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": ACTIVITY,
        "type": "Create",
        "actor": WE.actor,
        "published": WHEN,
        "to": [PUBLIC],
        "cc": [WE.followers],
        "object": {
            "id": OBJECT,
            "type": "Note",
            "attributedTo": WE.actor,
            "published": WHEN,
            "to": [PUBLIC],
            "cc": [WE.followers],
            "content": "hello",
            "tag": [{"type": "Hashtag", "name": "#a"}],
        },
    }
    assert one.local == {"@context": one.activity["@context"], **one.activity["object"]}
    assert one.recipients == Recipients(public=True, followers=True, named=())


def test_context() -> None:
    """The context that an object brings stands on its Create, and on the object by itself."""
    context = ["https://www.w3.org/ns/activitystreams", {"x": "https://x.example/"}]

    one = made(note(x=1) | {"@context": context})

    assert one.activity["@context"] == context
    assert "@context" not in one.activity["object"]
    assert one.local is not None
    assert one.local["@context"] == context


def test_addressing_is_shared() -> None:
    """What either of the two is addressed to, both are."""
    value = {"type": "Create", "to": [ALICE], "object": note(to=[BOB, ALICE], cc="Public")}

    one = made(value)

    for document in (one.activity, one.activity["object"]):
        assert document["to"] == [ALICE, BOB]
        assert document["cc"] == [PUBLIC]
    assert one.recipients == Recipients(public=True, followers=False, named=(ALICE, BOB))


def test_hidden() -> None:
    """Nobody is shown a `bto` or a `bcc`, wherever it stands and however it is spelt."""
    value = {
        "type": "Create",
        "bto": [ALICE],
        "object": note(
            bcc=BOB,
            attachment=[{"type": "Note", "bto": "x", "as:bcc": "y", "replies": {"bcc": 1}}],
        )
        | {"https://www.w3.org/ns/activitystreams#bto": 1, "my:bto": 2},
    }

    one = made(value)

    text = json.dumps([one.activity, one.local])
    assert "bto" not in text
    assert "bcc" not in text
    assert one.recipients.named == (ALICE, BOB)


def test_recipients() -> None:
    """Everybody is nobody in particular, our followers are one id, we ourselves are left out."""
    value = note(to=["as:Public", WE.followers, WE.actor, BOB], cc=[BOB, f"{WE.followers}?x"])

    assert made(value).recipients == Recipients(True, True, (BOB, f"{WE.followers}?x"))


def test_content_passes() -> None:
    """What is not ours to say passes as it was given, in whatever words."""
    value = note("<b>hi</b>", name=None, x={"y": [1, None, 1.5]}, published="2020-02-02T00:00:00Z")

    one = made(value).activity["object"]

    assert one["content"] == "<b>hi</b>"
    assert one["name"] is None
    assert one["x"] == {"y": [1, None, 1.5]}
    assert one["published"] == "2020-02-02T00:00:00Z"


def test_like() -> None:
    """Another activity keeps its object; no object of ours comes of it."""
    one = made({"type": "Like", "object": "https://a.example/notes/1", "to": ALICE})

    assert (one.type, one.object, one.local) == ("Like", "https://a.example/notes/1", None)
    assert one.activity["actor"] == WE.actor


def test_update() -> None:
    """An Update takes the place of the object whole; when it was published stays."""
    value = {"type": "Update", "object": {"id": OBJECT, "type": "Note", "content": "better"}}

    one = made(value, held())

    assert one.local is not None
    assert one.local["content"] == "better"
    assert (one.local["published"], one.local["updated"]) == ("2023-01-01T00:00:00Z", WHEN)
    assert one.activity["to"] == [PUBLIC]
    assert one.recipients == Recipients(public=True, followers=False, named=(ALICE,))


def test_update_for_others() -> None:
    """An Update that says whom it is for is for them alone."""
    object = {"id": OBJECT, "type": "Note", "to": [BOB]}

    one = made({"type": "Update", "object": object}, held())

    assert one.recipients == Recipients(public=False, followers=False, named=(BOB,))


def test_delete() -> None:
    """A Delete leaves a Tombstone, and goes to all that have got the object, whom it names too."""
    one = made({"type": "Delete", "object": OBJECT, "to": BOB}, held())

    tombstone = {
        "id": OBJECT,
        "type": "Tombstone",
        "formerType": "Note",
        "published": "2023-01-01T00:00:00Z",
        "deleted": WHEN,
    }
    assert one.activity["object"] == tombstone
    assert one.local == {"@context": "https://www.w3.org/ns/activitystreams", **tombstone}
    assert one.activity["to"] == [BOB, PUBLIC]
    assert one.recipients == Recipients(public=True, followers=False, named=(BOB, ALICE))


def test_undo() -> None:
    """An Undo shows what it undoes, and goes where that went."""
    like = {
        "id": ACTIVITY,
        "type": "Like",
        "actor": WE.actor,
        "object": "https://a.example/notes/1",
        "to": [ALICE],
        "published": WHEN,
    }

    one = made({"type": "Undo", "object": ACTIVITY}, Held(like, (ALICE,)))

    shown = ("id", "type", "actor", "object")
    assert one.activity["object"] == {name: like[name] for name in shown}
    assert one.activity["to"] == [ALICE]
    assert one.recipients.named == (ALICE,)


GONE = Held({"id": OBJECT, "type": "Tombstone", "published": WHEN}, (PUBLIC,), deleted=True)
CREATE = Held({"id": ACTIVITY, "type": "Create", "object": OBJECT}, (PUBLIC,))
NOT_TO_BE_DONE: dict[str, tuple[dict[str, Any], Held | None, str]] = {
    "an Update of what is not ours": (
        {"type": "Update", "object": {"id": OBJECT, "type": "Note"}},
        None,
        "object: is not an object of ours",
    ),
    "a Delete of what is not ours": (
        {"type": "Delete", "object": OBJECT},
        None,
        "object: is not an object of ours",
    ),
    "an Undo of what is not ours": (
        {"type": "Undo", "object": ACTIVITY},
        None,
        "object: is not an activity of ours",
    ),
    "an Update of what was deleted": (
        {"type": "Update", "object": {"id": OBJECT, "type": "Note"}},
        GONE,
        "object: was deleted",
    ),
    "a second Delete": ({"type": "Delete", "object": OBJECT}, GONE, "object: was deleted already"),
    "an Update to another type": (
        {"type": "Update", "object": {"id": OBJECT, "type": "Article"}},
        held(),
        "object.type: changes from Note",
    ),
    "an Undo of a Create": (
        {"type": "Undo", "object": ACTIVITY},
        CREATE,
        "object: is a Create, which cannot be undone: expected a Delete of the object",
    ),
}


@pytest.mark.parametrize(
    ("value", "held", "said"), NOT_TO_BE_DONE.values(), ids=NOT_TO_BE_DONE.keys()
)
def test_not_to_be_done(value: dict[str, Any], held: Held | None, said: str) -> None:
    """What stands there has to allow what is asked."""
    with pytest.raises(BadInput) as caught:
        made(value, held)

    assert said in str(caught.value)


def test_instead() -> None:
    """An activity whose object was edited shows its id; of one that was deleted, a Tombstone."""
    former = made(note()).activity
    tombstone = made({"type": "Delete", "object": OBJECT}, held()).local

    edited = publishing.instead(former, OBJECT, None)
    deleted = publishing.instead(former, OBJECT, tombstone)

    assert edited == {**former, "object": OBJECT}
    assert deleted["object"]["type"] == "Tombstone"
    assert "@context" not in deleted["object"]


def test_tokens() -> None:
    """Ids sort as they were made, and hold more chance than anybody can try out."""
    first, second = token(NOW, b"\xff" * 10), token(NOW + 0.001, b"\x00" * 10)

    assert first < second
    assert first[-20:] == "f" * 20
