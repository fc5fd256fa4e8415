"""Families of writers that page by number: BookWyrm and WriteFreely.

A number means another page as soon as something is posted; each ends its list in its own way.
"""

from __future__ import annotations

from typing import ClassVar

from ..documents import ACTIVITY_JSON, iso_us
from ..model import Account, Activity, Json, Post
from ..paging import last_page, numbered, page_number
from ..server import Server
from ..wire import Incoming, Reply


class BookWyrm(Server):
    """Bare objects as `application/json`; a page beyond the end is the last page once more."""

    family = "bookwyrm"
    software = "bookwyrm"
    software_version = "0.9.0"
    size: ClassVar[int] = 15
    content_type = ACTIVITY_JSON
    content_types: ClassVar = {"root": "application/json", "page": "application/json"}
    headers: ClassVar = {"*": {"Vary": "Accept, Accept-Language, Cookie"}}
    finger_type = "application/json"
    finger_bad_request = 404
    host_meta = True
    lists_boosts = False
    deletion = "404 html"
    robots = "User-agent: AhrefsBot\nCrawl-Delay: 10\n\nUser-agent: GPTBot\nDisallow: /\n"

    def actor_path(self, user: str, number: int) -> str:
        return f"/user/{user}"

    def post_path(self, post: Post) -> str:
        return f"/user/{post.account.user}/status/{post.number}"

    def human_path(self, post: Post) -> str:
        return f"/user/{post.account.user}/status/{post.number}/s/post"

    def stamp(self, at: float) -> str:
        return iso_us(at)

    def item(self, activity: Activity) -> Json:
        assert activity.post is not None
        return {**self.object(activity.post), "@context": self.context()}

    def outbox(self, asked: Incoming, account: Account) -> Reply:
        url, listed = account.outbox_url, self.offered(account)
        last = max(1, last_page(listed, self.size))
        if "page" not in asked.query:
            ends = {"first": f"{url}?page=1", "last": f"{url}?page={last}"}
            return self.document(asked, "root", self.root(account, **ends))
        number = min(last, page_number(asked.query))  # Django's get_page() clamps
        page = self.page(
            account,
            f"{url}?page={number}",
            numbered(listed, number, self.size),
            next=f"{url}?page={number + 1}" if number < last else None,
            prev=f"{url}?page={number - 1}" if number > 1 else None,
        )
        return self.document(asked, "page", page)


class WriteFreely(Server):
    """`next` never ends: past the last post the pages are empty and lead on."""

    family = "writefreely"
    software = "writefreely"
    software_version = "0.16.0"
    kind = "Article"
    size: ClassVar[int] = 10
    headers: ClassVar = {"page": {"Cache-Control": "public, max-age=60"}}
    deletion = "410 tombstone"

    def actor_path(self, user: str, number: int) -> str:
        return f"/api/collections/{user}"

    def post_path(self, post: Post) -> str:
        return f"/api/posts/{post.key}"

    def human_path(self, post: Post) -> str:
        return f"/{post.account.user}/{post.key}"

    def object(self, post: Post) -> Json:
        return {**super().object(post), "name": post.text.partition(".")[0]}

    def outbox(self, asked: Incoming, account: Account) -> Reply:
        url = account.outbox_url
        if "page" not in asked.query:
            return self.document(asked, "root", self.root(account, first=f"{url}?page=1"))
        number = page_number(asked.query)
        here = numbered(self.offered(account), number, self.size)
        page = self.page(account, f"{url}?page={number}", here, next=f"{url}?page={number + 1}")
        return self.document(asked, "page", page)
