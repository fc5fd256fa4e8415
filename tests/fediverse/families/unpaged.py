"""A static site, and the actors that cannot be pulled: a stub, an empty outbox, none at all."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from email.utils import formatdate
from typing import ClassVar

from ..documents import ACTIVITY_JSON
from ..model import Account, Activity, Json, Post
from ..server import Server
from ..wire import Incoming, Reply


class StaticSite(Server):
    """Files: strong ETag, Last-Modified, one outbox with everything in it as `application/json`.

    A file answers whatever query it is asked with, so WebFinger knows the first account only.
    """

    family = "static"
    content_type = ACTIVITY_JSON
    content_types: ClassVar = {"root": "application/json"}
    validated = frozenset({"actor", "root", "object", "activity"})
    alternates: ClassVar = {}
    finger_type = "application/json"
    nodeinfo_versions = ()

    def actor_path(self, user: str, number: int) -> str:
        return f"/{user}/actor.json"

    def outbox_path(self, user: str, number: int) -> str:
        return f"/{user}/outbox.json"

    def beside_actor(self, account: Account, name: str) -> str:
        return f"{self.base}/{account.user}/{name}.json"

    def post_path(self, post: Post) -> str:
        return f"/{post.account.user}/notes/{post.number}.json"

    def human_path(self, post: Post) -> str:
        return f"/{post.account.user}/{post.number}.html"

    def activity_id(self, activity: Activity) -> str:
        return f"{activity.object}#{activity.verb.lower()}"

    def checked(self, asked: Incoming) -> Reply | None:
        return (
            Reply(405, {"Allow": "GET, HEAD"}) if asked.method == "POST" else super().checked(asked)
        )

    def webfinger(self, asked: Incoming) -> Reply:
        for account in self.accounts.values():
            return self.json(200, self.finger(account), self.finger_type)
        return self.missing(asked)

    def changed(self) -> float:
        """When the site was last generated: with the last change of any account."""
        return max((a.at for of in self.accounts.values() for a in of.activities), default=0.0)

    def headers_of(self, kind: str) -> Mapping[str, str]:
        return {"Last-Modified": formatdate(int(self.changed()), usegmt=True)}

    def etag(self, body: bytes) -> str:
        return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'

    def matches(self, asked: Incoming, headers: Mapping[str, str]) -> bool:
        """If-Modified-Since counts only without If-None-Match (RFC 9110, 13.1.3)."""
        if "if-none-match" in asked.headers:
            return super().matches(asked, headers)
        return asked.headers.get("if-modified-since") == headers["Last-Modified"]


class PixelfedStub(Server):
    """An outbox with a number and nothing else: no `first`, no items."""

    family = "pixelfed"
    software = "pixelfed"
    software_version = "0.12.3"
    robots = "User-agent: *\nDisallow: /discover/places/\n"

    def post_path(self, post: Post) -> str:
        return f"/p/{post.account.user}/{post.key}"

    def arrange(self, account: Account) -> list[Activity]:
        return []

    def outbox(self, asked: Incoming, account: Account) -> Reply:
        root = {**self.root(account), "totalItems": len(account.posts)}
        return self.document(asked, "root", root)


class EmptyOutbox(Server):
    """Bridges and pure push servers: a well-formed outbox that never holds anything."""

    family = "bridge"
    software = "bridgy-fed"
    actor_kind = "Person"

    def arrange(self, account: Account) -> list[Activity]:
        return []


class NoOutbox(EmptyOutbox):
    """bird.makeup: the actor names no outbox."""

    family = "bird-makeup"
    software = "bird.makeup"

    def actor(self, account: Account) -> Json:
        document = super().actor(account)
        del document["outbox"]
        return document

    def outbox(self, asked: Incoming, account: Account) -> Reply:
        return self.missing(asked)
