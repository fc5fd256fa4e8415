"""GoToSocial: ids only, `no-store`, strict about headers, and its outbox leaves much out.

Replies, boosts and unlisted posts never appear there, and a page may be empty in the middle.
"""

from __future__ import annotations

from typing import ClassVar

from ..documents import ACTIVITY_JSON, CROCKFORD, in_base
from ..model import Account, Activity, Json
from ..paging import just_newer, older
from ..policies import GOTOSOCIAL
from ..threads import GoToSocialThreads
from ..wire import Incoming, Reply


class GoToSocial(GoToSocialThreads):
    """Cursors are taken before the visibility filter, so an empty page may have a `next`."""

    family = "gotosocial"
    software = "gotosocial"
    software_version = "0.20.2"
    limit: ClassVar[int] = 40
    stubs = 0  # so many roots name no pages: it is still fetching the key of whoever asks
    content_type = ACTIVITY_JSON
    headers: ClassVar = {"*": {"Cache-Control": "no-store", "X-Robots-Tag": "noindex, nofollow"}}
    alternates: ClassVar = {"json": 406, "html": 303}
    alternate_kinds = frozenset({"actor", "object", "root", "page", "collection"})
    gzips = True
    head_allowed = False
    singletons = True
    lists_boosts = False
    serves_activities = False  # a Create's id answers 404
    finger_by_uri = True
    policy = GOTOSOCIAL
    form = "gotosocial"
    host_meta = True
    robots = (
        "User-agent: GPTBot\nUser-agent: CCBot\nDisallow: /\n\n"
        "User-agent: *\nDisallow: /api/\nDisallow: /auth/\nDisallow: /fileserver/\n"
    )

    def key(self, number: int) -> str:
        """A ULID of the right length and order."""
        return "01J" + in_base(number * 1_099_511_627_791, CROCKFORD, 23)

    def activity_id(self, activity: Activity) -> str:
        if activity.verb == "Create" and activity.post is not None:
            return f"{activity.post.id}/activity#Create"
        return super().activity_id(activity)

    def checked(self, asked: Incoming) -> Reply | None:
        if not asked.headers.get("user-agent"):
            return self.json(418, {"error": "I'm a teapot: no user agent sent"}, "application/json")
        accept = asked.headers.get("accept", "*/*")
        finger = asked.path == "/.well-known/webfinger"
        if finger and not any(kind in accept for kind in ("jrd+json", "application/json", "*/*")):
            return self.json(406, {"error": "Not Acceptable"}, "application/json")
        return super().checked(asked)

    def actor(self, account: Account) -> Json:
        document = super().actor(account)
        key = {**document["publicKey"], "id": f"{account.actor_id}/main-key"}
        return {**document, "publicKey": key, "summary": "", "attachment": []}

    def extra_route(self, asked: Incoming) -> Reply | None:
        account = self._actors.get(self.base + asked.path.removesuffix("/main-key"))
        if account is None:
            return super().extra_route(asked)
        document = self.actor(account)
        owner = {"id": account.actor_id, "type": account.kind}
        return self.document(
            asked, "key", {**owner, "publicKey": document["publicKey"]}, url=account.actor_id
        )

    def candidates(self, account: Account) -> list[Activity]:
        """What a page is cut from: top-level posts of every visibility."""
        return [
            a
            for a in reversed(account.activities)
            if a.verb == "Create" and a.post and not a.post.deleted and not a.post.in_reply_to
        ]

    def lists(self, activity: Activity) -> bool:
        post = activity.post
        return (
            activity.verb == "Create"
            and post is not None
            and post.deleted is None
            and post.in_reply_to is None
            and post.visibility == "public"
        )

    def activity(self, activity: Activity) -> Json:
        document = super().activity(activity)
        return {**document, "object": activity.object}

    def outbox(self, asked: Incoming, account: Account) -> Reply:
        url, query = account.outbox_url, asked.query
        candidates = self.candidates(account)
        if "limit" not in query:
            root = self.root(account, first=f"{url}?limit={self.limit}")
            # Counts what nobody may see: 132 were claimed where 118 could be walked.
            root["totalItems"] = sum(1 for post in account.posts if post.deleted is None)
            if self.stubs:
                self.stubs -= 1
                del root["first"]
            return self.document(asked, "root", root)
        text = query["limit"]
        limit = min(80, int(text)) if text.isdecimal() and int(text) else self.limit
        if "min_id" in query:
            cut = just_newer(candidates, query["min_id"], limit)
        else:
            cut = older(candidates, query.get("max_id"), limit)
        page = self.page(
            account,
            f"{self.base}{asked.target}",
            [a for a in cut if self.lists(a)],
            next=f"{url}?limit={limit}&max_id={cut[-1].key}" if cut else None,
            prev=f"{url}?limit={limit}&min_id={cut[0].key}" if cut else None,
        )
        return self.document(asked, "page", page)
