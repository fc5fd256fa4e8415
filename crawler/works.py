"""The crawler's parts put together on one store, without spiders and without a process around them.

Composition only. The daemon runs it for months, a single command for seconds, `scrapy crawl` for
one crawl; all of them get the same parts wired the same way. Invariant: whoever holds Works holds
the store's writer lock.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from ..cache.histogram import Buckets
from ..cache.mail_records import Follower
from ..cache.open import Opened
from ..cache.publication_records import Publication
from ..cache.records import Follow, Politeness, Reference
from ..cache.verbs import Counted, Pulled, Reloaded, Running
from ..config.doubts import doubts
from ..config.load import Loaded
from ..config.model import Config
from ..config.url_rules import check_actor
from ..errors import BadInput
from .answer import FailureKind
from .clock import Clock
from .desk import Desk
from .dispatch import Dispatcher
from .egress import Egress, EgressRules
from .egress_chain import longest
from .egress_robots import Gate
from .followed import FollowList
from .follows import Follows
from .ingestor import Ingestor
from .log_counts import LogCounts
from .moderation import Moderation
from .presence import Presence
from .protocol.forgotten import Entry
from .protocol.handle import parse_actor
from .protocol.uri import UrlRules, check_url
from .pulse import Pulse
from .robots_scope import RobotsScope
from .ticker import Ticker, refresh_every

_MEND_EVERY = 60.0  # looking at 5,000 follows takes some 50 ms
_TO_WRITE = 30.0  # for an answer to be decided upon and written, on a busy machine
_TIDY_EVERY = 300.0  # names of what was forgotten are told for an hour
_COLLECT_EVERY = 3_600.0  # a look at the rows of quotas, most of the time
_ROOM_EVERY = 5.0  # a comparison of two numbers, most of the time
_EXPIRE_EVERY = 300.0  # what waits is looked through by its inboxes: 5 us each
_COUNTS_EVERY = 60.0  # a post that is liked a thousand times a minute is one change in it


def version() -> str:
    """The installed version."""
    return importlib.metadata.version("fedpull")


def user_agent(contact: str | None) -> str:
    """Who we say we are: the name and version, and where an administrator learns more."""
    return f"Fedpull/{version()} (+{contact or _homepage()})"


def _homepage() -> str:
    name, _, url = importlib.metadata.metadata("fedpull")["Project-URL"].partition(", ")
    assert name == "Homepage"
    return url


def egress_rules(config: Config, rules: UrlRules, *, public: bool) -> EgressRules:
    """What the door is told of the configuration; `public` as in EgressRules."""
    network = config.network
    return EgressRules(
        url_rules=rules,
        connect_target=network.connect_target,
        ca_file=network.ca_file,
        user_agent=user_agent(config.contact),
        timeout=network.timeout,
        max_bytes=network.max_bytes,
        public=public,
    )


def politeness(config: Config) -> Politeness:
    """The stated politeness, as the frontier keeps it."""
    polite = config.politeness
    first, *more = ((rate.count, rate.seconds) for rate in polite.pages)
    lease = longest(config.network.timeout) + _TO_WRITE
    return Politeness(polite.concurrency, polite.gap, *first, tuple(more), lease)


@dataclass(slots=True)
class Works:
    """The parts, running from `start` to `stop`. Implements the port of verbs."""

    loaded: Loaded
    clock: Clock
    ticker: Ticker
    opened: Opened
    egress: Egress
    dispatcher: Dispatcher
    ingestor: Ingestor
    desk: Desk
    follows: Follows
    followed: FollowList
    moderation: Moderation
    presence: Presence | None
    scope: RobotsScope
    gate: Gate | None
    started: float
    public: bool
    left: tuple[str, ...] = ()  # of a configuration that was read anew: not in force
    pulse: Pulse | None = None  # of a process that goes on
    logged: LogCounts | None = None

    async def start(self, *, follow: bool = True) -> None:
        """Give back what a dead process had leased, and begin to lease.

        `follow`: bring the configured follows in line; a single command leaves them as they are.
        """
        await self.moderation.start()
        await asyncio.wrap_future(self.opened.frontier.recover(self.clock.now()))
        configured = self.moderation.strike(self.followed.all())
        if follow and self.presence is not None:
            await self.presence.subscriptions.align(configured)
        await self.follows.start(configured, queue=follow)
        if follow and self.presence is not None:
            await self.presence.subscriptions.start(configured)
            await self.presence.delivery.start()
            self.presence.fanout.start()
            self.presence.processing.start()
        if follow:
            await self._refresh()  # before anything is leased, so that the first hour counts
        self.dispatcher.start()
        if follow:
            budget = self.loaded.config.freshness.budget.per_hour
            self.ticker.every(_MEND_EVERY, "mend", self.follows.mend)
            self.ticker.every(_TIDY_EVERY, "tidy", self.moderation.tidy)
            self.ticker.every(_COLLECT_EVERY, "collect", self.moderation.collect)
            self.ticker.every(_ROOM_EVERY, "room", self.moderation.make_room)
            self.ticker.every(refresh_every(budget), "refresh", self._refresh)
            if self.presence is not None:
                counts = self.presence.processing.flush_counts
                self.ticker.every(_COUNTS_EVERY, "counts", counts)
                self.ticker.every(_EXPIRE_EVERY, "expire", self.presence.delivery.expire)
            self.ticker.start()

    async def _refresh(self) -> None:
        """Have the frontier bring forward what is to be asked again."""
        if await asyncio.wrap_future(self.opened.frontier.refresh(self.clock.now())):
            self.dispatcher.poke()

    async def stop(self) -> None:
        """Stop leasing, cut what is still being fetched, write what is waiting, close the store."""
        await self.ticker.stop()
        if self.presence is not None:
            await self.presence.stop()
        self.dispatcher.stop()
        await self.egress.close()
        if self.presence is not None:
            await self.presence.delivery.stop()
        await asyncio.to_thread(self.opened.close)

    async def fetch(self, id_or_handle: str, *, depth: int = 0, wait: float = 30.0) -> Reference:
        own = None
        if self.presence is not None:
            own = await self.presence.publishing.known(id_or_handle)
        if own is not None:
            return own  # there is no other origin to ask than ourselves
        return await self.desk.fetch(id_or_handle, depth=depth, wait=wait)

    def check(self, id: str) -> None:
        self.desk.check(id)

    def vet(self, id: str) -> None:
        check_url(id, self.desk.url_rules)
        self.moderation.refuse(id)

    async def pull(self, actors: Sequence[str] = (), progress: Any = None) -> list[Pulled]:
        for actor in actors:
            self.moderation.refuse(check_actor(actor, self.desk.url_rules))
        return await self.follows.pull(actors, progress)

    async def follow(self, entry: str | Mapping[str, Any]) -> Follow:
        named = entry if isinstance(entry, str) else entry.get("actor")
        if isinstance(named, str):
            self.moderation.refuse(parse_actor(named))
        rules = self.followed.add(entry)
        added = await self.follows.add(rules)
        if self.presence is None or not rules.subscribe:
            return added
        await self.presence.subscriptions.add(rules)
        return self.opened.query.follow(rules.actor) or added

    async def unfollow(self, actor: str) -> None:
        key = self.followed.remove(actor)
        if self.presence is not None:
            await self.presence.subscriptions.remove(key)
        await self.follows.remove(key)

    async def judge_follower(self, actor: str, *, accept: bool) -> Follower:
        if self.presence is None:
            raise BadInput("identity", "is not set, so nobody follows", "an identity")
        return await self.presence.followers.judge(actor, accept=accept)

    async def publish(self, body: bytes, key: str | None = None) -> Publication:
        if self.presence is None:
            raise BadInput(
                "identity", "is not set, so there is nobody to publish as", "an identity"
            )
        return await self.presence.publishing.publish(body, key)

    async def deliver(self) -> None:
        """Queue what was published for all whom it is for, and make the first attempts: for a
        single command. Unsigned nobody would take it, so then it is left to the daemon."""
        if self.presence is not None and self.egress.signs:
            await self.presence.fanout.drain()
            await self.presence.delivery.drain()

    async def forget(self, name: str) -> int:
        return await self.moderation.forget(name)

    async def remember(self, name: str) -> None:
        await self.moderation.undo(name)

    def forgotten(self) -> tuple[Entry, ...]:
        return self.moderation.policy.forgotten.entries

    async def reload_blocklists(self) -> Reloaded:
        return await self.moderation.reload()

    def boosts(self) -> dict[str, bool]:
        return {follow.actor: follow.boosts for follow in self.followed.all()}

    def running(self) -> Running:
        config = self.loaded.config
        missing = self._not_ready()
        told = [
            *doubts(config, self.follows.configured),
            *(f"{key}: has changed, and takes effect after a restart" for key in self.left),
        ]
        ills = self.ills()
        seen = (*self.ingestor.skew.doubts(), *self.ingestor.outage.doubts())
        reasons = (*missing, *ills, *told, *self.moderation.doubts(), *seen)
        return Running(
            version=version(),
            uptime=self.clock.now() - self.started,
            in_flight=self.dispatcher.in_flight,
            ready=not missing and not ills,
            reasons=reasons,
            budget_limit=config.freshness.budget.per_hour,
        )

    def ills(self) -> tuple[str, ...]:
        return () if self.pulse is None else self.pulse.ills()

    def counted(self) -> Counted:
        presence, door = self.presence, self.egress.counts
        tally = None if presence is None else presence.delivery.tally
        return Counted(
            # Those that have not happened yet too, so that the first one is a rise from 0.
            door={**{f"failed_{kind}": 0 for kind in get_args(FailureKind)}, **door},
            robots={} if self.gate is None else dict(self.gate.counts),
            inbox={} if presence is None else dict(presence.inbox.counts),
            keys={} if presence is None else dict(presence.keys.counts),
            mail=self.opened.mailbox.ended(),
            delivering=0 if presence is None else presence.delivery.in_flight,
            delivered=Buckets() if tally is None else tally.durations.snapshot(),
            delivery_errors={} if tally is None else dict(tally.errors),
            fetched=self.ingestor.fetched,
            waited={
                cause.name.lower(): waited.snapshot()
                for cause, waited in self.ingestor.waited.items()
            },
            answers=self.egress.answers,
            loop=Buckets() if self.pulse is None else self.pulse.delays.snapshot(),
            logged={} if self.logged is None else self.logged.counts,
            written=self.opened.store.written(),
        )

    def _not_ready(self) -> tuple[str, ...]:
        reasons = []
        if not self.public:
            reasons.append("contact: is not set, so nothing public is fetched: expected a URL")
        if self.opened.query.totals().read_only:
            reasons.append("store: is full or failing, so nothing is fetched")
        return tuple(reasons)
