"""The JSON shapes as JSON Schema (2020-12), under the names that the description gives them.

It shapes nothing: `shapes` and its continuations do, and the tests hold their answers against this.
Invariant: every field of a shape is named here and required; fields may be added, so that others
are allowed to whoever reads with these.
"""

from __future__ import annotations

from typing import Any

from .openapi_form import Schema, ref

TEXT: Schema = {"type": "string"}
WHOLE: Schema = {"type": "integer", "minimum": 0}
NUMBER: Schema = {"type": "number"}
SWITCH: Schema = {"type": "boolean"}
TIME: Schema = {"type": "string", "format": "date-time"}
ID: Schema = {"type": "string", "format": "uri"}
DOCUMENT: Schema = {"type": "object", "description": "as its origin serves it"}


def maybe(schema: Schema) -> Schema:
    """Null where nothing is known."""
    if "type" in schema and isinstance(schema["type"], str) and "enum" not in schema:
        return {**schema, "type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]}


def one_of(*words: str) -> Schema:
    return {"type": "string", "enum": list(words)}


def several(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def shape(**fields: Schema) -> Schema:
    """An object all of whose fields are there."""
    return {"type": "object", "required": list(fields), "properties": dict(fields)}


def listing(of: str, **more: Schema) -> Schema:
    """A page of a list; `next` is the URL of the one behind it, and `more` may be there, too."""
    next = maybe({"type": "string", "format": "uri-reference"})
    page = shape(items=several(ref(of)), next=next)
    return {**page, "properties": {**page["properties"], **more}}


_STATE = one_of("unknown", "resolved", "redirected", "gone", "failed", "refused")
_FRESHNESS = one_of("fresh", "stale")
_PROOF = one_of("get", "304", "embedded", "local")
_CLASS = one_of("actor", "object", "activity", "collection")
_SOURCE = one_of("outbox", "listing", "actor", "post")
_SIGNATURE = one_of("unsigned", "cavage", "cavage-bare", "rfc9421")
_OUTBOX = one_of("ok", "empty", "stub", "none", "unpageable")

_REFERENCE: dict[str, Any] = {
    "id": ID,
    "state": _STATE,
    "class": maybe(_CLASS),
    "type": maybe(TEXT),
    "owner": maybe(TEXT),
    "published": maybe(TIME),
    "fetched_at": maybe(TIME),
    "verified_at": maybe(TIME),
    "next_check": maybe(TIME),
    "interval": maybe(NUMBER),
    "etag": maybe(TEXT),
    "last_modified": maybe(TEXT),
    "updated": maybe(TIME),
    "content_hash": maybe(TEXT),
    "verified_by": maybe(_PROOF),
    "freshness": maybe(_FRESHNESS),
    "failures": WHOLE,
    "last_error": maybe(TEXT),
    "target": maybe(TEXT),
    "reason": maybe(TEXT),
    "enclosing": maybe(TEXT),
    "signature": maybe(_SIGNATURE),
    "robots": shape(
        verdict=maybe(one_of("allowed", "disallowed", "unknown")),
        evidence=maybe(TEXT),
        until=maybe(TIME),
        tag=maybe(TEXT),
    ),
    "consent": shape(
        verdict=maybe(one_of("followed", "granted", "denied", "unknown")), evidence=maybe(TEXT)
    ),
    "source": maybe(_SOURCE),
    "rate": maybe(NUMBER),
    "bound": maybe(TEXT),
    "weight": maybe(NUMBER),
    "not_before": maybe(TIME),
    "priority": maybe(NUMBER),
    "reads": maybe(
        shape(
            begins=one_of("cursor", "head", "start", "page"),
            url=maybe(TEXT),
            newest_first=SWITCH,
            scattered=SWITCH,
            read_whole_at=maybe(TIME),
        )
    ),
    "threads": several(
        shape(
            follow=maybe(TEXT),
            started=TIME,
            read=maybe(TIME),
            fetched=WHOLE,
            over=maybe(one_of("size", "age")),
        )
    ),
    "counts": maybe(shape(likes=WHOLE, reacts=WHOLE, shares=WHOLE)),
    "why": TEXT,
    "log": several(shape(at=TIME, cause=TEXT, status=maybe({"type": "integer"}), outcome=TEXT)),
}
_HOST: dict[str, Any] = {
    "host": TEXT,
    "state": one_of("ok", "slow", "paused", "dead", "unwelcome", "blocked"),
    "until": maybe(TIME),
    "failures": WHOLE,
    "last_error": maybe(TEXT),
    "software": maybe(TEXT),
    "signature": maybe(_SIGNATURE),
    "signature_until": maybe(TIME),
    "signature_failed": several(TEXT),
    "crawl_delay": maybe(NUMBER),
    "why": maybe(TEXT),
    "gap": maybe(NUMBER),
    "pace": NUMBER,
    "kept": shape(
        references=WHOLE,
        documents=WHOLE,
        bytes=WHOLE,
        own_bytes=WHOLE,
        refused=WHOLE,
        evicted=WHOLE,
        reason=maybe(TEXT),
        refused_at=maybe(TIME),
    ),
    "delivery": maybe(
        shape(
            state=one_of("ok", "paused", "dead"),
            until=maybe(TIME),
            failures=WHOLE,
            since=maybe(TIME),
            days=WHOLE,
            waiting=WHOLE,
            last_error=maybe(TEXT),
        )
    ),
    "windows": several(
        shape(
            name=TEXT,
            quota=maybe(WHOLE),
            seconds=maybe(NUMBER),
            remaining=WHOLE,
            resets=maybe(TIME),
        )
    ),
    "requests": WHOLE,
    "in_flight": WHOLE,
    "due": WHOLE,
    "backlog": WHOLE,
    "lag": maybe(NUMBER),
}
_ROWS = several(shape(line=WHOLE, text=TEXT, reason=TEXT))
_RULES = several(shape(domain=TEXT, severity=TEXT))

SHAPES: dict[str, Schema] = {
    "Document": DOCUMENT,
    "Item": shape(
        id=ID,
        type=several(TEXT),
        actor=maybe(TEXT),
        published=maybe(TIME),
        updated=maybe(TIME),
        fetched_at=maybe(TIME),
        verified_at=maybe(TIME),
        verified_by=maybe(_PROOF),
        freshness=_FRESHNESS,
        state=_STATE,
        document=ref("Document"),
    ),
    "Reference": shape(**_REFERENCE),
    "Fetched": shape(**_REFERENCE, document=maybe(ref("Document"))),
    "Thread": shape(
        id=ID,
        document=maybe(ref("Document")),
        missing=SWITCH,
        state=_STATE,
        withheld=SWITCH,
        asked=SWITCH,
        published=maybe(TIME),
        fetched_at=maybe(TIME),
        verified_at=maybe(TIME),
        verified_by=maybe(_PROOF),
        freshness=maybe(_FRESHNESS),
        more=SWITCH,
        replies=several(ref("Thread")),
    ),
    "Collection": shape(
        id=ID,
        items=several(ID),
        next=maybe({"type": "string", "format": "uri-reference"}),
        complete=SWITCH,
        total_items=maybe({"type": "integer"}),
        kind=_OUTBOX,
    ),
    "Change": shape(
        seq=WHOLE,
        kind=one_of("created", "updated", "deleted", "refused", "counted"),
        id=ID,
        actor=maybe(TEXT),
        type=maybe(TEXT),
        at=TIME,
        reason=maybe(TEXT),
    ),
    "Version": shape(
        fetched_at=TIME, updated=maybe(TIME), content_hash=TEXT, document=ref("Document")
    ),
    "Follow": shape(
        follow=TEXT,
        actor=maybe(ID),
        handle=maybe(TEXT),
        name=maybe(TEXT),
        outbox=maybe(ID),
        outbox_kind=maybe(_OUTBOX),
        objects=WHOLE,
        thread_fetches=WHOLE,
        complete=SWITCH,
        last_success=maybe(TIME),
        last_error=maybe(TEXT),
        next_check=maybe(TIME),
        interval=maybe(NUMBER),
        subscribed=one_of("no", "pending", "yes", "rejected"),
        subscription=maybe(ID),
    ),
    "Host": shape(**_HOST),
    "Status": shape(
        version=TEXT,
        uptime=maybe(NUMBER),
        ready=SWITCH,
        reasons=several(TEXT),
        references=WHOLE,
        documents=WHOLE,
        follows=WHOLE,
        due=WHOLE,
        in_flight=WHOLE,
        last_seq=WHOLE,
        store=shape(bytes=WHOLE, max_bytes=WHOLE, read_only=SWITCH),
        sources=WHOLE,
        backlog=WHOLE,
        lag=maybe(NUMBER),
        price=maybe(NUMBER),
        scarce=SWITCH,
        budget=shape(limit=WHOLE, used=WHOLE),
    ),
    "Pulled": shape(
        actors=several(
            shape(
                actor=TEXT,
                new=WHOLE,
                updated=WHOLE,
                deleted=WHOLE,
                requests=WHOLE,
                complete=SWITCH,
                error=maybe(TEXT),
                outbox_kind=maybe(_OUTBOX),
            )
        )
    ),
    "Notification": shape(
        id=WHOLE,
        at=TIME,
        sender=TEXT,
        target=TEXT,
        activity=maybe(TEXT),
        type=TEXT,
        object=maybe(TEXT),
        state=one_of("waiting", "done", "failed", "ignored"),
        attempts=WHOLE,
        outcome=maybe(TEXT),
        forwarded=SWITCH,
        next_attempt=maybe(TIME),
    ),
    "Follower": shape(
        actor=ID,
        state=one_of("pending", "accepted", "rejected"),
        inbox=TEXT,
        shared_inbox=maybe(TEXT),
        follow=maybe(TEXT),
        at=TIME,
    ),
    "Delivery": shape(
        id=WHOLE,
        activity=TEXT,
        inbox=TEXT,
        state=one_of("waiting", "delivered", "given_up", "expired"),
        attempts=WHOLE,
        next_attempt=maybe(TIME),
        last_status=maybe({"type": "integer"}),
        last_error=maybe(TEXT),
        created=TIME,
        ended=maybe(TIME),
        recipient=maybe(TEXT),
        log=several(
            shape(at=TIME, status=maybe({"type": "integer"}), seconds=NUMBER, error=maybe(TEXT))
        ),
    ),
    "Account": shape(waiting=WHOLE, delivered=WHOLE, given_up=WHOLE, expired=WHOLE),
    "Wish": shape(at=TIME, kind=one_of("id", "domain"), name=TEXT),
    "Blocklists": shape(
        added=_RULES,
        removed=_RULES,
        changed=several(shape(domain=TEXT, was=TEXT, severity=TEXT)),
        lists=several(
            shape(
                name=TEXT, rules=WHOLE, noop=WHOLE, repeated=WHOLE, obfuscated=_ROWS, invalid=_ROWS
            )
        ),
    ),
    "Problem": {
        "type": "object",
        "description": "RFC 9457",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": {"type": "string", "format": "uri-reference"},
            "title": TEXT,
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": TEXT,
            "subject": TEXT,
            "reason": TEXT,
            "expected": TEXT,
            "errors": {
                "type": "array",
                "description": "`bad-input`: all that is wrong, where that is several things",
                "items": shape(subject=TEXT, reason=TEXT, expected=TEXT),
            },
            "oldest": {"type": "integer", "description": "`too-old`: the first entry there is"},
        },
    },
}
