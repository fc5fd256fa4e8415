"""The Follows that we send, where a follow says `subscribe`: so that its server pushes to us.

A follow as such leaves no trace on the other server; this one does, so it is sent once, not at each
start, and taken back when it is not wanted any more. What the other side answers comes through the
inbox. Invariant: what is sent and the state that says so are written together.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Any

from ..cache.mail_records import Send
from ..cache.ports import Mailbox, Query
from ..cache.records import Follow, Lease, Outcome
from ..config.model import Follow as Rules
from ..errors import FedpullError
from .clock import Clock
from .protocol import following
from .protocol.inboxes import inboxes_of

log = logging.getLogger(__name__)

_COUNT_LASTS = 60.0
_REVIEW_EVERY = 60.0  # as it looks at all follows


@dataclass(slots=True)
class Subscriptions:
    """On the loop's thread. `actor` and `base` are our own; `changed` is told the key of a follow
    whose row was written, `poke` that something is to be delivered."""

    actor: str
    base: str
    query: Query
    mailbox: Mailbox
    clock: Clock
    changed: Callable[[str], None]
    poke: Callable[[], None]
    _wanted: set[str] = field(default_factory=set)  # keys; not sent yet
    _reviewed: float = float("-inf")
    _review_waits: bool = False
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _counted: tuple[float, int] | None = None  # until when that is told, and how many there are

    async def align(self, configured: Iterable[Rules]) -> None:
        """Take back what is not wanted any more. To be called before a follow's row is dropped."""
        wanted = {rules.actor for rules in configured if rules.subscribe}
        for follow in self.query.follows():
            if follow.key not in wanted:
                await self._undo(follow)

    async def start(self, configured: Iterable[Rules]) -> None:
        """Subscribe to whom it was not done yet, now or once its actor is known; also where our
        Follow could not be delivered."""
        wanted = [rules for rules in configured if rules.subscribe]
        if wanted:
            await self._review()
        for rules in wanted:
            await self.add(rules)

    def lost(self) -> None:
        """Some delivery has failed for good. Was it a Follow, nobody has taken it: its follow does
        not wait for an answer any more, and the next start asks again."""
        if self._review_waits:
            return
        self._review_waits = True
        after = self._reviewed + _REVIEW_EVERY - self.clock.monotonic()
        self.clock.call_later(max(after, 0.0), lambda: self._begin(self._review()))

    async def _review(self) -> None:
        self._review_waits, self._reviewed = False, self.clock.monotonic()
        for follow in self.query.follows():
            if follow.subscribed != "pending" or follow.subscription is None:
                continue
            sent = self.query.deliveries(1, activity=follow.subscription)
            if not sent or sent[0].state not in ("given_up", "expired"):
                continue
            now = self.clock.now()
            try:
                await asyncio.wrap_future(self.mailbox.subscribe(follow.key, None, "no", (), now))
            except FedpullError as error:
                log.warning("%s is still taken for asked: %s", follow.key, error)
                return
            log.warning("%s was never asked to push: %s", follow.key, sent[0].last_error)
            self.changed(follow.key)

    async def add(self, rules: Rules) -> None:
        """A follow was added, or is read again after a start."""
        if rules.subscribe:
            self._wanted.add(rules.actor)
            await self._consider(rules.actor)

    async def remove(self, key: str) -> None:
        """A follow is about to be dropped; a Follow of it that is being written is taken back."""
        self._wanted.discard(key)
        await self.stop()
        follow = self.query.follow(key)
        if follow is not None:
            await self._undo(follow)

    def count(self) -> int:
        """How many let us follow them. Anybody may ask, and to look at 5,000 follows takes 50 ms of
        the loop's thread, so that is done once in a while."""
        now = self.clock.monotonic()
        if self._counted is None or now >= self._counted[0]:
            count = sum(follow.subscribed == "yes" for follow in self.query.follows())
            self._counted = (now + _COUNT_LASTS, count)
        return self._counted[1]

    def settled(self, lease: Lease, outcome: Outcome) -> None:
        """An outcome is on disk: the actor of its follow may be known now, or be another one."""
        follow = outcome.follow
        key = lease.want.follow
        if follow is not None and outcome.follow_was is not None:
            was = outcome.follow_was
            if was.subscription is not None and follow.subscription is None:  # it has moved
                self._wanted.add(key)
                self._begin(self._leave(was))
        if key in self._wanted:
            self._begin(self._consider(key))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Wait for what is being written."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _consider(self, key: str) -> None:
        """Send our Follow, if it can be and was not before."""
        follow = self.query.follow(key)
        if follow is None or follow.once:
            return
        if follow.subscribed != "no":
            self._wanted.discard(key)
            return
        inbox = self._inbox(follow)
        if follow.actor is None or inbox is None or key not in self._wanted:
            return
        self._wanted.discard(key)
        now = self.clock.now()
        id = following.follow_id(self.base, follow.actor, now)
        letter = following.follow(self.actor, follow.actor, id)
        send = Send(letter.activity, inbox, letter.body)
        try:
            await asyncio.wrap_future(self.mailbox.subscribe(key, id, "pending", (send,), now))
        except FedpullError as error:
            self._wanted.add(key)  # the next answer for it tries again
            log.warning("%s is not subscribed to yet: %s", key, error)
            return
        log.info("%s: asked to push to us", key)
        self.changed(key)
        self.poke()

    async def _undo(self, follow: Follow) -> None:
        if follow.subscribed == "no" and follow.subscription is None:
            return
        sends, now = self._undoing(follow), self.clock.now()
        await asyncio.wrap_future(self.mailbox.subscribe(follow.key, None, "no", sends, now))
        self.changed(follow.key)
        self.poke()

    async def _leave(self, was: Follow) -> None:
        """The actor has moved: at its old place nothing of us is to stay."""
        try:
            await asyncio.wrap_future(self.mailbox.send(self._undoing(was), self.clock.now()))
        except FedpullError as error:
            log.warning("%s is still subscribed to: %s", was.actor, error)
        self.poke()

    def _undoing(self, follow: Follow) -> list[Send]:
        """A Follow that was rejected stands nowhere, so nothing is to be taken back."""
        inbox = self._inbox(follow)
        stands = follow.subscribed in ("pending", "yes")
        if not stands or follow.actor is None or not follow.subscription or inbox is None:
            return []
        letter = following.undo(self.actor, follow.actor, follow.subscription)
        return [Send(letter.activity, inbox, letter.body)]

    def _inbox(self, follow: Follow) -> str | None:
        """The actor's own one: what concerns it alone is not for its server's shared inbox."""
        document = self.query.document(follow.actor) if follow.actor is not None else None
        inboxes = None if document is None else inboxes_of(document.json)
        return None if inboxes is None else inboxes.own
