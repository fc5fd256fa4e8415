"""A small world with threads in it: Alice, who is followed, and Bob, who answers from elsewhere."""

from __future__ import annotations

from typing import Any

from ingest_cases import ALICE, HOST, OUTBOX, PUBLIC, actor
from pocket import Pocket

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


def conversation(url: str, *items: Any) -> dict[str, Any]:
    return collection(url, list(items), attributedTo=ALICE)


CONTEXT = f"{HOST}/contexts/1"


def fetches(pocket: Pocket) -> int:
    follow = pocket.opened.query.follow(ALICE)
    assert follow is not None
    return follow.thread_fetches


def posts(*numbers: int) -> Pages:
    """Bob's answers with these numbers."""
    return {bobs(number): post(bobs(number), ROOT) for number in numbers}


def paged(url: str, ids: list[str], size: int = 20) -> Pages:
    """A collection in pages, the oldest first."""
    count = max(-(-len(ids) // size), 1)
    found: Pages = {url: {"id": url, "type": "OrderedCollection", "first": f"{url}?page=1"}}
    for number in range(1, count + 1):
        page: Pages = {"id": f"{url}?page={number}", "partOf": url}
        page["type"] = "OrderedCollectionPage"
        page["orderedItems"] = ids[(number - 1) * size : number * size]
        page |= {"next": f"{url}?page={number + 1}"} if number < count else {}
        found[f"{url}?page={number}"] = page
    return found


def pass_by(pocket: Pocket, seconds: float, step: float = HOUR) -> list[str]:
    """What is asked while time passes."""
    since = len(pocket.asked)
    for _ in range(round(seconds / step)):
        pocket.later(step)
    return pocket.asked[since:]
