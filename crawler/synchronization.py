"""FEP-8fcf with other servers: our followers' digest on what we deliver, and theirs as it comes in.

What a header means is `protocol.synchronization`'s to say. With one actor here a server's digest
tells all that its list would, so nobody is asked for one. Invariant: a server is believed about its
own actors' followers only, and has something sent for it once a day for each of them at most.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from ..cache.mail_records import Errand, Send, Subscribed
from ..cache.ports import Mailbox, Query
from ..errors import FedpullError
from .clock import Clock
from .follows import Follows
from .instance import Instance
from .protocol import following, synchronization
from .protocol.inboxes import inboxes_of
from .protocol.shapes import id_of
from .protocol.signing import Headers
from .protocol.uri import origin, same_origin
from .visits import part_url

log = logging.getLogger(__name__)

_ONCE_IN = 86_400.0
_MOST = 10_000  # actors who have been answered within a day; beyond them the oldest is forgotten


@dataclass(slots=True)
class Synchronization:
    """On the loop's thread. `again` asks once more to be followed, `poke` is told that something is
    to be delivered."""

    instance: Instance
    query: Query
    mailbox: Mailbox
    follows: Follows
    clock: Clock
    again: Callable[[str], Awaitable[None]]
    poke: Callable[[], None]
    _answered: dict[str, float] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def headers(self, errand: Errand) -> Headers:
        """What goes along with a delivery: the digest of those who follow us from its inbox's
        origin, where the activity is for our followers."""
        if not errand.followers:
            return ()
        we = self.instance
        digest = self.mailbox.part_digest(origin(errand.delivery.inbox))
        return (synchronization.header(we.followers, part_url(we), digest),)

    def heard(self, signer: str, header: str) -> None:
        """What a signed header says is acted upon when there is time; whoever sent it need not
        wait, and says so again with the next delivery."""
        if self._recently(signer):
            return
        told = synchronization.read(header, self.instance.actor)
        if told is None or not same_origin(told.url, signer):
            return
        task = asyncio.ensure_future(self._act(signer, told))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _act(self, signer: str, told: synchronization.Told) -> None:
        try:
            document = self.query.document(signer)
            if document is None or id_of(document.json.get("followers")) != told.collection:
                return
            key = self.follows.of_actor(signer)
            follow = None if key is None else self.query.follow(key)
            state = "no" if follow is None else follow.subscribed
            meant = synchronization.meant(told, state)
            if meant == "nothing":
                return
            self._remember(signer)
            log.info("%s: our Follow is %s there, and here: %s", signer, meant, state)
            if meant == "stray":
                inboxes = inboxes_of(document.json)
                await self._leave(signer, None if inboxes is None else inboxes.own)
            elif key is not None and follow is not None:
                await self._correct(key, follow.subscription, accepted=meant == "accepted")
        except FedpullError as error:
            log.warning("%s: what it says of its followers is not acted upon: %s", signer, error)

    async def _leave(self, actor: str, inbox: str | None) -> None:
        """Take back a Follow that nobody here knows of. Its id is lost; a new one lets nobody take
        this for an Undo that was seen before."""
        if inbox is None:
            return
        now = self.clock.now()
        we = self.instance
        letter = following.undo(we.actor, actor, following.follow_id(we.origin, actor, now))
        await asyncio.wrap_future(
            self.mailbox.send([Send(letter.activity, inbox, letter.body)], now)
        )
        self.poke()

    async def _correct(self, key: str, id: str | None, *, accepted: bool) -> None:
        state: Subscribed = "yes" if accepted else "no"
        kept = id if accepted else None
        await asyncio.wrap_future(self.mailbox.subscribe(key, kept, state, (), self.clock.now()))
        self.follows.forget_state(key)
        if not accepted:
            await self.again(key)

    def _recently(self, actor: str) -> bool:
        until = self._answered.get(actor)
        return until is not None and self.clock.monotonic() < until

    def _remember(self, actor: str) -> None:
        self._answered.pop(actor, None)
        while len(self._answered) >= _MOST:
            del self._answered[next(iter(self._answered))]
        self._answered[actor] = self.clock.monotonic() + _ONCE_IN
