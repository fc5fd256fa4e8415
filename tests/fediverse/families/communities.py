"""Lemmy: a community announces its newest fifty posts under ids of the moment; a person nothing."""

from __future__ import annotations

import random
import uuid
from typing import Any, ClassVar

from ..documents import AS, PUBLIC, iso_us
from ..model import Account, Activity, Json, Post
from ..threads import Conversations
from ..wire import Incoming, Reply


class LemmyCommunity(Conversations):
    """One unpaged collection of Announce{Create{Page}}; the pages belong to a person, not to it."""

    family = "lemmy"
    software = "lemmy"
    software_version = "0.19.13"
    form = "lemmy"
    kind = "Page"
    actor_kind = "Group"
    shown: ClassVar[int] = 50
    headers: ClassVar = {"*": {"Cache-Control": "public, max-age=60", "Vary": "Accept"}}
    content_type = "application/activity+json"
    deletion = "410 tombstone"
    lists_boosts = False
    finger_by_uri = False
    robots = "User-Agent: *\nDisallow: /login\nDisallow: /settings\nDisallow: /admin\n"

    def actor_path(self, user: str, number: int) -> str:
        return f"/c/{user}"

    def author(self, account: Account) -> str:
        return f"{self.base}/u/{account.user}_writer"

    def post_path(self, post: Post) -> str:
        return f"/post/{post.number}"

    def stamp(self, at: float) -> str:
        return iso_us(at)

    def once(self, verb: str) -> str:
        """An activity id that no other answer repeats and nobody can fetch."""
        bits = random.Random(f"{self.host}/{self.answer_ms()}").getrandbits(128)
        return f"{self.base}/activities/{verb}/{uuid.UUID(int=bits, version=4)}"

    def object(self, post: Post) -> Json:
        community = post.account.actor_id
        return {
            **super().object(post),
            "name": post.text.partition(".")[0],
            "attributedTo": self.author(post.account),
            "to": [community, PUBLIC],
            "cc": [],
            "audience": community,
            "commentsEnabled": True,
            "stickied": False,
        }

    def item(self, activity: Activity) -> Json:
        assert activity.post is not None
        account = activity.account
        create = {
            "id": self.once("create"),
            "type": "Create",
            "actor": self.author(account),
            "to": [PUBLIC],
            "cc": [account.actor_id],
            "object": self.object(activity.post),
            "audience": account.actor_id,
        }
        return {
            "id": self.once("announce"),
            "type": "Announce",
            "actor": account.actor_id,
            "to": [PUBLIC],
            "cc": [self.beside_actor(account, "followers")],
            "object": create,
        }

    def pushed(self, activity: Activity) -> Json:
        """The community announces what its members do; edits and deletions come so too."""
        if activity.post is None:
            return super().pushed(activity)
        wrapped = self.item(activity)
        inner = {**wrapped["object"], "type": activity.verb}
        if activity.verb == "Delete":
            inner["object"] = activity.post.id
        return {"@context": AS, **wrapped, "object": inner}

    def lists(self, activity: Activity) -> bool:
        """Posts only; comments never appear in an outbox."""
        comment = activity.post is not None and activity.post.in_reply_to is not None
        return super().lists(activity) and not comment

    def arrange(self, account: Account) -> list[Activity]:
        return super().arrange(account)[: self.shown]

    def root(self, account: Account, **more: Any) -> Json:
        claimed = sum(1 for post in account.posts if post.public)
        return {**super().root(account, **more), "totalItems": claimed}

    def extra_route(self, asked: Incoming) -> Reply | None:
        """The writer of a community's posts, and their outbox, which is empty for every person."""
        url = self.base + asked.path
        for account in self.accounts.values():
            author = self.author(account)
            if url == author:
                document = {
                    **self.actor(account),
                    "id": author,
                    "type": "Person",
                    "preferredUsername": f"{account.user}_writer",
                    "inbox": f"{author}/inbox",
                    "outbox": f"{author}/outbox",
                }
                return self.document(asked, "actor", document)
            if url == f"{author}/outbox":
                empty: Json = {"@context": AS, "id": url, "type": "OrderedCollection"}
                return self.document(asked, "root", {**empty, "totalItems": 0, "orderedItems": []})
        return super().extra_route(asked)


class LemmyPerson(LemmyCommunity):
    """A person's outbox is always empty, whatever they wrote."""

    family = "lemmy-person"
    actor_kind = "Person"

    def actor_path(self, user: str, number: int) -> str:
        return f"/u/{user}"

    def author(self, account: Account) -> str:
        return account.actor_id

    def arrange(self, account: Account) -> list[Activity]:
        return []

    def root(self, account: Account, **more: Any) -> Json:
        return {**super().root(account, **more), "totalItems": 0}

    def extra_route(self, asked: Incoming) -> Reply | None:
        return Conversations.extra_route(self, asked)
