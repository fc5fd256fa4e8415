"""What follows from one page of a thread's collection."""

from __future__ import annotations

from typing import Any

import pytest
from ingest_cases import (
    ALICE,
    HOST,
    NOW,
    answer,
    known,
    lease,
    note,
    outcome_of,
    prior,
    want,
)

from fedpull.cache.records import Cause, Kind, Lease, Outcome, State, Thread, Want
from fedpull.crawler.protocol import thread
from fedpull.crawler.reading import Prior

ROOT = f"{ALICE}/posts/1"
REPLIES = f"{ROOT}/replies"
CONTEXT = f"{HOST}/contexts/1"
BOBS = [f"https://elsewhere.example/bob/{number}" for number in range(40)]
HOUR = 3_600.0


def spent(fetched: int = 1, age: float = HOUR, read: float | None = None) -> Thread:
    return Thread("@alice@social.example", NOW - age, NOW - age, read, fetched, "")


def before(*references: Any, **more: Any) -> Prior:
    root = note(1, replies=REPLIES, context=CONTEXT)
    rules = {"replies": 3, "parents": more.pop("parents", 4)}
    return prior(*references, rules=rules, **({"root": root, "thread": spent()} | more))


def leased(relation: str = "replies", depth: int = 3, **more: Any) -> Lease:
    uri = CONTEXT if relation == "context" else REPLIES
    fields: dict[str, Any] = {"relation": relation, "depth": depth, "root": ROOT} | more
    return lease(want(uri, Kind.PAGE, **fields))


def taken(items: list[Any], asked: Lease | None = None, more: Any = None, **prior: Any) -> Outcome:
    asked = asked or leased()
    page = {"id": asked.want.uri, "type": "OrderedCollection", "orderedItems": items}
    return outcome_of(asked, answer(asked.url, page | (more or {})), before(**prior))


def documents(outcome: Outcome) -> list[Want]:
    return [want for want in outcome.wants if want.kind is Kind.DOCUMENT]


@pytest.mark.parametrize(
    ("relation", "depth", "cause", "expected"),
    [
        pytest.param(
            "replies", 3, Cause.BACKFILL, ("reply", 2, Cause.BACKFILL), id="replies: a level less"
        ),
        pytest.param(
            "replies", 1, Cause.BACKFILL, ("reply", 0, Cause.BACKFILL), id="the last level"
        ),
        pytest.param(
            "context", 3, Cause.BACKFILL, ("reply", 0, Cause.BACKFILL), id="a conversation: no more"
        ),
        pytest.param(
            "replies", 2, Cause.REFRESH, ("reply", 1, Cause.BACKFILL), id="what comes later waits"
        ),
        pytest.param(
            "asked", 2, Cause.ON_DEMAND, ("asked", 1, Cause.ON_DEMAND), id="asked on demand"
        ),
    ],
)
def test_an_item_is_asked_for_at_its_own_origin(
    relation: str, depth: int, cause: Cause, expected: tuple[str, int, Cause]
) -> None:
    """For the follow and the thread of the page, and as many levels deep as are left."""
    [asked] = documents(taken(BOBS[:1], leased(relation, depth, cause=cause)))

    assert (asked.relation, asked.depth, asked.cause) == expected
    assert (asked.uri, asked.root, asked.follow) == (BOBS[0], ROOT, "@alice@social.example")


def test_what_is_known_is_listed_and_not_asked_for() -> None:
    """Held, gone or refused: a member, and no request."""
    states = [State.RESOLVED, State.GONE, State.REFUSED]
    held = [known(uri, state) for uri, state in zip(BOBS, states, strict=False)]
    page = {"id": REPLIES, "type": "Collection", "items": BOBS[:4]}
    outcome = outcome_of(leased(depth=1), answer(REPLIES, page), before(*held))

    assert [want.uri for want in documents(outcome)] == [BOBS[3]]
    assert outcome.members is not None
    assert BOBS[0] in [entry.object for entry in outcome.members.entries]


def test_no_more_is_asked_for_than_the_thread_has_left() -> None:
    """Three requests are left: three posts, and no further page."""
    outcome = taken(BOBS, more={"next": f"{REPLIES}?page=2"}, thread=spent(thread.MAX_FETCHES - 3))

    assert len(outcome.wants) == 3
    assert outcome.walk_done


def test_a_visit_goes_on_from_page_to_page_and_ends_with_its_walk() -> None:
    """The next page is asked for by the same row; at the end nothing is left of the walk."""
    outcome = taken(BOBS[:2], more={"next": f"{REPLIES}?page=2"})
    [further] = [want for want in outcome.wants if want.kind is Kind.PAGE]

    assert outcome.walk_url == f"{REPLIES}?page=2"
    assert (further.relation, further.root, further.depth) == ("replies", ROOT, 3)
    assert outcome.polls == ()
    assert not outcome.walk_done
    assert taken(BOBS[:2]).walk_done


@pytest.mark.parametrize(
    ("age", "relation", "polled"),
    [
        pytest.param(HOUR, "replies", True, id="young"),
        pytest.param(29 * thread.DAY, "context", True, id="nearly a month old"),
        pytest.param(31 * thread.DAY, "replies", False, id="old"),
    ],
)
def test_a_thread_is_read_again_while_it_is_young(age: float, relation: str, polled: bool) -> None:
    """With the pause of its age as the shortest interval."""
    outcome = taken(BOBS[:2], leased(relation), thread=spent(age=age))

    assert outcome.lease is not None
    assert [poll.collection for poll in outcome.polls] == [outcome.lease.want.uri] * polled
    assert [poll.plan.shortest for poll in outcome.polls] == [thread.pause(age)] * polled
    assert all(poll.listing and poll.new == 2 for poll in outcome.polls)


def test_what_was_asked_on_demand_is_not_read_again() -> None:
    """Nobody follows it."""
    assert taken(BOBS[:2], leased("asked", 2, follow="")).polls == ()


@pytest.mark.parametrize("status", [400, 404, 410, 500])
def test_a_context_that_cannot_be_read_leads_to_the_replies(status: int) -> None:
    """At once, and without a retry: most such contexts are mere names."""
    outcome = outcome_of(leased("context"), answer(CONTEXT, b"", status=status), before())
    [other] = outcome.wants

    assert (other.uri, other.relation, other.depth, other.root) == (REPLIES, "replies", 3, ROOT)
    assert outcome.walk_done
    assert outcome.collection is not None
    assert outcome.collection.kind == "none"


def test_replies_that_cannot_be_read_are_tried_again() -> None:
    """Where there is no other place, it is a failure like any other."""
    outcome = outcome_of(leased(), answer(REPLIES, b"", status=500), before(root=note(1)))
    [again] = outcome.wants

    assert (again.uri, again.attempts) == (REPLIES, 1)


def test_what_the_refresh_loop_asked_for_is_left_to_it_when_it_fails() -> None:
    """It is told of the failure, and backs off by itself."""
    asked = leased(scheduled=True, cause=Cause.REFRESH)
    outcome = outcome_of(asked, answer(REPLIES, b"", status=500), before(root=note(1)))

    assert outcome.wants == ()
    assert [(mark.id, mark.failed) for mark in outcome.marks] == [(REPLIES, True)]


def test_what_stands_above_a_post_is_asked_for_from_the_conversation() -> None:
    """Its beginning and what comes just before the post; nothing after it."""
    outcome = taken([*BOBS[:6], ROOT, *BOBS[6:]], leased("context", 0), parents=3)

    assert [want.uri for want in outcome.wants] == [BOBS[0], BOBS[4], BOBS[5]]
    assert {want.relation for want in outcome.wants} == {"parent"}
    assert outcome.walk_done
