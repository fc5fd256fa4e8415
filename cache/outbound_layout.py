"""How the rows of what goes out look: deliveries, origins, and the account of each activity.

A continuation of `mail_layout` under the same rules. Invariant: what a row may grow by is bounded:
a delivery keeps its latest attempts, and of an error no more than fits a line.

| table | key | value |
|---|---|---|
| activity | hash of its id (16) | body, while a delivery of it waits |
| account | hash of an activity's id (16) | Account |
| delivery | number | state, origin, hash of the inbox, JSON |
| posted | hash of an activity's id (16), number | nothing: its deliveries |
| lane | hash of the inbox (16), number | nothing: what waits for it, in order |
| outbound | origin (16), due, number | nothing: the first of each inbox |
| destination | hash of the origin (16) | Destination |
| sending | failing or not, time, origin (16) | nothing: when a destination may be asked |
| resting | time, origin (16) | nothing: one with nothing waiting, until when it is remembered |
| closed | hash of an inbox (16) | until when it is taken for gone, and why |
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, field
from math import isnan
from struct import Struct
from typing import Any

import orjson

from ..crawler.protocol.breaker import UP, Health
from .mail_layout import DELIVERY_STATES
from .mail_records import Account, Attempt, Delivery

# A row that is tried for a week has some twelve.
MOST_ATTEMPTS = 16
_LONGEST_ERROR = 300
_DELIVERY = Struct(">B16s16s")
_ACCOUNT = Struct(">IIIII")
_CLOSED = Struct(">d")
_OLD_DESTINATION = Struct(">IIdddd")
_OLD_USERS = Struct(">I")


@dataclass(slots=True)
class DeliveryRow:
    """A delivery; mutable, because a transaction works on it. What came with schema 6 stands last,
    so that older rows are read as they are."""

    state: int
    origin: bytes
    lane: bytes
    activity: str
    inbox: str
    created: float
    attempts: int = 0
    due: float | None = None  # in `outbound` under this time; None: others go before, or it is over
    status: int | None = None
    error: str = ""
    ended: float | None = None
    followers: bool = False
    recipient: str = ""
    log: list[tuple[float, int | None, float, str]] = field(default_factory=list)
    held: bool = False  # its inbox is not known: see `held`

    def pack(self) -> bytes:
        rest = (self.activity, self.inbox, self.created, self.attempts, self.due, self.status)
        more = (self.error, self.ended, self.followers, self.recipient, self.log, self.held)
        head = _DELIVERY.pack(self.state, self.origin, self.lane)
        return head + orjson.dumps((*rest, *more))

    @classmethod
    def unpack(cls, row: bytes) -> DeliveryRow:
        return cls(*_DELIVERY.unpack_from(row), *orjson.loads(row[_DELIVERY.size :]))

    def note(self, at: float, status: int | None, seconds: float, error: str) -> None:
        """One request, or what stood in its way."""
        self.status, self.error = status, error[:_LONGEST_ERROR]
        self.log = [*self.log[1 - MOST_ATTEMPTS :], (at, status, round(seconds, 6), self.error)]

    def view(self, id: int, next_attempt: float | None) -> Delivery:
        return Delivery(
            id=id,
            activity=self.activity,
            inbox=self.inbox,
            state=DELIVERY_STATES[self.state],
            attempts=self.attempts,
            next_attempt=next_attempt,
            last_status=self.status,
            last_error=self.error or None,
            created=self.created,
            ended=self.ended,
            recipient=self.recipient,
            log=tuple(Attempt(*one) for one in self.log),
        )


@dataclass(slots=True)
class Destination:
    """The origin of inboxes: how many deliveries wait for it, and when it may be asked."""

    origin: str
    waiting: int = 0
    leased: float = 0.0  # one request is under way, until then at most
    sending: bytes = b""  # its place there: line, time
    resting: bytes = b""  # its place there: time
    health: Health = UP
    streak: int = 0  # deliveries that it has taken one after the other, see `outbound`
    was_dead: bool = field(default=False, compare=False)  # as stored

    def pack(self) -> bytes:
        places = (self.sending.hex(), self.resting.hex())
        known = astuple(self.health)
        return orjson.dumps((self.origin, self.waiting, self.leased, *places, known, self.streak))

    @classmethod
    def unpack(cls, row: bytes) -> Destination:
        if row[:1] != b"[":
            return cls._unpack_old(row)
        origin, waiting, leased, sending, resting, known, streak = orjson.loads(row)
        health = Health(*known)
        places = (bytes.fromhex(sending), bytes.fromhex(resting))
        return cls(origin, waiting, leased, *places, health, streak, health.dead)

    @classmethod
    def _unpack_old(cls, row: bytes) -> Destination:
        """Until schema 5, whose count of waiting deliveries never began with a bracket. There were
        no lines in `sending`, so its place is not read."""
        waiting, failures, until, leased, _, since = _OLD_DESTINATION.unpack_from(row)
        health = Health(failures, None if isnan(since) else since, until, days=min(failures, 1))
        origin = row[_OLD_DESTINATION.size :].decode()
        return cls(origin, waiting, leased, health=health if failures or until else UP)


@dataclass(slots=True)
class AccountRow:
    """How many deliveries of an activity there were in each state, and how many rows are left."""

    rows: int = 0
    waiting: int = 0
    delivered: int = 0
    given_up: int = 0
    expired: int = 0

    def pack(self) -> bytes:
        return _ACCOUNT.pack(*astuple(self))

    @classmethod
    def unpack(cls, row: bytes | None) -> AccountRow:
        return cls() if row is None else cls(*_ACCOUNT.unpack(row))

    def view(self) -> Account:
        return Account(self.waiting, self.delivered, self.given_up, self.expired)


def body_of(row: bytes | None) -> bytes:
    """An activity's; until schema 5 the number of its users stood before it."""
    if row is None:
        return b""
    return row if row[:1] == b"{" else row[_OLD_USERS.size :]


def pack_closed(until: float, error: str) -> bytes:
    return _CLOSED.pack(until) + error.encode()


def unpack_closed(row: bytes) -> tuple[float, str]:
    until: Any = _CLOSED.unpack_from(row)[0]
    return until, row[_CLOSED.size :].decode()
