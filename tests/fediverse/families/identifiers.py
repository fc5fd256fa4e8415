"""Families whose outbox lists bare URLs of activities: bovine and activitypub-bot.

One request shows what an activity is, another one its object.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, ClassVar

from ..documents import ACTIVITY_JSON, iso_ms
from ..model import Account, Activity, Json, Post
from ..paging import just_newer, older
from ..policies import ACTIVITYPUB_BOT, BOVINE
from ..server import Server
from ..web import PROBLEM
from ..wire import Incoming, Reply


def token(of: str, length: int = 32) -> str:
    """An opaque id part, the same each time."""
    return hashlib.sha256(of.encode()).hexdigest()[:length]


class Bovine(Server):
    """`next` is named `?min_id=` and leads to what is older; followers-only ids are listed too."""

    family = "bovine"
    software = "bovine_herd"
    software_version = "0.5.19"
    policy = BOVINE
    limit: ClassVar[int] = 10
    content_type = ACTIVITY_JSON
    finger_type = "application/jrd+json"
    alternates: ClassVar = {}
    public_word = "as:Public"
    singletons = True
    host_meta = True

    def key(self, number: int) -> str:
        return f"{number:07d}"

    def actor_path(self, user: str, number: int) -> str:
        return f"/endpoints/{token(f'{self.seed}/{user}')}"

    def outbox_path(self, user: str, number: int) -> str:
        return f"/endpoints/{token(f'{self.seed}/{user}/outbox')}"

    def beside_actor(self, account: Account, name: str) -> str:
        return f"{self.base}/endpoints/{token(f'{self.seed}/{account.user}/{name}')}/{name}"

    def post_path(self, post: Post) -> str:
        return f"/objects/{token(f'{self.seed}/object/{post.key}')}"

    def activity_id(self, activity: Activity) -> str:
        return f"{self.base}/objects/{token(f'{self.seed}/{activity.verb}/{activity.key}')}"

    def checked(self, asked: Incoming) -> Reply | None:
        """With authorised fetch, its outbox stays open all the same."""
        if self.authorized_fetch and self.base + asked.path in self._outboxes:
            return None
        return super().checked(asked)

    def actor(self, account: Account) -> Json:
        document = super().actor(account)
        kept = ("@context", "id", "type", "inbox", "outbox", "name", "preferredUsername")
        return {name: document[name] for name in (*kept, "summary", "publicKey")}

    def lists(self, activity: Activity) -> bool:
        post = activity.post
        if activity.verb == "Create" and post is not None:
            return post.deleted is None and post.visibility != "direct"
        return super().lists(activity)

    def activity(self, activity: Activity) -> Json:
        return {**super().activity(activity), "object": activity.object}

    def item(self, activity: Activity) -> str:
        return activity.id

    def nothing(self, asked: Incoming, kind: str) -> Reply:
        body = {"id": self.base + asked.target, "name": "Ceci n'est pas un object", "type": kind}
        return self.json(404, body, self.content_type)

    def missing(self, asked: Incoming) -> Reply:
        return self.nothing(asked, "Object")

    def hidden(self, asked: Incoming, post: Post) -> Reply:
        return self.nothing(asked, "Tombstone")

    def deleted(self, asked: Incoming, post: Post) -> Reply:
        return self.nothing(asked, "Tombstone")

    def outbox(self, asked: Incoming, account: Account) -> Reply:
        url, query, listed = account.outbox_url, asked.query, self.offered(account)
        if not query:
            ends = {"first": f"{url}?first=1", "last": f"{url}?last=1"}
            return self.document(asked, "root", self.root(account, **ends))
        if "max_id" in query:
            here = just_newer(listed, query["max_id"].zfill(7), self.limit)
        elif "last" in query:
            here = listed[-self.limit :]
        else:
            here = older(listed, query.get("min_id", "9999999").zfill(7), self.limit)
        page = self.page(
            account,
            f"{self.base}{asked.target}",
            here,
            next=f"{url}?min_id={int(here[-1].key)}" if here else None,
            prev=f"{url}?max_id={int(here[0].key)}" if here else None,
        )
        return self.document(asked, "page", page)


class ActivityPubBot(Server):
    """Pages count upwards with time and hold up to 200 URLs under `items`; it states its limits."""

    family = "activitypub-bot"
    software = "activitypub.bot"
    software_version = "0.51.0"
    policy = ACTIVITYPUB_BOT
    actor_kind = "Service"
    size: ClassVar[int] = 200
    content_type = ACTIVITY_JSON
    alternates: ClassVar = {}
    public_word = "as:Public"
    singletons = True
    deletion = "200 tombstone"
    refusal = 403
    finger_by_uri = True
    nodeinfo_versions = ("2.0", "2.1", "2.2")
    robots = "# We are all bots here\nUser-agent: *\nDisallow:\n"

    def actor_path(self, user: str, number: int) -> str:
        return f"/user/{user}"

    def post_path(self, post: Post) -> str:
        return f"/user/{post.account.user}/note/{token(f'{self.seed}/{post.key}', 21)}"

    def activity_id(self, activity: Activity) -> str:
        name = token(f"{self.seed}/{activity.verb}/{activity.key}", 21)
        return f"{activity.account.actor_id}/{activity.verb.lower()}/{name}"

    def stamp(self, at: float) -> str:
        return iso_ms(at)

    def headers_of(self, kind: str) -> Mapping[str, str]:
        policy = '"steady-get"; q=2400; w=60, "burst-get"; q=1000; w=10'
        left = '"steady-get"; r=2399; t=60, "burst-get"; r=999; t=10'
        return {"RateLimit": left, "RateLimit-Policy": policy}

    def actor(self, account: Account) -> Json:
        document = super().actor(account)
        link = {"type": "Link", "href": document["url"], "mediaType": "text/html"}
        key = {
            **document["publicKey"],
            "id": f"{account.actor_id}/publickey",
            "type": "CryptographicKey",
        }
        finger = f"{account.user}@{self.host}"
        return {**document, "url": link, "publicKey": key, "webfinger": finger, "to": "as:Public"}

    def extra_route(self, asked: Incoming) -> Reply | None:
        account = self._actors.get(self.base + asked.path.removesuffix("/publickey"))
        if account is not None:
            key = self.actor(account)["publicKey"]
            return self.document(asked, "key", self.contextual(key))
        for account in self.accounts.values():
            page = asked.path.removeprefix(f"{self.actor_path(account.user, 0)}/outbox/")
            if page.isdecimal():
                return self.outbox_page(asked, account, int(page))
        return None

    def lists(self, activity: Activity) -> bool:
        """Everything it did in public, also to what it deleted since."""
        if activity.post is not None:
            return activity.post.visibility in ("public", "unlisted")
        return not activity.undone

    def activity(self, activity: Activity) -> Json:
        return {**super().activity(activity), "object": activity.object}

    def item(self, activity: Activity) -> str:
        return activity.id

    def serve_activity(self, asked: Incoming, activity: Activity) -> Reply:
        """Activities about something deleted stay readable; the object is a Tombstone."""
        if activity.post is not None and not self.lists(activity):
            return self.hidden(asked, activity.post)
        return self.document(asked, "activity", self.contextual(self.activity(activity)))

    def missing(self, asked: Incoming) -> Reply:
        problem = {"type": "about:blank", "title": "Not Found", "status": 404}
        return self.json(404, problem, PROBLEM)

    def root(self, account: Account, **more: Any) -> Json:
        root = super().root(account, **more)
        claimed = len(account.activities)  # also what is not shown
        return {**root, "totalItems": claimed, "attributedTo": account.actor_id, "to": "as:Public"}

    def outbox(self, asked: Incoming, account: Account) -> Reply:
        last = max(1, -(-len(self.offered(account)) // self.size))
        ends = {"first": f"{account.outbox_url}/{last}", "last": f"{account.outbox_url}/1"}
        return self.document(asked, "root", self.root(account, **ends))

    def outbox_page(self, asked: Incoming, account: Account, number: int) -> Reply:
        oldest_first = self.offered(account)[::-1]
        here = oldest_first[(number - 1) * self.size : number * self.size][::-1]
        newer = number * self.size < len(oldest_first)
        page = self.page(
            account,
            f"{account.outbox_url}/{number}",
            here,
            attributedTo=account.actor_id,
            to="as:Public",
            next=f"{account.outbox_url}/{number - 1}" if number > 1 else None,
            prev=f"{account.outbox_url}/{number + 1}" if newer else None,
        )
        page["items"] = page.pop("orderedItems")
        return self.document(asked, "page", page)
