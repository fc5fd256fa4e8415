"""Families whose cursors are times: the base of NodeBB, and Ghost, which stands for all of Fedify.

A cursor that is a time loses whatever shares its millisecond with the last item of a page; the real
servers hardly ever meet that, so here no two activities of a host share one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar

from ..documents import ACTIVITY_JSON, AS, SECURITY, iso_ms
from ..model import Account, Activity, Json, Post
from ..policies import FEDIFY
from ..server import Server
from ..wire import Incoming, Reply


class TimeCursors(Server):
    """Orders by the time of the activity, in milliseconds that are unique on the host."""

    def __init__(self, host: str | None = None, **options: Any) -> None:
        super().__init__(host, **options)
        self.moments: dict[Activity, int] = {}
        self._taken: set[int] = set()

    def register(self, activity: Activity) -> None:
        super().register(activity)
        moment = int(activity.at * 1000)
        while moment in self._taken:
            moment += 1
        self._taken.add(moment)
        self.moments[activity] = moment

    def arrange(self, account: Account) -> list[Activity]:
        return sorted(super().arrange(account), key=self.moments.__getitem__, reverse=True)

    def newest_cursor(self, listed: Sequence[Activity]) -> int:
        """A moment later than everything: the time of the answer, so another one each time."""
        newest = self.moments[listed[0]] + 1 if listed else 0
        return max(self.answer_ms(), newest + self._ticks)


class Ghost(TimeCursors):
    """`first` carries the current time, pages have only `next`, each item its own `@context`."""

    family = "ghost"
    software = "ghost"
    software_version = "6.8.0"
    policy = FEDIFY
    form = "fedify 9421"
    multikeys = True
    kind = "Article"
    limit: ClassVar[int] = 20
    content_type = ACTIVITY_JSON
    finger_type = "application/jrd+json"
    public_word = "as:Public"
    singletons = True
    deletion = "200 tombstone"
    finger_by_uri = True
    nodeinfo_versions = ("2.1",)
    headers: ClassVar = {"*": {"Vary": "Accept"}}

    def actor_path(self, user: str, number: int) -> str:
        return f"/.ghost/activitypub/users/{user}"

    def outbox_path(self, user: str, number: int) -> str:
        return f"/.ghost/activitypub/outbox/{user}"

    def post_path(self, post: Post) -> str:
        return f"/.ghost/activitypub/{post.kind.lower()}/{post.key}"

    def human_path(self, post: Post) -> str:
        return f"/post-{post.number}/"

    def activity_id(self, activity: Activity) -> str:
        return f"{self.base}/.ghost/activitypub/{activity.verb.lower()}/{activity.key}"

    def context(self) -> Any:
        return [AS, SECURITY, {"toot": "http://joinmastodon.org/ns#"}]

    def stamp(self, at: float) -> str:
        return iso_ms(at)

    def object(self, post: Post) -> Json:
        name = {"name": post.text.partition(".")[0]} if post.kind == "Article" else {}
        return {**super().object(post), **name}

    def item(self, activity: Activity) -> Json:
        return self.contextual(self.activity(activity))

    def missing(self, asked: Incoming) -> Reply:
        return Reply(404, {"Content-Type": "text/plain; charset=UTF-8"}, b"Not found")

    def outbox(self, asked: Incoming, account: Account) -> Reply:
        url, listed = account.outbox_url, self.offered(account)
        cursor = asked.query.get("cursor")
        if cursor is None:
            first = f"{url}?cursor={iso_ms(self.newest_cursor(listed) / 1000)}"
            return self.document(asked, "root", self.root(account, first=first))
        try:
            bound = round(datetime.fromisoformat(cursor).timestamp() * 1000)
        except ValueError:
            return self.json(400, {"error": "bad cursor"}, "application/json")
        below = [a for a in listed if self.moments[a] < bound]
        here = below[: self.limit]
        more = len(below) > self.limit
        next_url = f"{url}?cursor={iso_ms(self.moments[here[-1]] / 1000)}" if more else None
        page = self.page(account, f"{self.base}{asked.target}", here, next=next_url)
        return self.document(asked, "page", page)
