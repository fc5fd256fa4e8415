"""Threads of followed posts: what is read of them, from where, how often, and where it ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ingest_cases import ALICE, HOST, OUTBOX, PUBLIC, actor
from pocket import START, Pocket

from fedpull.cache.records import Cause, Kind, Want
from fedpull.crawler.protocol import thread

BOB_HOST = "https://elsewhere.example"
BOB = f"{BOB_HOST}/users/bob"
ROOT = f"{ALICE}/posts/1"
HOUR, DAY = 3_600.0, 86_400.0
Pages = dict[str, Any]


def post(id: str, answers: str | None = None, **more: Any) -> dict[str, Any]:
    """A post whose author is who its id says, answering another one."""
    author = id.rpartition("/posts/")[0]
    document = {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": id,
        "type": "Note",
        "attributedTo": author,
        "to": PUBLIC,
        "content": id,
        "published": "2026-09-21T10:00:00Z",
        "inReplyTo": answers,
    }
    return document | more


def person(id: str) -> dict[str, Any]:
    return {"id": id, "type": "Person", "inbox": f"{id}/inbox", "outbox": f"{id}/outbox"}


def collection(id: str, items: list[Any], **more: Any) -> dict[str, Any]:
    return {"id": id, "type": "OrderedCollection", "orderedItems": items} | more


def world(*roots: dict[str, Any], **others: Any) -> Pages:
    """Alice, who has posted these; and Bob, elsewhere."""
    creates = [
        {"id": f"{root['id']}#create", "type": "Create", "actor": ALICE, "to": PUBLIC}
        | {"object": {key: value for key, value in root.items() if key != "@context"}}
        for root in roots
    ]
    return {
        ALICE: actor(),
        OUTBOX: collection(OUTBOX, creates),
        BOB: person(BOB),
        **{root["id"]: root for root in roots},
        **others,
    }


def bobs(number: int) -> str:
    return f"{BOB}/posts/{number}"


def with_replies(id: str, answers: str | None = None, **more: Any) -> dict[str, Any]:
    return post(id, answers, replies=f"{id}/replies", **more)


@pytest.fixture
def pocket(tmp_path: Path) -> Any:
    with Pocket(tmp_path) as pocket:
        yield pocket
        pocket.sound()


def fetches(pocket: Pocket) -> int:
    follow = pocket.opened.query.follow(ALICE)
    assert follow is not None
    return follow.thread_fetches


def test_replies_are_read_level_by_level_to_the_depth_of_the_follow(pocket: Pocket) -> None:
    """Two levels of replies are kept, the third is not even asked for."""
    one, two, three = bobs(1), bobs(2), bobs(3)
    pocket.pages = world(with_replies(ROOT)) | {
        f"{ROOT}/replies": collection(f"{ROOT}/replies", [one]),
        one: with_replies(one, ROOT),
        f"{one}/replies": collection(f"{one}/replies", [two]),
        two: with_replies(two, one),
        f"{two}/replies": collection(f"{two}/replies", [three]),
        three: post(three, two),
    }
    pocket.follow(ALICE, replies=2)
    pocket.run()

    assert [pocket.held(id) for id in (ROOT, one, two, three)] == [True, True, True, False]
    assert f"{two}/replies" not in pocket.asked
    assert pocket.members(f"{ROOT}/replies") == [one]
    assert pocket.listed(ALICE) == [ROOT]


def test_no_replies_are_read_unless_the_follow_says_so(pocket: Pocket) -> None:
    """By default nobody's replies are asked for."""
    pocket.pages = world(with_replies(ROOT))
    pocket.follow(ALICE)
    pocket.run()

    assert pocket.asked == [ALICE, OUTBOX]
    assert fetches(pocket) == 0
