"""The operator's word on who may follow our actor: written down, and told to who asked.

Who may by the configuration is decided as their Follow comes in (`notified_us`). What a follower's
own document says of it later, as it moves its inbox or is deleted, is followed here. Invariant: a
follower's state and the activity that tells them of it are written together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace

from ..cache import lookup
from ..cache.mail_records import Follower, Send
from ..cache.ports import Mailbox, Query
from ..cache.records import Lease, Outcome
from ..cache.views import State
from ..errors import NotFound
from .clock import Clock
from .protocol import following
from .protocol.inboxes import inboxes_of
from .protocol.strictjson import parse_object


@dataclass(frozen=True, slots=True)
class Followers:
    """`actor` and `base` are our own; `poke` is told that something is to be delivered."""

    actor: str
    base: str
    query: Query
    mailbox: Mailbox
    clock: Clock
    poke: Callable[[], None]

    def settled(self, lease: Lease, outcome: Outcome) -> None:
        """An outcome is on disk: a follower may have another inbox now, or be no more."""
        for put in outcome.puts:
            if put.stamp.kind == "actor" and put.verified_by == "get":
                known = self.mailbox.follower(put.id)
                found = None if known is None else inboxes_of(parse_object(put.body))
                if known is not None and found is not None:
                    places = (found.own, found.shared)
                    if places != (known.inbox, known.shared_inbox):
                        self.mailbox.move_follower(put.id, *places)
        for mark in outcome.marks:
            if mark.state is State.GONE and self.mailbox.follower(mark.id) is not None:
                self.mailbox.drop_follower(mark.id)

    async def judge(self, actor: str, *, accept: bool) -> Follower:
        """Accept or reject whoever has asked; NotFound for anybody else."""
        follower, written = self.write(actor, accept=accept)
        await asyncio.wrap_future(written)
        self.poke()
        return follower

    def write(self, actor: str, *, accept: bool) -> tuple[Follower, Future[None]]:
        """The new state, and when it is on disk."""
        asked = lookup.follower(self.query, actor)
        if asked is None:
            raise NotFound(actor, "has not asked to follow us", "one that `followers` lists")
        judged = replace(asked, state="accepted" if accept else "rejected")
        answer = following.accept if accept else following.reject
        letter = answer(self.actor, self.base, asked.actor, asked.follow)
        send = Send(letter.activity, asked.inbox, letter.body)
        return judged, self.mailbox.put_follower(judged, (send,), self.clock.now())
