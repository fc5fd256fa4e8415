"""Builders for stories of follows: actors, outboxes, WebFinger answers."""

from __future__ import annotations

from typing import Any

from ingest_cases import ALICE, OUTBOX, PUBLIC

DAY = 86_400.0
HOURLY = {"min": "1s", "max": "1h"}
HANDLE = "@alice@social.example"


def post(n: int, owner: str = ALICE, **more: Any) -> dict[str, Any]:
    doc = {"id": f"{owner}/{n}", "type": "Note", "attributedTo": owner, "to": PUBLIC}
    return doc | {"content": str(n), "published": f"2026-08-01T10:{n % 60:02}:00Z"} | more


def outbox(*items: Any, id: str = OUTBOX, **more: Any) -> dict[str, Any]:
    return {"id": id, "type": "OrderedCollection", "orderedItems": list(items), **more}


def creates(newest: int, oldest: int = 1, owner: str = ALICE) -> list[dict[str, Any]]:
    return [
        {"id": f"{owner}/c/{n}", "type": "Create", "actor": owner, "to": PUBLIC}
        | {"object": post(n, owner)}
        for n in range(newest, oldest - 1, -1)
    ]


def finger(handle: str, uri: str, subject: str | None = None) -> dict[str, Any]:
    link = {"rel": "self", "type": "application/activity+json", "href": uri}
    return {"subject": subject or f"acct:{handle[1:]}", "links": [link]}


def finger_url(handle: str) -> str:
    return f"https://{handle.rpartition('@')[2]}/.well-known/webfinger?resource=acct:{handle[1:]}"


def ids(*numbers: int) -> list[str]:
    return [f"{ALICE}/{n}" for n in numbers]
