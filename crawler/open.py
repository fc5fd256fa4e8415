"""Puts the crawler's parts together on the configured store."""

from __future__ import annotations

from collections import defaultdict

from ..cache.open import Opened, open_store
from ..cache.records import HostReport
from ..config.load import Loaded
from ..config.model import Config
from ..config.url_rules import url_rules
from .answer import Hop
from .aside import Aside
from .clock import Clock
from .desk import Desk
from .dispatch import Dispatcher
from .egress import Egress
from .egress_robots import Gate
from .followed import FollowList
from .follows import Follows
from .ingestor import Ingestor, Tally
from .instance import Instance
from .moderation import Moderation, read_rules
from .presence import open_presence
from .protocol.knock import Known
from .protocol.rate_limits import announced
from .protocol.robots_memory import Robots
from .robots_scope import RobotsScope
from .ticker import Ticker
from .works import Works, egress_rules, politeness, version


def open_works(loaded: Loaded, clock: Clock, *, anonymous: bool = True) -> Works:
    """Open the store as its one writer, and wire the parts; nothing runs yet.

    `anonymous`: fetch from public hosts even where `contact` is not set. Somebody's single command
    may; what runs for months may not.

    Raises StoreLocked when another process writes this store, StoreError when it cannot be opened,
    ConfigError when `follows.yaml` cannot be read, BadInput when the key file cannot be used.
    """
    config = loaded.config
    identity = config.identity
    instance = None if identity is None else Instance(identity, config.contact)
    followed = FollowList(loaded)
    said = read_rules(loaded)
    rules = url_rules(config)
    public = anonymous or config.contact is not None
    polite = politeness(config)
    opened = open_store(
        loaded.store_path,
        max_bytes=config.store.max_bytes,
        history=config.store.history,
        politeness=polite,
        group=config.store.group,
        budget=config.freshness.budget.per_hour,
        keep_unverified=config.freshness.keep_unverified,
        policy=said.policy,
    )
    moderation = Moderation(loaded, said, opened.moderator, opened.query, clock)
    dispatcher = Dispatcher(opened.frontier, clock, lease=polite.lease)

    def known(host: str) -> Known | None:
        found = opened.query.host(host, clock.now())
        return None if found is None else found.knock

    def heard(hop: Hop) -> None:
        """What a hop announces holds for the turns behind it, before its chain has ended."""
        now = clock.now()
        if limits := announced(hop.headers, now):
            told = HostReport(hop.host, ok=True, sent=hop.sent, limits=limits)
            opened.frontier.report([told], now)

    gate = _gate(config, opened, clock)
    egress = Egress(
        egress_rules(config, rules, public=public),
        dispatcher.turn,
        clock,
        instance,
        known,
        gate,
        moderation.refusal,
        heard,
    )
    tallies: defaultdict[str, Tally] = defaultdict(Tally)
    follows = Follows(
        opened.store,
        opened.frontier,
        opened.query,
        clock,
        tallies,
        dispatcher.poke,
        lambda: moderation.policy,
    )
    ingestor = Ingestor(
        opened.store,
        opened.query,
        clock,
        follows.rules,
        follows.state,
        follows.leader,
        dispatcher.finished,
        tallies,
        config.freshness,
        lambda: moderation.policy,
    )
    desk = Desk(
        opened.frontier,
        opened.query,
        clock,
        rules,
        dispatcher.hurry,
        dispatcher.poke,
        moderation.refuse,
    )
    moderation.swept = follows.swept
    ingestor.on_outcome(desk.settled)
    ingestor.on_outcome(follows.settled)
    presence = None
    if identity is not None and instance is not None:
        aside = Aside(egress, dispatcher.turn, opened.frontier, clock)
        presence = open_presence(
            identity,
            instance,
            opened,
            aside,
            follows,
            clock,
            rules,
            version(),
            desk.check,
            moderation.refuses,
            dispatcher.poke,
            config.delivery,
            desk.recipient,
            moderation.refuse,
        )
        ingestor.on_outcome(presence.subscriptions.settled)
        ingestor.on_outcome(presence.processing.settled)
        ingestor.on_outcome(presence.followers.settled)
        presence.delivery.heard = ingestor.skew.heard

    def owner(uri: str) -> str | None:
        held = opened.query.reference(uri)
        return None if held is None else held.owner

    scope = RobotsScope(
        config.politeness.robots,
        follows.state,
        follows.names,
        owner,
        gate.is_open if gate is not None else bool,
        desk.is_recipient,
    )
    return Works(
        loaded=loaded,
        clock=clock,
        ticker=Ticker(clock),
        opened=opened,
        egress=egress,
        dispatcher=dispatcher,
        ingestor=ingestor,
        desk=desk,
        follows=follows,
        followed=followed,
        moderation=moderation,
        presence=presence,
        scope=scope,
        gate=gate,
        started=clock.now(),
        public=public,
    )


def _gate(config: Config, opened: Opened, clock: Clock) -> Gate | None:
    """What asks robots.txt, on the store's memory; None where the operator wants none asked."""
    if config.politeness.robots == "off":
        return None

    def keep(host: str, known: Robots) -> None:
        # Before the turn that follows: the gap that it asks for holds from now on.
        opened.frontier.report([HostReport(host, ok=True, robots=known)], clock.now())

    return Gate(opened.query.robots, keep, clock.now, config.politeness.robots_allow)
