"""The state of one source of change: what is remembered of a reference to decide when to ask again.

Values only; `estimate` updates them, `interval` turns them into a waiting time, `cache/agenda.py`
keeps them in order. Times are POSIX seconds, waiting times seconds, rates changes a day. Invariant:
what is stored is bounded in size, whatever a server says (`Source` is one fixed-size row).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

DAY = 86_400.0


class Kind(IntEnum):
    """What kind of source it is; each has its own cost of waiting (see `interval`)."""

    OUTBOX = 0  # append-only: what counts is how late new items are found
    ACTOR = 1  # changes at a steady rate: what counts is how long the copy is outdated
    POST = 2  # is edited the less the older it is
    LISTING = 3  # a collection that is no outbox (replies, a conversation); worth less than one


class Bound(IntEnum):
    """What decided how long to wait, where no bound of the source's own did."""

    PRICE = 0  # the budget: asking sooner would cost others more than it gains here
    FLOOR = 1  # there is budget left, but asking sooner is not worth a request
    HOST = 2  # the host may not be asked more often
    TURN = 3  # it is due, and waits for a turn of its host


# The members by themselves, for what is computed at every answer: until Python 3.12 a look at a
# member of an enum takes ten times as long as one at a name.
OUTBOX, ACTOR, POST = Kind.OUTBOX, Kind.ACTOR, Kind.POST
PRICE, FLOOR, HOST, TURN = Bound.PRICE, Bound.FLOOR, Bound.HOST, Bound.TURN

# What is read page by page for what is new; all else is one document.
COLLECTIONS = (Kind.OUTBOX, Kind.LISTING)


@dataclass(slots=True)
class Source:
    """One row. Mutable, because a transaction works on it (as on `cache.layout.Ref`)."""

    kind: int
    host: bytes  # key of the host (8 bytes)
    last: float  # when the copy was last known to be current: time of the answer minus its Age
    due: float = 0.0
    interval: float = 0.0  # what `due` was planned with
    changes: float = 0.0  # k: changes seen, with forgetting
    exposure: float = 0.0  # e: days watched, with forgetting (POST: in e-folds of age)
    weight: float = 1.0  # importance of the source; the value of its kind is the policy's
    burst: float = 0.0  # S: outboxes, how much is going on just now
    profile_x: float = 0.0  # Z: outboxes, at which time of day posts come; mean of unit vectors
    profile_y: float = 0.0
    born: float = 0.0  # POST: published
    shortest: float = 60.0  # bounds of the interval, seconds
    longest: float = 30 * DAY
    not_before: float = 0.0  # the origin's word: no answer will differ before then
    placed: bool = False  # stands in the calendar; False: it is being asked just now
    failures: int = 0  # in a row, of this source (not of its host)
    bucket: int = 0  # where the price's histogram counts it; 0: nowhere
    bound: int = Bound.PRICE  # what decided the interval, besides the bounds of this row


@dataclass(slots=True)
class Notices:
    """What a source's pushes were worth; only sources that ever notified have one."""

    hits: float = 0.0
    observed: float = 0.0
    signals: float = 0.0
    exposure: float = 0.0  # days in which they came, with forgetting
    pending: int = 0
    heard: float = 0.0  # when the latest came
    direct: bool = False  # what they tell of is asked for by itself: they make nobody read earlier
    # What is expected of pushes as long as little is known of this source's; not stored.
    true: float = 0.8  # the share of notices that say what is so
    told: float = 0.8  # the share of changes that are notified


@dataclass(frozen=True, slots=True)
class Seen:
    """What one answer showed of a source.

    `new`: items that are new (outboxes) or 1 for a changed document. `stamp` is when the latest
    change took place, if the origin says so. `history` are the times of the items that a first
    sight found, oldest first, `since` from when on they are all of them (None: not known).
    """

    at: float  # validity time: when the answer was current
    new: int = 0
    stamp: float | None = None
    history: tuple[float, ...] = ()
    since: float | None = None
    cost: float = 1.0  # of the request, relative to one for a page or document of usual size
