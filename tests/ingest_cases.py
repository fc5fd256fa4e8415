"""Builders for answers, leases and what is known: values only, as a spider would hand them over."""

from __future__ import annotations

from typing import Any

import orjson

from fedpull.cache.records import Cause, Follow, Kind, Lease, Outcome, Reference, State, Want
from fedpull.config.model import Follow as Rules
from fedpull.crawler.answer import Answer, Hop
from fedpull.crawler.ingest import ingest
from fedpull.crawler.protocol.uri import host_port
from fedpull.crawler.reading import Prior, read

NOW = 1_790_000_000.0
HOST = "https://social.example"
ALICE = f"{HOST}/users/alice"
OUTBOX = f"{ALICE}/outbox"
PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
ACTIVITY = "application/activity+json"


def want(uri: str, kind: Kind = Kind.DOCUMENT, **more: Any) -> Want:
    fields: dict[str, Any] = {"cause": Cause.NEW, "due": NOW, "follow": "@alice@social.example"}
    fields.update({"relation": "item"}, **more)
    return Want(uri, kind, **fields)


def lease(
    asked: Want, url: str | None = None, walk: bytes | None = None, **validators: Any
) -> Lease:
    url = url or asked.uri
    return Lease(asked, url, host_port(url), NOW + 180, walk=walk, **validators)


def answer(
    url: str,
    document: Any,
    *,
    status: int = 200,
    content_type: str = ACTIVITY,
    final: str | None = None,
    headers: dict[str, str] | None = None,
    **more: Any,
) -> Answer:
    body = document if isinstance(document, bytes) else orjson.dumps(document)
    return Answer(
        url=url,
        final_url=final or url,
        status=status,
        headers=headers or {},
        body=body,
        content_type=content_type,
        at=NOW,
        **{"hops": (Hop(host_port(url), status),), **more},
    )


def note(number: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": f"{ALICE}/posts/{number}",
        "type": "Note",
        "attributedTo": ALICE,
        "to": PUBLIC,
        "content": f"post {number}",
        "published": "2026-09-01T10:00:00Z",
    } | more


def create(number: int = 1, **more: Any) -> dict[str, Any]:
    inner = {key: value for key, value in note(number).items() if key != "@context"} | more
    return {
        "id": f"{ALICE}/posts/{number}/activity",
        "type": "Create",
        "actor": ALICE,
        "to": PUBLIC,
        "object": inner,
    }


def actor(**more: Any) -> dict[str, Any]:
    return {
        "id": ALICE,
        "type": "Person",
        "preferredUsername": "alice",
        "name": "Alice",
        "inbox": f"{ALICE}/inbox",
        "outbox": OUTBOX,
    } | more


def page(items: list[Any], **more: Any) -> dict[str, Any]:
    return {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": f"{OUTBOX}?page=true",
        "type": "OrderedCollectionPage",
        "partOf": OUTBOX,
        "orderedItems": items,
    } | more


def followed(**more: Any) -> Follow:
    fields: dict[str, Any] = {"key": "@alice@social.example", "actor": ALICE}
    fields.update({"handle": "@alice@social.example", "outbox": OUTBOX}, **more)
    return Follow(**fields)


def known(uri: str, state: State = State.RESOLVED, **more: Any) -> Reference:
    empty: dict[str, Any] = dict.fromkeys(Reference.__dataclass_fields__)
    empty.update(failures=0, log=(), id=uri, state=state, cls="object")
    return Reference(**(empty | more))


def prior(*references: Reference, rules: dict[str, Any] | None = None, **more: Any) -> Prior:
    fields: dict[str, Any] = {"follow": followed()}
    fields.update(more)
    return Prior(
        rules=Rules(actor="@alice@social.example", **(rules or {})),
        states={reference.id: reference.state for reference in references},
        details={reference.id: reference for reference in references},
        known=references[0] if references else None,
        **fields,
    )


def outcome_of(asked: Lease, came: Answer, before: Prior) -> Outcome:
    """The whole pure way of an answer."""
    return ingest(read(asked, came), before, NOW)
