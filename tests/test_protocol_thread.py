"""Where a post says that its thread stands, what a thread's items are, and how long it rests."""

from __future__ import annotations

from typing import Any

import pytest

from fedpull.crawler.protocol.items import read_item
from fedpull.crawler.protocol.thread import (
    DAY,
    HOUR,
    Place,
    conversation,
    pause,
    places,
    reply_of,
)

HOST = "https://social.example"
ALICE = f"{HOST}/users/alice"
POST = f"{ALICE}/1"
REPLIES = Place(f"{POST}/replies", "replies")
CONTEXT = Place(f"{HOST}/contexts/1", "context")
HISTORY = Place(f"{HOST}/contexts/1/history", "context")
BOTH = {"replies": REPLIES.url, "context": CONTEXT.url}
BOB = "https://elsewhere.example/bob/1"


@pytest.mark.parametrize(
    ("says", "levels", "expected"),
    [
        pytest.param({}, 3, (), id="nothing is said"),
        pytest.param(BOTH, 0, (), id="no replies are wanted"),
        pytest.param(BOTH, 1, (REPLIES, CONTEXT), id="one level: the replies, first"),
        pytest.param(BOTH, 2, (CONTEXT, REPLIES), id="several: the conversation, first"),
        pytest.param(
            BOTH | {"contextHistory": HISTORY.url},
            2,
            (HISTORY, CONTEXT, REPLIES),
            id="the conversation's activities before its posts (FEP-f228)",
        ),
        pytest.param(
            BOTH | {"inReplyTo": BOB}, 2, (REPLIES, CONTEXT), id="a reply: what is below it, first"
        ),
        pytest.param(
            BOTH | {"inReplyTo": f"{ALICE}/0"},
            2,
            (CONTEXT, REPLIES),
            id="the author goes on below a post of his own",
        ),
        pytest.param(
            BOTH | {"conversation": CONTEXT.url},
            2,
            (REPLIES, CONTEXT),
            id="Pleroma, which names the same URI twice",
        ),
        pytest.param(
            {"context": "https://elsewhere.example/contexts/1"}, 2, (), id="a context elsewhere"
        ),
        pytest.param(
            {"context": "https://elsewhere.example/contexts/1", "inReplyTo": BOB},
            2,
            (Place("https://elsewhere.example/contexts/1", "context"),),
            id="a context where the post that is answered lives",
        ),
        pytest.param({"context": "tag:social.example,2026:1"}, 2, (), id="a tag URI"),
        pytest.param(
            {"replies": {"id": REPLIES.url, "first": {"items": []}}},
            2,
            (REPLIES,),
            id="an embedded collection, by its id",
        ),
        pytest.param(
            {"replies": {"first": f"{POST}/replies?page=1"}},
            2,
            (Place(f"{POST}/replies?page=1", "replies"),),
            id="a collection without an id, by its first page",
        ),
        pytest.param(
            {"replies": {"first": {"next": f"{POST}/replies?page=2"}}},
            2,
            (Place(f"{POST}/replies?page=2", "replies"),),
            id="a first page without an id, by the page after it",
        ),
        pytest.param({"replies": "https://elsewhere.example/r"}, 2, (), id="replies elsewhere"),
        pytest.param({"replies": POST, "context": POST}, 2, (), id="the post itself"),
        pytest.param({"replies": {}, "context": {}}, 2, (), id="empty objects (Epicyon)"),
    ],
)
def test_where_a_thread_can_be_read(
    says: dict[str, Any], levels: int, expected: tuple[Place, ...]
) -> None:
    """The best place first; nothing that the post cannot speak for."""
    doc = {"id": POST, "type": "Note", "attributedTo": ALICE} | says

    assert places(doc, levels) == expected


def test_only_replies_will_do_below_a_reply() -> None:
    """A conversation that was read from its first post is not read again from every reply."""
    doc = {"id": POST, "type": "Note", "attributedTo": ALICE} | BOTH

    assert places(doc, 2, whole=False) == (REPLIES,)


def test_what_stands_above_is_looked_for_among_posts_rather_than_activities() -> None:
    """The collection of posts, where there are both."""
    doc = {"id": POST, "context": CONTEXT.url, "contextHistory": HISTORY.url}

    assert conversation(doc) == CONTEXT
    assert conversation({"id": POST}) is None
    assert conversation({}) is None


NOTE = {"id": POST, "type": "Note", "content": "hello"}


def act(verb: str, of: Any) -> dict[str, Any]:
    return {"id": f"{POST}#{verb}", "type": verb, "actor": ALICE, "object": of}


@pytest.mark.parametrize(
    ("item", "embeds"),
    [
        pytest.param(POST, False, id="a URI"),
        pytest.param({"id": POST, "type": "Note"}, False, id="a stub"),
        pytest.param(NOTE, True, id="a bare post"),
        pytest.param(act("Create", NOTE), True, id="a Create"),
        pytest.param(act("Update", NOTE), True, id="an edit"),
        pytest.param(act("Create", POST), False, id="a Create that names its post"),
        pytest.param(act("Add", act("Create", NOTE)), True, id="an Add (FEP-171b)"),
        pytest.param(act("Announce", act("Create", NOTE)), True, id="a group's (FEP-1b12)"),
        pytest.param(act("Announce", act("Create", POST)), False, id="a group's, by name"),
    ],
)
def test_items_that_are_posts_of_a_thread(item: Any, embeds: bool) -> None:
    """Whatever stands around it, the post counts."""
    read = read_item(item)
    assert read is not None
    reply = reply_of(read)

    assert reply is not None
    assert reply.id == POST
    assert (reply.object is not None) is embeds


@pytest.mark.parametrize(
    "item",
    [
        pytest.param(act("Like", POST), id="a like"),
        pytest.param(act("Delete", POST), id="a deletion"),
        pytest.param(act("Announce", POST), id="a boost"),
        pytest.param(act("Announce", NOTE), id="a boost that shows the post"),
        pytest.param(act("Add", POST), id="something added that is no activity"),
        pytest.param(act("Add", act("Create", None)), id="a Create of nothing"),
        pytest.param(act("Undo", act("Announce", POST)), id="something taken back"),
    ],
)
def test_items_that_are_none(item: Any) -> None:
    """Reactions and bookkeeping are no replies."""
    read = read_item(item)
    assert read is not None

    assert reply_of(read) is None


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (0.0, HOUR / 4),
        (HOUR, HOUR / 4),
        (DAY, 6 * HOUR),
        (20 * DAY, 5 * DAY),
        (4_000 * DAY, 7 * DAY),
    ],
)
def test_a_thread_rests_for_a_quarter_of_its_age(age: float, expected: float) -> None:
    """Between fifteen minutes, as Mastodon does, and a week."""
    assert pause(age) == expected
