"""What follows from one document."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from ingest_cases import (
    ALICE,
    HOST,
    NOW,
    OUTBOX,
    actor,
    answer,
    create,
    known,
    lease,
    note,
    outcome_of,
    prior,
    want,
)

from fedpull.cache.records import Attempt, Follow, Kind, Outcome, State

POST = f"{ALICE}/posts/1"
DAY = 86_400.0


def ingested(document: Any, uri: str = POST, **more: Any) -> Outcome:
    before = more.pop("before", prior())
    relation = more.pop("relation", "item")
    depth = more.pop("depth", 0)
    asked = lease(want(uri, relation=relation, depth=depth))
    return outcome_of(asked, answer(uri, document, **more), before)


def test_a_public_object_is_stored_byte_for_byte_and_listed() -> None:
    """The body is exactly what came, under its id, listed for the follow that offers it."""
    body = b'{"id":"https://social.example/users/alice/posts/1", "type":"Note","to":["as:Public"]}'
    outcome = ingested(body)

    [put] = outcome.puts
    assert put.body == body
    assert put.id == POST
    assert put.follow == "@alice@social.example"
    assert put.verified_by == "get"
    assert outcome.lease is not None


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"to": []}, id="addressed to nobody"),
        pytest.param({"to": f"{ALICE}/followers"}, id="addressed to followers"),
        pytest.param(
            {"to": "https://www.w3.org/ns/activitystreams#Public "}, id="a trailing space"
        ),
        pytest.param({"to": {"type": "Public"}}, id="an object that is not as:Public"),
    ],
)
def test_what_is_not_public_is_refused_and_purged(change: dict[str, Any]) -> None:
    """Only what is addressed to as:Public is kept; what was kept of it goes."""
    outcome = ingested(note(**change))

    assert outcome.puts == ()
    [mark] = outcome.marks
    assert (mark.id, mark.state, mark.reason, mark.purge) == (POST, State.REFUSED, "audience", True)


@pytest.mark.parametrize("field", ["to", "cc", "audience"])
@pytest.mark.parametrize(
    "spelling", ["as:Public", "Public", "https://www.w3.org/ns/activitystreams#Public"]
)
def test_every_spelling_of_public_counts_in_every_place(field: str, spelling: str) -> None:
    """`to`, `cc` and `audience` are the audience, and as:Public has three spellings."""
    addressed: dict[str, Any] = {"to": [], field: [spelling]}
    outcome = ingested(note(**addressed))

    assert len(outcome.puts) == 1


@pytest.mark.parametrize(
    "more",
    [
        pytest.param(b'"bto":["https://secret.example/eve"],"n":1', id="plainly"),
        pytest.param(b'"\\u0062cc":["https://secret.example/eve"],"n":1', id="an escaped letter"),
        pytest.param(b'"bcc":"https://secret.example/eve","n":%d' % 10**30, id="and a long number"),
    ],
)
def test_hidden_addressees_are_taken_out_however_they_are_written(more: bytes) -> None:
    """And nothing else is; a document without any is kept byte for byte."""
    plain = orjson.dumps(note())[:-1] + b',"letters":"\\u0062"}'
    [kept] = ingested(plain).puts
    [put] = ingested(plain[:-1] + b"," + more + b"}").puts

    assert kept.body == plain
    assert b"secret" not in put.body
    assert json.loads(put.body) == json.loads(plain) | {"n": json.loads(put.body)["n"]}


@pytest.mark.parametrize(
    ("document", "id_asked"),
    [
        pytest.param(note(id=f"{HOST}/other"), f"{HOST}/other", id="another id of the same host"),
        pytest.param(
            note(id="https://victim.example/1"), "https://victim.example/1", id="an id elsewhere"
        ),
    ],
)
def test_an_answer_under_another_id_counts_for_nothing(
    document: dict[str, Any], id_asked: str
) -> None:
    """The id is asked itself, once, and what came is not stored anywhere."""
    outcome = ingested(document)

    assert outcome.puts == ()
    [again] = outcome.wants
    assert (again.uri, again.refetch) == (id_asked, True)


def test_a_refetched_id_must_match() -> None:
    """A second answer that claims yet another id ends it."""
    asked = lease(want(POST, refetch=True))
    outcome = outcome_of(asked, answer(POST, note(id=f"{HOST}/third")), prior())

    assert outcome.puts == ()
    assert all(wanted.uri == POST for wanted in outcome.wants)


@pytest.mark.parametrize("status", [200, 410])
def test_a_tombstone_and_410_purge(status: int) -> None:
    """Gone is gone, whatever the status of the Tombstone."""
    outcome = ingested({"id": POST, "type": "Tombstone"}, status=status)

    [mark] = outcome.marks
    assert (mark.state, mark.purge) == (State.GONE, True)


def test_404_purges_only_the_third_time_over_a_week() -> None:
    """A server that is being moved says 404 too."""
    lines = [NOW - 8 * DAY, NOW - DAY]
    log = tuple(Attempt(at, "refresh", 404, "not found") for at in lines)
    held = known(POST, log=log)
    first = ingested(b"", status=404, before=prior(known(POST)))
    third = ingested(b"", status=404, before=prior(held))

    assert [mark.purge for mark in first.marks] == [False]
    assert first.marks[0].state is None
    assert [mark.purge for mark in third.marks] == [True]


@pytest.mark.parametrize("status", [201, 202, 203, 204, 206, 226, 401, 403, 404, 418, 500, 502])
def test_no_other_status_stores_anything(status: int) -> None:
    """200 is the only status whose body is a document; the rest is tried again later."""
    outcome = ingested(note(), status=status)

    assert outcome.puts == ()
    [again] = outcome.wants
    assert again.uri == POST
    assert again.due > NOW
    assert again.attempts == 1


def test_429_is_no_try_and_pauses_the_host() -> None:
    """The row stays as it was; the host is left alone for as long as it asked."""
    outcome = ingested(b"", status=429, headers={"retry-after": "120"})

    [again] = outcome.wants
    assert again.attempts == 0
    assert outcome.hosts[0].pause == NOW + 120


def test_types_of_a_follow_filter_what_is_kept() -> None:
    """A follow that keeps Events takes no Note, and the change log does not mention it."""
    outcome = ingested(note(), before=prior(rules={"types": ["Event"]}))

    assert outcome.puts == ()
    assert [(mark.reason, mark.purge) for mark in outcome.marks] == [("types", False)]


def test_parents_are_resolved_as_far_as_the_follow_says() -> None:
    """The parent of a post is wanted with one level less, and its author too."""
    parent = "https://else.example/1"
    of_post = ingested(note(inReplyTo=parent), before=prior(rules={"parents": 2}))
    reply = note(
        id=parent, attributedTo="https://else.example/bob", inReplyTo="https://third.example/0"
    )
    of_parent = ingested(reply, uri=parent, relation="parent", depth=1)
    of_last = ingested(reply, uri=parent, relation="parent", depth=0)

    assert [(w.uri, w.relation, w.depth) for w in of_post.wants] == [(parent, "parent", 1)]
    assert [(w.uri, w.relation) for w in of_parent.wants] == [
        ("https://third.example/0", "parent"),
        ("https://else.example/bob", "author"),
    ]
    assert [w.relation for w in of_last.wants] == ["author"]


def test_an_activity_in_the_outbox_by_url_becomes_its_object() -> None:
    """The embedded object of a Create is taken; its id takes the place of the activity's URL."""
    url = f"{POST}/activity"
    activity = create() | {"@context": ["https://www.w3.org/ns/activitystreams"]}
    outcome = ingested(activity, uri=url)

    [put] = outcome.puts
    assert (put.id, put.verified_by, put.enclosing) == (POST, "embedded", url)
    assert put.context == b'["https://www.w3.org/ns/activitystreams"]'
    assert outcome.relink is not None
    assert outcome.relink.entry is not None
    assert (outcome.relink.collection, outcome.relink.old) == (OUTBOX, url)
    assert outcome.relink.entry.object == POST


def test_an_actor_leads_to_its_outbox() -> None:
    """The follow learns its name and outbox, and the outbox is wanted."""
    before = prior(follow=Follow(key="@alice@social.example", actor=ALICE))
    outcome = ingested(actor(), uri=ALICE, relation="actor", before=before)

    assert outcome.follow is not None
    assert (outcome.follow.name, outcome.follow.outbox) == ("Alice", OUTBOX)
    assert outcome.follow.handle == "@alice@social.example"
    assert (OUTBOX, Kind.PAGE) in [(w.uri, w.kind) for w in outcome.wants]


def test_an_outbox_on_another_origin_is_not_read() -> None:
    """That the actor names it does not make it the actor's."""
    before = prior(follow=Follow(key="@alice@social.example", actor=ALICE))
    document = actor(outbox="https://evil.example/outbox")
    outcome = ingested(document, uri=ALICE, relation="actor", before=before)

    assert outcome.follow is not None
    assert outcome.follow.outbox_kind == "none"
    assert [w for w in outcome.wants if w.kind is Kind.PAGE] == []


def test_a_handle_on_another_domain_is_confirmed_first() -> None:
    """The actor's own server is asked for the name that it has there before anything is read."""
    before = prior(follow=Follow(key="@alice@example.org", actor=ALICE))
    outcome = ingested(actor(), uri=ALICE, relation="actor", before=before)

    kinds = [(w.kind, w.relation) for w in outcome.wants]
    assert (Kind.FINGER, "confirm") in kinds
    assert Kind.PAGE not in [w.kind for w in outcome.wants]
