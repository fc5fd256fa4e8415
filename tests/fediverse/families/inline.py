"""Families whose outbox is one document: all of it, a part, nothing, or none at all."""

from __future__ import annotations

import hashlib
from typing import ClassVar

from ..documents import ACTIVITY_JSON, iso_ms
from ..model import Account, Activity, Json, Post
from ..server import Server
from ..wire import Incoming, Reply


class Takahe(Server):
    """Ten bare notes in no order, in a collection without id; ids end in a slash."""

    family = "takahe"
    software = "takahe"
    software_version = "0.11.0"
    shown: ClassVar[int] = 10
    content_type = ACTIVITY_JSON
    finger_type = "application/jrd+json"
    public_word = "as:Public"
    singletons = True
    lists_boosts = False
    deletion = "404 html"
    host_meta = True
    headers: ClassVar = {
        "actor": {"Cache-Control": "max-age=60", "Vary": "Accept, Cookie, Origin"},
        "object": {"Cache-Control": "max-age=120", "Vary": "Accept, Cookie, Origin"},
        "*": {"Cache-Control": "no-store, max-age=0", "Vary": "Origin"},
    }
    robots = "User-Agent: *\n\nDisallow: /tags/\nDisallow: /tags/*\n\nDisallow: /proxy/*\n"

    def key(self, number: int) -> str:
        return str(647_000_000_000_000_000 + number * 124_655_872)

    def actor_path(self, user: str, number: int) -> str:
        return f"/@{user}@{self.host}/"

    def outbox_path(self, user: str, number: int) -> str:
        return f"/@{user}@{self.host}/outbox/"

    def beside_actor(self, account: Account, name: str) -> str:
        return f"{account.actor_id}{name}/"

    def post_path(self, post: Post) -> str:
        return f"/@{post.account.user}@{self.host}/posts/{post.key}/"

    def human_path(self, post: Post) -> str:
        return f"/@{post.account.user}/posts/{post.key}/"

    def activity_id(self, activity: Activity) -> str:
        target = activity.post.id if activity.post else activity.account.actor_id
        return f"{target}{activity.verb.lower()}/{activity.key}/"

    def stamp(self, at: float) -> str:
        return iso_ms(at)

    def actor(self, account: Account) -> Json:
        document = super().actor(account)
        del document["indexable"]
        return {**document, "toot:discoverable": document.pop("discoverable")}

    def object(self, post: Post) -> Json:
        document = super().object(post)
        return {name: value for name, value in document.items() if value != []}

    def arrange(self, account: Account) -> list[Activity]:
        """Its query has no ORDER BY; a fresh post comes first, the others as the table lies."""
        listed = super().arrange(account)
        rest = sorted(listed[1:], key=lambda a: hashlib.sha256(a.key.encode()).digest())
        return (listed[:1] + rest)[: self.shown]

    def item(self, activity: Activity) -> Json:
        assert activity.post is not None
        return self.object(activity.post)

    def outbox(self, asked: Incoming, account: Account) -> Reply:
        listed = self.offered(account)
        collection = self.root(account, orderedItems=[self.item(a) for a in listed])
        del collection["id"]
        return self.document(asked, "root", collection)

    def beside(self, asked: Incoming) -> Reply | None:
        """Followers and following are HTML, whatever is asked; a missing slash is added."""
        if asked.path.endswith(("/followers/", "/following/")):
            return self.html(200, "followers")
        if f"{self.base}{asked.path}/" in {*self._actors, *self._posts, *self._outboxes}:
            return Reply(301, {"Location": f"{asked.path}/"})
        return None
