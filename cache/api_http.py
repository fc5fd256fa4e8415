"""The words of HTTP that the private API speaks, as values: a call, its answer, a problem.

It opens no socket and knows no route. Invariant: an answer is never cached or sniffed as something
else than it says, and a problem tells the caller's mistake but nothing of our insides.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Iterable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import lru_cache
from urllib.parse import quote, urlencode

import orjson

from ..errors import BadInput, FedpullError, TooOld, Unfit, Unreachable

JSON = "application/json"
PROBLEM = "application/problem+json"
# 64 KiB: an id is at most 2 KiB and a follow a handful of words; a pull names some hundred actors.
MAX_BODY = 64 * 1024

# In a Link target: everything that stands in a URI but the marks that would end it there.
_URI_SAFE = "!#$%&'()*+,-./:;=?@[]_~"
_PLAIN = re.compile(r"[A-Za-z0-9!#$%&'()*+,\-./:;=?@\[\]_~]+")


@dataclass(frozen=True, slots=True)
class Call:
    """One request. Header names are lower case; `args` holds each query parameter once."""

    method: str
    path: str
    args: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def url(self, **changed: str) -> str:
        """This call's path and parameters with some of them changed: the URL of a next page."""
        return f"{self.path}?{urlencode({**self.args, **changed})}"


@dataclass(frozen=True, slots=True)
class Answer:
    """A response: complete, or with `chunks` one whose body comes as its reader takes it.

    Whoever makes `chunks` holds no transaction across a `yield`, and is closed when the reader
    goes; a piece is some 64 KiB at most.
    """

    status: int
    body: bytes = b""
    type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()
    chunks: AsyncGenerator[bytes, None] | None = None


@dataclass(frozen=True, slots=True)
class Directives:
    """What a request's Cache-Control asks of us (RFC 9111 section 5.2.1, RFC 5861 section 4).
    `max_stale` without a number is infinite."""

    no_cache: bool = False
    no_store: bool = False
    no_transform: bool = False
    only_if_cached: bool = False
    max_age: float | None = None
    max_stale: float | None = None
    min_fresh: float | None = None
    stale_if_error: float | None = None


class Busy(FedpullError):
    """We have as much to fetch as we take on; asking again later can help."""

    http_status = 429
    exit_code = 5
    retry = True
    problem = "busy"
    retry_after = 30


class NotCached(FedpullError):
    """`only-if-cached`, and there is nothing that would do (RFC 9111 section 5.2.1.7)."""

    http_status = 504
    exit_code = 3
    problem = "not-cached"


class FromStore(FedpullError):
    """`error`, as it was told `age` seconds ago; nobody was asked. Good for `ttl` seconds more."""

    def __init__(self, error: FedpullError, age: float, ttl: float) -> None:
        super().__init__(error.subject, error.reason, error.expected)
        self.error = error
        self.age = age
        self.ttl = ttl


TITLES = {
    "bad-input": "The request is wrong",
    "refused": "Refused by policy",
    "not-found": "Not found",
    "gone": "Gone",
    "too-old": "No longer in the change log",
    "unreachable": "The origin could not be read",
    "not-cached": "Not in the cache",
    "busy": "Too much to fetch at once",
    "store": "The store is not available",
    "unauthorized": "A token is needed",
    "signature": "The signature does not hold",
    "forbidden": "Not from here",
    "method": "Not with this method",
    "type": "Not this content type",
    "size": "Too large",
    "error": "An error of ours",
}


def json(value: object, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    return Answer(status, orjson.dumps(value), JSON, headers)


def problem(
    status: int,
    name: str,
    detail: str,
    headers: Iterable[tuple[str, str]] = (),
    **members: str | int | list[dict[str, str]] | None,
) -> Answer:
    """An RFC 9457 problem; its type is a relative reference into the documentation."""
    value = {"type": f"/problems/{name}", "title": TITLES.get(name, name), "status": status}
    value |= {"detail": detail, **{key: given for key, given in members.items() if given}}
    given = tuple(headers)
    if not any(name == "Cache-Control" for name, _ in given):
        given = (("Cache-Control", "no-store"), *given)
    return Answer(status, orjson.dumps(value), PROBLEM, given)


def problem_of(error: FedpullError) -> Answer:
    """The one mapping of failures, applied. Whatever lay on the way to an origin is one word:
    callers cannot tell an open port from a closed one, nor a private name from a dead one."""
    headers = []
    if isinstance(error, FromStore):
        headers = _negative_hit(error)
        error = error.error
    reason, expected = error.reason, error.expected
    if isinstance(error, Unreachable) and error.http_status in (502, 504):
        late = error.http_status == 504
        reason, expected = "did not answer in time" if late else "is unreachable", ""
    detail = f"{error.subject}: {reason}" if error.subject else reason
    several = error.errors if isinstance(error, Unfit) else ()
    if (after := getattr(error, "retry_after", None)) is not None:
        headers.append(("Retry-After", str(after)))
    return problem(
        error.http_status,
        error.problem,
        f"{detail}: expected {expected}" if expected else detail,
        headers,
        subject=error.subject,
        reason=reason,
        expected=expected,
        oldest=error.oldest if isinstance(error, TooOld) else None,
        errors=[
            {"subject": one.subject, "reason": one.reason, "expected": one.expected}
            for one in several
        ],
    )


def _negative_hit(error: FromStore) -> list[tuple[str, str]]:
    """What a cache says of an error that it remembers (RFC 9111 section 4, RFC 9211)."""
    age, ttl = int(error.age), int(error.ttl)
    return [
        ("Age", str(age)),
        ("Cache-Control", f"private, max-age={max(age + ttl, 0)}"),
        ("Cache-Status", f"fedpull; hit; ttl={ttl}; detail=negative"),
    ]


def directives(header: str | None) -> Directives:
    """Read a request's Cache-Control; what cannot be read is passed over, as RFC 9111 wants."""
    return _directives(header) if header else _SILENT


@lru_cache(64)  # a program says the same with each of its calls
def _directives(header: str) -> Directives:
    found: dict[str, str] = {}
    for part in header.lower().split(","):
        name, _, value = part.strip().partition("=")
        found.setdefault(name.strip(), value.strip().strip('"'))

    def seconds(name: str) -> float | None:
        value = found.get(name, "")
        return float(value[:12]) if value.isascii() and value.isdigit() else None

    stale = seconds("max-stale")
    if "max-stale" in found and not found["max-stale"]:
        stale = float("inf")
    return Directives(
        no_cache="no-cache" in found,
        no_store="no-store" in found,
        no_transform="no-transform" in found,
        only_if_cached="only-if-cached" in found,
        max_age=seconds("max-age"),
        max_stale=stale,
        min_fresh=seconds("min-fresh"),
        stale_if_error=seconds("stale-if-error"),
    )


_SILENT = Directives()


def matches(if_none_match: str | None, etag: str) -> bool:
    """The weak comparison of RFC 9110 section 8.8.3.2, over a list or `*`."""
    if not if_none_match:
        return False
    if if_none_match.strip() == "*":
        return True
    wanted = etag.removeprefix("W/")
    return any(tag.strip().removeprefix("W/") == wanted for tag in if_none_match.split(","))


@lru_cache(4096)  # what is read again is read with the same date
def http_date_of(at: int) -> str:
    """The form of dates in HTTP headers (RFC 9110 section 5.6.7)."""
    return formatdate(at, usegmt=True)


def canonical_link(id: str) -> str:
    """A Link header's value; an id may hold any letter, a header only ASCII."""
    if _PLAIN.fullmatch(id):
        return f'<{id}>; rel="canonical"'
    return f'<{quote(id, safe=_URI_SAFE)}>; rel="canonical"'


def read_json(call: Call) -> object:
    """The JSON value in a body."""
    try:
        return orjson.loads(call.body)
    except orjson.JSONDecodeError as error:
        raise BadInput("body", "is not JSON", "a JSON object") from error


def read_object(call: Call) -> dict[str, object]:
    """The JSON object in a body."""
    value = read_json(call)
    if not isinstance(value, dict):
        raise BadInput("body", "is not a JSON object", "a JSON object")
    return value


def unknown(given: Iterable[str], known: frozenset[str]) -> None:
    """Refuse a name that nobody reads: what is misspelt must not be silently without effect."""
    for name in given:
        if name not in known:
            expected = f"one of {', '.join(sorted(known))}" if known else "none here"
            raise BadInput(name[:80], "is not a known parameter", expected)
