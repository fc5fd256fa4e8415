"""The nouns of the store: what goes in, what comes out, and nothing about how it is kept.

Values only: frozen, slotted, without behaviour beyond small derivations. Every time is POSIX
seconds (UTC, float), every id a canonical URI, every host the "host:port" of a URL (the unit of
politeness). No LMDB type and no key layout appears here, so that another engine can stand behind
the ports. What comes out is defined in `views` and is part of this module's names.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from ..crawler.protocol.knock import Form, Known
from ..crawler.protocol.rate_limits import Announced
from ..crawler.protocol.record import record
from ..crawler.protocol.robots_memory import Robots
from ..crawler.protocol.version import Stamp
from .views import (
    Attempt,
    Change,
    CheckReport,
    CollectionView,
    Counts,
    Finding,
    Host,
    HostDelivery,
    HostKept,
    HostWindow,
    ObjectFilter,
    Reads,
    Reference,
    State,
    Thread,
    Version,
)

__all__ = [
    "PARKED",
    "Applied",
    "Attempt",
    "Cause",
    "Change",
    "CheckReport",
    "Collection",
    "CollectionView",
    "Counts",
    "Entry",
    "Finding",
    "Follow",
    "Host",
    "HostDelivery",
    "HostKept",
    "HostReport",
    "HostWindow",
    "Kind",
    "Lease",
    "Mark",
    "Members",
    "ObjectFilter",
    "Outcome",
    "Plan",
    "Politeness",
    "Poll",
    "Put",
    "Reads",
    "Reference",
    "Relink",
    "State",
    "Terms",
    "Thread",
    "Totals",
    "Version",
    "Want",
]


# The due time of a row that only waits for the agenda to bring it forward: never, by itself.
PARKED = 1e12


class Kind(IntEnum):
    """What a want asks for; the order is that of one host's queue within a cause."""

    FINGER = 0  # a WebFinger answer
    DOCUMENT = 1  # a reference
    PAGE = 2  # the next page of a walk over a collection


class Cause(IntEnum):
    """Why something is wanted; lower goes first."""

    ON_DEMAND = 0
    PUSH = 1
    NEW = 2
    REFRESH = 3
    BACKFILL = 4


@record(frozen=True, slots=True)
class Want:
    """Something to be fetched. One row of the frontier; wanting it twice keeps the more urgent.

    `uri` is the reference, for PAGE the collection, for FINGER the WebFinger URL. `follow` is the
    key of the follow that caused it ("" when none did), `relation` how it relates to that follow
    (`actor`, `outbox`, `item`, `boost`, `parent`, `reply`, `author`, `confirm`, `asked`,
    `check`: is it still there; `deleted`: its owner says that it is not, so one 404 is enough, and
    `depth` says how often it is looked at again where it is there all the same; collections of a
    thread: `replies`, `context`).
    """

    uri: str
    kind: Kind
    cause: Cause
    due: float
    follow: str = ""
    relation: str = "asked"
    depth: int = 0  # levels that may still be resolved from here
    attempts: int = 0  # failed requests so far; a row that failed is not pending any more
    refetch: bool = False  # the id that another URL's answer claimed: it must match now
    scheduled: bool = False  # a periodic check: not pending work of its follow
    root: str = ""  # the followed post whose thread it belongs to


@record(frozen=True, slots=True)
class Lease:
    """The right to make one request to one host until `until`; stored, so a crash gives it back."""

    want: Want
    url: str  # what to request: the reference, or the walk's next page
    host: str
    until: float
    walk: bytes | None = None  # PAGE: the walk as stored, None when it has not begun
    etag: str | None = None
    last_modified: str | None = None
    form: Form = "unsigned"  # of the signature under which the validators came


@record(frozen=True, slots=True)
class Terms:
    """The index terms of an object; empty for actors, activities and collections."""

    actor: str | None = None  # first attributedTo
    types: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()  # lower case, without '#'
    in_reply_to: str | None = None
    context: str | None = None
    published: float | None = None  # as stated; the store clamps it to the time of the fetch
    starts: float | None = None  # of what takes place, such as an event: its `startTime`


@dataclass(frozen=True, slots=True)
class Plan:
    """Within which bounds a reference is asked again; when exactly is the agenda's to decide."""

    shortest: float = 60.0  # seconds
    longest: float = 30 * 86_400.0
    not_before: float = 0.0  # POSIX seconds; the origin's `max-age`, clamped
    weight: float | None = 1.0  # importance of the source; None: as it was, 1 for a new one
    cost: float = 1.0  # of the request, relative to a usual one


@dataclass(frozen=True, slots=True)
class Poll:
    """What a visit of a collection showed, for the agenda. `at` is now minus the answer's Age."""

    collection: str
    at: float
    new: int  # items that are new since the visit before
    untold: int = 0  # of these, what was not held already: nobody had told of them
    listing: bool = False  # a collection that is no outbox (replies, a conversation)
    stamps: tuple[float, ...] = ()  # when the new ones were published, oldest first, 20 at most
    first: bool = False  # the first sight: `stamps` are history
    since: float | None = None  # first sight: from when on they are all there are
    plan: Plan = Plan()


@record(frozen=True, slots=True)
class Put:
    """A body to keep under an id, exactly as the origin served it."""

    id: str
    body: bytes
    stamp: Stamp
    terms: Terms
    fetched_at: float
    verified_by: str  # "get" or "embedded"; "local": we have published it
    enclosing: str | None = None  # embedded: URL of the answer that held it
    context: bytes | None = None  # embedded: that answer's @context, as JSON
    etag: str | None = None
    last_modified: str | None = None
    follow: str = ""  # the follow whose outbox offers it
    verified_at: float | None = None  # the time of the fetch minus the answer's Age; None: the same
    changed: float | None = None  # when it last changed, as the origin says (`updated`, else HTTP)
    form: Form = "unsigned"  # of the signature under which the answer came
    robots_tag: str = ""  # what the answer's X-Robots-Tag said to us
    vouched: bool = False  # should it state no audience, that of its verified activity counts
    consent: int = 0  # flags of `protocol.listable`: what it says of being listed
    plan: Plan = Plan()


@dataclass(frozen=True, slots=True)
class Mark:
    """A reference's new state where no body comes with it.

    `purge` removes a stored body (and says so in the change log, with `reason`). `verified` renews
    what is held (a 304). `reason` of a refusal or deletion is one of the change log's words; one
    for its `type` leaves a copy that is held as it is: another follow keeps it. With `owner` the
    mark is for a copy of that owner only.
    """

    id: str
    state: State | None = None  # None: as it was
    reason: str = ""
    error: str = ""
    purge: bool = False
    verified: bool = False
    failed: bool = False
    missing: bool = False  # failed with a 404
    target: str | None = None  # redirected: the id it leads to
    type: str = ""  # of what was refused for it
    owner: str | None = None
    etag: str | None = None
    last_modified: str | None = None
    at: float | None = None  # verified: the time of the answer minus its Age; None: the outcome's
    vouched: bool = False  # an activity that is addressed to everybody was verified for it
    barred: float | None = None  # refused by its host's robots.txt, until then
    note: str = ""  # for the change log: an `updated` with this reason, whatever became of the body
    plan: Plan | None = None  # None: as it was


@record(frozen=True, slots=True)
class Entry:
    """One item of a collection page: identity is the object's id and whether it was announced."""

    object: str
    activity: str | None = None
    announced: bool = False


@dataclass(frozen=True, slots=True)
class Members:
    """The items of one page, in the origin's order.

    `first` says that the page is the head of the collection, `upward` that the pages of this walk
    lead to newer items (a `prev` cursor), `after` is the last object of the page read before.
    `follow`: the follow that lists these objects.
    """

    collection: str
    entries: tuple[Entry, ...]
    first: bool = False
    upward: bool = False
    after: str | None = None
    follow: str = ""


@dataclass(frozen=True, slots=True)
class Relink:
    """A member that was known by its activity's URL only: `entry` takes the place of `old`.

    The position stays. When `entry` is a member already, `old` is just removed; None removes it.
    """

    collection: str
    old: str
    entry: Entry | None
    follow: str = ""


@dataclass(frozen=True, slots=True)
class Collection:
    """What we know of a collection as a whole."""

    id: str
    kind: str  # ok, empty, stub, none, unpageable
    complete: bool | None  # all that the origin offers was read; None: as it was
    total_items: int | None = None  # as claimed


@dataclass(frozen=True, slots=True)
class HostReport:
    """What one request taught about a host. `ok`: it answered, whatever the status."""

    host: str
    ok: bool
    page: bool = False
    status: int | None = None
    error: str = ""
    pause: float | None = None  # not before this time (Retry-After, X-RateLimit-Reset)
    refused: bool = False  # 401 or 403
    slot: bool = False  # gives back a slot that `Frontier.turn` gave; a lease is its own slot
    sent: float = 0.0  # when the request was sent, which is later than its lease; 0: not known
    knock: Known | None = None  # what it reads of our signatures; None: as it was known
    robots: Robots | None = None  # what is now known of its robots.txt; None: as it was
    limits: tuple[Announced, ...] = ()  # the rate limits that the answer announces


@record(frozen=True, slots=True)
class Outcome:
    """Everything that follows from one answer; applied whole, in one transaction."""

    at: float
    lease: Lease | None = None  # given back by this
    puts: tuple[Put, ...] = ()
    marks: tuple[Mark, ...] = ()
    members: Members | None = None
    relink: Relink | None = None
    unlisted: tuple[tuple[str, str], ...] = ()  # objects that follows offer but do not keep
    collection: Collection | None = None
    walk: bytes | None = None  # the lease's walk as it now stands; with `walk_done` it is removed
    walk_url: str | None = None  # what to request next for it
    walk_done: bool = False
    wants: tuple[Want, ...] = ()
    follow: Follow | None = None
    follow_was: Follow | None = None  # as it was read: only what differs from it is written
    hosts: tuple[HostReport, ...] = ()
    attempt: Attempt | None = None
    polls: tuple[Poll, ...] = ()


@dataclass(frozen=True, slots=True)
class Applied:
    """What an outcome changed, once it is durable."""

    changes: tuple[Change, ...] = ()
    unchanged: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Politeness:
    """How much one host may be asked, whoever asks."""

    concurrency: int = 1
    gap: float = 2.0
    pages: int = 100
    pages_window: float = 900.0
    # Further windows that hold beside that one: so many pages in so many seconds.
    more_pages: tuple[tuple[int, float], ...] = ()
    lease: float = 180.0  # seconds after which whoever has a slot of a host has died
    page_windows: tuple[tuple[int, float], ...] = field(init=False)  # all of them

    def __post_init__(self) -> None:
        windows = ((self.pages, self.pages_window), *self.more_pages)
        object.__setattr__(self, "page_windows", windows)


@dataclass(frozen=True, slots=True)
class Follow:
    """The state of a follow. `key` is its actor as configured: a handle or an actor URI."""

    key: str
    actor: str | None = None
    handle: str | None = None  # only when confirmed both ways
    subject: str | None = None  # the handle that WebFinger prefers for the one that is followed
    name: str | None = None
    outbox: str | None = None
    outbox_kind: str | None = None  # ok, empty, stub, none, unpageable; None: not read yet
    last_success: float | None = None
    last_error: str | None = None
    next_check: float | None = None
    interval: float | None = None
    complete: bool = False  # the first walk has ended
    objects: int = 0  # kept, as counted by the store
    once: bool = False  # pulled by name without being followed: never read again by itself
    moved_from: str | None = None  # the actor that this one says it was before
    moved_at: float | None = None
    thread_fetches: int = 0  # requests for the threads of its posts, as counted by the store
    blocked: str | None = None  # its actor blocks ours: the id of the Block; nothing leads it on
    subscribed: str = "no"  # no, pending, yes, rejected: whether its server pushes to us
    subscription: str | None = None  # id of our Follow activity, while one stands


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts for the status; kept as counters, never by a scan."""

    references: int = 0
    documents: int = 0
    follows: int = 0
    due: int = 0  # rows of the frontier
    in_flight: int = 0
    bytes: int = 0
    max_bytes: int = 0
    read_only: bool = False
    last_seq: int = 0
    sources: int = 0  # references and collections that are asked again by themselves
    backlog: int = 0  # of these: due, and not asked yet
    lag: float | None = None  # seconds for which the most overdue of them has been waiting
    budget_used: int = 0  # requests of the last hour
    price: float | None = None  # of a request, by which the agenda decides
    notifications: int = 0  # that wait to be acted upon
    deliveries: int = 0  # that wait to be sent
    dead_servers: int = 0  # to which they have failed for a week
    followers: int = 0  # that are accepted
    floor: bool = False  # the price is at its floor: the budget is larger than what is worth asking
