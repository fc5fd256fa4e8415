"""What a daemon has acknowledged before it was killed, as the one who was answered remembers it.

Bookkeeping only: it asks nobody and judges nothing. Invariant: something stands here as
acknowledged only once the answer that says so was read to its end; and what was begun, and may
therefore have happened, stands here before the request is sent.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from fedpull.tests.fediverse.model import Activity, Post

_VERSION = re.compile(r"version (\d+)")


def text(version: int) -> str:
    """What the nth version of anything says."""
    return f"version {version}"


def version_of(document: Any) -> int:
    """Which version a document is; posts that were never edited do not say."""
    found = _VERSION.search(str(document.get("content", "")))
    return int(found[1]) if found else 1


def current(post: Post) -> int:
    """Which version its origin serves."""
    return version_of({"content": post.text})


@dataclass(frozen=True, slots=True)
class Own:
    """Something that we publish, asked for under a key of its own until it is answered."""

    key: str
    verb: str  # Create, Update, Delete
    version: int
    document: dict[str, Any]
    object: str = ""  # the key of the Create
    secret: bool = False  # for somebody in particular


@dataclass(slots=True)
class Ledger:
    """Everything that must hold at the next opening of the store, and at every one after it."""

    # What the simulated hosts have posted, and the least version of it that must be held.
    posts: dict[str, Post] = field(default_factory=dict)
    held: dict[str, int] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)  # their deletion was seen: never held again
    # Pushes: 202, and those without an answer, which are sent again as any server does.
    heard: dict[str, Activity] = field(default_factory=dict)
    unheard: list[Activity] = field(default_factory=list)
    likes: Counter[str] = field(default_factory=Counter)
    # What was to be forgotten: begun, answered with 200; ids of posts, actors, and domains.
    forgetting: list[str] = field(default_factory=list)
    forgotten: set[str] = field(default_factory=set)
    absent: set[str] = field(default_factory=set)  # ids of posts that this may have purged
    purged: set[str] = field(default_factory=set)  # that it must have purged
    # 201 of publishing by key: the activity and its object; what is still without an answer.
    published: dict[str, tuple[str, str]] = field(default_factory=dict)
    asked: dict[str, Own] = field(default_factory=dict)
    unpublished: list[Own] = field(default_factory=list)
    own: dict[str, Own] = field(default_factory=dict)  # the last that was acknowledged of each
    # Follows at run time.
    followed: set[str] = field(default_factory=set)
    unfollowed: set[str] = field(default_factory=set)
    doubtful: set[str] = field(default_factory=set)  # without an answer: either will do
    # The change log as it was read, and the outbox as it stood.
    log: dict[int, tuple[str, str]] = field(default_factory=dict)
    outbox: list[str] = field(default_factory=list)
    # Inbox and activity that had arrived though a killed daemon had not written it down.
    on_the_way: Counter[tuple[str, str]] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    losses: list[str] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def answered(self, what: str) -> None:
        """One more acknowledgement; whoever waits for so many looks up."""
        with self.changed:
            self.answers[what] += 1
            self.changed.notify_all()

    def at_least(self, id: str, version: int) -> None:
        """It was served, or seen in the store: nothing older may be there from now on."""
        with self.changed:
            self.held[id] = max(version, self.held.get(id, 0))

    def entry(self, seq: int, kind: str, id: str) -> None:
        """The change log has said so: it must not say anything else of that number."""
        with self.changed:
            before = self.log.setdefault(seq, (kind, id))
        # An hour after something was forgotten its name is taken out.
        if before != (kind, id) and not id.startswith("forgotten:"):
            self.lost(f"change {seq} was {before}, and is {(kind, id)}")

    def lost(self, what: str) -> None:
        """Told once, though every audit from now on finds it."""
        with self.changed:
            if what not in self.losses:
                self.losses.append(what)

    @property
    def last_seq(self) -> int:
        return max(self.log, default=0)

    def may_be_absent(self, id: str) -> bool:
        post = self.posts.get(id)
        return id in self.absent or (post is not None and post.deleted is not None)
