"""Which public request gets which document: the GETs of our actor, WebFinger and NodeInfo.

Pure: a path, a query and headers in, a complete answer out; `public_server` puts it on a socket,
leaves out the body for HEAD, and takes the POSTs. Nobody has to sign for any of it: servers fetch
the actor to verify what we have signed, and two that demand signatures of each other would wait for
ever. Invariant: what is answered depends on the request and our own identity, and on the store no
further than for two counts and for what we have published, which `published` reads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl

import orjson

from ..cache.api_http import Answer, problem
from ..errors import BadInput
from .collection_documents import collection
from .instance import Instance
from .instance_documents import (
    ACTIVITY,
    JRD,
    NODEINFO,
    jrd,
    nodeinfo,
    nodeinfo_index,
    page,
)
from .protocol.uri import canonical
from .public_answers import HTML, VARY, Headers, cached, not_wanted
from .published import Published

# A rotation must be seen soon: a signature with a key that a CDN does not know yet is refused.
_ACTOR = "public, max-age=60"
# What else we publish changes when the operator changes the configuration.
_STEADY = "public, max-age=3600"
_SAFE_PAGE = (
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("X-Content-Type-Options", "nosniff"),
)
# RFC 7033 section 5: anybody's script may look anybody up.
_ANY_ORIGIN = (("Access-Control-Allow-Origin", "*"),)
_MAX_PARAMETERS = 20


class PublicDocuments:
    """The documents of one identity. `followers` and `following` count, and name nobody."""

    def __init__(
        self,
        instance: Instance,
        version: str,
        followers: Callable[[], int],
        following: Callable[[], int],
        published: Published,
    ) -> None:
        self._we = instance
        self._version = version
        self._published = published
        actor = instance.actor.removeprefix(instance.origin)
        self._activities: dict[str, Callable[[float], object]] = {
            actor: instance.actor_document,
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
            about = nodeinfo(self._we, self._version, self._published.count())
            return _json(about, kind, headers, _ANY_ORIGIN)
        if path == "/":
            body = page(self._we).encode()
            return cached(body, HTML, headers, _STEADY, _SAFE_PAGE)
        return self._published.answer(path, query, headers, now)

    def _activity(
        self, make: Callable[[float], object], headers: Mapping[str, str], now: float
    ) -> Answer:
        elsewhere = not_wanted(headers, f"{self._we.origin}/")
        if elsewhere is not None:
            return elsewhere
        return cached(orjson.dumps(make(now)), ACTIVITY, headers, _ACTOR, VARY)

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


def _json(value: object, kind: str, headers: Mapping[str, str], more: Headers) -> Answer:
    return cached(orjson.dumps(value), kind, headers, _STEADY, more)
