"""What the simulated hosts share as web servers: negotiation, validators, compression, refusals.

A family says in class attributes which kinds of document carry which headers, which have
validators, and what other representations exist. Knows no posts and no outboxes. A kind is one of
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

from .documents import ACTIVITY_JSON, AS
from .model import Json
from .wire import Incoming, Reply

if TYPE_CHECKING:
    from .model import Post

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
    """Turns documents into replies, as the asker can read them."""

    content_type: ClassVar[str] = f"{ACTIVITY_JSON}; charset=utf-8"
    content_types: ClassVar[Mapping[str, str]] = {}  # by kind, where it differs
    headers: ClassVar[Mapping[str, Mapping[str, str]]] = {}  # by kind; "*" for all others
    validated: ClassVar[frozenset[str]] = frozenset()  # kinds with an ETag
    # What is answered to an Accept that asks for no ActivityStreams: 200 is an HTML page, 30x leads
    # to one, 406; what is not named gets the document all the same.
    alternates: ClassVar[Mapping[str, int]] = {"html": 200}
    alternate_kinds: ClassVar[frozenset[str]] = frozenset({"actor", "object"})
    gzips: ClassVar[bool] = False
    deletion: ClassVar[Deletion] = "404"
    refusal: ClassVar[int] = 404  # for what is not public
    scheme = "https"

    def __init__(self, host: str) -> None:
        self.host = host

    @property
    def base(self) -> str:
        return f"{self.scheme}://{self.host}"

    def stamp(self, at: float) -> str:
        raise NotImplementedError

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
            "@context": AS,
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
