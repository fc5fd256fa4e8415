"""Epicyon: eleven posts and never more, whatever page is asked for; robots.txt refuses all."""

from __future__ import annotations

from typing import ClassVar

from ..model import Account, Activity, Json, Post
from ..server import Server
from ..wire import Incoming, Reply


class Epicyon(Server):
    """`next` of the root is page 1 again; what stands at a note's URL is its Create.

    The actor is always `application/ld+json`; pages and posts are it if the Accept header names it
    and `application/json` otherwise (`get_json_content_from_accept` in its httpheaders.py).
    """

    family = "epicyon"
    software = "epicyon"
    software_version = "1.3.0"
    shown: ClassVar[int] = 11
    headers: ClassVar = {
        "*": {
            "Cache-Control": "public, max-age=0",
            "X-Robots-Tag": "noindex, nofollow, noarchive, nosnippet",
        }
    }
    finger_type = "application/jrd+json"
    finger_bad_request = 404
    host_meta = True
    lists_boosts = False
    robots = "User-agent: *\nDisallow: /"

    def key(self, number: int) -> str:
        return str(117_656_465_000_000_000 + number * 531_586)

    def arrange(self, account: Account) -> list[Activity]:
        return super().arrange(account)[: self.shown]

    def object(self, post: Post) -> Json:
        document = super().object(post)
        content = {"en": document["content"]}
        nulls = {"summary": None, "inReplyTo": post.in_reply_to, "contentMap": content}
        return {**document, **nulls}

    def item(self, activity: Activity) -> Json:
        return self.contextual(self.activity(activity))

    def document(
        self, asked: Incoming, kind: str, value: Json, *, status: int = 200, url: str = ""
    ) -> Reply:
        reply = super().document(asked, kind, value, status=status, url=url)
        if not reply.headers["Content-Type"].startswith("application/activity+json"):
            return reply  # the HTML page
        linked = kind == "actor" or "application/ld+json" in asked.headers.get("accept", "")
        content_type = "application/ld+json" if linked else "application/json"
        return Reply(status, {**reply.headers, "Content-Type": content_type}, reply.body)

    def serve_post(self, asked: Incoming, post: Post) -> Reply:
        return self.serve_activity(asked, self._activities[post.activity_id])

    def outbox(self, asked: Incoming, account: Account) -> Reply:
        url, listed = account.outbox_url, self.offered(account)
        if "page" not in asked.query:
            links = {
                "first": f"{url}?page=true",
                "last": f"{url}?page=1",
                "prev": f"{url}?page=true",
                "next": f"{url}?page=2",
            }
            root = self.root(account, **links)
            claimed = min(self.shown + 1, len(account.posts))
            return self.document(asked, "root", {**root, "totalItems": claimed})
        return self.document(asked, "page", self.page(account, f"{url}?page=1", listed))
