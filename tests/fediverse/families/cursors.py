"""Families that page by `max_id` and offer a cursor to what is newer: Mastodon and its likes.

Their order is strict, newest first, so `prev` of the newest page leads to exactly what came after.
"""

from __future__ import annotations

import random
import uuid
from typing import Any, ClassVar

from ..documents import BASE36, BASE62, in_base
from ..model import Account, Activity, Post
from ..paging import just_newer, newest_since, older
from ..policies import MASTODON, MISSKEY
from ..server import Server
from ..threads import MastodonThreads
from ..wire import Incoming, Reply


class Mastodon(MastodonThreads):
    """Pages of 20; `next` only when a page is full, `prev` whenever it is not empty."""

    family = "mastodon"
    software = "mastodon"
    software_version = "4.5.1"
    policy = MASTODON
    form = "mastodon"
    limit: ClassVar[int] = 20
    robots = "User-agent: *\nDisallow: /media_proxy/\nDisallow: /interact/\n"
    finger_by_uri = True
    host_meta = True
    headers: ClassVar = {
        "root": {"Cache-Control": "max-age=180, public", "Vary": "Accept, Signature"},
        "page": {"Cache-Control": "max-age=60, public", "Vary": "Accept, Signature"},
        "*": {"Cache-Control": "max-age=180, public", "Vary": "Accept, Accept-Language, Cookie"},
    }

    def key(self, number: int) -> str:
        return str(114_000_000_000_000_000 + number * 65_536 + number % 977)

    def activity_id(self, activity: Activity) -> str:
        if activity.verb == "Announce":  # a boost is a status of its own
            return f"{activity.account.actor_id}/statuses/{activity.key}/activity"
        return super().activity_id(activity)

    def counts(self, asked: Incoming) -> bool:
        """Its limit (300 in 15 minutes) is for paging only: config/initializers/rack_attack.rb."""
        return not asked.query.keys().isdisjoint({"page", "min_id", "max_id", "since_id"})

    def outbox(self, asked: Incoming, account: Account) -> Reply:
        url, query = account.outbox_url, asked.query
        if query.get("page") != "true":
            ends = {"first": f"{url}?page=true", "last": f"{url}?min_id=0&page=true"}
            return self.document(asked, "root", self.root(account, **ends))
        listed = self.offered(account)
        if "min_id" in query:
            here = just_newer(listed, query["min_id"].zfill(18), self.limit)
        elif "since_id" in query:
            here = newest_since(listed, query["since_id"].zfill(18), self.limit)
        else:
            here = older(listed, query.get("max_id"), self.limit)
        cursor = "".join(f"{k}={query[k]}&" for k in ("max_id", "min_id") if k in query)
        page = self.page(
            account,
            f"{url}?{cursor}page=true",
            here,
            next=f"{url}?max_id={here[-1].key}&page=true" if len(here) == self.limit else None,
            prev=f"{url}?min_id={here[0].key}&page=true" if here else None,
        )
        return self.document(asked, "page", page)


class Pleroma(Server):
    """`id`, `next` and `prev` stand on a page iff it is not empty: an empty page ends a walk."""

    family = "pleroma"
    software = "pleroma"
    software_version = "2.9.1"
    form = "pleroma"
    total = False
    limit: ClassVar[int] = 20
    host_meta = True
    robots = "User-Agent: *\nDisallow:\n"
    headers: ClassVar = {"*": {"Cache-Control": "max-age=0, private, must-revalidate"}}

    def key(self, number: int) -> str:
        """A flake: base 62, ordered as text."""
        return "A" + in_base(number * 3_141_592_653, BASE62, 17)

    def _uuid(self, of: str) -> str:
        bits = random.Random(f"{self.seed}/{self.host}/{of}").getrandbits(128)
        return str(uuid.UUID(int=bits, version=4))

    def post_path(self, post: Post) -> str:
        return f"/objects/{self._uuid(post.key)}"

    def human_path(self, post: Post) -> str:
        return f"/notice/{post.key}"

    def activity_id(self, activity: Activity) -> str:
        return f"{self.base}/activities/{self._uuid(activity.key + activity.verb)}"

    def outbox(self, asked: Incoming, account: Account) -> Reply:
        url, query = account.outbox_url, asked.query
        if query.get("page") not in ("true", "1"):
            return self.document(asked, "root", self.root(account, first=f"{url}?page=true"))
        listed = self.offered(account)
        if "min_id" in query:
            here = just_newer(listed, query["min_id"], self.limit)
        else:
            here = older(listed, query.get("max_id"), self.limit)
        page = self.page(
            account,
            f"{url}?page=true",
            here,
            next=f"{url}?max_id={here[-1].key}&page=true" if here else None,
            prev=f"{url}?min_id={here[0].key}&page=true" if here else None,
        )
        if not here:
            del page["id"]
        return self.document(asked, "page", page)


class Misskey(Server):
    """`since_id` and `until_id`, never both; notes have no `replies` and say nothing of edits."""

    family = "misskey"
    software = "misskey"
    software_version = "2026.9.0"
    policy = MISSKEY
    form = "misskey"
    limit: ClassVar[int] = 20
    states_updated = False
    host_meta = True
    robots = "User-agent: *\nAllow: /\n"
    content_type = "application/activity+json; charset=utf-8"
    headers: ClassVar = {
        "page": {},
        "root": {"Cache-Control": "public, max-age=180"},
        "*": {"Cache-Control": "public, max-age=180", "Vary": "Accept"},
    }

    def key(self, number: int) -> str:
        """An aid: base 36, ordered as text."""
        return "9" + in_base(number * 1_679_617, BASE36, 15)

    def actor_path(self, user: str, number: int) -> str:
        return f"/users/9{in_base(number * 46_656, BASE36, 9)}"

    def post_path(self, post: Post) -> str:
        return f"/notes/{post.key}"

    def human_path(self, post: Post) -> str:
        return f"/@{post.account.user}/notes/{post.key}"

    def activity_id(self, activity: Activity) -> str:
        return f"{self.base}/notes/{activity.key}/activity"

    def outbox(self, asked: Incoming, account: Account) -> Reply:
        url, query = account.outbox_url, asked.query
        if "since_id" in query and "until_id" in query:
            return self.json(400, {"error": "both cursors"}, "application/json")
        if query.get("page") != "true":
            last = f"{url}?page=true&since_id=000000000000000000000000"
            ends = {"first": f"{url}?page=true", "last": last}
            return self.document(asked, "root", self.root(account, **ends))
        listed = self.offered(account)
        if "since_id" in query:
            here = just_newer(listed, query["since_id"], self.limit)
        else:
            here = older(listed, query.get("until_id"), self.limit)
        page = self.page(
            account,
            f"{self.base}{asked.target}",
            here,
            next=f"{url}?page=true&until_id={here[-1].key}" if here else None,
            prev=f"{url}?page=true&since_id={here[0].key}" if here else None,
        )
        return self.document(asked, "page", page)


class Friendica(Server):
    """First `?page=1`, then `?max_id=`; what was deleted is a Tombstone with status 200."""

    family = "friendica"
    software = "friendica"
    software_version = "2024.12"
    limit: ClassVar[int] = 20
    deletion = "200 tombstone"
    host_meta = True
    finger_by_uri = True
    robots = "User-agent: *\nDisallow: /settings/\nDisallow: /admin/\n"

    def actor_path(self, user: str, number: int) -> str:
        return f"/profile/{user}"

    def outbox_path(self, user: str, number: int) -> str:
        return f"/outbox/{user}"

    def post_path(self, post: Post) -> str:
        return f"/objects/{post.key}"

    def human_path(self, post: Post) -> str:
        return f"/display/{post.key}"

    def activity_id(self, activity: Activity) -> str:
        verb = "Create" if activity.verb == "Create" else activity.verb
        return f"{self.base}/objects/{activity.key}/{verb}"

    def outbox(self, asked: Incoming, account: Account) -> Reply:
        url, query = account.outbox_url, asked.query
        if not query.keys() & {"page", "max_id"}:
            return self.document(asked, "root", self.root(account, first=f"{url}?page=1"))
        here = older(self.offered(account), query.get("max_id"), self.limit)
        more: dict[str, Any] = {}
        if len(here) == self.limit:
            more["next"] = f"{url}?max_id={here[-1].key}"
        return self.document(
            asked, "page", self.page(account, f"{self.base}{asked.target}", here, **more)
        )
