"""Works off what was published: has it queued for our followers, and looks for who else is named.

    Publisher.fan_out, batch by batch -> deliveries
    Publisher.sought -> the cache, else the origin -> Publisher.found -> deliveries

It queues nothing itself, so a kill at any time loses and repeats nothing. Invariants: an actor is
asked for in its host's turn like everything else, and again as a delivery would be, until what
waits for it is too old; whatever becomes of it is written.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from ..cache.ports import Query
from ..cache.publication_records import Found, Sought
from ..cache.publishing_port import Publisher
from ..cache.records import Reference
from ..errors import BadInput, FedpullError, Gone, Refused, StoreError
from .answer import Stopped
from .clock import Clock
from .protocol.activitystreams import class_of
from .protocol.delivering import Schedule
from .protocol.inboxes import inboxes_of
from .protocol.uri import UrlRules
from .waking import LONGEST, Waking

log = logging.getLogger(__name__)

# Actors that are looked for at once: each waits for its own host's turn.
_PLACES = 16
_PATIENCE = 60.0  # for one answer; a host that is slower is asked again in its time
# As for deliveries: what failed together does not come back together.
_SPREAD = (0.8, 1.4)
_MOST_MEMBERS = 1_000
_NO_INBOX = "its document names no inbox on its own origin"


@dataclass(slots=True)
class Fanout:
    """Runs from `start` to `stop`, on the loop's thread. `fetch` resolves an id now, `queued` is
    told that there is something to deliver, `chance` gives numbers from 0 to 1."""

    publisher: Publisher
    query: Query
    fetch: Callable[[str, float], Awaitable[Reference]]
    rules: UrlRules
    clock: Clock
    schedule: Schedule
    queued: Callable[[], None]
    chance: Callable[[], float] = random.random
    _waking: Waking = field(init=False)
    _out: dict[str, asyncio.Task[None]] = field(default_factory=dict)  # by whom is looked for
    _trouble: BaseException | None = None  # what one of them has failed of
    _loop: asyncio.Task[None] | None = None

    def __post_init__(self) -> None:
        self._waking = Waking(self.clock)

    def start(self) -> None:
        """Go on with what a process before this one has left."""
        self._loop = asyncio.ensure_future(self._run())

    def poke(self) -> None:
        """Something was published."""
        self._waking.poke()

    async def drain(self) -> None:
        """Return when all that can be done now is done; also where `start` was not called, as for a
        single command."""
        while await self._work() or self._out:
            if self._out:
                await asyncio.wait(self._out.values(), return_when=asyncio.FIRST_COMPLETED)

    async def stop(self) -> None:
        """Leave what waits to the next start."""
        running = [*self._out.values()]
        if self._loop is not None:
            running.append(self._loop)
            self._loop = None
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            self._waking.listen()
            try:
                if not await self._work():
                    # Whom we look for now is due as well.
                    await self._waking.until(self.publisher.next_sought(), busy=bool(self._out))
            except StoreError as error:
                log.error("nothing is fanned out: %s", error)
                await self._waking.sleep(LONGEST)

    async def _work(self) -> bool:
        """Queue all that can be, and begin to look for whom it is time to; whether that was
        anything. Nobody waits for an actor who takes long to answer."""
        if self._trouble is not None:
            trouble, self._trouble = self._trouble, None
            raise trouble
        worked = False
        while self.publisher.waits():
            worked = True
            await asyncio.wrap_future(self.publisher.fan_out(self.rules, self.clock.now()))
            self.queued()
        # Those who are being looked for are still among them.
        due = self.publisher.sought(self.clock.now(), _PLACES + len(self._out))
        new = [one for one in due if one.actor not in self._out][: _PLACES - len(self._out)]
        for one in new:
            self._out[one.actor] = asyncio.ensure_future(self._look_for(one))
            self._out[one.actor].add_done_callback(functools.partial(self._ended, one.actor))
        return worked or bool(new)

    async def _look_for(self, sought: Sought) -> None:
        found, ttl = await self._seek(sought), self.schedule.ttl
        now = self.clock.now()
        await asyncio.wrap_future(self.publisher.found([found], self.rules, now, ttl))
        self.queued()

    def _ended(self, actor: str, task: asyncio.Task[None]) -> None:
        del self._out[actor]
        failed = asyncio.CancelledError() if task.cancelled() else task.exception()
        self._trouble = self._trouble or failed
        self._waking.poke()

    async def _seek(self, sought: Sought) -> Found:
        """Where the mail of an actor goes. Never raises but when we stop: what fails here is tried
        again."""
        actor = sought.actor
        try:
            return self._known(actor) or await self._asked(sought)
        except (BadInput, Refused, Gone) as error:
            return Found(actor, "given_up", error=f"its actor: {error.reason}")
        except FedpullError as error:
            return self._again(sought, f"its actor: {error.reason}")
        except Stopped:
            raise asyncio.CancelledError from None

    async def _asked(self, sought: Sought) -> Found:
        reference = await self.fetch(sought.actor, _PATIENCE)
        found = self._known(sought.actor, reference.id)
        return found or self._again(sought, "its actor has not answered yet")

    def _known(self, actor: str, id: str = "") -> Found | None:
        """What the document that is held says; None where none is."""
        document = self.query.document(id or actor)
        if document is None:
            return None
        if class_of(document.json) == "collection":
            return self._members(actor)
        inboxes = inboxes_of(document.json)
        if inboxes is None:
            return Found(actor, "given_up", error=_NO_INBOX)
        return Found(actor, "found", inboxes.own, inboxes.shared)

    def _members(self, collection: str) -> Found:
        """The actors among those members of a collection that are held. We read no collection for
        this: who is a member is its owner's to say, and often nobody else's to know."""
        view = self.query.collection(collection, _MOST_MEMBERS)
        known = self.query.references(view.items if view is not None else ())
        members = tuple(id for id, one in known.items() if one.cls == "actor" and one.fetched_at)
        if members:
            return Found(collection, "members", members=members)
        error = "it is a collection, and no actors are kept of it"
        return Found(collection, "given_up", error=error)

    def _again(self, sought: Sought, error: str) -> Found:
        retry, (low, high) = self.schedule.retry, _SPREAD
        delay = retry[min(sought.tries, len(retry) - 1)] * (low + (high - low) * self.chance())
        due = min(self.clock.now() + delay, sought.since + self.schedule.ttl)
        return Found(sought.actor, "wait", error=error, due=due)
