"""The form in which a call of the private API is written down: what it takes, and what it answers.

It describes and decides nothing. Each row of the table of routes pairs an `Operation` with its
handler: the server takes from it which parameters and which body there may be, and `openapi` makes
the description of it, so that neither can say what the other does not do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .api_http import JSON, MAX_BODY

Schema = Mapping[str, Any]
Method = Literal["GET", "POST", "DELETE"]

FORM = "application/x-www-form-urlencoded"
EVENTS = "text/event-stream"
HTML = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a URL: in its query, once, or in its path, and then with an `enum`."""

    name: str
    says: str
    schema: Schema = field(default_factory=lambda: {"type": "string"})
    required: bool = False
    place: Literal["query", "path"] = "query"
    example: str | None = None


@dataclass(frozen=True, slots=True)
class Header:
    """A request header beyond what HTTP itself gives a meaning."""

    name: str
    says: str
    schema: Schema = field(default_factory=lambda: {"type": "string"})


@dataclass(frozen=True, slots=True)
class Body:
    """The body of a request, of `most` bytes. One of another type than JSON, and than `also` says
    is JSON too, is taken from pages of our own only."""

    schema: Schema
    type: str = JSON
    example: Any = None
    also: tuple[str, ...] = ()
    most: int = MAX_BODY


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that is no problem; without a schema and types it has no body."""

    status: int
    says: str
    schema: Schema | None = None
    types: tuple[str, ...] = (JSON,)
    headers: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Operation:
    """One method of one path. `problems`: the statuses of its own problems; those that any call may
    end with (`openapi.ALWAYS`) are not repeated. A path may hold `{name}` of a path parameter."""

    method: Method
    path: str
    name: str  # of the operation: a verb and a noun, for generated clients
    summary: str
    replies: tuple[Reply, ...]
    parameters: tuple[Parameter, ...] = ()
    headers: tuple[Header, ...] = ()
    body: Body | None = None
    problems: tuple[int, ...] = ()
    known: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        names = (one.name for one in self.parameters if one.place == "query")
        object.__setattr__(self, "known", frozenset(names))

    def paths(self) -> list[str]:
        """The paths themselves: one, or one for each value of the path's parameter."""
        found = [self.path]
        for one in self.parameters:
            if one.place == "path":
                values = one.schema["enum"]
                found = [path.replace(f"{{{one.name}}}", v) for path in found for v in values]
        return found


def ref(shape: str) -> Schema:
    """One of the shapes of `openapi_shapes`, by its name."""
    return {"$ref": f"#/components/schemas/{shape}"}
