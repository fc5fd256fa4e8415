"""Families that publish events: Gancio and Mobilizon. Neither keeps a strict order by age."""

from __future__ import annotations

import random
from typing import ClassVar

from ..documents import PUBLIC, iso_ms, iso_offset
from ..model import Account, Activity, Json, Post
from ..paging import last_page, numbered, page_number
from ..server import Server
from ..wire import Incoming, Reply

DAY = 86_400


def starts(post: Post) -> float:
    """When the event begins: some time in the half year around its publication."""
    given = post.extra.get("starts")
    if given is not None:
        return float(given)
    return post.published + DAY * random.Random(f"{post.account.user}/{post.key}").randrange(
        -60, 120
    )


class Gancio(Server):
    """Ten a page by *start* date: a new event may land anywhere. Activities have the answer's time.

    `account.post(..., starts=POSIX)` sets the start; without it, it is made up.
    """

    family = "gancio"
    software = "gancio"
    software_version = "1.21.0"
    kind = "Event"
    actor_kind = "Application"
    size: ClassVar[int] = 10
    validated = frozenset({"actor", "root", "page", "object"})
    alternates: ClassVar = {"html": 301, "any": 301}
    alternate_kinds = frozenset({"object"})
    gzips = True
    host_meta = True
    lists_boosts = False
    states_updated = False
    robots = "user-agent: *\n\nallow: /\nallow: /about\nallow: /event/*\nallow: /announcement/*"

    def key(self, number: int) -> str:
        return str(number)

    def actor_path(self, user: str, number: int) -> str:
        return f"/federation/u/{user}"

    def post_path(self, post: Post) -> str:
        return f"/federation/m/{post.number}"

    def human_path(self, post: Post) -> str:
        return f"/event/event-{post.number}-{int(starts(post))}"

    def activity_id(self, activity: Activity) -> str:
        if activity.post is not None:
            return f"{activity.post.id}#{activity.verb.lower()}"
        return super().activity_id(activity)

    def stamp(self, at: float) -> str:
        return iso_ms(at)

    def actor(self, account: Account) -> Json:
        return {**super().actor(account), "url": account.actor_id}

    def object(self, post: Post) -> Json:
        document = super().object(post)
        start = starts(post)
        document.pop("starts", None)
        document["name"] = post.text.partition(".")[0]
        document["startTime"] = iso_offset(start)
        if post.number % 2:
            document["endTime"] = iso_offset(start + 7_200)
        document["location"] = {
            "id": f"{self.base}/federation/p/1",
            "type": "Place",
            "name": "Lab Hall",
            "address": "Loopback Street 1",
            "latitude": 45.07,
            "longitude": 7.68,
        }
        return document

    def arrange(self, account: Account) -> list[Activity]:
        listed = super().arrange(account)
        return sorted(listed, key=lambda a: starts(a.post) if a.post else 0, reverse=True)

    def lists(self, activity: Activity) -> bool:
        return super().lists(activity) and activity.verb == "Create"

    def activity(self, activity: Activity) -> Json:
        published = iso_offset(self.answer_ms() / 1000)
        return {**super().activity(activity), "to": PUBLIC, "published": published}

    def hidden(self, asked: Incoming, post: Post) -> Reply:
        """An event that waits for its confirmation is served to whoever knows its id."""
        open_to_all = {"to": [PUBLIC], "cc": [self.beside_actor(post.account, "followers")]}
        document = self.contextual({**self.object(post), **open_to_all})
        return self.document(asked, "object", document, url=post.url)

    def missing(self, asked: Incoming) -> Reply:
        return Reply(404, {"Content-Type": "text/html; charset=utf-8"}, b"Not found")

    def outbox(self, asked: Incoming, account: Account) -> Reply:
        url, listed = account.outbox_url, self.offered(account)
        last = last_page(listed, self.size)  # 0 of an empty outbox: `next` for ever
        if "page" not in asked.query:
            ends = {"first": f"{url}?page=1", "last": f"{url}?page={last}"}
            return self.document(asked, "root", self.root(account, **ends))
        number = page_number(asked.query)
        page = self.page(
            account,
            f"{url}?page={number}",
            numbered(listed, number, self.size),
            totalItems=len(listed),
            next=f"{url}?page={number + 1}" if number != last else None,
            prev=f"{url}?page={number - 1}" if number > 1 else None,
        )
        return self.document(asked, "page", page)


class Mobilizon(Server):
    """Events, then comments, ten of each a page; the first page is embedded in the root.

    `next` stands while the page's offset is below the total, so the last pages are empty; `prev`
    has the same condition turned round by mistake, so it appears only past the end.
    """

    family = "mobilizon"
    software = "mobilizon"
    software_version = "5.2.0"
    kind = "Event"
    actor_kind = "Group"
    size: ClassVar[int] = 10
    deletion = "410 tombstone"
    host_meta = True
    headers: ClassVar = {"*": {"Cache-Control": "max-age=0, private, must-revalidate"}}
    robots = "User-agent: *\nDisallow: /login\n"

    def actor_path(self, user: str, number: int) -> str:
        return f"/@{user}"

    def post_path(self, post: Post) -> str:
        return f"/{'events' if post.kind == 'Event' else 'comments'}/{post.key}"

    def human_path(self, post: Post) -> str:
        return f"/e/{post.key}"

    def filler(self, nth: int) -> str:
        """Every third is a comment."""
        return "Note" if nth % 3 == 2 else self.kind

    def object(self, post: Post) -> Json:
        document = super().object(post)
        if post.kind != "Event":
            return document
        start = starts(post)
        document.pop("starts", None)
        times = {"startTime": self.stamp(start), "endTime": self.stamp(start + 7_200)}
        return {**document, "name": post.text.partition(".")[0], **times}

    def outbox(self, asked: Incoming, account: Account) -> Reply:
        url, listed = account.outbox_url, self.offered(account)
        number = page_number(asked.query)
        offset = (number - 1) * self.size
        kinds = [
            [a for a in listed if (a.post is not None and a.post.kind == "Event") is events]
            for events in (True, False)
        ]
        page = self.page(
            account,
            f"{url}?page={number}",
            [a for kind in kinds for a in numbered(kind, number, self.size)],
            attributedTo=account.actor_id,
            next=f"{url}?page={number + 1}" if offset < len(listed) else None,
            prev=f"{url}?page={number - 1}" if offset > len(listed) else None,
        )
        if "page" in asked.query:
            return self.document(asked, "page", page)
        del page["@context"]
        return self.document(asked, "root", self.root(account, first=page))
