"""What the simulated hosts share as web servers: negotiation, validators, limits, discovery.

Tables only: a family says in class attributes which kinds of document carry which headers, which
have validators, what other representations exist. Knows no posts and no outboxes. A kind is one of
`actor`, `root`, `page`, `object`, `activity`, `collection`.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from .documents import ACTIVITY_JSON, iso_ms
from .model import Json
from .wire import Incoming, Reply

if TYPE_CHECKING:
    from .model import Account, Post

Wanted = Literal["activity", "json", "html", "any"]
Deletion = Literal["404", "404 html", "410 tombstone", "200 tombstone"]

HTML = "text/html; charset=utf-8"
PROBLEM = "application/problem+json; charset=utf-8"


def wanted(asked: Incoming) -> Wanted:
    accept = asked.headers.get("accept", "*/*").lower()
    if "activity+json" in accept or "ld+json" in accept:
        return "activity"
    if "application/json" in accept:
        return "json"
    return "html" if "text/html" in accept else "any"


def weak_etag(body: bytes) -> str:
    """As Express makes it: the length in hex and a hash."""
    digest = base64.b64encode(hashlib.sha1(body, usedforsecurity=False).digest()).decode()[:27]
    return f'W/"{len(body):x}-{digest}"'


class WebHost:
    """The web server half of a host."""

    software: ClassVar[str] = "server"
    software_version: ClassVar[str] = "1.0.0"
    content_type: ClassVar[str] = f"{ACTIVITY_JSON}; charset=utf-8"
    content_types: ClassVar[Mapping[str, str]] = {}  # by kind, where it differs
    headers: ClassVar[Mapping[str, Mapping[str, str]]] = {}  # by kind; "*" for all others
    validated: ClassVar[frozenset[str]] = frozenset()  # kinds with an ETag
    # What is answered to an Accept that asks for no ActivityStreams: 200 is an HTML page, 30x leads
    # to one, 406; what is not named gets the document all the same.
    alternates: ClassVar[Mapping[str, int]] = {"html": 200}
    alternate_kinds: ClassVar[frozenset[str]] = frozenset({"actor", "object"})
    gzips: ClassVar[bool] = False
    head_allowed: ClassVar[bool] = True
    deletion: ClassVar[Deletion] = "404"
    refusal: ClassVar[int] = 404  # for what is not public
    robots: ClassVar[str | None] = None
    host_meta: ClassVar[bool] = False
    nodeinfo_versions: ClassVar[tuple[str, ...]] = ("2.0",)
    finger_by_uri: ClassVar[bool] = False
    finger_type: ClassVar[str] = "application/jrd+json; charset=utf-8"
    finger_bad_request: ClassVar[int] = 400  # no resource, or one of a form it does not read

    scheme = "https"
    accounts: dict[str, Account]

    def __init__(
        self, host: str, authorized_fetch: bool, rate_limit: tuple[int, float] | None
    ) -> None:
        self.host = host
        self.authorized_fetch = authorized_fetch
        self.rate_limit = rate_limit
        self._spent: dict[str, tuple[float, int]] = {}

    @property
    def base(self) -> str:
        return f"{self.scheme}://{self.host}"

    def stamp(self, at: float) -> str:
        raise NotImplementedError

    # Before routing

    def checked(self, asked: Incoming) -> Reply | None:
        """The answer to what never reaches the documents."""
        if asked.method == "POST" and asked.path.endswith("/inbox"):
            return Reply(202)
        if asked.method not in ("GET", "HEAD") or (
            asked.method == "HEAD" and not self.head_allowed
        ):
            return Reply(405, {"Allow": "GET, HEAD" if self.head_allowed else "GET"})
        limited = self.limited(asked)
        if limited is not None:
            return limited
        if asked.path == "/robots.txt":
            return self.robots_txt()
        if asked.path.startswith("/.well-known/") or asked.path.startswith("/nodeinfo/"):
            return self.discovery(asked)
        if self.authorized_fetch and "signature" not in asked.headers:
            return self.json(401, {"error": "Request not signed"}, "application/json")
        return None

    def counts(self, asked: Incoming) -> bool:
        """Is the request one that the rate limit counts?"""
        return True

    def limited(self, asked: Incoming) -> Reply | None:
        """429 with the reset as an ISO time and no Retry-After, as Mastodon and GoToSocial do."""
        if self.rate_limit is None or not self.counts(asked):
            return None
        allowed, seconds = self.rate_limit
        start, spent = self._spent.get(asked.peer[0], (asked.at, 0))
        if asked.at >= start + seconds:
            start, spent = asked.at, 0
        self._spent[asked.peer[0]] = (start, spent + 1)
        if spent < allowed:
            return None
        reset = {
            "X-RateLimit-Limit": str(allowed),
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": iso_ms(start + seconds),
        }
        reply = self.json(429, {"error": "rate limit reached"}, "application/json")
        return Reply(429, {**reply.headers, **reset}, reply.body)

    # Discovery

    def robots_txt(self) -> Reply:
        if self.robots is None:
            return Reply(404, {"Content-Type": "text/plain"}, b"Not Found")
        return Reply(200, {"Content-Type": "text/plain"}, self.robots.encode())

    def discovery(self, asked: Incoming) -> Reply:
        if asked.path == "/.well-known/webfinger":
            return self.webfinger(asked)
        if asked.path == "/.well-known/host-meta" and self.host_meta:
            return self.serve_host_meta()
        if asked.path == "/.well-known/nodeinfo" and self.nodeinfo_versions:
            links = [
                {
                    "rel": f"http://nodeinfo.diaspora.software/ns/schema/{version}",
                    "href": f"{self.base}/nodeinfo/{version}",
                }
                for version in self.nodeinfo_versions
            ]
            return self.json(200, {"links": links}, "application/json")
        version = asked.path.removeprefix("/nodeinfo/")
        if version in self.nodeinfo_versions:
            return self.json(200, self.nodeinfo(version), "application/json; charset=utf-8")
        return self.missing(asked)

    def serve_host_meta(self) -> Reply:
        template = f"{self.base}/.well-known/webfinger?resource={{uri}}"
        body = (
            '<?xml version="1.0" encoding="UTF-8"?>'
            '<XRD xmlns="http://docs.oasis-open.org/ns/xri/xrd-1.0">'
            f'<Link rel="lrdd" template="{template}"/></XRD>'
        )
        return Reply(200, {"Content-Type": "application/xrd+xml"}, body.encode())

    def nodeinfo(self, version: str) -> Json:
        return {
            "version": version,
            "software": {"name": self.software, "version": self.software_version},
            "protocols": ["activitypub"],
            "services": {"inbound": [], "outbound": []},
            "openRegistrations": False,
            "usage": {"users": {"total": len(self.accounts)}},
            "metadata": {},
        }

    def webfinger(self, asked: Incoming) -> Reply:
        resource = asked.query.get("resource", "")
        if not resource or (not resource.startswith("acct:") and not self.finger_by_uri):
            return self.json(self.finger_bad_request, {"error": "bad resource"}, "application/json")
        account = self.find_account(resource)
        if account is None:
            return self.json(404, {"error": "Not Found"}, "application/json")
        return self.json(200, self.finger(account), self.finger_type)

    def find_account(self, resource: str) -> Account | None:
        raise NotImplementedError

    def finger(self, account: Account) -> Json:
        profile = f"{self.base}/@{account.user}"
        return {
            "subject": f"acct:{account.user}@{self.host}",
            "aliases": [profile, account.actor_id],
            "links": [
                {
                    "rel": "http://webfinger.net/rel/profile-page",
                    "type": "text/html",
                    "href": profile,
                },
                {"rel": "self", "type": ACTIVITY_JSON, "href": account.actor_id},
            ],
        }

    # Answers

    def json(self, status: int, value: Any, content_type: str) -> Reply:
        body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
        return Reply(status, {"Content-Type": content_type}, body)

    def html(self, status: int, text: str, alternate: str = "") -> Reply:
        link = f'<link rel="alternate" type="{ACTIVITY_JSON}" href="{html.escape(alternate)}">'
        page = f"<!DOCTYPE html><html><head>{link if alternate else ''}<title>{self.host}</title>"
        body = f"{page}</head><body>{html.escape(text)}</body></html>"
        return Reply(status, {"Content-Type": HTML}, body.encode())

    def document(
        self, asked: Incoming, kind: str, value: Json, *, status: int = 200, url: str = ""
    ) -> Reply:
        """A document with its kind's headers, a 304, or what the Accept header asks for instead."""
        want = wanted(asked)
        if want in self.alternates and kind in self.alternate_kinds:
            return self.alternate(self.alternates[want], value.get("id", ""), url)
        reply = self.json(status, value, self.content_types.get(kind, self.content_type))
        headers = {**reply.headers, **self.headers_of(kind)}
        if kind in self.validated:
            headers["ETag"] = self.etag(reply.body)
            if self.matches(asked, headers):
                del headers["Content-Type"]
                return Reply(304, headers)
        return Reply(status, headers, reply.body)

    def headers_of(self, kind: str) -> Mapping[str, str]:
        return self.headers.get(kind, self.headers.get("*", {}))

    def etag(self, body: bytes) -> str:
        return weak_etag(body)

    def matches(self, asked: Incoming, headers: Mapping[str, str]) -> bool:
        """RFC 9110, 13.1.2: weak comparison for GET."""
        given = asked.headers.get("if-none-match", "")
        tags = {tag.strip().removeprefix("W/") for tag in given.split(",") if tag.strip()}
        return "*" in tags or headers["ETag"].removeprefix("W/") in tags

    def alternate(self, status: int, id: str, url: str) -> Reply:
        if status == 406:
            return self.json(406, {"error": "Not Acceptable"}, "application/json")
        if status == 200:
            return self.html(200, id, id)
        return Reply(status, {"Location": url or f"{self.base}/", "Content-Type": HTML})

    def finished(self, asked: Incoming, reply: Reply) -> Reply:
        """Compression, where the family compresses and the client accepts it."""
        if not self.gzips or not reply.body:
            return reply
        headers = {**reply.headers}
        headers["Vary"] = ", ".join(filter(None, (headers.get("Vary"), "Accept-Encoding")))
        if "gzip" not in asked.headers.get("accept-encoding", ""):
            return Reply(reply.status, headers, reply.body)
        body = gzip.compress(reply.body, compresslevel=1, mtime=0)
        return Reply(reply.status, {**headers, "Content-Encoding": "gzip"}, body)

    def missing(self, asked: Incoming) -> Reply:
        if self.deletion == "404 html":
            return self.html(404, "Not Found")
        return self.json(404, {"error": "Not Found"}, "application/json")

    def hidden(self, asked: Incoming, post: Post) -> Reply:
        """The answer for what is not public."""
        if self.refusal == 404:
            return self.missing(asked)
        title = {401: "Unauthorized", 403: "Principal not authorized"}[self.refusal]
        problem = {"type": "about:blank", "title": title, "status": self.refusal}
        return self.json(self.refusal, problem, PROBLEM)

    def tombstone(self, post: Post) -> Json:
        assert post.deleted is not None
        return {
            "@context": "https://www.w3.org/ns/activitystreams",
            "id": post.id,
            "type": "Tombstone",
            "formerType": post.kind,
            "published": self.stamp(post.published),
            "deleted": self.stamp(post.deleted),
        }

    def deleted(self, asked: Incoming, post: Post) -> Reply:
        if self.deletion.endswith("tombstone"):
            status = int(self.deletion[:3])
            return self.document(asked, "object", self.tombstone(post), status=status)
        return self.missing(asked)
