"""The nouns of mail: what came to the inbox, what follows from it, and what is on its way out.

Values only, under the rules of `records`. What came in is kept as ids and words of the vocabulary
(`Pushed`), never as text; what goes out is our own. Invariant: nothing here can hold the body of a
push.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ..crawler.protocol.breaker import UP, Health
from ..crawler.protocol.pushed import Pushed
from ..crawler.protocol.record import record
from .records import Mark, Want

if TYPE_CHECKING:  # it loads a library of ciphers, which who reads notifications does not need
    from ..crawler.protocol.keys import PublicKey

NotificationState = Literal["waiting", "done", "failed", "ignored"]
FollowerState = Literal["pending", "accepted", "rejected"]
DeliveryState = Literal["waiting", "delivered", "given_up", "expired"]
ReactionKind = Literal["like", "react", "share"]
# What a settled notification did: asked an origin, counted a reaction, listed what is held.
Effect = Literal["asked", "counted", "follower", "listed", "none", "subscription"]
Subscribed = Literal["no", "pending", "yes", "rejected"]


@record(frozen=True, slots=True)
class Notification:
    """One authenticated POST to the inbox, and what became of it."""

    id: int
    at: float
    sender: str  # the actor whose key has signed it
    target: str  # the inbox to which it was posted
    activity: str
    type: str
    object: str
    state: NotificationState
    attempts: int
    outcome: str
    due: float  # waiting: not to be looked at before
    forwarded: bool
    pushed: Pushed


@record(frozen=True, slots=True)
class Received:
    """A POST that was authenticated, to be kept before it is acknowledged."""

    sender: str
    target: str
    pushed: Pushed
    forwarded: bool  # the signer is not the activity's actor
    fingerprint: bytes  # of key id and signature: the same again is a replay
    key: PublicKey | None = None  # fetched for it, to be remembered with it


@dataclass(frozen=True, slots=True)
class Follower:
    """Who follows our actor, or has asked to. `follow` is the id of their Follow."""

    actor: str
    inbox: str
    shared_inbox: str | None
    state: FollowerState
    follow: str
    at: float


@dataclass(frozen=True, slots=True)
class Reaction:
    """Somebody's reaction to an object, or its end. It counts if the object is held."""

    object: str
    actor: str
    kind: ReactionKind
    undone: bool = False


@dataclass(frozen=True, slots=True)
class Send:
    """An activity of ours to one inbox. Its id is the same however often it is sent.

    `recipient` is an actor whose inbox it is, or one of those that share it: whoever is looked at
    anew when the inbox has moved or is gone."""

    activity: str
    inbox: str
    body: bytes
    followers: bool = False  # it is addressed to our followers, see FEP-8fcf
    recipient: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """What a follow's list shows from now on, or does not show any more. Nothing is read for it."""

    object: str
    follow: str
    announced: bool = False
    over: bool = False


@dataclass(frozen=True, slots=True)
class Settlement:
    """What one notification comes to; applied whole, in one transaction, or not at all.

    With `due` it stays waiting and is tried again then; `tried` says whether that counts as an
    attempt. A notification that is no longer waiting was settled before, so its settlement does
    nothing.
    """

    id: int
    at: float
    state: NotificationState
    outcome: str
    due: float | None = None
    tried: bool = True
    wants: tuple[Want, ...] = ()
    signals: tuple[str, ...] = ()  # sources that were told of: noted, and not asked for it
    marks: tuple[Mark, ...] = ()
    lists: tuple[Listing, ...] = ()
    follower: Follower | None = None
    drop_follower: str | None = None
    reactions: tuple[Reaction, ...] = ()
    subscription: tuple[str, Subscribed] | None = None  # key of a follow, its new state
    block: tuple[str, str | None] | None = None  # key of a follow, id of the Block; None: undone
    sends: tuple[Send, ...] = ()


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of a delivery: the answer's status, or what stood in its way."""

    at: float
    status: int | None
    seconds: float  # that it took, with name, connection and TLS
    error: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """One activity on its way to one inbox."""

    id: int
    activity: str
    inbox: str
    state: DeliveryState
    attempts: int  # requests that were really sent
    next_attempt: float | None
    last_status: int | None
    last_error: str | None
    created: float
    ended: float | None = None
    recipient: str = ""  # an actor whose inbox it is, where that is known
    log: tuple[Attempt, ...] = ()  # the latest, in order


@dataclass(frozen=True, slots=True)
class Account:
    """How the deliveries of one activity stand, also those whose rows are not kept any more."""

    waiting: int = 0
    delivered: int = 0
    given_up: int = 0
    expired: int = 0

    @property
    def recipients(self) -> int:
        return self.waiting + self.delivered + self.given_up + self.expired


@dataclass(frozen=True, slots=True)
class Errand:
    """A leased delivery: what to send. Its host gets nothing else until it is reported."""

    delivery: Delivery
    body: bytes
    health: Health = UP  # of its origin, before this one
    followers: bool = False  # as in `Send`


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of an errand, as `protocol.delivering` has judged it.

    `waiting`: `retry_at` is when the row may be tried again, `host_until` when its origin may.
    """

    id: int
    state: DeliveryState
    counted: bool  # a request was really sent
    status: int | None = None
    error: str = ""
    retry_at: float | None = None
    host_until: float | None = None  # None: the origin answers, so its failures are over
    inbox_gone: bool = False  # what else waits for this inbox is given up, too
    seconds: float = 0.0  # that it took
    rest_until: float | None = None  # it was taken, and the origin takes no more before then
