"""The public listener: our documents for who may see them, and the inbox; nothing else is here.

It judges no signature and makes no document. Invariants: a body is read only for an inbox, and only
if it is said to be an activity; the host that a request is checked against is the one from the
configuration where a trusted proxy has passed it on, and no header's word.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from ..cache.api_http import Answer, problem
from ..cache.http_server import BoundedRequest, BoundedSite, Limits
from ..errors import StoreError
from .inbox import Inbox, Post
from .protocol.forwarded import Networks, client_address, is_trusted
from .protocol.media import is_activity
from .protocol.signatures import SignedRequest
from .visits import nothing

# What Mastodon takes; its own largest activities are a tenth of that.
MAX_BODY = 1024 * 1024
# A proxy keeps some dozens of connections open; a server that pushes without one, up to sixteen.
# Pushes have 2 to 8 KB, so that 32 MiB is some thousands of them at once.
LIMITS = Limits(MAX_BODY, connections=512, per_client=32, bodies=32 * MAX_BODY)
_TYPES = (
    "application/activity+json, "
    'application/ld+json; profile="https://www.w3.org/ns/activitystreams"'
)
_READING = (b"GET", b"HEAD")


class Documents(Protocol):
    """What we publish, as answers to GET."""

    def answer(self, path: str, query: str, headers: Any, now: float) -> Answer | None: ...


class Guarded(Protocol):
    """What is for those who sign for it."""

    def answer(
        self, request: SignedRequest, headers: Any, client: str
    ) -> Answer | Awaitable[Answer] | None: ...


class PublicRequest(BoundedRequest):
    """One request of anybody."""

    def early(self, method: bytes, target: bytes) -> Answer | None:
        if method in _READING:
            return None
        site: PublicSite = self.channel.site
        path = target.partition(b"?")[0].decode("latin-1")
        if path not in site.inboxes:
            known = site.document(path, "", {}) is not None
            return not_so("GET, HEAD") if known else nothing()
        if method != b"POST":
            return not_so("POST")
        types = self.requestHeaders.getRawHeaders(b"content-type") or []
        if len(types) != 1 or not is_activity(types[0].decode("latin-1")):
            return problem(415, "type", f"expected {_TYPES}", (("Accept-Post", _TYPES),))
        return None

    def respond(self) -> Answer | Awaitable[Answer]:
        site: PublicSite = self.channel.site
        if self.method in _READING:
            return self._published(site) or self._visited(site) or nothing()
        target = self.uri.decode("latin-1")
        inbox = site.inboxes[target.partition("?")[0]]
        return site.inbox.answer(Post(self._signed(site, target), inbox, self._client()))

    def _published(self, site: PublicSite) -> Answer | None:
        path, _, query = self.uri.decode("latin-1").partition("?")
        return site.document(path, query, self.header_texts())

    def _visited(self, site: PublicSite) -> Answer | Awaitable[Answer] | None:
        """What is not for everybody."""
        request = self._signed(site, self.uri.decode("latin-1"))
        return site.visit(request, self.header_texts(), self._client())

    def _signed(self, site: PublicSite, target: str) -> SignedRequest:
        headers = [
            (name.decode("latin-1").lower(), value.decode("latin-1"))
            for name, values in self.requestHeaders.getAllRawHeaders()
            for value in values
        ]
        if is_trusted(self._peer(), site.trusted):
            # Some proxies ask us by the name that they know us by.
            headers = [pair for pair in headers if pair[0] != "host"] + [("host", site.host)]
        body = b"" if self.method in _READING else self.content.getvalue()
        return SignedRequest(self.method.decode("latin-1"), target, tuple(headers), body)

    def _client(self) -> str:
        site: PublicSite = self.channel.site
        lines = self.requestHeaders.getRawHeaders(b"x-forwarded-for") or []
        forwarded = b",".join(lines).decode("latin-1")
        return client_address(self._peer(), forwarded, site.trusted)

    def _peer(self) -> str:
        return str(getattr(self.channel.transport.getPeer(), "host", ""))


class PublicSite(BoundedSite):
    """What the requests share. `inboxes` are paths, and the ids of the inboxes that they are."""

    def __init__(
        self,
        inbox: Inbox,
        inboxes: dict[str, str],
        documents: Documents,
        guarded: Guarded,
        host: str,
        trusted: Networks,
        now: Callable[[], float],
        reactor: Any = None,
        limits: Limits = LIMITS,
    ) -> None:
        super().__init__(
            PublicRequest, limits, reactor, lambda address: not is_trusted(address, trusted)
        )
        self.inbox = inbox
        self.inboxes = inboxes
        self.host = host
        self.trusted = trusted
        self._documents = documents
        self._guarded = guarded
        self._now = now

    def document(self, path: str, query: str, headers: dict[str, str]) -> Answer | None:
        try:
            return self._documents.answer(path, query, headers, self._now())
        except StoreError:  # whose words are the operator's
            return _unavailable()

    def visit(
        self, request: SignedRequest, headers: dict[str, str], client: str
    ) -> Answer | Awaitable[Answer] | None:
        try:
            answer = self._guarded.answer(request, headers, client)
        except StoreError:
            return _unavailable()
        return answer if answer is None or isinstance(answer, Answer) else _kept(answer)


async def _kept(answer: Awaitable[Answer]) -> Answer:
    try:
        return await answer
    except StoreError:
        return _unavailable()


def _unavailable() -> Answer:
    return problem(503, "store", "come again later", (("Retry-After", "60"),))


def not_so(methods: str) -> Answer:
    return problem(405, "method", f"expected {methods}", (("Allow", methods),))
