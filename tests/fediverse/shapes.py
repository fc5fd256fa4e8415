"""The plainest shapes of what a host serves: paths, ids, actors, objects and activities.

A family overrides what it does differently. Nothing here looks anything up: a shape is made from an
account, a post or an activity alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from .documents import AS, PUBLIC, SECURITY, compact, iso, paragraphs
from .frontdoor import FrontDoor
from .keys import ed25519_key, multikey, public_pem, rsa_key
from .model import Account, Activity, Json, Post


class Shapes(FrontDoor):
    """How paths and documents look."""

    family: ClassVar[str] = "server"
    kind: ClassVar[str] = "Note"  # what a post is unless said otherwise
    actor_kind: ClassVar[str] = "Person"
    public_word: ClassVar[str] = PUBLIC
    singletons: ClassVar[bool] = False  # lists of one are written as the bare value
    states_updated: ClassVar[bool] = True
    serves_activities: ClassVar[bool] = True
    lists_boosts: ClassVar[bool] = True
    total: ClassVar[bool] = True  # does the root state totalItems?
    multikeys: ClassVar[bool] = False  # do actors publish an Ed25519 key (FEP-521a)?

    # Paths and ids; families override

    def key(self, number: int) -> str:
        """The id part of an object or activity; as a string it orders like the number."""
        return f"{number:012d}"

    def actor_path(self, user: str, number: int) -> str:
        return f"/users/{user}"

    def outbox_path(self, user: str, number: int) -> str:
        return f"{self.actor_path(user, number)}/outbox"

    def post_path(self, post: Post) -> str:
        return f"/users/{post.account.user}/statuses/{post.key}"

    def human_path(self, post: Post) -> str:
        return f"/@{post.account.user}/{post.key}"

    def activity_id(self, activity: Activity) -> str:
        if activity.verb == "Create" and activity.post is not None:
            return f"{activity.post.id}/activity"
        return f"{activity.account.actor_id}/activities/{activity.key}"

    def beside_actor(self, account: Account, name: str) -> str:
        """The URL of the actor's inbox, followers and so on."""
        return f"{account.actor_id}/{name}"

    # Documents; families override

    def stamp(self, at: float) -> str:
        return iso(at)

    def context(self) -> Any:
        return [AS, {"Hashtag": "as:Hashtag", "sensitive": "as:sensitive"}]

    def contextual(self, document: Json) -> Json:
        return {"@context": self.context(), **document}

    def one_or_all(self, values: Sequence[Any]) -> Any:
        return compact(values) if self.singletons else list(values)

    def addressing(self, post: Post) -> Json:
        followers = self.beside_actor(post.account, "followers")
        to, cc = {
            "unlisted": ([followers], [self.public_word]),
            "followers": ([followers], []),
            "direct": ([f"{self.base}/users/somebody"], []),
        }.get(post.visibility, ([self.public_word], [followers]))
        return {"to": self.one_or_all(to), "cc": self.one_or_all(cc)}

    def actor(self, account: Account) -> Json:
        more: Json = {"assertionMethod": [self.assertion(account)]} if self.multikeys else {}
        if account.moved_to:
            more["movedTo"] = account.moved_to
        if account.aliases:
            more["alsoKnownAs"] = list(account.aliases)
        return {
            "@context": [AS, SECURITY],
            **more,
            "id": account.actor_id,
            "type": account.kind,
            "preferredUsername": account.user,
            "name": account.name,
            "summary": f"<p>{account.name} on {self.host}</p>",
            "inbox": self.beside_actor(account, "inbox"),
            "outbox": account.outbox_url,
            "followers": self.beside_actor(account, "followers"),
            "following": self.beside_actor(account, "following"),
            "url": f"{self.base}/@{account.user}",
            "published": self.stamp(account.created),
            "manuallyApprovesFollowers": False,
            "discoverable": True,
            "indexable": True,
            "endpoints": {"sharedInbox": f"{self.base}/inbox"},
            "publicKey": {
                "id": f"{account.actor_id}#main-key",
                "owner": account.actor_id,
                "publicKeyPem": public_pem(rsa_key(account.key)),
            },
            **account.says,
        }

    def assertion(self, account: Account) -> Json:
        return {
            "id": f"{account.actor_id}#ed25519-key",
            "type": "Multikey",
            "controller": account.actor_id,
            "publicKeyMultibase": multikey(ed25519_key(account.actor_id)),
        }

    def key_id(self, account: Account, kind: str = "rsa") -> str:
        """The id of the key that this host signs with, as the actor's document has it."""
        if kind == "ed25519":
            return str(self.assertion(account)["id"])
        key = self.actor(account).get("publicKey", {})
        return str(key.get("id", f"{account.actor_id}#main-key"))

    def object(self, post: Post) -> Json:
        document: Json = {
            "id": post.id,
            "type": post.kind,
            "attributedTo": post.account.actor_id,
            "content": paragraphs(post.text, post.tags, self.base),
            "published": self.stamp(post.published),
            **self.addressing(post),
            "url": post.url,
            "sensitive": False,
            "tag": self.one_or_all(self.hashtags(post)),
            "attachment": self.one_or_all(()),
        }
        if post.in_reply_to is not None:
            document["inReplyTo"] = post.in_reply_to
        if post.updated is not None and self.states_updated:
            document["updated"] = self.stamp(post.updated)
        document.update(post.extra)
        return document

    def hashtags(self, post: Post) -> list[Json]:
        return [
            {"type": "Hashtag", "href": f"{self.base}/tags/{tag.lower()}", "name": f"#{tag}"}
            for tag in post.tags
        ]

    def activity(self, activity: Activity) -> Json:
        """The activity as it stands on a page: a Create embeds its object, a boost names a URI."""
        document: Json = {
            "id": activity.id,
            "type": activity.verb,
            "actor": activity.account.actor_id,
            "published": self.stamp(activity.at),
        }
        if activity.post is not None and activity.verb in ("Create", "Update"):
            document |= self.addressing(activity.post)
            document["object"] = self.object(activity.post)
        else:
            document["to"] = self.one_or_all([self.public_word])
            document["object"] = activity.object
        return document

    def item(self, activity: Activity) -> Any:
        """How the outbox lists it."""
        return self.activity(activity)
