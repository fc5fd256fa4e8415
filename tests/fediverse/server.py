"""The base of all simulated hosts: accounts, what an outbox offers, and where a request goes.

A family overrides shapes (paths, ids, documents), tables (headers, validators, deletion) and its
outbox paging. It never decides what a client should do; it only answers. All public methods may be
called from any thread; `handle` holds the host's lock for the whole answer.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

from .documents import AS
from .model import Account, Activity, Json, Post, sentence
from .moods import Fine
from .posting import Posting
from .wire import Answer, Incoming, Reply


class Server(Posting):
    """One host. Subclasses are the families; `family` is the default host name's first label."""

    def __init__(
        self,
        host: str | None = None,
        *,
        seed: int = 0,
        authorized_fetch: bool = False,
        rate_limit: tuple[int, float] | None = None,
    ) -> None:
        """`authorized_fetch` wants signed requests and verifies them as the family does;
        `rate_limit` is (requests, seconds) per client address.
        """
        super().__init__(host or f"{self.family}.example", authorized_fetch, rate_limit)
        self.seed = seed
        self.accounts: dict[str, Account] = {}
        self.heard: list[tuple[str, str]] = []  # replies of other hosts: what they answer, and id
        self._numbers = 0
        self._ticks = 0
        self._actors: dict[str, Account] = {}
        self._outboxes: dict[str, Account] = {}
        self._posts: dict[str, Post] = {}
        self._pages: dict[str, Post] = {}
        self._activities: dict[str, Activity] = {}
        self._offered: dict[str, tuple[int, list[Activity]]] = {}

    def join(self, clock: Callable[[], float], scheme: str) -> None:
        """Become part of a Fediverse: its clock, its scheme."""
        if self.accounts and scheme != self.scheme:
            raise ValueError(f"{self.host} has accounts with {self.scheme} ids already")
        self._clock = clock
        self.scheme = scheme

    def answer_ms(self) -> int:
        """The time of the answer in milliseconds, never the same twice.

        For the ids that some servers make from it: they must differ even under a clock that stands.
        """
        self._ticks += 1
        return int(self.now() * 1000) + self._ticks

    # Accounts and what they offer

    def add_account(
        self, user: str = "alice", *, posts: int = 0, name: str = "", kind: str = ""
    ) -> Account:
        """An account with so many public posts, the last one published just now."""
        with self.lock:
            number = len(self.accounts) + 1
            account = Account(
                server=self,
                user=user,
                number=number,
                kind=kind or self.actor_kind,
                name=name or user.capitalize(),
                actor_id=self.base + self.actor_path(user, number),
                outbox_url=self.base + self.outbox_path(user, number),
                created=self.now() - 86_400 - 3_600 * posts,
            )
            self.accounts[user] = account
            self._actors[account.actor_id] = account
            self._outboxes[account.outbox_url] = account
            self.fill(account, posts)
            return account

    def fill(self, account: Account, posts: int) -> list[Post]:
        """So many posts about an hour apart, oldest first; the same ones for the same seed."""
        rng = random.Random(f"{self.seed}/{self.host}/{account.user}/{len(account.posts)}")
        now = float(int(self.now()))
        made = []
        for nth, left in enumerate(reversed(range(posts))):
            at = now - left * 3_600 - (rng.randrange(3_000) if left else 0)
            tags = ("Fediverse",) if rng.random() < 0.3 else ()
            made.append(account.post(sentence(rng), published=at, tags=tags, kind=self.filler(nth)))
        return made

    def filler(self, nth: int) -> str:
        """The kind of the nth made-up post."""
        return self.kind

    def offered(self, account: Account) -> list[Activity]:
        """What the outbox lists, in its order; computed once per change of the account."""
        with self.lock:
            version, listed = self._offered.get(account.user, (-1, []))
            if version != account.version:
                listed = self.arrange(account)
                self._offered[account.user] = (account.version, listed)
            return listed

    def arrange(self, account: Account) -> list[Activity]:
        """Newest first, unless the family does it otherwise."""
        return [a for a in reversed(account.activities) if self.lists(a)]

    def lists(self, activity: Activity) -> bool:
        if activity.verb == "Create" and activity.post is not None:
            return activity.post.public
        return activity.verb == "Announce" and self.lists_boosts and not activity.undone

    def public_objects(self, user: str | Account = "alice") -> set[str]:
        """The ids of the public objects that the outbox offers: what a perfect puller gets."""
        return {
            activity.post.id
            for activity in self.offered(self._account(user))
            if activity.post is not None and activity.verb != "Announce" and activity.post.public
        }

    def offered_boosts(self, user: str | Account = "alice") -> set[str]:
        """The ids of the objects that the outbox says were announced."""
        return {a.object for a in self.offered(self._account(user)) if a.verb == "Announce"}

    def _account(self, user: str | Account) -> Account:
        return user if isinstance(user, Account) else self.accounts[user]

    # What the model calls

    def next_number(self) -> int:
        self._numbers += 1
        return self._numbers

    def publish(self, post: Post) -> None:
        """Give a new post its ids and list its Create."""
        post.id = self.base + self.post_path(post)
        post.url = self.base + self.human_path(post)
        self._posts[post.id] = post
        self._pages.setdefault(post.url, post)
        post.activity_id = post.account.act("Create", post.id, post).id

    def register(self, activity: Activity) -> None:
        activity.id = self.activity_id(activity)
        self._activities[activity.id] = activity

    # The outbox; families override `outbox`

    def root(self, account: Account, **more: Any) -> Json:
        """The collection itself, without its items."""
        total = {"totalItems": len(self.offered(account))} if self.total else {}
        return {
            "@context": AS,
            "id": account.outbox_url,
            "type": "OrderedCollection",
            **total,
            **more,
        }

    def page(self, account: Account, url: str, listed: Sequence[Activity], **more: Any) -> Json:
        """One page; `None` among `more` means that the property is absent."""
        return {
            "@context": self.context(),
            "id": url,
            "type": "OrderedCollectionPage",
            "partOf": account.outbox_url,
            **{name: value for name, value in more.items() if value is not None},
            "orderedItems": [self.item(activity) for activity in listed],
        }

    def outbox(self, asked: Incoming, account: Account) -> Reply:
        listed = self.offered(account)
        return self.document(
            asked, "root", self.root(account, orderedItems=[self.item(a) for a in listed])
        )

    # Routing

    def handle(self, asked: Incoming) -> Answer:
        """Answer one request."""
        with self.lock:
            met = self.met(asked)
            if not isinstance(met, Fine):
                return met
            return self.checked(asked) or self.finished(asked, self.route(asked))

    def route(self, asked: Incoming) -> Reply:
        url = self.base + asked.target
        bare = self.base + asked.path
        whose = self._actors.get(url.removesuffix("/main-key")) or self._outboxes.get(bare)
        if whose is not None and whose.left:
            return self.json(410, {"error": "Gone"}, "application/json")
        if url in self._actors:
            account = self._actors[url]
            return self.document(asked, "actor", self.actor(account), url=f"{account.actor_id}")
        if bare in self._outboxes:
            return self.outbox(asked, self._outboxes[bare])
        if url in self._posts:
            return self.serve_post(asked, self._posts[url])
        if url in self._activities and self.serves_activities:
            return self.serve_activity(asked, self._activities[url])
        if url in self._pages:
            return self.html(200, self._pages[url].text, self._pages[url].id)
        return self.extra_route(asked) or self.beside(asked) or self.missing(asked)

    def serve_post(self, asked: Incoming, post: Post) -> Reply:
        if post.deleted is not None:
            return self.deleted(asked, post)
        if not post.public:
            return self.hidden(asked, post)
        return self.document(asked, "object", self.contextual(self.object(post)), url=post.url)

    def serve_activity(self, asked: Incoming, activity: Activity) -> Reply:
        post = activity.post
        if activity.undone or (post is not None and post.deleted is not None):
            return self.missing(asked)
        if post is not None and not post.public:
            return self.hidden(asked, post)
        return self.document(asked, "activity", self.contextual(self.activity(activity)))

    def extra_route(self, asked: Incoming) -> Reply | None:
        """A family's own documents: replies, keys, likes."""
        return None

    def beside(self, asked: Incoming) -> Reply | None:
        """The actor's small collections, which are all empty."""
        url = self.base + asked.path
        for account in self.accounts.values():
            if url in {self.beside_actor(account, name) for name in ("followers", "following")}:
                empty = {"@context": AS, "id": url, "type": "OrderedCollection", "totalItems": 0}
                return self.document(asked, "collection", {**empty, "orderedItems": []})
        return None

    def find_account(self, resource: str) -> Account | None:
        """The account a WebFinger resource names: `acct:`, and the actor id where that works."""
        if resource.startswith("acct:"):
            user, _, host = resource[5:].lstrip("@").partition("@")
            account = self.accounts.get(user) or self.accounts.get(user.lower())
            return account if host.lower() == self.host else None
        return self._actors.get(resource) if self.finger_by_uri else None
