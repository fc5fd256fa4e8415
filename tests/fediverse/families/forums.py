"""NodeBB: the root is a page too, cursors are times, and activity ids change with each answer."""

from __future__ import annotations

from typing import Any, ClassVar

from ..documents import AS, iso_ms
from ..model import Account, Activity, Json, Post
from ..server import Server
from ..wire import Incoming, Reply


class NodeBB(Server):
    """`after` means older than, `before` newer than; likes and dislikes are listed too."""

    family = "nodebb"
    software = "nodebb"
    software_version = "4.15.0"
    limit: ClassVar[int] = 20
    validated = frozenset({"actor", "root", "page", "object"})
    alternates: ClassVar = {"html": 308, "any": 308}
    deletion = "200 tombstone"
    content_type = "application/activity+json; charset=utf-8"
    finger_type = "application/json; charset=utf-8"
    robots = "User-agent: *\nDisallow: /admin/\nDisallow: /reset/\n"

    def __init__(self, host: str | None = None, **options: Any) -> None:
        super().__init__(host, **options)
        self._scores: dict[Activity, int] = {}
        self._taken: set[int] = set()

    def key(self, number: int) -> str:
        return str(number)

    def actor_path(self, user: str, number: int) -> str:
        return f"/uid/{number}"

    def post_path(self, post: Post) -> str:
        return f"/post/{post.number}"

    def human_path(self, post: Post) -> str:
        return f"/topic/{post.number}/topic-{post.number}"

    def stamp(self, at: float) -> str:
        return iso_ms(at)

    def register(self, activity: Activity) -> None:
        """Its sorted sets hold milliseconds, and no two things of a person in one of them."""
        super().register(activity)
        score = int(activity.at * 1000)
        while score in self._taken:
            score += 1
        self._taken.add(score)
        self._scores[activity] = score

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

    def arrange(self, account: Account) -> list[Activity]:
        return sorted(super().arrange(account), key=self._scores.__getitem__, reverse=True)

    def lists(self, activity: Activity) -> bool:
        return super().lists(activity) or activity.verb in ("Like", "Dislike")

    def outbox(self, asked: Incoming, account: Account) -> Reply:
        url, query = account.outbox_url, asked.query
        listed = self.offered(account)
        if len(listed) <= self.limit and not query:
            whole = self.root(account, orderedItems=[self.item(a) for a in listed])
            return self.document(asked, "root", whole)
        if "before" in query:
            newer = [a for a in listed if self._scores[a] > _number(query["before"])]
            here = newer[-self.limit :]
        else:
            bound = _number(query.get("after", ""), default=1 << 62)
            here = [a for a in listed if self._scores[a] < bound][: self.limit]
        ends = {"first": f"{url}?after={self.answer_ms()}", "last": f"{url}?before=0"}
        page = self.page(
            account,
            url,
            here,
            totalItems=len(listed),
            **ends,
            next=f"{url}?after={self._scores[here[-1]]}" if here else None,
            prev=f"{url}?before={self._scores[here[0]]}" if here else None,
        )
        return self.document(asked, "page" if query else "root", page)


def _number(text: str, default: int = 0) -> int:
    return int(text) if text.isdecimal() else default
