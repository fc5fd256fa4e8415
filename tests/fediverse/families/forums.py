"""NodeBB: the root is a page too, cursors are times, and activity ids change with each answer."""

from __future__ import annotations

from typing import ClassVar

from ..documents import AS, iso_ms
from ..model import Account, Activity, Json, Post
from ..threads import Conversations
from ..wire import Incoming, Reply
from .times import TimeCursors


class NodeBB(Conversations, TimeCursors):
    """`after` means older than, `before` newer than; likes and dislikes are listed too."""

    family = "nodebb"
    software = "nodebb"
    software_version = "4.15.0"
    form = "nodebb 9421"
    limit: ClassVar[int] = 20
    validated = frozenset({"actor", "root", "page", "object"})
    alternates: ClassVar = {"html": 308, "any": 308}
    deletion = "200 tombstone"
    content_type = "application/activity+json; charset=utf-8"
    finger_type = "application/json; charset=utf-8"
    robots = "User-agent: *\nDisallow: /admin/\nDisallow: /reset/\n"

    def key(self, number: int) -> str:
        return str(number)

    def actor_path(self, user: str, number: int) -> str:
        return f"/uid/{number}"

    def post_path(self, post: Post) -> str:
        return f"/post/{post.number}"

    def human_path(self, post: Post) -> str:
        return f"/topic/{post.number}/topic-{post.number}"

    def context_path(self, first: Post) -> str:
        return f"/topic/{first.number}"

    def stamp(self, at: float) -> str:
        return iso_ms(at)

    def activity_id(self, activity: Activity) -> str:
        target = activity.post.id if activity.post else activity.account.actor_id
        return f"{target}#activity/{activity.verb.lower()}/{self.answer_ms()}"

    def activity(self, activity: Activity) -> Json:
        return {**super().activity(activity), "id": self.activity_id(activity)}

    def object(self, post: Post) -> Json:
        return {"@context": AS, **super().object(post)}

    def contextual(self, document: Json) -> Json:
        return document if "@context" in document else super().contextual(document)

    def tombstone(self, post: Post) -> Json:
        return {**super().tombstone(post), "to": []}

    def nodeinfo(self, version: str) -> Json:
        counts = {"users": {"total": str(len(self.accounts))}, "localPosts": str(len(self._posts))}
        return {**super().nodeinfo(version), "usage": counts}

    def lists(self, activity: Activity) -> bool:
        return super().lists(activity) or activity.verb in ("Like", "Dislike")

    def outbox(self, asked: Incoming, account: Account) -> Reply:
        url, query = account.outbox_url, asked.query
        listed = self.offered(account)
        if len(listed) <= self.limit and not query:
            whole = self.root(account, orderedItems=[self.item(a) for a in listed])
            return self.document(asked, "root", whole)
        if "before" in query:
            newer = [a for a in listed if self.moments[a] > _number(query["before"])]
            here = newer[-self.limit :]
        else:
            bound = _number(query.get("after", ""), default=1 << 62)
            here = [a for a in listed if self.moments[a] < bound][: self.limit]
        ends = {"first": f"{url}?after={self.newest_cursor(listed)}", "last": f"{url}?before=0"}
        page = self.page(
            account,
            url,
            here,
            totalItems=len(listed),
            **ends,
            next=f"{url}?after={self.moments[here[-1]]}" if here else None,
            prev=f"{url}?before={self.moments[here[0]]}" if here else None,
        )
        return self.document(asked, "page" if query else "root", page)


def _number(text: str, default: int = 0) -> int:
    return int(text) if text.isdecimal() else default
