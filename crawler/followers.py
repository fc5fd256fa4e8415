"""The operator's word on who may follow our actor: written down, and told to who asked.

Who may by the configuration is decided as their Follow comes in (`notified_us`). Invariant: a
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
from ..errors import NotFound
from .clock import Clock
from .protocol import following


@dataclass(frozen=True, slots=True)
class Followers:
    """`actor` and `base` are our own; `poke` is told that something is to be delivered."""

    actor: str
    base: str
    query: Query
    mailbox: Mailbox
    clock: Clock
    poke: Callable[[], None]

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
