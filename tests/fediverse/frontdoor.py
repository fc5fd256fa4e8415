"""The front door of the simulated hosts: what is answered before any document is looked up.

Methods, rate limits, authorised fetch, robots.txt, WebFinger, NodeInfo and host-meta, which are the
same on all servers but for what the class attributes say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from .documents import ACTIVITY_JSON, iso_ms
from .model import Json
from .web import WebHost
from .wire import Incoming, Reply

if TYPE_CHECKING:
    from .model import Account


class FrontDoor(WebHost):
    """Lets in what a document can answer."""

    software: ClassVar[str] = "server"
    software_version: ClassVar[str] = "1.0.0"
    head_allowed: ClassVar[bool] = True
    robots: str | None = None  # a test may give a host another one
    host_meta: ClassVar[bool] = False
    nodeinfo_versions: ClassVar[tuple[str, ...]] = ("2.0",)
    finger_by_uri: ClassVar[bool] = False
    finger_type: ClassVar[str] = "application/jrd+json; charset=utf-8"
    finger_bad_request: ClassVar[int] = 400  # no resource, or one of a form it does not read

    accounts: dict[str, Account]

    def __init__(
        self, host: str, authorized_fetch: bool, rate_limit: tuple[int, float] | None
    ) -> None:
        super().__init__(host)
        self.authorized_fetch = authorized_fetch
        self.rate_limit = rate_limit
        self._spent: dict[str, tuple[float, int]] = {}

    def checked(self, asked: Incoming) -> Reply | None:
        """The answer to what never reaches the documents."""
        if asked.method == "POST" and asked.path.endswith("/inbox"):
            return self.take(asked)
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
        return self.guarded(asked)

    def take(self, asked: Incoming) -> Reply:
        """The answer to what is posted to an inbox."""
        raise NotImplementedError

    def guarded(self, asked: Incoming) -> Reply | None:
        """The refusal of what is not signed as it must be."""
        raise NotImplementedError

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
