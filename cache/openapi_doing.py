"""The calls of the private API that want something done, as its description has them.

Handlers and their wiring stand elsewhere (`api_routes` pairs the two); nothing here runs.
"""

from __future__ import annotations

from typing import Any

from ..crawler.protocol.publishable import MOST_BYTES
from .openapi_form import Body, Header, Operation, Parameter, Reply, Schema, ref
from .openapi_shapes import shape

_NAME: Schema = {"type": "string", "minLength": 1, "description": "a URI or a handle"}
_AGE: Schema = {
    "description": "such as 30s, 5m, 2h, 1d",
    "anyOf": [
        {"type": "string", "pattern": r"^(0|[0-9]{1,12}(\.[0-9]{1,6})?[smhd])$"},
        {"const": 0},
    ],
}
_COUNT: Schema = {"type": "integer", "minimum": 0, "maximum": 10**9}
_DEPTH: Schema = {"type": "integer", "minimum": 0, "maximum": 1000}


def members(required: tuple[str, ...] = (), **fields: Schema) -> Schema:
    """The object that a body is; a member that is not known is refused."""
    value: dict[str, Any] = {"type": "object", "properties": fields, "additionalProperties": False}
    return {**value, "required": list(required)} if required else value


FETCH = Operation(
    "POST",
    "/v1/fetch",
    "fetch",
    "Resolve an id now: one fetch however many ask",
    (
        Reply(200, "the reference with its document", ref("Fetched")),
        Reply(202, "the reference as it is, when `wait` ran out", ref("Fetched")),
    ),
    body=Body(
        members(
            ("id",),
            id=_NAME,
            depth={"type": "integer", "minimum": 0, "maximum": 100},
            wait=_AGE,
        ),
        example={"id": "@alice@example.social", "depth": 0, "wait": "30s"},
    ),
    problems=(404, 410, 429, 502, 504),
)
PULL = Operation(
    "POST",
    "/v1/pull",
    "pull",
    "Bring the named (or all followed) actors up to date; answers when that is done",
    (Reply(200, "what it came to for each", ref("Pulled")),),
    body=Body(
        members(actors={"type": "array", "minItems": 1, "maxItems": 1000, "items": _NAME}),
        example={"actors": ["@alice@example.social"]},
    ),
    problems=(404, 410, 429, 502, 504),
)
FOLLOW = Operation(
    "POST",
    "/v1/follows",
    "follow",
    "Follow an actor: an entry as in the configuration, a text or a mapping",
    (Reply(201, "the follow", ref("Follow"), headers=("Location",)),),
    body=Body(
        {
            "anyOf": [
                _NAME,
                members(
                    ("actor",),
                    actor=_NAME,
                    types={"type": "array", "items": {"type": "string"}},
                    backfill={"anyOf": [_COUNT, {"enum": ["all", "none"]}]},
                    boosts={"type": "boolean"},
                    replies=_DEPTH,
                    parents=_DEPTH,
                    every=members(min=_AGE, max=_AGE),
                    subscribe={"type": "boolean"},
                ),
            ]
        },
        example={"actor": "@alice@example.social", "types": ["Event"]},
    ),
)
UNFOLLOW = Operation(
    "DELETE",
    "/v1/follows",
    "unfollow",
    "Stop following an actor; one of the operator's own file stays",
    (Reply(204, "it is followed no more", None, ()),),
    (Parameter("actor", "a handle or a URI, as it is followed", required=True),),
    problems=(404,),
)
PUBLISH = Operation(
    "POST",
    "/v1/outbox",
    "publish",
    "Publish an object, or an activity: it is on disk when this answers, and delivered behind it",
    (Reply(201, "the activity as it is published", {"type": "object"}, headers=("Location",)),),
    headers=(
        Header(
            "Idempotency-Key",
            "a name for this request: made again under it, within a day, it comes to the same",
            {"type": "string", "minLength": 1, "maxLength": 200},
        ),
    ),
    body=Body(
        {"type": "object", "required": ["type"], "properties": {"type": {}}},
        example={
            "type": "Note",
            "content": "<p>Hello</p>",
            "to": ["https://www.w3.org/ns/activitystreams#Public"],
        },
        also=("application/activity+json", "application/ld+json"),
        most=MOST_BYTES,
    ),
)
JUDGE = Operation(
    "POST",
    "/v1/followers",
    "judgeFollower",
    "Let somebody follow our actor, or not (any more)",
    (Reply(200, "the follower as it is now", ref("Follower")),),
    body=Body(
        members(("actor", "accept"), actor=_NAME, accept={"type": "boolean"}),
        example={"actor": "@bob@b.example", "accept": True},
    ),
    problems=(404,),
)
FORGET = Operation(
    "POST",
    "/v1/forget",
    "forget",
    "Purge an id, an actor with all that it wrote, or a domain, for good",
    (Reply(200, "how many documents were purged", shape(purged={"type": "integer"})),),
    body=Body(
        {
            **members(
                id=_NAME,
                domain={"type": "string", "minLength": 1},
                undo={"type": "boolean", "description": "it may be fetched again"},
            ),
            "oneOf": [{"required": ["id"]}, {"required": ["domain"]}],
        },
        example={"domain": "spam.example"},
    ),
    problems=(404,),
)
RELOAD = Operation(
    "POST",
    "/v1/blocklists",
    "reloadBlocklists",
    "Read the configured blocklists anew",
    (Reply(200, "what that has changed, and how each was read", ref("Blocklists")),),
    body=Body(members(), example={}),
)
