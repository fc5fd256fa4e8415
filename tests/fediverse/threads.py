"""What hosts offer of the threads on them: `replies` of a post, and whole conversations.

A host knows the replies that its own accounts wrote and those that were delivered to it. It lists
the ids of all of them and embeds what is its own where the family does.
"""

from __future__ import annotations

from typing import Any, ClassVar

from .documents import AS
from .model import Json, Post
from .server import Server
from .wire import Incoming, Reply


class Threads(Server):
    """What the families share; each builds its own collections of it."""

    def answers(self, id: str) -> list[str]:
        """The public replies to a post that the host knows, oldest first."""
        own = [
            reply.id
            for account in self.accounts.values()
            for reply in account.posts
            if reply.in_reply_to == id and reply.public
        ]
        return own + [child for parent, child in self.heard if parent == id]

    def first_of(self, post: Post) -> Post | None:
        """The post that a conversation began with; None where that is another host's."""
        while post.in_reply_to is not None:
            above = self._posts.get(post.in_reply_to)
            if above is None:
                return None
            post = above
        return post

    def conversation(self, post: Post) -> list[str]:
        """A conversation as its first post's host knows it, each post before what answers it."""
        found, place = [post.id], 0
        while place < len(found):
            found += [id for id in self.answers(found[place]) if id not in found]
            place += 1
        return found

    def at(self, asked: Incoming, ending: str) -> Post | None:
        """The post that stands before this ending of a path."""
        if not asked.path.endswith(ending):
            return None
        post = self._posts.get(self.base + asked.path.removesuffix(ending))
        return post if post is not None and post.public else None

    def listed(self, asked: Incoming, collection: Json) -> Reply:
        return self.document(asked, "collection", {"@context": AS, **collection})


class MastodonThreads(Threads):
    """Five own replies at once and the others a page further; since 4.5 the conversation, too."""

    own_at_once: ClassVar[int] = 5
    at_once: ClassVar[int] = 60

    def object(self, post: Post) -> Json:
        document = {**super().object(post), "inReplyTo": post.in_reply_to}
        document["replies"] = self._replies(post)
        first = self.first_of(post)
        if first is not None:
            document["context"] = f"{self.base}/contexts/{first.number}"
        return document | dict(post.extra)

    def _replies(self, post: Post) -> Json:
        url = f"{post.id}/replies"
        first = {
            "type": "CollectionPage",
            "next": f"{url}?only_other_accounts=true&page=true",
            "partOf": url,
            "items": self._by(post, own=True)[: self.own_at_once],
        }
        return {"id": url, "type": "Collection", "first": first}

    def _by(self, post: Post, *, own: bool) -> list[str]:
        written = {one.id for one in post.account.posts}
        return [id for id in self.answers(post.id) if (id in written) is own]

    def extra_route(self, asked: Incoming) -> Reply | None:
        post = self.at(asked, "/replies")
        if post is not None and asked.query.get("page") != "true":
            return self.listed(asked, self._replies(post))
        if post is not None:
            own = asked.query.get("only_other_accounts") != "true"
            page: Json = {
                "id": self.base + asked.target,
                "type": "CollectionPage",
                "partOf": f"{post.id}/replies",
                "items": self._by(post, own=own)[: self.at_once],
            }
            return self.listed(asked, page)
        return self._context(asked)

    def _context(self, asked: Incoming) -> Reply | None:
        number, _, rest = asked.path.removeprefix("/contexts/").partition("/")
        begun = [post for post in self._posts.values() if str(post.number) == number]
        if not asked.path.startswith("/contexts/") or not begun:
            return None
        if rest not in ("", "items"):
            return None
        url = f"{self.base}/contexts/{number}"
        skip = int(asked.query.get("min_id", "0"))
        ids = self.conversation(begun[0])[skip : skip + self.at_once]
        page: Json = {"id": f"{url}/items?page=true", "type": "CollectionPage"}
        page |= {"partOf": f"{url}/items", "items": ids}
        if len(ids) == self.at_once:
            page["next"] = f"{url}/items?page=true&min_id={skip + self.at_once}"
        if not rest:
            owner = begun[0].account.actor_id
            whole = {"id": url, "type": "Collection", "attributedTo": owner, "first": page}
            return self.listed(asked, whole)
        page["items"] = [self.object(self._posts[id]) if id in self._posts else id for id in ids]
        return self.listed(asked, page)


class GoToSocialThreads(Threads):
    """Replies a page at a time, the last of which is empty; `first` in the post is a page."""

    replies_limit: ClassVar[int] = 20

    def object(self, post: Post) -> Json:
        url = f"{post.id}/replies"
        replies = {"id": url, "type": "Collection", "first": f"{url}?page=true"}
        return {**super().object(post), "replies": replies, **post.extra}

    def extra_route(self, asked: Incoming) -> Reply | None:
        post = self.at(asked, "/replies")
        if post is None:
            return None
        url, query = f"{post.id}/replies", asked.query
        answers = sorted(self.answers(post.id))
        whole: Json = {"id": f"{url}?only_other_accounts=false", "type": "OrderedCollection"}
        whole["totalItems"] = len(answers)
        if "limit" not in query:
            whole["first"] = f"{url}?limit={self.replies_limit}&only_other_accounts=false"
            return self.listed(asked, whole)
        here = [id for id in reversed(answers) if id < query.get("max_id", "\x7f")]
        here = here[: self.replies_limit]
        page: dict[str, Any] = {"id": self.base + asked.target, "type": "OrderedCollectionPage"}
        page |= {"partOf": whole["id"], "orderedItems": here}
        if here:
            page["next"] = f"{url}?limit={self.replies_limit}&max_id={here[-1]}"
        return self.listed(asked, page)


class Conversations(Threads):
    """Every post names the one collection of its conversation, in the order of time; there are no
    replies post by post (NodeBB's topics, Lemmy's comments below a post)."""

    context_limit: ClassVar[int] = 20

    def context_path(self, first: Post) -> str:
        return f"{first.id.removeprefix(self.base)}/context"

    def object(self, post: Post) -> Json:
        first = self.first_of(post)
        context = {} if first is None else {"context": self.base + self.context_path(first)}
        return {**super().object(post), **context, **post.extra}

    def extra_route(self, asked: Incoming) -> Reply | None:
        for post in self._posts.values():
            if post.in_reply_to is None and asked.path == self.context_path(post):
                return self.listed(asked, self._conversation(asked, post))
        return super().extra_route(asked)

    def _conversation(self, asked: Incoming, post: Post) -> Json:
        url, size = self.base + self.context_path(post), self.context_limit
        ids = self.conversation(post)
        owner = {"attributedTo": post.account.actor_id, "totalItems": len(ids)}
        if len(ids) <= size:
            return {"id": url, "type": "OrderedCollection", **owner, "orderedItems": ids}
        number = int(asked.query.get("page", "0"))
        if not number:
            return {"id": url, "type": "OrderedCollection", **owner, "first": f"{url}?page=1"}
        page: Json = {"id": f"{url}?page={number}", "type": "OrderedCollectionPage", "partOf": url}
        page["orderedItems"] = ids[(number - 1) * size : number * size]
        return page | ({"next": f"{url}?page={number + 1}"} if number * size < len(ids) else {})
