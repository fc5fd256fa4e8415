"""What follows from one page of an outbox."""

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
    answer,
    create,
    followed,
    known,
    lease,
    note,
    outcome_of,
    page,
    prior,
    want,
)
from minting import date

from fedpull.cache.records import Kind, Outcome, State
from fedpull.config.model import Freshness
from fedpull.crawler.protocol.walk import Walk

REDEFINED: dict[str, Any] = {"@context": {"to": "https://evil.example/to"}}
PAGE = f"{OUTBOX}?page=true"


def ingested(document: Any, url: str = PAGE, walk: bytes | None = None, **more: Any) -> Outcome:
    before = more.pop("before", prior())
    asked = lease(want(OUTBOX, Kind.PAGE, relation="outbox"), url, walk)
    return outcome_of(asked, answer(url, document, **more), before)


def begun(document: Any = None) -> bytes:
    """The walk after a root that names its first page."""
    root = {"id": OUTBOX, "type": "OrderedCollection", "first": PAGE, "totalItems": 3}
    outcome = ingested(document or root, url=OUTBOX, before=prior(follow=followed(complete=False)))
    assert outcome.walk is not None
    return outcome.walk


def test_a_root_leads_to_its_first_page() -> None:
    """The collection names where its pages begin; the walk goes there and is stored."""
    root = {"id": OUTBOX, "type": "OrderedCollection", "first": PAGE}
    outcome = ingested(root, url=OUTBOX)

    assert outcome.walk_url == PAGE
    assert [(w.uri, w.kind, w.due) for w in outcome.wants] == [(OUTBOX, Kind.PAGE, NOW)]


def test_embedded_objects_of_the_owner_are_taken_byte_for_byte() -> None:
    """A Create with its object needs no further request, and the body is the slice of the page."""
    document = page([create(2), create(1)])
    body = orjson.dumps(document)
    outcome = ingested(document, walk=begun())

    assert [put.id for put in outcome.puts] == [f"{ALICE}/posts/2", f"{ALICE}/posts/1"]
    assert all(put.body in body for put in outcome.puts)
    assert outcome.puts[0].context == b'"https://www.w3.org/ns/activitystreams"'
    assert outcome.members is not None
    assert [entry.object for entry in outcome.members.entries] == [put.id for put in outcome.puts]
    assert [w.kind for w in outcome.wants] == [Kind.PAGE]


def test_with_refetch_embedded_each_object_is_asked_of_its_own_url() -> None:
    """What a page embeds is a hint then: a new post is asked for, one that was edited since is
    looked at again, and one that is held as it stands is left alone; all are members."""
    posts = [f"{ALICE}/posts/{n}" for n in (3, 2, 1)]
    held = known(posts[1], verified_at=NOW - 60.0)
    edited = known(posts[2], verified_at=NOW - 60.0)
    items = [create(3), create(2), create(1, updated=date(NOW - 30.0))]
    before = prior(held, edited, ages=Freshness(refetch_embedded=True))
    outcome = ingested(page(items), walk=begun(), before=before)

    assert outcome.puts == ()
    assert outcome.members is not None
    assert [entry.object for entry in outcome.members.entries] == posts
    asked = [(w.uri, w.relation) for w in outcome.wants if w.kind is Kind.DOCUMENT]
    assert asked == [(posts[0], "item"), (posts[2], "check")]


def test_a_page_whose_context_holds_a_long_number_is_read() -> None:
    """More than 64 bits: JSON allows that, and a fast writer does not."""
    body = orjson.dumps(page([create()])).replace(
        b'activitystreams"', b'activitystreams",%d]' % 10**30
    )
    outcome = ingested(body.replace(b'"@context":"', b'"@context":["'), walk=begun())

    assert [put.id for put in outcome.puts] == [f"{ALICE}/posts/1"]
    assert json.loads(outcome.puts[0].context or b"")[1] == 10**30


@pytest.mark.parametrize(
    ("item", "asked"),
    [
        pytest.param(f"{ALICE}/posts/1", f"{ALICE}/posts/1", id="a URL"),
        pytest.param(
            create() | {"object": f"{ALICE}/posts/1"}, f"{ALICE}/posts/1", id="an object by URL"
        ),
        pytest.param(
            create(attributedTo=f"{HOST}/users/bob"), f"{ALICE}/posts/1", id="another owner"
        ),
        pytest.param(
            create(id="https://else.example/1"), "https://else.example/1", id="another origin"
        ),
        pytest.param(
            create(1, **REDEFINED),
            f"{ALICE}/posts/1",
            id="a context that redefines its terms",
        ),
        pytest.param(
            {"id": f"{ALICE}/a/1", "type": "Announce", "actor": ALICE, "object": note(9)},
            f"{ALICE}/posts/9",
            id="an announced object, embedded",
        ),
    ],
)
def test_what_does_not_count_as_fetched_is_fetched(item: Any, asked: str) -> None:
    """Only the owner's own objects, of the page's origin and read as they are, stand for a GET."""
    outcome = ingested(page([item]), walk=begun())

    assert outcome.puts == ()
    assert asked in [w.uri for w in outcome.wants]


def test_a_page_as_plain_json_gives_ids_only() -> None:
    """Who can upload a JSON file could forge a page; its objects answer for themselves."""
    outcome = ingested(page([note(1)]), walk=begun(), content_type="application/json")

    assert outcome.puts == ()
    assert [w.uri for w in outcome.wants if w.kind is Kind.DOCUMENT] == [f"{ALICE}/posts/1"]


def test_a_private_item_is_refused_and_no_member() -> None:
    """What is not addressed to everybody leaves no trace but the refusal."""
    outcome = ingested(page([create(1, to=f"{ALICE}/followers") | {"to": []}]), walk=begun())

    assert outcome.puts == ()
    assert outcome.members is None
    assert [(m.state, m.reason) for m in outcome.marks] == [(State.REFUSED, "audience")]


def test_the_audience_of_the_activity_counts_where_the_object_states_none() -> None:
    """Some servers address the activity only."""
    bare = create(1)
    del bare["object"]["to"]
    outcome = ingested(page([bare]), walk=begun())

    assert len(outcome.puts) == 1


def test_a_target_takes_exactly_so_many_and_notes_the_rest() -> None:
    """`backfill: 2` keeps two posts; the others of the page are known, so never new later."""
    before = prior(rules={"backfill": 2}, follow=followed(complete=False))
    asked = lease(want(OUTBOX, Kind.PAGE, relation="outbox"))
    root = answer(OUTBOX, {"id": OUTBOX, "type": "OrderedCollection", "first": PAGE})
    walk = outcome_of(asked, root, before).walk
    items = [create(number) for number in (5, 4, 3, 2, 1)]
    outcome = ingested(page(items, next=f"{PAGE}&max_id=1"), walk=walk, before=before)

    assert [put.id for put in outcome.puts] == [f"{ALICE}/posts/5", f"{ALICE}/posts/4"]
    assert outcome.members is not None
    assert len(outcome.members.entries) == 5
    assert outcome.follow is not None
    assert outcome.follow.complete


@pytest.mark.parametrize(
    "link",
    [
        pytest.param("https://evil.example/outbox?page=2", id="another host"),
        pytest.param("http://127.0.0.1:8787/v1/status", id="our own API"),
        pytest.param("https://social.example:8443/outbox", id="another port"),
        pytest.param("file:///etc/passwd", id="a file"),
    ],
)
def test_a_next_that_leads_away_is_not_followed(link: str) -> None:
    """`next` leads within the outbox's origin or nowhere, on every page."""
    outcome = ingested(page([create(1)], next=link), walk=begun())

    assert outcome.follow is not None
    assert outcome.follow.last_error is not None
    assert all(w.uri == OUTBOX for w in outcome.wants)
    assert all(w.due > NOW for w in outcome.wants)


def test_the_next_visit_begins_at_the_cursor() -> None:
    """Where the newest page has a `prev`, the stored walk of the next visit starts there."""
    cursor = f"{OUTBOX}?min_id=9&page=true"
    outcome = ingested(page([create(1)], prev=cursor), walk=begun())

    assert outcome.walk_url == cursor
    assert outcome.walk is not None
    assert Walk.from_json(outcome.walk).mode == "prev"


def test_boosts_are_wanted_unless_switched_off() -> None:
    """An Announce is a URL on a host of its own, resolved as the follow says."""
    theirs = "https://else.example/7"
    boost = {"id": f"{ALICE}/a/7", "type": "Announce", "actor": ALICE, "object": theirs}
    wanted = ingested(page([boost]), walk=begun())
    unwanted = ingested(page([boost]), walk=begun(), before=prior(rules={"boosts": False}))

    assert (theirs, "boost") in [(w.uri, w.relation) for w in wanted.wants]
    assert theirs not in [w.uri for w in unwanted.wants]


def test_a_listed_delete_asks_for_what_we_hold() -> None:
    """The outbox says that it is gone; the origin of the object is asked whether it is."""
    delete = {"id": f"{ALICE}/d/1", "type": "Delete", "actor": ALICE, "object": note(1)["id"]}
    held = ingested(page([delete]), walk=begun(), before=prior(known(note(1)["id"])))
    unknown = ingested(page([delete]), walk=begun())

    assert note(1)["id"] in [w.uri for w in held.wants]
    assert note(1)["id"] not in [w.uri for w in unknown.wants]


def test_a_missing_page_beyond_the_first_is_the_end() -> None:
    """Funkwhale answers 404, WordPress 400 beyond the last page; 404 has to be said twice."""
    walk = ingested(page([create(1)], next=f"{OUTBOX}?page=2"), walk=begun()).walk
    once = ingested(b"", url=f"{OUTBOX}?page=2", walk=walk, status=404)
    assert once.walk_url == f"{OUTBOX}?page=2"
    twice = ingested(b"", url=f"{OUTBOX}?page=2", walk=once.walk, status=404)
    other = ingested(b"", url=f"{OUTBOX}?page=2", walk=walk, status=400)

    for outcome in (twice, other):
        assert outcome.follow is not None
        assert outcome.follow.complete
        assert outcome.follow.last_error is None


def test_a_missing_root_is_a_failure_that_is_tried_again() -> None:
    """The follow says what is wrong, its outbox stays in the queue, and its actor is asked."""
    outcome = ingested(b"", url=OUTBOX, status=404)

    assert outcome.follow is not None
    assert outcome.follow.last_error == f"{OUTBOX}: status 404"
    again, check = outcome.wants
    assert (again.uri, again.attempts) == (OUTBOX, 1)
    assert again.due > NOW
    assert (check.uri, check.relation) == (ALICE, "actor")
