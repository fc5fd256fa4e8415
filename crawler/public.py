"""Which public request gets which document: the GETs of our actor, WebFinger and NodeInfo.

Pure: a path, a query and headers in, a complete answer out; `public_server` puts it on a socket,
leaves out the body for HEAD, and takes the POSTs. Nobody has to sign for any of it: servers fetch
the actor to verify what we have signed, and two that demand signatures of each other would wait for
ever. Invariant: what is answered depends on the request and our own identity, and on the store no
further than for two counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import sha256
from urllib.parse import parse_qsl

import orjson

from ..cache.api_http import Answer, matches, problem
from ..errors import BadInput
from .instance import Instance
from .instance_documents import (
    ACTIVITY,
    JRD,
    NODEINFO,
    collection,
    jrd,
    nodeinfo,
    nodeinfo_index,
    page,
)
from .protocol.uri import canonical

# A rotation must be seen soon: a signature with a key that a CDN does not know yet is refused.
_ACTOR_AGE = 60
# What else we publish changes when the operator changes the configuration.
_STEADY_AGE = 3600
_HTML = "text/html; charset=utf-8"
_SAFE_PAGE = (
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("X-Content-Type-Options", "nosniff"),
)
# RFC 7033 section 5: anybody's script may look anybody up.
_ANY_ORIGIN = (("Access-Control-Allow-Origin", "*"),)
_MAX_PARAMETERS = 20
_PROGRAMS = frozenset((ACTIVITY, "application/ld+json", "application/json", "application/*", "*/*"))
_PEOPLE = frozenset(("text/html", "application/xhtml+xml", "text/*"))

Headers = tuple[tuple[str, str], ...]


class PublicDocuments:
    """The documents of one identity. `followers` and `following` count, and name nobody."""

    def __init__(
        self,
        instance: Instance,
        version: str,
        followers: Callable[[], int],
        following: Callable[[], int],
    ) -> None:
        self._we = instance
        self._version = version
        actor = instance.actor.removeprefix(instance.origin)
        self._activities: dict[str, Callable[[float], object]] = {
            actor: instance.actor_document,
            f"{actor}/outbox": lambda now: collection(instance.outbox, 0, listed=True),
            f"{actor}/followers": lambda now: collection(instance.followers, followers()),
            f"{actor}/following": lambda now: collection(instance.following, following()),
        }
        self._inboxes = frozenset((f"{actor}/inbox", "/inbox"))

    def answer(
        self, path: str, query: str, headers: Mapping[str, str], now: float
    ) -> Answer | None:
        """The answer to a GET or HEAD; header names are lower case. None: nothing is there."""
        if (make := self._activities.get(path)) is not None:
            return self._activity(make, headers, now)
        if path in self._inboxes:
            return problem(405, "method", "an inbox only takes POST", (("Allow", "POST"),))
        if path == "/.well-known/webfinger":
            return self._webfinger(query, headers)
        if path == "/.well-known/nodeinfo":
            return _json(nodeinfo_index(self._we), "application/json", headers, _ANY_ORIGIN)
        if path == "/nodeinfo/2.1":
            kind = f'application/json; profile="{NODEINFO}#"'
            return _json(nodeinfo(self._we, self._version), kind, headers, _ANY_ORIGIN)
        if path == "/":
            body = page(self._we).encode()
            return _cached(body, _HTML, headers, _STEADY_AGE, _SAFE_PAGE)
        return None

    def _activity(
        self, make: Callable[[float], object], headers: Mapping[str, str], now: float
    ) -> Answer:
        vary = (("Vary", "Accept"),)
        wanted = _wanted(headers.get("accept"))
        if wanted is None:
            return problem(406, "type", f"this is {ACTIVITY} and nothing else", vary)
        if wanted == "html":
            # GoToSocial and Mastodon do so as well: a person gets what the actor's `url` names.
            return Answer(303, b"", _HTML, (("Location", f"{self._we.origin}/"), *vary))
        return _cached(orjson.dumps(make(now)), ACTIVITY, headers, _ACTOR_AGE, vary)

    def _webfinger(self, query: str, headers: Mapping[str, str]) -> Answer:
        try:
            asked = parse_qsl(query, keep_blank_values=True, max_num_fields=_MAX_PARAMETERS)
        except ValueError:
            asked = []
        resources = [value for name, value in asked if name == "resource"]
        if len(resources) != 1 or ":" not in resources[0]:
            detail = "WebFinger wants one `resource`, a URI such as acct:user@host"
            return problem(400, "bad-input", detail, _ANY_ORIGIN)
        about = self._about(resources[0])
        if about is None:
            return problem(404, "not-found", "nobody of that name is here", _ANY_ORIGIN)
        value = jrd(self._we, about_host=about == "host")
        # RFC 7033 section 4.3: of the links, but not of the rest, one may ask for some.
        if relations := {value for name, value in asked if name == "rel"}:
            value["links"] = [link for link in value["links"] if link["rel"] in relations]
        return _json(value, JRD, headers, _ANY_ORIGIN)

    def _about(self, resource: str) -> str | None:
        """Whether a WebFinger resource is our actor or our host."""
        we = self._we
        if resource[:5].lower() == "acct:":
            # Some leave the @ of a handle in; user names compare without case, as Mastodon's do.
            name = resource[5:].removeprefix("@").lower()
            return "actor" if name == we.acct.lower() else None
        try:
            uri = canonical(resource)
        except BadInput:
            return None
        if uri == we.actor:
            return "actor"
        return "host" if uri in (we.origin, f"{we.origin}/") else None


def _wanted(accept: str | None) -> str | None:
    """`activity`, `html`, or None for neither: what an Accept header likes best of the two.

    `application/json` and wildcards get the document, as from most servers; between equals the
    document wins, because programs list everything and browsers do not.
    """
    if accept is None or not accept.strip():
        return "activity"
    program = person = 0.0
    # A comma inside the quotes of a profile splits an entry in two: its type still comes first.
    for entry in accept.split(",")[:50]:
        kind, *parameters = (part.strip().lower() for part in entry.split(";"))
        if kind in _PROGRAMS:
            program = max(program, _quality(parameters))
        elif kind in _PEOPLE:
            person = max(person, _quality(parameters))
    if person > program:
        return "html"
    return "activity" if program > 0.0 else None


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 1.0
    return 1.0


def _json(value: object, kind: str, headers: Mapping[str, str], more: Headers) -> Answer:
    return _cached(orjson.dumps(value), kind, headers, _STEADY_AGE, more)


def _cached(body: bytes, kind: str, headers: Mapping[str, str], age: int, more: Headers) -> Answer:
    """The answer with its validator, or 304 for who has it already."""
    etag = f'"{sha256(body).hexdigest()[:16]}"'
    with_all = (("Cache-Control", f"public, max-age={age}"), ("ETag", etag), *more)
    if matches(headers.get("if-none-match"), etag):
        return Answer(304, b"", kind, with_all)
    return Answer(200, body, kind, with_all)
