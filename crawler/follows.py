"""The follows as they are configured, kept going: first sight, changes of the list, and pulls.

It queues what leads a follow on and waits; what an answer means for a follow is ingest's business.
Invariant: a configured follow always has a row in the frontier (but for a second name of an actor
that is followed already), one that is no longer configured has none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Any

from ..cache.ports import Frontier, Query, Store
from ..cache.records import PARKED, Cause, Follow, Kind, Lease, Outcome, State, Want
from ..cache.verbs import Pulled
from ..config.model import Follow as Rules
from ..config.names import same_actor_key
from .clock import Clock
from .ingestor import Tally
from .protocol import webfinger
from .protocol.handle import Handle, parse_actor
from .protocol.policy import OPEN, WORDS, Policy

# A pull waits for politeness, but not for a host that asked to be left alone for longer than this.
_PATIENCE = 60.0
_FEW = 16  # follows that are pulled as urgently as somebody's one document
_TELL_EVERY = 0.2  # a progress bar needs no more, and each look reads every follow


@dataclass(slots=True, eq=False)
class _Pull:
    """One pull that is waiting: for which follows, and which of them have moved."""

    waiting: set[str]
    touched: set[str]
    moved: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True)
class Follows:
    """What is followed. All methods run on the loop's thread."""

    store: Store
    frontier: Frontier
    query: Query
    clock: Clock
    tallies: Mapping[str, Tally]
    poke: Callable[[], None]
    policy: Callable[[], Policy] = lambda: OPEN
    _rules: dict[str, Rules] = field(default_factory=dict)
    _states: dict[str, Follow] = field(default_factory=dict)
    _pulls: list[_Pull] = field(default_factory=list)
    _leaders: dict[str, str] = field(default_factory=dict)  # by actor: the follow that reads it
    _actors: dict[str, str] = field(default_factory=dict)  # by actor: the follow that names it

    @property
    def configured(self) -> Iterable[Rules]:
        """Every follow as configured."""
        return self._rules.values()

    def rules(self, key: str) -> Rules | None:
        """The follow as configured; a pull by name has the defaults. None: neither."""
        rules, state = self._rules.get(key), self.state(key)
        if rules is None and state is not None and state.once:
            return Rules.model_construct(actor=key)
        return rules

    def state(self, key: str) -> Follow | None:
        """The follow as it was last written; thousands of answers in a row ask for the same."""
        found = self._states.get(key) or self.query.follow(key)
        if found is not None:
            self._states[key] = found
        return found

    def leader(self, actor: str) -> str | None:
        """The configured follow that reads an actor's outbox already."""
        return self._leaders.get(actor)

    def of_actor(self, actor: str) -> str | None:
        """The configured follow of an actor, with an outbox or without one."""
        key = self._leaders.get(actor) or self._actors.get(actor)
        follow = self.state(key) if key in self._rules else None
        return follow.key if follow is not None and follow.actor == actor else None

    def names(self, actor: str | Handle) -> bool:
        """Whether an actor is followed, by its URI or by its handle."""
        if isinstance(actor, Handle):
            wanted = same_actor_key(str(actor))
            return any(same_actor_key(key) == wanted for key in self._rules)
        return actor in self._rules or self.of_actor(actor) is not None

    def forget_state(self, key: str) -> None:
        """Somebody else has written a follow's row."""
        self._states.pop(key, None)

    def swept(self, keys: Iterable[str]) -> None:
        """The operator's policy was carried out: what it has dropped is not followed any more, and
        what it has told something is read again."""
        for key in keys:
            self.forget_state(key)
            if key in self._rules and self.query.follow(key) is None:
                self._unlist(key)

    def _unlist(self, key: str) -> None:
        self._rules.pop(key, None)
        self._leaders = {actor: one for actor, one in self._leaders.items() if one != key}
        self._actors = {actor: one for actor, one in self._actors.items() if one != key}

    def _learn(self, follow: Follow) -> None:
        if follow.key not in self._rules or follow.once or follow.actor is None:
            return
        self._actors.setdefault(follow.actor, follow.key)
        if follow.outbox is not None:
            self._leaders.setdefault(follow.actor, follow.key)

    def settled(self, lease: Lease, outcome: Outcome) -> None:
        """An outcome is on disk: whoever waits for its follow looks again."""
        if outcome.follow is not None:
            self._states.pop(lease.want.follow, None)
            self._learn(outcome.follow)
        for pull in self._pulls:
            if lease.want.follow in pull.waiting:
                pull.touched.add(lease.want.follow)
                if not _goes_on(lease, outcome):
                    pull.moved.set()

    async def start(self, configured: Iterable[Rules], *, queue: bool) -> None:
        """Take the configured follows; with `queue`, bring the store's follows and the frontier in
        line with them (a single command leaves both as they are)."""
        self._rules = {rules.actor: rules for rules in configured}
        for follow in self.query.follows():
            if queue and follow.key not in self._rules and not follow.once:
                await self._done(self.store.drop_follow(follow.key, self.clock.now()))
            self._learn(follow)
        if queue:
            await self._ensure(self._rules)

    async def add(self, rules: Rules) -> Follow:
        """Follow one more actor, from now on."""
        self._rules[rules.actor] = rules
        await self._ensure([rules.actor])
        return self.query.follow(rules.actor) or Follow(rules.actor)

    async def remove(self, key: str) -> bool:
        """Stop following. What was kept stays. False: it was not followed."""
        self._rules.pop(key, None)
        dropped = await asyncio.wrap_future(self.store.drop_follow(key, self.clock.now()))
        self._unlist(key)
        self._states.pop(key, None)  # only now: an answer may have looked it up meanwhile
        return dropped

    async def mend(self) -> None:
        """Queue again what has lost its row."""
        await self._requeue([key for key in self._rules if self._lost(key)])

    async def _requeue(self, keys: Iterable[str]) -> None:
        await self._queue([self._first_want(self.query.follow(key) or Follow(key)) for key in keys])

    def _lost(self, key: str) -> bool:
        """Whether nothing leads a follow on though something should: two follows wanted the same
        of one URL, and one row stood for both."""
        follow = self.state(key)
        if follow is None or follow.blocked is not None or self.frontier.waits(key):
            return False
        if self._refused(follow) is not None:
            return False
        if follow.once:
            return follow.outbox_kind is None and follow.last_error is None
        another = follow.actor is not None and self._leaders.get(follow.actor, key) != key
        return not (another and follow.last_error)  # a second name, which knows that it is one

    def _refused(self, follow: Follow) -> str | None:
        """Why the operator wants nothing of an actor that is followed; None: it may be read."""
        policy = self.policy()
        named = (self._first_want(follow).uri, follow.actor) if policy else ()
        verdicts = (policy.verdict(uri) for uri in named if uri)
        return next((WORDS[verdict] for verdict in verdicts if verdict), None)

    async def _ensure(self, keys: Iterable[str], *, once: bool = False) -> None:
        """Give each follow a state, and a row in the queue that leads on; in few commits."""
        puts, wants = [], []
        for key in keys:
            follow = self.query.follow(key)
            if follow is None or (follow.once and not once):
                follow = replace(follow, once=once) if follow else Follow(key=key, once=once)
                refused = self._refused(follow)
                told = replace(follow, last_error=refused or follow.last_error)
                puts.append(self.store.put_follow(told))
                self._states.pop(key, None)
                wants.append(self._first_want(follow))
            elif not follow.once and follow.blocked is None:
                wants.append(
                    replace(self._first_want(follow), due=self._due(follow), scheduled=True)
                )
        await asyncio.gather(*map(asyncio.wrap_future, puts))
        await self._queue(wants)

    def _due(self, follow: Follow) -> float:
        """When what leads a follow on may be asked after a start, if the agenda does not say so
        before: its plan was made by what the configuration said then, and a shorter `max` counts
        from now."""
        planned = follow.next_check or 0.0
        latest = self.clock.now() + self._rules[follow.key].every.max
        return PARKED if 0.0 < planned <= latest else min(planned, latest)

    def _first_want(self, follow: Follow) -> Want:
        """What leads on from where the follow stands: its outbox, its actor, or its handle."""
        now = self.clock.now()
        asked = parse_actor(follow.key)
        confirmed = follow.handle is not None or not isinstance(asked, Handle)
        cause = Cause.NEW if follow.complete else Cause.BACKFILL
        if follow.outbox is not None and confirmed:
            return Want(follow.outbox, Kind.PAGE, cause, now, follow.key, "outbox")
        if follow.actor is not None and isinstance(asked, Handle) and confirmed:
            return Want(follow.actor, Kind.DOCUMENT, cause, now, follow.key, "actor")
        if isinstance(asked, Handle):
            url = webfinger.finger_url(asked)
            return Want(url, Kind.FINGER, Cause.NEW, now, follow.key, "handle")
        return Want(asked, Kind.DOCUMENT, Cause.NEW, now, follow.key, "actor")

    async def pull(
        self,
        actors: Sequence[str] = (),
        progress: Callable[[Sequence[Pulled]], None] | None = None,
    ) -> list[Pulled]:
        """Bring the named (or all configured) follows up to date, and say what that came to."""
        keys = list(dict.fromkeys(map(self._key_of, actors))) or list(self._rules)
        before = {key: replace(self.tallies[key]) for key in keys}
        await self._begin(keys)
        pull = _Pull(set(keys), set(keys))
        self._pulls.append(pull)
        told, tried = 0.0, set[str]()
        try:
            while pull.waiting:
                pull.moved.clear()
                pull.waiting -= {key for key in pull.touched if not self._busy(key)}
                pull.touched.clear()
                if not pull.waiting:
                    pull.waiting |= await self._again(keys, tried)
                due = not pull.waiting or self.clock.monotonic() - told >= _TELL_EVERY
                if progress is not None and due:
                    progress([self._pulled(key, before[key]) for key in keys])
                    told = self.clock.monotonic()
                if pull.waiting:
                    await self._move(pull)
        finally:
            self._pulls.remove(pull)
        return [self._pulled(key, before[key]) for key in keys]

    def _key_of(self, actor: str) -> str:
        """The follow that reads an actor, under whichever of its names it is followed."""
        name = str(parse_actor(actor))
        for key in self._rules:
            if same_actor_key(key) == same_actor_key(name):
                return key
        if self.query.follow(name) is None:
            for follow in self.query.follows():
                if name in (follow.actor, follow.handle):
                    return follow.key
        return name

    async def _again(self, keys: Sequence[str], tried: set[str]) -> set[str]:
        """Those of a pull that have lost their row, each once: they go on."""
        lost = {key for key in keys if key not in tried and self._lost(key)}
        tried |= lost
        await self._requeue(lost)
        return lost

    async def _begin(self, keys: Sequence[str]) -> None:
        """Queue what leads each follow on: from the start, or from where it stands."""
        new = {key for key in keys if self.query.follow(key) is None}
        unlisted = [key for key in new if key not in self._rules]
        await self._ensure(unlisted, once=True)
        await self._ensure(new.difference(unlisted))
        await self._kick([key for key in keys if key not in new])

    async def _kick(self, keys: Sequence[str]) -> None:
        wants = []
        # As urgent as a push at least, so that it also brings forward what waits after a failure.
        # Who pulls them all waits for all; whoever wants one thing meanwhile goes before.
        cause = Cause.ON_DEMAND if len(keys) <= _FEW else Cause.PUSH
        for key in keys:
            follow = self.query.follow(key)
            if follow is None or follow.blocked is not None:
                continue
            first = replace(self._first_want(follow), cause=cause)
            wants.append(first)
            rules = self.rules(key)
            if rules is not None and rules.replies:
                wants += self.query.threads_due(key, first.due)
            actor = follow.actor if first.kind is Kind.PAGE else None
            if actor is not None and self._stale(actor):
                wants.append(Want(actor, Kind.DOCUMENT, Cause.NEW, first.due, key, "actor"))
        await self._queue(wants)

    def _stale(self, actor: str) -> bool:
        known = self.query.reference(actor)
        return (
            known is None
            or known.state is not State.RESOLVED
            or known.next_check is None
            or known.next_check <= self.clock.now()
        )

    def _busy(self, key: str) -> bool:
        if self.tallies[key].unsettled:
            return True  # on disk, perhaps, but not counted
        if not self.frontier.pending(key):
            return False
        until = self.frontier.stalled_until(key, self.clock.now())
        return until is None or until - self.clock.now() <= _PATIENCE

    def _pulled(self, key: str, before: Tally) -> Pulled:
        tally, follow = self.tallies[key], self.query.follow(key)
        error = follow.last_error if follow else "is not known"
        error = (self._refused(follow) if follow else None) or error
        pending = self.frontier.pending(key)
        if error is None and pending and not self._busy(key):
            until = self.frontier.stalled_until(key, self.clock.now()) or 0.0
            wait = round(until - self.clock.now())
            error = f"its server asked to wait for another {wait} s; what is left comes next time"
        return Pulled(
            actor=key,
            new=tally.created - before.created,
            updated=tally.updated - before.updated,
            deleted=tally.deleted - before.deleted,
            requests=tally.requests - before.requests,
            complete=bool(follow and follow.complete and not pending),
            error=error,
            outbox_kind=follow.outbox_kind if follow else None,
        )

    async def _move(self, pull: _Pull) -> None:
        """Until an outcome arrives; after a second all are looked at, for hosts that stall."""

        def look_at_all() -> None:
            pull.touched |= pull.waiting
            pull.moved.set()

        timer = self.clock.call_later(1.0, look_at_all)
        try:
            await pull.moved.wait()
        finally:
            timer.cancel()

    async def _queue(self, wants: Sequence[Want]) -> None:
        if not wants:
            return
        await self._done(self.frontier.want(wants))
        self.poke()

    @staticmethod
    async def _done(future: Future[Any]) -> None:
        await asyncio.wrap_future(future)


def _goes_on(lease: Lease, outcome: Outcome) -> bool:
    """Whether a page leads straight to the next one: that ends nothing, so that whoever waits need
    not look before a second has passed."""
    if not outcome.wants:
        return False
    last = outcome.wants[-1]
    return last.kind is Kind.PAGE and last.uri == lease.want.uri and last.due <= outcome.at
