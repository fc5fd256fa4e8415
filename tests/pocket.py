"""The crawler on one page: the real store, the real rules, and a table of answers for a network.

Leases what is due, answers it from `pages` (URL to document, status or Answer), applies the outcome
and steps the clock; no sockets, no threads but the writer's. What was asked is in `asked`.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from ingest_cases import ACTIVITY, answer

from fedpull.cache.open import BUDGET, Opened, open_store
from fedpull.cache.records import Applied, Follow, Kind, Lease, Outcome, Politeness, Want
from fedpull.config.model import Follow as Rules
from fedpull.crawler.answer import Answer, Hop
from fedpull.crawler.clock import Clock, SystemClock
from fedpull.crawler.follows import Follows
from fedpull.crawler.ingest import ingest
from fedpull.crawler.ingest_gone import clearing
from fedpull.crawler.ingestor import Ingestor, Tally
from fedpull.crawler.protocol.uri import host_port
from fedpull.crawler.reading import read

START = 1_790_000_000.0
Page = dict[str, Any] | list[Any] | int | Answer
JRD = "application/jrd+json"


class Stepping(SystemClock):
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        self.at = START

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at


@dataclass
class Pocket:
    """One store and what the world says; `run` until nothing is due."""

    folder: Path
    pages: dict[str, Any] = field(default_factory=dict)
    politeness: Politeness = field(
        default_factory=lambda: Politeness(concurrency=16, gap=0.0, pages=100_000)
    )
    asked: list[str] = field(default_factory=list)
    clock: Stepping = field(default_factory=Stepping)
    max_bytes: int = 64 << 20
    budget: float = BUDGET

    def __post_init__(self) -> None:
        self.opened: Opened = open_store(
            self.folder,
            max_bytes=self.max_bytes,
            politeness=self.politeness,
            budget=self.budget,
        )
        clock: Clock = self.clock
        tallies: defaultdict[str, Tally] = defaultdict(Tally)
        opened = self.opened
        self.follows = Follows(
            opened.store, opened.frontier, opened.query, clock, tallies, lambda: None
        )
        self._ingestor = Ingestor(
            opened.store,
            opened.query,
            clock,
            self.follows.rules,
            self.follows.state,
            self.follows.leader,
            lambda: None,
            tallies,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.opened.close()

    # What a person does

    def follow(self, actor: str, **rules: Any) -> None:
        """Follow, as the daemon does at its start and when it is told to."""
        self.follows._rules[actor] = Rules(actor=actor, **rules)
        known = self.opened.query.follow(actor)
        if known is None:
            known = Follow(key=actor)
            self.opened.store.put_follow(known).result()
        self.want(self.follows._first_want(known))

    def unfollow(self, actor: str) -> None:
        asyncio.run(self.follows.remove(actor))

    def start(self, follows: list[Rules]) -> None:
        """As the daemon's start: these are followed, nobody else."""
        asyncio.run(self.follows.start(follows, queue=True))

    def mend(self) -> list[str]:
        """What the daemon does every minute."""
        asyncio.run(self.follows.mend())
        return self.run()

    def want(self, *wants: Want) -> None:
        self.opened.frontier.want(wants).result()

    # What the crawler does

    def lease(self, limit: int = 1) -> list[Lease]:
        return self.opened.frontier.lease(self.clock.now(), limit, 180.0).result()

    def outcome(self, lease: Lease) -> Outcome:
        """What the crawler makes of the world's answer to a lease."""
        self.asked.append(lease.url)
        came = self.answer(lease)
        reading = read(lease, came)
        now = self.clock.now()
        return ingest(reading, self._ingestor.lookups.prior(lease, reading, now), now)

    def answer(self, lease: Lease) -> Answer:
        found = self.pages.get(lease.url, 404)
        if callable(found):
            found = found(lease)
        if isinstance(found, Answer):
            return found
        if isinstance(found, int):
            hops = (Hop(host_port(lease.url), found),)
            return Answer(lease.url, lease.url, found, {}, b"", None, self.clock.now(), hops)
        kind = JRD if lease.want.kind is Kind.FINGER else ACTIVITY
        return answer(lease.url, found, content_type=kind)

    def clear(self, outcome: Outcome) -> None:
        """As the shell does before it applies an outcome that ends an actor."""
        while (step := clearing(outcome, self.opened.query, 2)) is not None:
            self.opened.store.apply(step).result()

    def settle(self, lease: Lease, outcome: Outcome) -> Applied:
        self.clear(outcome)
        applied = self.opened.store.apply(outcome).result()
        self.told(lease, outcome)
        return applied

    def told(self, lease: Lease, outcome: Outcome) -> None:
        """Who is told of an outcome once it is on disk."""
        self.follows.settled(lease, outcome)

    def step(self) -> int:
        """What can be leased now, answered at once; how much that was."""
        leases = self.lease(64)
        came = [(lease, self.outcome(lease)) for lease in leases]
        for _, outcome in came:
            self.clear(outcome)
        written = [self.opened.store.apply(outcome) for _, outcome in came]
        for (lease, outcome), future in zip(came, written, strict=True):
            future.result()
            self.told(lease, outcome)
        return len(leases)

    def tick(self) -> int:
        """What the daemon does every few seconds; how many requests that queued."""
        return self.opened.frontier.refresh(self.clock.now()).result()

    def run(self, most: int = 500) -> list[str]:
        """Until nothing is due now; what was asked."""
        since = len(self.asked)
        while len(self.asked) - since <= most:
            if not self.step() and not self.tick():
                return self.asked[since:]
        raise AssertionError(f"no end after {most} requests: {self.asked[-5:]}")

    def later(self, seconds: float) -> list[str]:
        """Let time pass, then run."""
        self.clock.at += seconds
        return self.run()

    # What is there then

    def state(self, id: str) -> str | None:
        known = self.opened.query.reference(id)
        return None if known is None else str(known.state)

    def held(self, id: str) -> bool:
        return self.opened.query.document(id) is not None

    def listed(self, follow: str) -> list[str]:
        from fedpull.cache.records import ObjectFilter

        found, _ = self.opened.query.objects(ObjectFilter(follow=follow), 10_000)
        return [document.id for document in found]

    def members(self, collection: str) -> list[str]:
        view = self.opened.query.collection(collection, 10_000)
        return [] if view is None else list(view.items)

    def sound(self) -> None:
        assert self.opened.query.check().findings == ()
