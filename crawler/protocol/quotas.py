"""How much may be kept of a host, a registrable domain, and for a follow; and what is over that.

Pure: counts and limits in, a typed reason out. It counts nothing itself and evicts nothing.
Invariant: a reason is given exactly where one more would exceed a limit, so that what one party
mints has a bound, whatever it mints. What a followed actor's own server says of it has room of its
own, which nothing that is discovered can take.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

Reason = Literal[
    "frontier",
    "hosts",
    "references",
    "documents",
    "bytes",
    "actors",
    "requests",
    "follow",
]

REASONS: Final[dict[Reason, str]] = {
    "frontier": "too much is waiting to be asked of its host",
    "hosts": "too many hosts of its domain were met today",
    "references": "too many ids of its host are known",
    "documents": "too many documents of its host or domain are held",
    "bytes": "the documents of its host or domain take too much room",
    "actors": "too many actors of its host or domain were met today",
    "requests": "too much of its domain was asked for today that nobody follows",
    "follow": "its follow has led to too much elsewhere today",
}
NUMBER: Final = {reason: number for number, reason in enumerate(REASONS, 1)}

DAY: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Share:
    """What one host, or one domain, may come to. `own` is the room of those who are followed."""

    documents: int
    bytes: int
    references: int
    own_bytes: int
    actors: int  # discovered in a day
    requests: int  # a day, for what nobody follows


@dataclass(frozen=True, slots=True)
class Limits:
    """All limits; `of` scales with the store what has to."""

    host: Share
    domain: Share
    # Rows that wait for one host; at one request in two seconds they are five hours' work.
    queue: int = 10_000
    # Rows that wait in all: some 200 MB.
    frontier: int = 1_000_000
    # A walk rests while so much of its host waits that it has led to.
    walk_rests: int = 5_000
    # Hosts of one domain that are met in a day: Mastodon's number of sub-domains
    # (SUBDOMAINS_RATELIMIT of its account processing), against names that a wildcard invents.
    hosts: int = 10
    # What one follow may lead to elsewhere in a day: boosts, what they answer, their authors.
    follow: int = 20_000
    # Taken from one host in a day; a walk that would exceed it goes on the next day.
    day_documents: int = 200_000
    day_bytes: int = 2 << 30
    # Hosts that are known at all, some 400 bytes each.
    host_rows: int = 200_000
    # Types are words that are kept for good; the Fediverse has a few hundred.
    types: int = 50_000
    # Rows that say what stands in which collection, some 130 bytes each.
    members: int = 32_000_000
    # Of them, those of what one follow lists.
    listed: int = 8_000_000

    @classmethod
    def of(cls, max_bytes: int) -> Limits:
        host, domain = _share(max_bytes, 10, 1), _share(max_bytes, 8, 2)
        return cls(host, domain, **_queues(max_bytes))


def _share(max_bytes: int, part: int, times: int) -> Share:
    """A tenth or an eighth of the store for what is discovered, two fifths for who is followed
    there: with what their rows take beyond what they are counted for, the others have room left.

    A document with its rows takes 2 KiB at least, a reference some 300 bytes."""
    room = max_bytes // part
    return Share(
        documents=min(500_000 * times, max(room // 2_048, 1)),
        bytes=room,
        # Four times as many as documents: each names some, and what was evicted is one for a while.
        references=min(2_000_000 * times, max(room // 512, 1)),
        own_bytes=max_bytes * 2 // 5,
        actors=1_000 * times,
        requests=10_000 * times,
    )


def _queues(max_bytes: int) -> dict[str, int]:
    """A small store has no room for the queue of a large one."""
    return {
        "frontier": min(1_000_000, max(max_bytes // 2_048, 1_000)),
        "host_rows": min(200_000, max(max_bytes // 16_384, 1_000)),
        "members": min(32_000_000, max(max_bytes // 2_048, 1_000)),
        "listed": min(8_000_000, max(max_bytes // 8_192, 1_000)),
    }


@dataclass(slots=True)
class Usage:
    """What one host, domain or follow has come to. What counts a day begins anew with it."""

    # Of those whom nobody follows, as all here but `own_bytes`; of a follow: rows of its list.
    documents: int = 0
    bytes: int = 0  # as stored, earlier versions and their rows with them
    # That nobody followed owns, whether or not they are held; of a follow: ids that its lists named
    # first, of its own host too.
    references: int = 0
    own_bytes: int = 0
    day: int = 0
    # With those of who is followed; of a follow: ids of other hosts that its lists named first.
    day_documents: int = 0
    day_bytes: int = 0
    day_actors: int = 0
    day_hosts: int = 0
    day_requests: int = 0
    refused: int = 0
    evicted: int = 0
    reason: int = 0  # of the latest refusal, its number
    refused_at: float = 0.0

    def on(self, now: float) -> Usage:
        """The same with the day's counts as they are at `now`. A clock that was set back a little
        opens no new day."""
        today = int(now // DAY)
        if not today:  # who asks has no time at hand
            return self
        if today > self.day or today < self.day - 1:
            self.day = today
            self.day_documents = self.day_bytes = self.day_actors = 0
            self.day_hosts = self.day_requests = 0
        return self

    @property
    def why(self) -> Reason | None:
        return next((reason for reason, number in NUMBER.items() if number == self.reason), None)


@dataclass(frozen=True, slots=True)
class Asks:
    """A request that somebody's post has led to, and where it would have to wait."""

    queued: int  # rows of its host
    frontier: int  # rows of all hosts
    new_host: bool
    new_reference: bool
    actor: bool  # an author, of whom nothing is known


def over_asking(
    asks: Asks, host: Usage, domain: Usage, follow: Usage | None, limits: Limits
) -> Reason | None:
    """Why a request for what is discovered is not queued; None: it is."""
    part = _part(follow, limits)
    if asks.queued >= limits.queue // part or asks.frontier >= limits.frontier:
        return "frontier"
    if asks.new_host and domain.day_hosts >= limits.hosts:
        return "hosts"
    if follow is not None and follow.day_requests >= limits.follow:
        return "follow"
    for used, share in ((host, limits.host), (domain, limits.domain)):
        if asks.new_reference and used.references >= share.references // part:
            return "references"
        if asks.actor and used.day_actors >= share.actors // part:
            return "actors"
        if used.day_requests >= share.requests // part:
            return "requests"
    return None


def _part(follow: Usage | None, limits: Limits) -> int:
    """What is counted for a host is used up by whoever names its ids. Who has named many today gets
    the half of it, so that nobody can use up another's host for all who are followed."""
    return 2 if follow is not None and follow.day_requests >= limits.follow // 10 else 1


def over_keeping(
    host: Usage, domain: Usage, size: int, limits: Limits, *, own: bool
) -> Reason | None:
    """Why a document of so many bytes would be too much; None: there is room for it."""
    for used, share in ((host, limits.host), (domain, limits.domain)):
        if own:
            if used.own_bytes + size > share.own_bytes:
                return "bytes"
            continue
        if used.documents >= share.documents:
            return "documents"
        if used.bytes + size > share.bytes:
            return "bytes"
    return None


def walk_again(host: Usage, queued: int, limits: Limits, now: float) -> float:
    """When the next page of a walk may be asked for: now, once its host's queue is shorter, or on
    the next day where the host has given enough for this one. Where the walk has come to stays."""
    if host.day_documents >= limits.day_documents or host.day_bytes >= limits.day_bytes:
        return (now // DAY + 1) * DAY
    return now + _REST if queued >= limits.walk_rests else now


# At one request in two seconds a host is through with 450 rows meanwhile.
_REST: Final = 900.0


def near(host: Usage, limits: Limits) -> Iterator[tuple[str, int, int]]:
    """What a host has used of what it may have: name, used, limit."""
    share = limits.host
    yield "documents", host.documents, share.documents
    yield "bytes", host.bytes, share.bytes
    yield "references", host.references, share.references
