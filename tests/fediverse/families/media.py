"""Families of films and sound, which page by number: PeerTube, Funkwhale, Owncast."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from ..documents import AS, iso_ms
from ..model import Account, Activity, Json, Post
from ..paging import last_page, numbered, page_number
from ..server import Server
from ..wire import Incoming, Reply


class PeerTube(Server):
    """An account lists Create{Video}; its channel announces the same videos, by URI.

    `add_account("alice")` makes the channel `alice_channel` as well.
    """

    family = "peertube"
    software = "peertube"
    software_version = "7.3.0"
    kind = "Video"
    size: ClassVar[int] = 10
    validated = frozenset({"actor", "root", "page", "object"})
    robots = "User-agent: *\nDisallow: ''\nSitemap: /sitemap.xml\n"

    def add_account(
        self, user: str = "alice", *, posts: int = 0, name: str = "", kind: str = ""
    ) -> Account:
        with self.lock:
            super().add_account(f"{user}_channel", name=f"{user} films", kind="Group")
            return super().add_account(user, posts=posts, name=name, kind=kind)

    def actor_path(self, user: str, number: int) -> str:
        return f"/{'video-channels' if user.endswith('_channel') else 'accounts'}/{user}"

    def post_path(self, post: Post) -> str:
        return f"/videos/watch/{post.key}"

    def human_path(self, post: Post) -> str:
        return f"/w/{post.key}"

    def stamp(self, at: float) -> str:
        return iso_ms(at)

    def publish(self, post: Post) -> None:
        super().publish(post)
        if post.public:
            self.channel(post.account).boost(post)

    def channel(self, account: Account) -> Account:
        return self.accounts[f"{account.user}_channel"]

    def lists(self, activity: Activity) -> bool:
        video = self._posts.get(activity.object)
        return super().lists(activity) and (video is None or video.public)

    def offered(self, account: Account) -> list[Activity]:
        """Not the base's memory of it: a channel's list changes when the account's video goes."""
        with self.lock:
            return self.arrange(account)

    def object(self, post: Post) -> Json:
        link = {"type": "Link", "mediaType": "text/html", "href": post.url}
        channel = self.channel(post.account).actor_id
        return {
            **super().object(post),
            "name": post.text.partition(".")[0],
            "duration": "PT5M",
            "attributedTo": [
                {"type": "Person", "id": post.account.actor_id},
                {"type": "Group", "id": channel},
            ],
            "url": [link],
        }

    def outbox(self, asked: Incoming, account: Account) -> Reply:
        url, listed = account.outbox_url, self.offered(account)
        if "page" not in asked.query:
            first = {"first": f"{url}?page=1"} if listed else {}
            return self.document(asked, "root", self.root(account, **first))
        number = page_number(asked.query)
        page = self.page(
            account,
            f"{url}?page={number}",
            numbered(listed, number, self.size),
            totalItems=len(listed),
            next=f"{url}?page={number + 1}" if number * self.size < len(listed) else None,
            prev=f"{url}?page={number - 1}" if number > 1 else None,
        )
        return self.document(asked, "page", page)


class Funkwhale(Server):
    """A channel's pages are CollectionPages with `items`; the outbox of a user is `{}`.

    `add_account(...)` makes a channel; with `kind="Person"` a user.
    """

    family = "funkwhale"
    software = "funkwhale"
    software_version = "1.4.1"
    kind = "Audio"
    actor_kind = "Group"
    size: ClassVar[int] = 20

    def actor_path(self, user: str, number: int) -> str:
        return f"/federation/actors/{user}"

    def post_path(self, post: Post) -> str:
        return f"/federation/music/uploads/{post.key}"

    def item(self, activity: Activity) -> Json:
        return {"@context": self.context(), **self.activity(activity)}

    def arrange(self, account: Account) -> list[Activity]:
        return super().arrange(account) if account.kind == self.actor_kind else []

    def outbox(self, asked: Incoming, account: Account) -> Reply:
        url, listed = account.outbox_url, self.offered(account)
        if account.kind != self.actor_kind:
            return self.document(asked, "root", {})
        last = max(1, last_page(listed, self.size))
        if "page" not in asked.query:
            first = {"first": f"{url}?page=1", "current": f"{url}?page=1"}
            root = self.root(account, **first, last=f"{url}?page={last}")
            return self.document(asked, "root", root)
        number = page_number(asked.query)
        if number > last:
            return self.missing(asked)
        page = self.page(
            account,
            f"{url}?page={number}",
            numbered(listed, number, self.size),
            totalItems=len(listed),
            next=f"{url}?page={number + 1}" if number < last else None,
            prev=f"{url}?page={number - 1}" if number > 1 else None,
        )
        page |= {"type": "CollectionPage", "items": page.pop("orderedItems")}
        return self.document(asked, "page", page)


class Owncast(Server):
    """The `orderedItems` of a page is a collection, which holds the items."""

    family = "owncast"
    software = "owncast"
    software_version = "0.2.3"
    actor_kind = "Service"
    size: ClassVar[int] = 50
    lists_boosts = False
    deletion = "404"

    def actor_path(self, user: str, number: int) -> str:
        return f"/federation/user/{user}"

    def post_path(self, post: Post) -> str:
        return f"/federation/{post.key}"

    def page(self, account: Account, url: str, listed: Sequence[Activity], **more: Any) -> Json:
        page = super().page(account, url, listed, **more)
        items = {"type": "OrderedCollection", "orderedItems": page["orderedItems"]}
        return {**page, "@context": AS, "orderedItems": items}

    def outbox(self, asked: Incoming, account: Account) -> Reply:
        url, listed = account.outbox_url, self.offered(account)
        if "page" not in asked.query:
            return self.document(asked, "root", self.root(account, first=f"{url}?page=1"))
        number = page_number(asked.query)
        more = number * self.size < len(listed)
        page = self.page(
            account,
            f"{url}?page={number}",
            numbered(listed, number, self.size),
            next=f"{url}?page={number + 1}" if more else None,
        )
        return self.document(asked, "page", page)
