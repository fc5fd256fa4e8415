"""The shell around `ingest`: looks up what is known, applies the outcome, tells who waits.

It decides nothing. Invariants: every lease that a spider was given ends here exactly once, whatever
an answer holds; nobody is told of an outcome before it is on disk.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ..cache.ports import Query, Store
from ..cache.records import Applied, Follow, Kind, Lease, Outcome, Reference, State, Want
from ..config.model import Follow as Rules
from ..config.model import Freshness
from ..errors import StoreError
from .answer import Answer, FetchFailed
from .clock import Clock
from .ingest import ingest
from .ingest_failure import failure
from .reading import Prior, Reading, read

log = logging.getLogger(__name__)

# States of which more than the state is to be known: why, since when, to where.
_TOLD = frozenset({State.REFUSED, State.REDIRECTED, State.FAILED, State.GONE})
_ACTORS = frozenset({"actor", "moved"})

Listener = Callable[[Lease, Outcome], None]


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
    answers: int = 0  # that came through a spider's callback
    _listeners: list[Listener] = field(default_factory=list)

    def on_outcome(self, listener: Listener) -> None:
        """Call `listener` on the loop's thread after each durable outcome."""
        self._listeners.append(listener)

    def answered(self, lease: Lease, answer: Answer) -> None:
        """A complete response came for `lease`."""
        self.answers += 1
        self._end(lease, partial(self._taken_in, lease, answer))

    def _taken_in(self, lease: Lease, answer: Answer) -> Outcome:
        self.tallies[lease.want.follow].requests += len(answer.hops)
        now = self.clock.now()
        try:
            reading = read(lease, answer)
            return ingest(reading, self._prior(lease, reading), now)
        except StoreError:
            raise
        except Exception:
            # One document must never stop the crawl: it is put off like any other failure.
            log.exception("%s could not be taken in: this is a bug", lease.url)
            broken = FetchFailed(
                lease.url, "could not be taken in", kind="protocol", hops=answer.hops
            )
            return failure(lease, broken, self._prior(lease, None), now)

    def failed(self, lease: Lease, error: FetchFailed) -> None:
        """No usable response came for `lease`."""
        self.tallies[lease.want.follow].requests += len(error.hops)
        log.info("%s: %s (%s)", lease.url, error.reason, error.kind)
        self._end(lease, lambda: failure(lease, error, self._prior(lease, None), self.clock.now()))

    def _end(self, lease: Lease, decide: Callable[[], Outcome]) -> None:
        """Apply what is decided. Where the store cannot be read, the lease runs out by itself, and
        what it was for is asked again."""
        try:
            outcome = decide()
        except StoreError as error:
            log.error("%s was not taken in: %s", lease.url, error)
            self.finished()
        else:
            self._apply(lease, outcome)

    def _prior(self, lease: Lease, reading: Reading | None) -> Prior:
        want, query = lease.want, self.query
        read = reading is not None and reading.answer.status == 200 and not reading.problem
        members = reading.members if reading is not None else ()
        rules = self.rules(want.follow) if want.follow else None
        states = query.states(reading.references) if reading is not None else {}
        chosen = rules is not None and rules.types is not None
        links = reading.links | reading.shown if reading is not None else frozenset[str]()
        details = [
            uri
            for uri, state in states.items()
            if state in _TOLD or (state is State.RESOLVED and (chosen or uri in links))
        ]
        unaddressed = reading is not None and reading.unaddressed
        others: dict[str, Rules] = {}
        if want.follow and reading is not None and reading.document is not None:
            keys = (key for key in query.offered_to(want.uri) if key != want.follow)
            others = {key: one for key in keys if (one := self.rules(key)) is not None}
        return Prior(
            rules=rules,
            follow=self.follow(want.follow) if want.follow else None,
            states=states,
            details=query.references(details) if details else {},
            others=others,
            leader=self.leader(reading.id) if want.relation in _ACTORS and reading else None,
            # Only what failed, did not change, or leaves its audience to its activity needs to know
            # what is held and since when.
            known=query.reference(want.uri) if not read or unaddressed else None,
            members=frozenset(query.known_members(want.uri, members)) if members else frozenset(),
            threads=self._threads(want, reading, rules),
            thread=query.thread(want.follow, want.root, self.clock.now()) if want.root else None,
            root=None if read and want.kind is not Kind.PAGE else self._root(want),
            ages=self.ages,
            absent=self._absent(reading) if reading is not None and reading.placed else (),
            born=self._born(reading) if reading is not None and reading.page is not None else None,
        )

    def _absent(self, reading: Reading) -> tuple[Reference, ...]:
        """What we hold between the items of a page that is read again, and that is not on it."""
        walk = reading.walk
        if walk is None or walk.mode not in ("head", "rescan"):
            return ()
        return self.query.absent_members(
            reading.lease.want.uri,
            reading.placed,
            reading.members,
            after=walk.last_object,
            head=walk.first_item is None,
        )

    def _born(self, reading: Reading) -> float | None:
        """Since when the actor of an outbox is there, as long as its first sight may need it."""
        walk, follow = reading.walk, self.follow(reading.lease.want.follow)
        if follow is None or follow.actor is None or (walk is not None and walk.mode != "backfill"):
            return None
        known = self.query.reference(follow.actor)
        return known.published if known is not None else None

    def _threads(self, want: Want, reading: Reading | None, rules: Rules | None) -> frozenset[str]:
        """Those of the posts in an answer whose threads are read already."""
        if reading is None or rules is None or not rules.replies or want.root:
            return frozenset()
        return frozenset(self.query.threaded(want.follow, reading.members or reading.references))

    def _root(self, want: Want) -> dict[str, Any] | None:
        """The post that a thread hangs on: it says where else its thread may be read."""
        document = self.query.document(want.root) if want.root else None
        return document.json if document is not None else None

    def _apply(self, lease: Lease, outcome: Outcome) -> None:
        loop = asyncio.get_running_loop()
        self.tallies[lease.want.follow].unsettled += 1
        future = self.store.apply(outcome)
        self.finished()
        future.add_done_callback(
            lambda done: loop.call_soon_threadsafe(self._applied, lease, outcome, done)
        )

    def _applied(self, lease: Lease, outcome: Outcome, done: Future[Applied]) -> None:
        self.tallies[lease.want.follow].unsettled -= 1
        error = done.exception()
        if error is not None:
            # The lease runs out by itself, and what it was for is asked again.
            log.error("%s was not stored: %s", lease.url, error)
            return
        self._count(lease.want.follow, done.result())
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
