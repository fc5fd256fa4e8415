"""The nouns that come out of the store: what readers get. A continuation of `records`.

They stand apart so that a program that only reads loads nothing of what a crawler puts in: these
are imported by `fedpull.cache`, which must cost a small program next to nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ..crawler.protocol.knock import NOTHING, Known
from ..crawler.protocol.listable import Verdict
from ..crawler.protocol.record import record


class State(StrEnum):
    """What we know of a reference."""

    UNKNOWN = "unknown"
    RESOLVED = "resolved"
    REDIRECTED = "redirected"
    GONE = "gone"
    FAILED = "failed"
    REFUSED = "refused"


# What may decide how long something waits until it is asked again, in the words of `explain`.
BOUNDS = (
    *("price", "floor", "every", "type", "shortest", "longest"),
    *("max-age", "host", "failures"),
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One line of a reference's log."""

    at: float
    cause: str
    status: int | None
    outcome: str


@record(frozen=True, slots=True)
class Change:
    """An entry of the numbered change log. Kinds: created, updated, deleted, refused, counted."""

    seq: int
    kind: str
    id: str
    actor: str | None
    type: str | None
    at: float
    reason: str | None


@record(frozen=True, slots=True)
class Reference:
    """The freshness record of a reference."""

    id: str
    state: State
    cls: str | None  # actor, object, activity, collection
    fetched_at: float | None
    verified_at: float | None
    verified_by: str | None  # get, 304, embedded, local
    next_check: float | None
    interval: float | None
    updated: float | None
    published: float | None
    content_hash: bytes | None
    owner: str | None
    type: str | None
    failures: int
    etag: str | None = None
    last_modified: str | None = None
    last_error: str | None = None
    target: str | None = None
    reason: str | None = None
    enclosing: str | None = None
    log: tuple[Attempt, ...] = ()
    threads: tuple[Thread, ...] = ()  # of a post, for who asks why: what they have cost
    # As a source of change; None where nothing is asked again by itself.
    kind: str | None = None  # outbox, actor, post, listing
    rate: float | None = None  # changes, or new items, a day, as estimated
    exposure: float | None = None  # how many days of watching the estimate stands on
    weight: float | None = None
    bound: str | None = None  # one of BOUNDS: what decided the interval
    vouched: bool = False  # its audience was stated by the verified activity around it
    not_before: float | None = None  # by the origin's word, no answer differs before then
    counts: Counts | None = None  # of an object that is held, for who asks why
    form: str | None = None  # of signature, in which its origin was asked for what is held
    barred: float | None = None  # its host's robots.txt refused it, which holds until then
    robots_tag: str | None = None  # what X-Robots-Tag said to us with what is held
    robots: RobotsView | None = None  # for who asks why: what is known of robots.txt
    leads_on: bool | None = None  # of an actor: whether it lets its posts lead on; None: not known
    consent: Verdict | None = None  # of an actor or object that is held: whether it may be listed


@dataclass(frozen=True, slots=True)
class RobotsView:
    """What a host's robots.txt says of one URL; whom it binds is another question."""

    verdict: str  # allowed, disallowed, unknown (it could not be had, so nothing is asked)
    evidence: str  # the line, or what came instead
    until: float


@dataclass(frozen=True, slots=True)
class Counts:
    """How many actors are known to have reacted to an object that is held."""

    likes: int = 0
    reacts: int = 0
    shares: int = 0


@dataclass(frozen=True, slots=True)
class Thread:
    """What one follow has had fetched of the thread of a post."""

    follow: str  # its key; empty for what was asked on demand
    started: float
    born: float  # when the post was published, as far as that can be believed
    read: float | None  # when a visit of one of its collections ended last
    fetched: int  # requests that were queued for it
    over: str  # why it is left alone now: size, age; empty where it is read on


@dataclass(frozen=True, slots=True)
class Version:
    """An earlier body of a document."""

    fetched_at: float
    updated: float | None
    content_hash: bytes
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        """The body, parsed anew each time."""
        from ..crawler.protocol.strictjson import parse_object

        return parse_object(self.body)


@dataclass(frozen=True, slots=True)
class ObjectFilter:
    """Which objects to list: newest first, `since <= published < until`; or those that take place,
    soonest first, `starts_since <= startTime < starts_until`, where `order` or one of these says
    so. `unasked`: also those that are not to be listed, for what the store's keeper does with what
    it holds. `republished`: of what is read for a follow, too, only what may be listed."""

    actor: str | None = None
    follow: str | None = None
    type: str | None = None
    tag: str | None = None
    in_reply_to: str | None = None
    context: str | None = None
    since: float | None = None
    until: float | None = None
    unasked: bool = False
    order: str = "published"  # or start
    starts_since: float | None = None
    starts_until: float | None = None
    text: str | None = None  # words, as a person types them
    republished: bool = False

    @property
    def by_start(self) -> bool:
        """Whether they are in the order of their start; what has none is not listed then."""
        starts = (self.starts_since, self.starts_until)
        return self.order == "start" or starts != (None, None)

    @property
    def is_dated(self) -> bool:
        return (self.since, self.until) != (None, None)


@dataclass(frozen=True, slots=True)
class CollectionView:
    """Members in the origin's order, and how complete our copy is."""

    id: str
    items: tuple[str, ...]
    cursor: str | None
    complete: bool
    total_items: int | None
    kind: str


@dataclass(frozen=True, slots=True)
class Reads:
    """How a collection is read: where its next visit, or the present one, goes on."""

    begins: str  # cursor, head, start (all of it), page (in the middle of a visit)
    url: str | None
    newest_first: bool
    scattered: bool  # new items may stand anywhere, so that all of it is read now and then
    read_whole_at: float | None


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that `check` found wrong."""

    table: str
    subject: str
    problem: str


@dataclass(frozen=True, slots=True)
class CheckReport:
    """The result of `check`: how much was compared, and what disagreed."""

    references: int
    documents: int
    index_entries: int
    findings: tuple[Finding, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class HostKept:
    """What is kept of a host that nobody followed owns, in `references`, `documents` and `bytes`;
    what a quota has refused of it, and why the latest time."""

    references: int = 0
    documents: int = 0
    bytes: int = 0
    own_bytes: int = 0  # of the documents of who is followed there
    refused: int = 0
    evicted: int = 0
    reason: str | None = None
    refused_at: float | None = None


@dataclass(frozen=True, slots=True)
class HostWindow:
    """A limit that a host announces: so many requests are left of `quota` in `seconds` until it
    begins anew. 0: it does not say."""

    name: str
    quota: int
    seconds: float
    remaining: int
    resets: float


@dataclass(frozen=True, slots=True)
class HostDelivery:
    """How deliveries to a host go, apart from what is asked of it: not to be taken is no sign of
    not answering, nor the reverse."""

    state: str  # ok, paused, dead
    until: float | None  # nothing is sent before
    failures: int  # in a row
    since: float | None  # of the first of them
    days: int  # on which it failed
    waiting: int
    last_error: str | None


@dataclass(frozen=True, slots=True)
class Host:
    """What we know of a host, and when it may be asked again."""

    host: str
    state: str  # ok, slow, paused, dead, unwelcome, blocked
    until: float | None
    failures: int
    last_error: str | None
    requests: int
    in_flight: int = 0
    due: int = 0
    backlog: int = 0  # its sources that are due and have not been asked yet
    lag: float | None = None  # seconds for which the most overdue of them has been waiting
    knock: Known = NOTHING  # what it reads of our signatures, as far as that is believed
    delay: float | None = None  # the gap that its robots.txt asks for, as far as it is granted
    why: str | None = None  # of any state but ok, in a sentence for a person
    gap: float | None = None  # seconds between two requests, where it gets longer ones than stated
    pace: float = 1.0  # the part of the full pace that it gets since its latest 429
    windows: tuple[HostWindow, ...] = ()  # the limits that it announces
    kept: HostKept = HostKept()
    delivery: HostDelivery | None = None  # None: nothing waits for it, and nothing has failed
