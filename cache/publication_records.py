"""The nouns of publishing: what we have published, our objects as they stand, and the outbox.

Values only, under the rules of `records`; how they are kept is `publication_rows`' to say.
Invariant: nothing here holds a `bto` or a `bcc` but as addressees, which nobody is told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..crawler.protocol.addressing import Recipients
from .records import Put

# What became of looking for where an actor's mail goes.
Fate = Literal["found", "members", "wait", "given_up"]


@dataclass(frozen=True, slots=True)
class Publication:
    """One activity of ours. `body` is as it was published; but what a later Update or Delete has
    made of the object that it embeds is shown in its place: its id alone, or its Tombstone."""

    number: int
    activity: str
    type: str
    object: str  # what it is about
    at: float
    public: bool  # addressed to everybody
    followers: bool  # addressed to those who follow us
    body: bytes
    audience: tuple[str, ...] = ()  # whom else it names; each may read it
    changed: float = 0.0  # when `body` last changed
    position: int | None = None  # in the outbox, counted from 1; None: it is not public


@dataclass(frozen=True, slots=True)
class LocalObject:
    """An object of ours as it stands; of one that was deleted, its Tombstone."""

    id: str
    body: bytes
    public: bool
    audience: tuple[str, ...]
    published: float
    updated: float | None
    deleted: bool
    changed: float
    followers: bool = False
    type: str = ""
    # The publication that embeds it as it stands, and when that was made.
    activity: str = ""


@dataclass(frozen=True, slots=True)
class OutboxPage:
    """One page of the outbox, which `last` pages and `total` items make up.

    Pages count from 1, the oldest. A `full` one gets no more items.
    """

    number: int
    last: int
    total: int
    items: tuple[bytes, ...]  # activities, newest first
    changed: float
    full: bool
    together: int = 1  # how many of them changed in the second of `changed`


@dataclass(frozen=True, slots=True)
class Entry:
    """What is published in one transaction: an activity, whom it is for, and what becomes of the
    object of ours that it is about.

    `local` is that object as it stands from now on, `put` the same as a document of the store where
    it is public, `before` what the activity that has embedded it until now shows instead. `us`
    is our actor, and `shown` the activity of `before`, as documents too. `key` names the caller's
    request, and `digest` (16 bytes) what it asked.
    """

    activity: str
    type: str
    object: str
    body: bytes
    recipients: Recipients
    local: LocalObject | None = None
    put: Put | None = None
    before: bytes | None = None
    us: Put | None = None
    shown: Put | None = None
    key: str | None = None
    digest: bytes = b""


@dataclass(frozen=True, slots=True)
class Sought:
    """An actor who is to get something of ours, and whose inbox is not known yet."""

    actor: str
    tries: int
    since: float  # when the oldest of what waits for it was published


@dataclass(frozen=True, slots=True)
class Found:
    """What became of looking for one: where its mail goes, or whom it stands for where it is a
    collection, else why there is nothing of that."""

    actor: str
    fate: Fate
    inbox: str = ""
    shared: str | None = None
    members: tuple[str, ...] = ()
    error: str = ""
    due: float = 0.0  # `wait`: when to look again
