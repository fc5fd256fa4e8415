"""onepage.pub: every link in a collection is a stub `{id, type}`, every id is opaque.

Pages fill up and then stay as they are, each with a name of its own; the newest may be short.
"""

from __future__ import annotations

from typing import Any, ClassVar

from ..documents import AS, PUBLIC, iso_ms
from ..model import Account, Activity, Json, Post
from ..policies import ONEPAGE
from ..server import Server
from ..web import PROBLEM
from ..wire import Incoming, Reply
from .identifiers import token

PUBLIC_STUB = {"id": PUBLIC, "type": "Collection", "nameMap": {"en": "Public"}}


class Onepage(Server):
    """Lists everything an account did; a Create of what was deleted since holds the Tombstone."""

    family = "onepage"
    software = "onepage.pub"
    software_version = "0.19.0"
    policy = ONEPAGE
    size: ClassVar[int] = 20
    validated = frozenset({"actor", "root", "page", "object", "activity", "collection"})
    alternates: ClassVar = {}
    deletion = "410 tombstone"
    refusal = 401
    finger_by_uri = True
    nodeinfo_versions = ()

    def name_of(self, what: str) -> str:
        return token(f"{self.seed}/{self.host}/{what}", 21)

    def actor_path(self, user: str, number: int) -> str:
        return f"/person/{self.name_of(user)}"

    def outbox_path(self, user: str, number: int) -> str:
        return f"/orderedcollection/{self.name_of(f'{user}/outbox')}"

    def beside_actor(self, account: Account, name: str) -> str:
        return f"{self.base}/orderedcollection/{self.name_of(f'{account.user}/{name}')}/{name}"

    def page_url(self, account: Account, number: int) -> str:
        page = self.name_of(f"{account.user}/outbox/{number}")
        return f"{self.base}/orderedcollectionpage/{page}"

    def post_path(self, post: Post) -> str:
        return f"/{post.kind.lower()}/{self.name_of(f'object/{post.key}')}"

    def activity_id(self, activity: Activity) -> str:
        name = self.name_of(f"{activity.verb}/{activity.key}")
        return f"{self.base}/{activity.verb.lower()}/{name}"

    def stamp(self, at: float) -> str:
        return iso_ms(at)

    def stub(self, account: Account) -> Json:
        return {"id": account.actor_id, "type": account.kind, "name": account.user}

    def addressing(self, post: Post) -> Json:
        followers = {
            "id": self.beside_actor(post.account, "followers"),
            "type": "OrderedCollection",
            "nameMap": {"en": f"{post.account.user}'s followers"},
        }
        if post.visibility == "public":
            return {"to": [PUBLIC_STUB], "cc": [followers]}
        return {"to": [followers], "cc": [PUBLIC_STUB] if post.visibility == "unlisted" else []}

    def actor(self, account: Account) -> Json:
        document = super().actor(account)
        return {**document, "attributedTo": self.stub(account), "to": [PUBLIC_STUB]}

    def object(self, post: Post) -> Json:
        if post.deleted is not None:
            return self.tombstone(post)
        document = {
            **super().object(post),
            "attributedTo": self.stub(post.account),
            "summaryMap": {"en": f"A(n) {post.kind} by {post.account.user}"},
        }
        if post.in_reply_to is not None:
            document["inReplyTo"] = {"id": post.in_reply_to, "type": "Note"}
        for name in ("likes", "replies", "shares"):
            collection = f"{self.base}/orderedcollection/{self.name_of(f'{post.key}/{name}')}"
            document[name] = {"id": collection, "type": "OrderedCollection"}
        return document

    def tombstone(self, post: Post) -> Json:
        document = super().tombstone(post)
        return {
            **document,
            "updated": document["deleted"],
            "summaryMap": {"en": f"A deleted {post.kind} by {post.account.user}"},
        }

    def activity(self, activity: Activity) -> Json:
        document = {**super().activity(activity), "actor": self.stub(activity.account)}
        document["to"] = [PUBLIC_STUB]
        if activity.verb == "Delete" and activity.post is not None:
            document["object"] = self.tombstone(activity.post)
        elif activity.post is None:
            document["object"] = {"id": activity.object}
        return document

    def lists(self, activity: Activity) -> bool:
        post = activity.post
        return post.visibility in ("public", "unlisted") if post else not activity.undone

    def serve_activity(self, asked: Incoming, activity: Activity) -> Reply:
        if activity.post is not None and not self.lists(activity):
            return self.hidden(asked, activity.post)
        return self.document(asked, "activity", self.contextual(self.activity(activity)))

    def missing(self, asked: Incoming) -> Reply:
        problem = {"type": "about:blank", "title": "Not Found", "status": 404}
        return self.json(404, problem, PROBLEM)

    def page_stub(self, account: Account, number: int) -> Json:
        return {"id": self.page_url(account, number), "type": "OrderedCollectionPage"}

    def newest_page(self, account: Account) -> int:
        return max(0, len(self.offered(account)) - 1) // self.size

    def outbox(self, asked: Incoming, account: Account) -> Reply:
        ends = {
            "first": self.page_stub(account, self.newest_page(account)),
            "last": self.page_stub(account, 0),
        }
        owner = {"attributedTo": self.stub(account), "to": [PUBLIC_STUB]}
        claimed = len(account.activities)  # also what is not shown
        root = {**self.root(account, **ends, **owner), "totalItems": claimed}
        return self.document(asked, "root", root)

    def extra_route(self, asked: Incoming) -> Reply | None:
        url = self.base + asked.path
        if not asked.path.startswith("/orderedcollectionpage/"):
            return None
        for account in self.accounts.values():
            for number in range(self.newest_page(account) + 1):
                if self.page_url(account, number) == url:
                    return self.outbox_page(asked, account, number)
        return None

    def outbox_page(self, asked: Incoming, account: Account, number: int) -> Reply:
        oldest_first = self.offered(account)[::-1]
        here = oldest_first[number * self.size : (number + 1) * self.size][::-1]
        last = self.newest_page(account)
        more: dict[str, Any] = {
            "next": self.page_stub(account, number - 1) if number else None,
            "prev": self.page_stub(account, number + 1) if number < last else None,
            "attributedTo": self.stub(account),
            "to": [PUBLIC_STUB],
        }
        page = self.page(account, self.page_url(account, number), here, **more)
        page["partOf"] = {"id": account.outbox_url, "type": "OrderedCollection"}
        return self.document(asked, "page", {**page, "@context": AS})
