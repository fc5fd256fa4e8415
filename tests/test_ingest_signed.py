"""What follows from answers to signed requests, and from refusals of unsigned ones."""

from __future__ import annotations

import re
from email.utils import formatdate
from typing import Any

import pytest
from ingest_cases import (
    ALICE,
    HOST,
    NOW,
    OUTBOX,
    answer,
    create,
    followed,
    lease,
    note,
    outcome_of,
    page,
    prior,
    want,
)

from fedpull.cache.records import Kind, Outcome
from fedpull.crawler.answer import Hop
from fedpull.crawler.asking import asks
from fedpull.crawler.protocol.walk import Walk

PAGE = f"{OUTBOX}?page=true"
STUB = {"id": OUTBOX, "type": "OrderedCollection", "totalItems": 9}
SIGNED: dict[str, Any] = {"form": "cavage", "signs": True}


def outbox(document: Any, walk: bytes | None = None, url: str = OUTBOX, **more: Any) -> Outcome:
    asked = lease(want(OUTBOX, Kind.PAGE, relation="outbox"), url, walk)
    before = prior(follow=followed(complete=False, outbox_kind=None))
    return outcome_of(asked, answer(url, document, **more), before)


def test_a_document_is_kept_with_the_form_that_it_came_under() -> None:
    """So that its validators are sent under no other."""
    url = f"{ALICE}/posts/1"
    outcome = outcome_of(lease(want(url)), answer(url, note(), **SIGNED), prior())

    assert [put.form for put in outcome.puts] == ["cavage"]


def test_so_is_what_a_page_embeds() -> None:
    """It was got by the signature of the page."""
    outcome = outbox(page([create(1)]), url=PAGE, **SIGNED)

    assert [(put.verified_by, put.form) for put in outcome.puts] == [("embedded", "cavage")]


def test_a_walk_keeps_the_form_of_its_validators() -> None:
    """The next visit says under which they came."""
    root = STUB | {"orderedItems": [create(1)]}
    first = outbox(root, headers={"etag": '"1"'}, **SIGNED)
    assert first.walk is not None
    assert Walk.from_json(first.walk).form == "cavage"

    asked = asks(lease(want(OUTBOX, Kind.PAGE, relation="outbox"), OUTBOX, first.walk))

    assert (asked.etag, asked.form) == ('"1"', "cavage")


def test_an_outbox_that_does_not_know_us_yet_is_asked_once_more() -> None:
    """GoToSocial names no pages while it is fetching our key; whoever waits goes on waiting."""
    first = outbox(STUB, **SIGNED)

    assert [(w.uri, w.due, w.attempts) for w in first.wants] == [(OUTBOX, NOW + 60, 0)]
    assert (first.collection, first.walk_url) == (None, OUTBOX)

    second = outbox(STUB, first.walk, **SIGNED)

    assert second.collection is not None
    assert second.collection.kind == "stub"
    assert second.follow is not None
    assert second.follow.outbox_kind == "stub"


def test_after_the_handshake_its_pages_are_read() -> None:
    """As those of any other first sight."""
    first = outbox(STUB, **SIGNED)
    second = outbox(STUB | {"first": PAGE}, first.walk, **SIGNED)

    assert second.walk_url == PAGE
    assert [(w.uri, w.due) for w in second.wants] == [(OUTBOX, NOW)]


def test_an_outbox_that_was_asked_unsigned_hides_nothing() -> None:
    """Pixelfed's never names a page."""
    outcome = outbox(STUB)

    assert outcome.collection is not None
    assert outcome.collection.kind == "stub"


URL = f"{ALICE}/posts/1"
KNOCKED = (Hop(HOST.removeprefix("https://") + ":443", 401, failed=True),)
REFUSALS: dict[str, tuple[dict[str, Any], str]] = {
    "without an identity": ({}, "wants a signature, which needs `identity`"),
    "after the whole ladder": ({"signs": True, "hops": KNOCKED}, "no signature of ours"),
    "on a day on which it has led nowhere": ({"signs": True}, "no signature of ours"),
    "signed, as it was read before": (SIGNED, r"refused though signed \(cavage\)"),
}


@pytest.mark.parametrize("case", REFUSALS)
@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_says_what_was_tried(case: str, status: int) -> None:
    """And so what an operator can do about it."""
    more, told = REFUSALS[case]
    outcome = outcome_of(lease(want(URL)), answer(URL, b"", status=status, **more), prior())

    assert outcome.attempt is not None
    (mark,) = outcome.marks
    assert mark.failed
    assert re.search(f"status {status}: .*{told}", mark.error)


CLOCKS = {
    "as ours": (0, "no signature of ours"),
    "four minutes behind": (-240, "no signature of ours"),
    "an hour behind": (-3600, "our clock is 3600 s ahead of the server's"),
    "two hours ahead": (7200, "our clock is 7200 s behind the server's"),
}


@pytest.mark.parametrize("case", CLOCKS)
def test_a_clock_that_is_wrong_is_named(case: str) -> None:
    """No signature is accepted then, and nothing else would tell why."""
    seconds, told = CLOCKS[case]
    date = formatdate(NOW + seconds, usegmt=True)
    refused = answer(URL, b"", status=401, signs=True, headers={"date": date})
    (mark,) = outcome_of(lease(want(URL)), refused, prior()).marks

    assert told in mark.error


def test_a_ladder_without_time_is_no_try() -> None:
    """What is asked for goes on at the host's next turn; nothing has failed."""
    hops = (Hop("social.example:443", 401, failed=True),)
    cut = answer(URL, b"", status=401, signs=True, interrupted=True, hops=hops)
    outcome = outcome_of(lease(want(URL)), cut, prior())

    assert [(w.uri, w.due, w.attempts) for w in outcome.wants] == [(URL, NOW, 0)]
    assert outcome.marks == ()
    assert [(told.refused, told.status) for told in outcome.hosts] == [(False, None)]
