"""The six typed ports above which nobody knows what engine keeps the data.

`Store` is the one writer, `Frontier` the durable queue with per-host leases, `Mailbox` what comes
to the inbox and goes out of it, `Publisher` (in `publishing_port`) what we publish ourselves,
`Moderator` what the operator does not want, `Query` the reader.
Times are POSIX seconds; `now` is always an argument. A method that writes returns a
concurrent.futures.Future that is done once the change is on disk (outcomes that are waiting share a
commit); it fails with StoreError, and then nothing of that call was written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Protocol

from .document import Document
from .mail_records import (
    Account,
    Delivery,
    DeliveryState,
    Errand,
    Follower,
    FollowerState,
    Notification,
    NotificationState,
    Received,
    Send,
    Sent,
    Settlement,
    Subscribed,
)
from .publishing_port import Published
from .records import (
    Applied,
    Cause,
    Change,
    CheckReport,
    CollectionView,
    Counts,
    Follow,
    Host,
    HostReport,
    Lease,
    ObjectFilter,
    Outcome,
    Politeness,
    Reads,
    Reference,
    State,
    Thread,
    Totals,
    Version,
    Want,
)
from .thread_view import ThreadTree
from .vitals import Room, Written

if TYPE_CHECKING:
    from ..crawler.protocol.blocks import Blocks
    from ..crawler.protocol.keys import PublicKey
    from ..crawler.protocol.policy import Policy
    from ..crawler.protocol.robots_memory import Robots
    from .verbs import Swept


class Store(Protocol):
    """The writer: applies outcomes, keeps follows. One per store, held by `writer.lock`."""

    def apply(self, outcome: Outcome) -> Future[Applied]:
        """Write everything that follows from one answer, in one transaction."""

    def put_follow(self, follow: Follow) -> Future[None]:
        """Create or replace the state of a follow."""

    def drop_follow(self, key: str, now: float) -> Future[bool]:
        """Forget a follow and what is queued for it; documents stay. False: there was none."""

    def on_change(self, listener: Callable[[Sequence[Change]], None]) -> None:
        """Call `listener` after each commit that logged changes, on the writer's thread."""

    def ping(self) -> Future[None]:
        """Done once the writer's thread has come by; nothing is written."""

    def written(self) -> Written:
        """What the writer has done since the store was opened."""

    def close(self) -> None:
        """Finish what is waiting, then close. Idempotent."""


class Frontier(Protocol):
    """The durable queue of what is due, and the only judge of politeness."""

    def want(self, wants: Iterable[Want]) -> Future[None]:
        """Queue; what is queued already keeps the more urgent cause and the earlier due time."""

    def lease(
        self, now: float, limit: int, seconds: float, *, last: Cause = Cause.BACKFILL
    ) -> Future[list[Lease]]:
        """Up to `limit` leases on what is due, each host in turn and within its politeness.

        `last`: only on what is wanted for this cause, or a more urgent one."""

    def turn(
        self, host: str, now: float, page: bool, held: bool = False, since: float = 0.0
    ) -> Future[float | None]:
        """Take a slot of `host` for one request outside the queue (a redirect's next hop).

        `held`: the caller has a slot of this host, which goes on; only the time has to come, and
        the host has answered its last request at `since`.
        None: taken, to be given back by a HostReport with `slot`. A number: not before that time.
        """

    def report(self, reports: Sequence[HostReport], now: float) -> Future[None]:
        """Give slots taken by `turn` back, and learn from what happened."""

    def next_due(self, now: float, *, last: Cause = Cause.BACKFILL) -> float | None:
        """When there may be something to lease; None: nothing is queued or all is in flight.

        `last` as for `lease`."""

    def be_polite(self, politeness: Politeness) -> Future[None]:
        """The stated politeness is another one, for all jobs from this one on."""

    def refresh(self, now: float) -> Future[int]:
        """Queue what is due to be asked again, within the budget; how much that was. To be called
        every few seconds; a call that finds nothing to do writes nothing."""

    def signal(self, uri: str, now: float) -> Future[bool]:
        """Something says that a reference may have changed. Whether it is asked at once."""

    def recover(self, now: float) -> Future[int]:
        """At start: give back the leases of a process that died. How many there were."""

    def pending(self, follow: str) -> int:
        """Rows queued or leased for a follow with `attempts == 0` and not `scheduled`."""

    def waits(self, follow: str) -> bool:
        """Whether any row is queued or leased for a follow, be it a retry or a periodic check."""

    def stalled_until(self, follow: str, now: float) -> float | None:
        """When the earliest pending row of a follow can be leased; None: nothing is pending."""


class Mailbox(Protocol):
    """Authenticated mail, acted upon once; followers; our deliveries, one at a time to a host."""

    def receive(self, received: Sequence[Received], now: float) -> Future[list[int | None]]:
        """Keep what came in; the number of each, None for what was seen before.

        StoreError when the store is full or too much is waiting: the sender is to try later."""

    def seen(self, fingerprint: bytes, now: float) -> bool:
        """Whether a signed request of this fingerprint was kept within the replay window."""

    def waiting(self, now: float, limit: int) -> list[Notification]:
        """What is due to be looked at, in order of receipt but for what waits after a failure."""

    def next_waiting(self) -> float | None:
        """When the next notification is due; None: nothing waits."""

    def settle(self, settlements: Sequence[Settlement], now: float) -> Future[int]:
        """Apply what notifications come to, all of it in one transaction; how many were waiting
        still. What is no longer waiting was acted upon before, and is not again."""

    def flush_counts(self, now: float) -> Future[int]:
        """Log one `counted` change for each object whose counts have moved since; how many."""

    def ended(self) -> Mapping[tuple[str, ...], int]:
        """How often which of these happened since the store was opened: ("notification", state,
        effect), ("delivery", state), and for what is tried again the state "waiting"."""

    def key(self, id: str, now: float) -> PublicKey | None:
        """The key of that id, if it was received within a week: then it is asked for again, since
        its owner may have replaced one that was stolen."""

    def drop_key(self, id: str) -> Future[None]:
        """Forget a key: it does not verify any more."""

    def follower(self, actor: str) -> Follower | None: ...

    def followed_by(self) -> int:
        """How many followers are accepted; kept as a counter."""

    def part_digest(self, origin: str) -> bytes:
        """The FEP-8fcf digest of the accepted followers of an origin; kept, not computed."""

    def part(self, origin: str, limit: int, after: str | None = None) -> list[str]:
        """Accepted followers of an origin, in an order of their own, behind `after`."""

    def part_size(self, origin: str) -> int:
        """How many there are of an origin."""

    def put_follower(self, follower: Follower, sends: Sequence[Send], now: float) -> Future[None]:
        """Write a follower's state and queue what tells them of it, together."""

    def move_follower(self, actor: str, inbox: str, shared: str | None) -> Future[None]:
        """A follower, if it is one, has these inboxes now."""

    def drop_follower(self, actor: str) -> Future[None]:
        """Its actor is no more: it follows nobody."""

    def subscribe(
        self, key: str, id: str | None, state: Subscribed, sends: Sequence[Send], now: float
    ) -> Future[bool]:
        """Write the state of a follow's subscription (`id`: of our Follow activity) and queue what
        tells of it, together. False, and nothing is written: there is no such follow."""

    def send(self, sends: Sequence[Send], now: float) -> Future[None]:
        """Queue deliveries; each inbox gets its own in this order."""

    def errands(
        self, now: float, limit: int, seconds: float, ttl: float, probes: int | None = None
    ) -> Future[list[Errand]]:
        """Lease up to `limit` deliveries for `seconds`, at most one for each origin, and beside
        them up to `probes` (None: as many) to origins that have failed; what is older than `ttl`
        expires instead."""

    def next_errand(self) -> float | None:
        """When there may be something to deliver; None: nothing waits."""

    def sent(self, reports: Sequence[Sent], now: float) -> Future[None]:
        """Write what became of errands, and give their leases back."""

    def expire(self, after: bytes, now: float, ttl: float) -> Future[bytes | None]:
        """End what has waited for longer than `ttl` seconds, in batches: behind which inbox to go
        on (b"" at first), None when that was all."""

    def recover(self) -> Future[int]:
        """At start: give back the leases of a process that died. How many there were."""


class Moderator(Protocol):
    """Keeps the store in line with the operator's policy: blocklists, and what was forgotten."""

    def enforce(self, policy: Policy) -> Future[None]:
        """From this job on nothing that the policy refuses is queued, kept or sent to."""

    def has_forgotten(self, policy: Policy) -> bool:
        """Whether nothing is left of what is forgotten; a restored backup may bring it back."""

    def had_forgotten(self) -> bool:
        """Whether anything was ever to be forgotten here: then there has to be a file of it."""

    def is_done(self, policy: Policy) -> bool:
        """Whether nothing is left of what the policy refuses."""

    def sweep(self, policy: Policy, now: float, stopped: Callable[[], bool]) -> Swept | None:
        """Purge what the policy in force refuses, in batches; for a thread of its own, one at a
        time. None: `stopped` said so."""

    def tells(self) -> bool:
        """Whether there are names for `tidy` to look at."""

    def tidy(self, now: float, stopped: Callable[[], bool]) -> None:
        """Drop names of what was forgotten that the change log has told for an hour."""

    def collect(self, now: float, stopped: Callable[[], bool]) -> int:
        """Where a host, a domain or the store has come to too many: delete references that are not
        held and that nothing points at. For a thread of its own; how many went."""

    def make_room(self, now: float, stopped: Callable[[], bool]) -> int:
        """Where the store is nearly full: evict documents that nobody follows, the oldest first.
        For a thread of its own; how many went."""


class Query(Published, Protocol):
    """The reader. Every call is one short read transaction; nothing returned refers to it."""

    def document(self, id: str) -> Document | None: ...

    def reference(self, id: str) -> Reference | None: ...

    def served(self, id: str) -> tuple[Reference | None, Document | None]:
        """The record of an id, or of what it leads to where it is another name for that, and its
        document; the record without `consent`."""

    def references(self, ids: Iterable[str]) -> dict[str, Reference]:
        """The records of those that are known, without `consent`."""

    def states(self, ids: Iterable[str]) -> dict[str, State]:
        """The states of those that are known."""

    def known_members(self, collection: str, ids: Iterable[str]) -> set[str]:
        """Those of `ids` that are members of `collection` already."""

    def absent_members(
        self,
        collection: str,
        placed: Sequence[str],
        listed: Iterable[str],
        *,
        after: str | None = None,
        head: bool = False,
    ) -> tuple[Reference, ...]:
        """Members that are held and stand between those of a page, but are not `listed` on it.

        `placed` are the items whose place on the page says something, in order; `after` the last
        one of the page before, `head` that there is none.
        """

    def offered_to(self, id: str) -> tuple[str, ...]:
        """The keys of the follows whose outbox offers an object, held or not."""

    def thread(self, id: str) -> ThreadTree | None:
        """The conversation that a post stands in, as far as it is held, from its beginning: what is
        missing is marked, and what may not be listed is withheld but where it is read. None: the
        id is not known. Bounded in posts, levels and bytes."""

    def thread_for(self, follow: str, root: str, now: float) -> Thread | None:
        """What was fetched of the thread of a post for one follow ("": on demand)."""

    def threads(self, id: str, now: float) -> tuple[Thread, ...]:
        """What was fetched of the thread of a post, for each follow (and on demand)."""

    def threaded(self, follow: str, ids: Iterable[str]) -> set[str]:
        """Those of `ids` whose replies were asked for already on behalf of a follow."""

    def threads_due(self, follow: str, now: float) -> list[Want]:
        """What asks again for the collections of a follow's threads whose pause is over."""

    def objects(
        self, filter: ObjectFilter, limit: int, cursor: str | None = None
    ) -> tuple[list[Document], str | None]:
        """Objects newest first, and the cursor of the next page; from an index, never by a scan."""

    def collection(
        self, id: str, limit: int = 500, cursor: str | None = None
    ) -> CollectionView | None: ...

    def reads(self, id: str) -> Reads | None:
        """How a collection is read; None where no walk over it is stored."""

    def changes(self, since: int | None, limit: int = 500) -> list[Change]:
        """Entries with `seq > since`, oldest first; None: from the oldest that is kept.

        TooOld where not all of them are kept any more."""

    def history(self, id: str) -> list[Version]:
        """Earlier versions, newest first."""

    def follows(self) -> list[Follow]: ...

    def follow(self, key: str) -> Follow | None: ...

    def notifications(
        self, limit: int, before: int | None = None, state: NotificationState | None = None
    ) -> list[Notification]:
        """The latest first; `before`: only those with a lower number."""

    def followers(
        self, limit: int, after: str | None = None, state: FollowerState | None = None
    ) -> list[Follower]:
        """Those that follow our actor or have asked to, in a fixed order; `after`: an actor."""

    def deliveries(
        self,
        limit: int,
        before: int | None = None,
        state: DeliveryState | None = None,
        host: str | None = None,
        activity: str | None = None,
    ) -> list[Delivery]:
        """The latest first; `host` is the "host:port" of the inbox."""

    def delivery(self, id: int) -> Delivery | None: ...

    def account(self, activity: str) -> Account | None:
        """How all deliveries of an activity stand; None: there is no row of any."""

    def counts(self, id: str) -> Counts:
        """How many have reacted to an object."""

    def hosts(self, now: float | None = None) -> Iterator[Host]:
        """Every host; with `now` its state is that of then, else that of its last request."""

    def host(self, name: str, now: float | None = None) -> Host | None:
        """One host ("host:port"); None: it was never asked. `now` as for `hosts`."""

    def robots(self, host: str) -> Robots | None:
        """What is known of the robots.txt of a host ("host:port"), believable or not."""

    def blocks(self) -> Blocks:
        """The rules of the blocklists that are in force."""

    def has_forgotten(self, policy: Policy) -> bool:
        """As `Moderator.has_forgotten`, for who only reads."""

    def totals(self, now: float | None = None) -> Totals:
        """Counts for the status; with `now` also how far the refreshing is behind."""

    def room(self) -> Room:
        """The store's map and file, and what its disk has left."""

    def check(self) -> CheckReport:
        """Compare documents, references, indexes and counters both ways."""
