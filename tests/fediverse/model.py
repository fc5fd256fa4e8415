"""What lives on a simulated host: accounts, their posts, and the activities that list them.

The model knows no server family and no JSON: a family turns it into documents. Every change goes
through the account's methods, under the lock of its server, so that a host may be changed from any
thread while it answers.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from .reach import Told
    from .server import Server

Json = dict[str, Any]
Visibility = Literal["public", "unlisted", "followers", "direct", "local"]

_OPENINGS = (
    "Morning light over", "Notes from", "A short walk through", "Still thinking about",
    "Found an old map of", "Rain again in", "Finally finished", "Somebody asked about",
    "Five things I learned in", "The quiet side of", "Repairing", "Open evening at",
)  # fmt: skip
_THINGS = (
    "the harbour", "the repair café", "the community garden", "the old library", "the night train",
    "the allotment", "a very small compiler", "the print workshop", "the river path",
    "the bicycle kitchen", "the observatory", "the choir rehearsal",
)  # fmt: skip
_CLOSINGS = (
    "More tomorrow.", "Worth it.", "Photos follow.", "Come along next week.", "No regrets.",
    "Who else was there?", "It took all day.", "Thanks to everybody who helped.",
)  # fmt: skip


def sentence(rng: random.Random) -> str:
    """A plausible short post."""
    return f"{rng.choice(_OPENINGS)} {rng.choice(_THINGS)}. {rng.choice(_CLOSINGS)}"


@dataclass(slots=True, eq=False)
class Post:
    """One object of an account. `id` is its object URI and never changes."""

    account: Account
    number: int
    key: str
    text: str
    kind: str
    visibility: Visibility
    published: float
    in_reply_to: str | None
    tags: tuple[str, ...]
    extra: Mapping[str, Any]  # properties put on the object as they are
    id: str = ""
    url: str = ""
    activity_id: str = ""
    updated: float | None = None
    deleted: float | None = None

    @property
    def public(self) -> bool:
        """Addressed to everybody, listed or not, and not deleted."""
        return self.deleted is None and self.visibility in ("public", "unlisted", "local")


@dataclass(slots=True, eq=False)
class Activity:
    """One thing an account did. `number` counts over the whole server: it is unique and orders."""

    account: Account
    verb: str
    number: int
    key: str
    at: float
    object: str
    post: Post | None = None
    id: str = ""
    undone: bool = False


@dataclass(slots=True, eq=False)
class Account:
    """One actor of a host; made by `Server.add_account`."""

    server: Server
    user: str
    number: int
    kind: str
    name: str
    actor_id: str
    outbox_url: str
    created: float
    posts: list[Post] = field(default_factory=list)
    activities: list[Activity] = field(default_factory=list)
    version: int = 0  # counts every change, for what is derived from the lists
    key: int = 0  # which RSA key it publishes
    left: bool = False  # the actor, its key and its outbox answer 410
    moved_to: str = ""
    aliases: tuple[str, ...] = ()
    says: Json = field(default_factory=dict)  # properties put on the actor as they are
    followers: dict[str, Json] = field(default_factory=dict)  # their Follow, by actor id

    @property
    def handle(self) -> str:
        return f"@{self.user}@{self.server.host}"

    def post(
        self,
        text: str,
        *,
        public: bool | Visibility = True,
        published: float | None = None,
        in_reply_to: str | Post | None = None,
        tags: Sequence[str] = (),
        kind: str | None = None,
        **extra: Any,
    ) -> Post:
        """Publish. `public` is True, "unlisted", "followers", "direct" or "local"; False hides it
        from all but followers. `kind` defaults to what the family writes (`Note`, `Event`...);
        `extra` properties stand on the object as they are given.
        """
        server = self.server
        with server.lock:
            number = server.next_number()
            post = Post(
                account=self,
                number=number,
                key=server.key(number),
                text=text,
                kind=kind or server.kind,
                visibility=_visibility(public),
                published=server.now() if published is None else published,
                in_reply_to=in_reply_to.id if isinstance(in_reply_to, Post) else in_reply_to,
                tags=tuple(tags),
                extra=extra,
            )
            self.posts.append(post)
            server.publish(post)
            if isinstance(in_reply_to, Post) and post.public:
                self._deliver(post, in_reply_to)
            return post

    def _deliver(self, post: Post, to: Post) -> None:
        """Let the host of what is answered know of the reply, as a real one is told by push."""
        if to.account.server is not self.server:
            to.account.server.heard.append((to.id, post.id))

    def profile(self, **says: Any) -> None:
        """Change what the actor's document says, of itself or of being found."""
        with self.server.lock:
            self.says = {**self.says, **says}
            self.version += 1

    def boost(self, uri: str | Post) -> Activity:
        """Announce an object of any host."""
        return self.act("Announce", uri.id if isinstance(uri, Post) else uri)

    def edit(self, post: Post, text: str) -> None:
        """Change the text; the families that say so state `updated`."""
        with self.server.lock:
            post.text = text
            post.updated = self.server.now()
            self.act("Update", post.id, post)

    def delete(self, what: Post | Activity) -> None:
        """Delete a post, or take back a boost."""
        with self.server.lock:
            if isinstance(what, Activity):
                what.undone = True
                self.act("Undo", what.id)
            elif what.deleted is None:
                what.deleted = self.server.now()
                self.act("Delete", what.id, what)

    def act(self, verb: str, uri: str, post: Post | None = None) -> Activity:
        """Any other activity (`Like`, `Follow`...); only some families list them."""
        server = self.server
        with server.lock:
            number = post.number if verb == "Create" and post else server.next_number()
            at = post.published if verb == "Create" and post else server.now()
            activity = Activity(self, verb, number, server.key(number), at, uri, post)
            self.activities.append(activity)
            self.version += 1
            server.register(activity)
            return activity

    # What is told to others

    def push(self, what: Post | Activity | Json, **how: Any) -> Told:
        """Send an activity to an inbox and return the answer; `how` as for `Posting.prepare`."""
        return self.server.send(self.server.prepare(self, what, **how))

    def leave(self) -> Activity:
        """Delete the account; its last activity is the Delete of itself."""
        with self.server.lock:
            self.left = True
            return self.act("Delete", self.actor_id)

    def move(self, to: Account) -> Activity:
        """Go on as another account, which says that it was this one."""
        with self.server.lock:
            self.moved_to, to.aliases = to.actor_id, (*to.aliases, self.actor_id)
            return self.act("Move", self.actor_id)

    def rotate(self) -> None:
        """From now on publish and use another RSA key."""
        with self.server.lock:
            self.key += 1


def _visibility(public: bool | Visibility) -> Visibility:
    if isinstance(public, bool):
        return "public" if public else "followers"
    return public
