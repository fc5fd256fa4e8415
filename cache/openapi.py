"""The description of the private API, OpenAPI 3.1, made of the operations that it has.

It is written nowhere else: what is told of a call is what the server checks and dispatches by.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from .api_http import PROBLEM
from .openapi_form import EVENTS, Operation, Parameter, Reply, ref
from .openapi_shapes import SHAPES

Json = dict[str, Any]

# Any call may end so: it is wrong, not allowed, not from here, not for this name; or we failed.
ALWAYS = (400, 401, 403, 421, 500, 503)
_OF_BODIES = (413, 415)
_ABOUT = (
    "The private API of a Fedpull daemon: a local copy of what public actors of the Fediverse have "
    "published, and what may be done with it. Errors are RFC 9457 problems. `HEAD` works wherever "
    "`GET` does; an unknown or repeated parameter is an error."
)


def describe(operations: Iterable[Operation], version: str) -> Json:
    """The whole description, for whom a token may or may not be needed."""
    paths: dict[str, Json] = {}
    for one in operations:
        described = paths.setdefault(one.path, {})
        described[one.method.lower()] = _operation(one)
        if one.method == "GET":
            described["head"] = _headed(one)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Fedpull",
            "version": version,
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{}, {"token": []}],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": SHAPES,
            "responses": {str(status): _problem(status) for status in _statuses()},
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "that of `api.token_file`, where other machines can connect",
                }
            },
        },
    }


def _operation(one: Operation) -> Json:
    replies = {str(reply.status): _reply(reply) for reply in one.replies}
    wrong = {*ALWAYS, *one.problems, *(_OF_BODIES if one.body is not None else ())}
    if one.path != one.paths()[0]:
        wrong.add(404)  # a path that is none of those
    for status in sorted(wrong):
        problem = {"$ref": f"#/components/responses/{status}"}
        replies[str(status)] = _either(replies.get(str(status)), problem, status)
    value: Json = {
        "operationId": one.name,
        "summary": one.summary,
        "responses": dict(sorted(replies.items())),
    }
    if given := [*map(_parameter, one.parameters), *map(_header, one.headers)]:
        value["parameters"] = given
    if one.body is not None:
        media = {"schema": one.body.schema}
        if one.body.example is not None:
            media["example"] = one.body.example
        value["requestBody"] = {
            "required": True,
            "content": dict.fromkeys((one.body.type, *one.body.also), media),
        }
    return value


def _headed(one: Operation) -> Json:
    """The same without its bodies."""
    got = _operation(one)
    bare = {}
    for status, reply in got["responses"].items():
        bare[status] = {"description": _says(reply, int(status))}
        if "headers" in reply:
            bare[status]["headers"] = reply["headers"]
    return {**got, "operationId": f"{one.name}Head", "responses": bare}


def _says(reply: Json, status: int) -> str:
    return str(reply.get("description", HTTPStatus(status).phrase))


def _parameter(one: Parameter) -> Json:
    schema = one.schema
    if "enum" in schema and not one.required:  # as a form sends what was not chosen
        schema = {**schema, "enum": [*schema["enum"], ""]}
    value = {"name": one.name, "in": one.place, "description": one.says, "schema": schema}
    if one.example is not None:
        value["example"] = one.example
    return {**value, "required": True} if one.required else value


def _header(one: Any) -> Json:
    return {
        "name": one.name,
        "in": "header",
        "description": one.says,
        "schema": one.schema,
    }


def _reply(reply: Reply) -> Json:
    value: Json = {"description": reply.says}
    if reply.headers:
        value["headers"] = {name: {"schema": {"type": "string"}} for name in reply.headers}
    if reply.types:
        value["content"] = {_media(type): _media_of(reply, type) for type in reply.types}
    return value


def _media(type: str) -> str:
    return type.partition(";")[0]


def _media_of(reply: Reply, type: str) -> Json:
    if reply.schema is not None and re.search(r"[/+]json$", _media(type)):
        return {"schema": reply.schema}
    return {"schema": {"type": "string"}} if _media(type) != EVENTS else {}


def _either(reply: Json | None, problem: Json, status: int) -> Json:
    """A status that a call's own answer may have as well as a problem, such as 503 of /readyz."""
    if reply is None:
        return problem
    return {**reply, "content": {**reply.get("content", {}), **_problem(status)["content"]}}


def _problem(status: int) -> Json:
    value: Json = {
        "description": HTTPStatus(status).phrase,
        "content": {PROBLEM: {"schema": ref("Problem")}},
    }
    if status in (429, 503):
        value["headers"] = {"Retry-After": {"schema": {"type": "integer"}}}
    return value


def _statuses() -> tuple[int, ...]:
    return (*ALWAYS, *_OF_BODIES, 404, 405, 409, 410, 429, 502, 504)
