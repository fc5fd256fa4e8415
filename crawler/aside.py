"""One GET beside the queue: takes its host's turn, goes through the door, reports what it taught.

It judges no answer and wants no document. Invariant: the frontier learns of every request, and gets
every slot back, however the chain ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from ..cache.ports import Frontier
from ..cache.records import HostReport
from ..errors import TimedOut
from .answer import Answer, Ask, FetchFailed, Stopped
from .clock import Clock
from .egress import Egress
from .egress_chain import Turn
from .host_reports import reports
from .protocol.uri import host_port


@dataclass(frozen=True, slots=True)
class Aside:
    """`report` is not waited for: it is the frontier's to write when it can."""

    egress: Egress
    turn: Turn
    frontier: Frontier
    clock: Clock

    async def fetch(self, ask: Ask, patience: float) -> Answer:
        """The answer to a URL that `check_url` has passed.

        Raises TimedOut when the host's turn does not come within `patience` seconds, FetchFailed
        and Stopped as the door does.
        """
        host = host_port(ask.url)
        try:
            async with asyncio.timeout(patience):
                await self.turn(host, ask.page, False)
        except TimeoutError:
            raise TimedOut(ask.url, "its host's turn did not come") from None
        try:
            answer = await self.egress.fetch(ask)
        except FetchFailed as failed:
            # Without a hop nothing was asked, and the turn that was taken is given back unused.
            found = reports(failed, self.clock.now(), leased=False)
            self._report(found or _unused(host))
            raise
        except (Stopped, asyncio.CancelledError):
            self._report(_unused(host))
            raise
        self._report(reports(answer, self.clock.now(), leased=False))
        return answer

    def _report(self, found: Sequence[HostReport]) -> None:
        self.frontier.report(found, self.clock.now())


def _unused(host: str) -> list[HostReport]:
    return [HostReport(host, ok=True, slot=True)]


Fetch = Callable[[Ask, float], Awaitable[Answer]]
