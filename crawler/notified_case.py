"""One notification with what is known of it, and the words in which its settlement is written.

Pure values and their constructors; what they are used for is decided in `notified`. Invariant: what
is known comes from the store and the configuration, never from a push.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from ..cache.mail_records import Follower, Notification, Reaction, ReactionKind, Settlement
from ..cache.records import Cause, Follow, Kind, Reference, State, Want
from ..config.model import Follow as Rules
from .protocol.inboxes import Inboxes
from .protocol.pushed import Pushed
from .protocol.uri import same_origin
from .protocol.version import believable

# What is verified so long after a push came was asked after it: no request takes longer than that
# to be answered and written.
_UNDER_WAY = 60.0
# Times of one edit may be written with fractions here and without them there.
_SAME_MOMENT = 1.0

# Between the tries of one that cannot be settled; after the last it is given up.
_AGAIN = (10.0, 60.0, 600.0, 3_600.0)

Policy = Literal["all", "ask", "none"]


@dataclass(frozen=True, slots=True)
class Ours:
    """Who is written to."""

    actor: str
    origin: str
    followers: Policy = "all"


@dataclass(frozen=True, slots=True)
class Known:
    """What is known already of what a notification is about. `follow` and `rules` are of the
    configured follow of the activity's actor, None for a stranger."""

    ours: Ours
    follow: Follow | None = None
    rules: Rules | None = None
    about: Reference | None = None  # the record of `Pushed.object`
    offered: bool = False  # the follow lists it
    follower: Follower | None = None  # the actor, if it follows us or has asked to
    inboxes: Inboxes | None = None  # of the actor, where its document is held
    deleted: bool = False  # its owner has said lately that it is deleted
    wanted: bool = False  # it is asked for just now
    answered: bool = False  # what it is a reply to is held
    room: bool = True  # the sender and the object's host may cause another request this hour
    answerable: bool = True  # the sender may be sent another answer this hour
    signer_followed: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """What a decision is made on."""

    note: Notification
    known: Known
    now: float

    @property
    def pushed(self) -> Pushed:
        return self.note.pushed

    @property
    def state(self) -> State:
        about = self.known.about
        return State.UNKNOWN if about is None else about.state

    @property
    def held(self) -> bool:
        return self.state is State.RESOLVED

    @property
    def is_post(self) -> bool:
        """Whether it is about an object that is held, as opposed to an actor."""
        about = self.known.about
        return self.held and about is not None and about.cls == "object"

    @property
    def own(self) -> bool:
        """Whether it is about something of the actor's own origin."""
        return bool(self.pushed.object) and same_origin(self.pushed.object, self.pushed.actor)

    @property
    def words(self) -> list[str]:
        """The types of what it wraps, outermost first."""
        return self.pushed.inner.split()

    @property
    def is_newer(self) -> bool:
        """Whether the push tells of something that we cannot have seen yet. Its times are used for
        nothing else."""
        about, pushed, note = self.known.about, self.pushed, self.note
        if about is None:
            return True
        if about.verified_by != "embedded" and (about.verified_at or 0.0) > note.at + _UNDER_WAY:
            return False
        updated = believable(pushed.updated, self.now)
        if updated is None:
            verb = self.words[0] if note.type == "Announce" and self.words else note.type
            return verb not in ("Announce", "Create")
        return about.updated is None or updated >= about.updated + _SAME_MOMENT

    def reactions(self, kind: ReactionKind, *, undone: bool = False) -> tuple[Reaction, ...]:
        """The actor's reaction to the object, if that is something to react to."""
        if not self.is_post:
            return ()
        return (Reaction(self.pushed.object, self.pushed.actor, kind, undone),)

    def looked_at(self) -> Settlement:
        return self.done("its origin is asked", wants=(self.want("check"),))

    def ignored(self, outcome: str) -> Settlement:
        return Settlement(self.note.id, self.now, "ignored", outcome)

    def done(self, outcome: str, **effects: Any) -> Settlement:
        return Settlement(self.note.id, self.now, "done", outcome, **effects)

    def failed(self, outcome: str) -> Settlement:
        return Settlement(self.note.id, self.now, "failed", outcome)

    def later(self, wait: float, outcome: str, **effects: Any) -> Settlement:
        due = self.now + wait
        return Settlement(self.note.id, self.now, "waiting", outcome, due=due, **effects)

    def want(self, relation: str, uri: str = "", *, depth: int = 0) -> Want:
        """What asks the origin. Beyond its share of the hour it is asked when nothing else is."""
        follow = self.known.follow
        cause = Cause.PUSH if self.known.room else Cause.REFRESH
        uri, key = uri or self.pushed.object, follow.key if follow is not None else ""
        return Want(uri, Kind.DOCUMENT, cause, self.now, key, relation, depth)


def behind(note: Notification, due: float, now: float) -> Settlement:
    """It waits until the one before it has been settled, which is no failure of its own."""
    outcome = "waits for an earlier one of its sender"
    return Settlement(note.id, now, "waiting", outcome, due=due, tried=False)


def crowded(note: Notification, now: float) -> Settlement:
    """It would have to wait, and too much does."""
    return Settlement(note.id, now, "failed", "would have to wait, and too much waits already")


def again(note: Notification, outcome: str, now: float) -> Settlement:
    """Another try later, or the end of it."""
    if note.attempts >= len(_AGAIN):
        return Settlement(note.id, now, "failed", outcome)
    due = now + _AGAIN[note.attempts]
    return Settlement(note.id, now, "waiting", outcome, due=due)
