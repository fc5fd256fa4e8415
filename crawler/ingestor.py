"""The shell around `ingest`: looks up what is known, applies the outcome, tells who waits.

It decides nothing. Invariants: every lease that a spider was given ends here exactly once, whatever
an answer holds; nobody is told of an outcome before it is on disk.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial

from ..cache.fetched import WAITS, Fetched, fetched
from ..cache.histogram import Histogram
from ..cache.ports import Query, Store
from ..cache.records import Applied, Cause, Follow, Lease, Outcome
from ..config.model import Follow as Rules
from ..config.model import Freshness
from ..errors import StoreError
from .answer import Answer, FetchFailed
from .clock import Clock
from .ingest import ingest
from .ingest_failure import failure
from .ingest_gone import clearing
from .ingest_policy import vetted
from .lookups import Lookups
from .outage import Outage
from .protocol.policy import OPEN, Policy
from .reading import read
from .skew import Skew
from .trail import Trail

log = logging.getLogger(__name__)

# Documents of an actor that is gone that go with it in one transaction.
_CLEARED_AT_ONCE = 200

Listener = Callable[[Lease, Outcome], None]


def _histograms() -> dict[Cause, Histogram]:
    return {cause: Histogram(WAITS) for cause in Cause}


@dataclass(slots=True)
class Tally:
    """What was done for one follow since the process started."""

    requests: int = 0
    created: int = 0
    updated: int = 0
    deleted: int = 0
    unsettled: int = 0  # outcomes with the writer, of which nobody was told yet


@dataclass(slots=True)
class Ingestor:
    """Takes what the spiders bring. All methods run on the loop's thread."""

    store: Store
    query: Query
    clock: Clock
    rules: Callable[[str], Rules | None]
    follow: Callable[[str], Follow | None]
    leader: Callable[[str], str | None]
    finished: Callable[[], None]
    tallies: defaultdict[str, Tally]
    ages: Freshness = Freshness()  # noqa: RUF009 (frozen)
    policy: Callable[[], Policy] = lambda: OPEN
    skew: Skew = field(default_factory=Skew)
    outage: Outage = field(default_factory=Outage)
    fetched: Counter[tuple[str, Fetched]] = field(default_factory=Counter)  # by cause
    waited: dict[Cause, Histogram] = field(default_factory=_histograms)
    trail: Trail = field(default_factory=Trail)
    answers: int = 0  # that came through a spider's callback
    _listeners: list[Listener] = field(default_factory=list)
    lookups: Lookups = field(init=False)

    def __post_init__(self) -> None:
        self.lookups = Lookups(self.query, self.rules, self.follow, self.leader, self.ages)

    def on_outcome(self, listener: Listener) -> None:
        """Call `listener` on the loop's thread after each durable outcome."""
        self._listeners.append(listener)

    def answered(self, lease: Lease, answer: Answer) -> None:
        """A complete response came for `lease`."""
        self.answers += 1
        self.skew.heard(answer)
        self.outage.heard()
        self.trail.answered(lease, answer, self._book(lease, fetched(answer.status)))
        self._end(lease, partial(self._taken_in, lease, answer))

    def _taken_in(self, lease: Lease, answer: Answer) -> Outcome:
        self.tallies[lease.want.follow].requests += len(answer.hops)
        now = self.clock.now()
        try:
            policy = self.policy()
            reading = read(lease, answer, policy)
            outcome = ingest(reading, self.lookups.prior(lease, reading, now), now)
            return vetted(outcome, policy)
        except StoreError:
            raise
        except Exception:
            # One document must never stop the crawl: it is put off like any other failure.
            log.exception("%s could not be taken in: this is a bug", lease.url)
            broken = FetchFailed(
                lease.url, "could not be taken in", kind="protocol", hops=answer.hops
            )
            return failure(lease, broken, self.lookups.prior(lease, None, now), now)

    def failed(self, lease: Lease, error: FetchFailed) -> None:
        """No usable response came for `lease`."""
        self.tallies[lease.want.follow].requests += len(error.hops)
        self.outage.failed(error)
        self._book(lease, "refused" if error.kind in ("url", "refused") else "failed")
        now = self.clock.now()
        self.trail.failed(lease, error, now)
        self._end(lease, lambda: failure(lease, error, self.lookups.prior(lease, None, now), now))

    def _book(self, lease: Lease, outcome: Fetched) -> Fetched:
        cause = lease.want.cause
        self.fetched[cause.name.lower(), outcome] += 1
        self.waited[cause].observe(self.clock.now() - lease.want.due)
        return outcome

    def _end(self, lease: Lease, decide: Callable[[], Outcome]) -> None:
        """Apply what is decided. Where the store cannot be read, the lease runs out by itself, and
        what it was for is asked again."""
        try:
            self._clear(lease, decide())
        except StoreError as error:
            self._dropped(lease, error)
        except Exception:
            log.exception("%s could not be taken in, nor put off: this is a bug", lease.url)
            self.finished()

    def _dropped(self, lease: Lease, error: BaseException) -> None:
        self.trail.lost(lease, error, self.clock.now())
        self.finished()

    def _clear(self, lease: Lease, outcome: Outcome) -> None:
        """Apply an outcome; before an actor that is gone, what it had posted goes, step by step.

        If that is interrupted, the actor's lease ends by itself, and its origin says so again.
        """
        step = clearing(outcome, self.query, _CLEARED_AT_ONCE)
        if step is None:
            self._apply(lease, outcome)
            return
        loop = asyncio.get_running_loop()
        self.store.apply(step).add_done_callback(
            lambda done: loop.call_soon_threadsafe(self._cleared, lease, outcome, done)
        )

    def _cleared(self, lease: Lease, outcome: Outcome, done: Future[Applied]) -> None:
        error = done.exception()
        if error is not None:
            self._dropped(lease, error)
            return
        applied = done.result()
        self._count(lease.want.follow, applied)
        if applied.changes:
            self._end(lease, lambda: outcome)
        else:  # whatever is still listed has no body to be purged
            self._apply(lease, outcome)

    def _apply(self, lease: Lease, outcome: Outcome) -> None:
        loop = asyncio.get_running_loop()
        self.tallies[lease.want.follow].unsettled += 1
        self.trail.ingested(lease, outcome, self.clock.now())
        future = self.store.apply(outcome)
        self.finished()
        future.add_done_callback(
            lambda done: loop.call_soon_threadsafe(self._applied, lease, outcome, done)
        )

    def _applied(self, lease: Lease, outcome: Outcome, done: Future[Applied]) -> None:
        self.tallies[lease.want.follow].unsettled -= 1
        error = done.exception()
        if error is not None:
            self.trail.lost(lease, error, self.clock.now())
            return
        applied = done.result()
        self._count(lease.want.follow, applied)
        self.trail.stored(lease, len(applied.changes), self.clock.now())
        for listener in self._listeners:
            listener(lease, outcome)

    def _count(self, follow: str, applied: Applied) -> None:
        tally = self.tallies[follow]
        for change in applied.changes:
            if change.kind == "created":
                tally.created += 1
            elif change.kind == "updated":
                tally.updated += 1
            elif change.kind == "deleted":
                tally.deleted += 1
