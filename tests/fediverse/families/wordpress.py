"""WordPress with its ActivityPub plug-in, before and after its outbox was rewritten.

Ids have queries (`?author=1`, `?p=12`), and who does not ask for ActivityStreams is sent to HTML
without a `Vary`. A post marked "local" is listed with its full text, and empty by its id.
"""

from __future__ import annotations

from typing import Any, ClassVar

from ..model import Account, Activity, Json, Post
from ..paging import last_page, numbered, page_number
from ..server import Server
from ..wire import Incoming, Reply


class WordPressOld(Server):
    """Up to version 4: the root is page 1, every page has its id, the items are missing at the end.

    `next` is reckoned from the number of posts of the whole site, so it may lead past the end.
    """

    family = "wordpress-old"
    software = "wordpress"
    software_version = "6.5 ActivityPub/4.0.2"
    size: ClassVar[int] = 10
    alternates: ClassVar = {"html": 301, "any": 301}
    finger_by_uri = True
    deletion = "404 html"
    robots = "User-agent: *\nDisallow: /wp-admin/\nAllow: /wp-admin/admin-ajax.php\n"
    api: ClassVar[str] = "/wp-json/activitypub/1.0/actors"

    def actor_path(self, user: str, number: int) -> str:
        return f"/?author={number}"

    def outbox_path(self, user: str, number: int) -> str:
        return f"{self.api}/{number}/outbox"

    def beside_actor(self, account: Account, name: str) -> str:
        return f"{self.base}{self.api}/{account.number}/{name}"

    def post_path(self, post: Post) -> str:
        return f"/?p={post.number}"

    def human_path(self, post: Post) -> str:
        return f"/2026/11/post-{post.number}/"

    def activity_id(self, activity: Activity) -> str:
        if activity.post is not None:
            return f"{activity.post.id}#activity-{activity.verb.lower()}-{activity.number}"
        return f"{activity.account.actor_id}#activity-{activity.verb.lower()}-{activity.number}"

    def object(self, post: Post) -> Json:
        document = super().object(post)
        return {**document, "contentMap": {"en": document["content"]}}

    def serve_post(self, asked: Incoming, post: Post) -> Reply:
        if post.visibility == "local" and post.deleted is None:
            return Reply(200, {"Content-Type": self.content_type})
        return super().serve_post(asked, post)

    def outbox(self, asked: Incoming, account: Account) -> Reply:
        url = account.outbox_url
        total = sum(len(of.posts) for of in self.accounts.values())
        number = page_number(asked.query)
        page = self.page(
            account,
            url,
            numbered(self.offered(account), number, self.size),
            totalItems=total,
            first=f"{url}?page=1",
            last=f"{url}?page={max(1, -(-total // self.size))}",
            next=f"{url}?page={number + 1}" if number * self.size < total else None,
            prev=f"{url}?page={number - 1}" if number > 1 else None,
        )
        if not page["orderedItems"]:
            del page["orderedItems"]
        return self.document(asked, "page" if asked.query else "root", page)


class WordPressNew(WordPressOld):
    """From version 5: 20 a page, 400 beyond the last, and each edit listed as an Update.

    What is listed is what was sent at the time: a Create keeps the text that an edit replaced.
    """

    family = "wordpress"
    software_version = "6.9 ActivityPub/7.5.0"
    size: ClassVar[int] = 20

    def __init__(self, host: str | None = None, **options: Any) -> None:
        super().__init__(host, **options)
        self._sent: dict[Activity, Json] = {}

    def register(self, activity: Activity) -> None:
        super().register(activity)
        self._sent[activity] = super().activity(activity)

    def activity_id(self, activity: Activity) -> str:
        return f"{self.base}/?post_type=ap_outbox&p={activity.number}"

    def activity(self, activity: Activity) -> Json:
        return self._sent[activity]

    def lists(self, activity: Activity) -> bool:
        if activity.verb == "Update" and activity.post is not None:
            return activity.post.public
        return super().lists(activity) or activity.verb in ("Like", "Arrive")

    def outbox(self, asked: Incoming, account: Account) -> Reply:
        url, listed = account.outbox_url, self.offered(account)
        last = last_page(listed, self.size)
        if "page" not in asked.query:
            ends = {"first": f"{url}?page=1", "last": f"{url}?page={last}"} if listed else {}
            return self.document(asked, "root", self.root(account, **ends))
        number = page_number(asked.query)
        if number > max(1, last):
            error = {"code": "rest_post_invalid_page_number", "data": {"status": 400}}
            return self.json(400, error, "application/json; charset=UTF-8")
        page = self.page(
            account,
            f"{url}?page={number}",
            numbered(listed, number, self.size),
            totalItems=len(listed),
            next=f"{url}?page={number + 1}" if number < last else None,
            prev=f"{url}?page={number - 1}" if number > 1 else None,
        )
        return self.document(asked, "page", page)
