"""A mailbox, the wire to which every inbox leads, and what delivers: for tests of deliveries.

Time is a stepping clock's; the store, the door and the wire are real.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stepping import SteppingClock
from store_cases import NOW, clean, store_at
from wire_server import Judge, Reply, Seen, WireServer, door_to, response, wire_server

from fedpull.cache.mail_records import Delivery as Row
from fedpull.cache.mail_records import Send
from fedpull.cache.open import Opened
from fedpull.config.model import Identity
from fedpull.crawler import key_file
from fedpull.crawler.delivery import Delivery
from fedpull.crawler.instance import Instance
from fedpull.crawler.protocol.delivering import Schedule

MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0
SCHEDULE = Schedule((MINUTE, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 12 * HOUR, 24 * HOUR), 7 * DAY)
EVEN = (1.0 - 0.8) / (1.4 - 0.8)  # the chance at which times are what the schedule says
DONE = response(b"", status="202 Accepted")


def status(line: str) -> bytes:
    return response(b"no", status=line)


def send(n: int, inbox: str = "http://a.example/inbox") -> Send:
    return Send(f"https://pull.example/activities/{n}", inbox, b'{"n":%d}' % n)


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop run until `condition` holds: the writer's thread tells nobody."""
    while True:
        if condition():
            return
        await asyncio.sleep(0)


def signer(folder: Path) -> Instance:
    """Who signs, with keys of their own."""
    file = folder / "actor.pem"
    key_file.create(file)
    return Instance(Identity(url="https://pull.example", key_file=file))


@dataclass
class Post:
    """A mailbox, the wire to which every inbox leads, and what delivers."""

    opened: Opened
    clock: SteppingClock
    wire: WireServer
    delivery: Delivery

    async def queue(self, *sends: Send) -> None:
        await asyncio.wrap_future(self.opened.mailbox.send(sends, self.clock.now()))
        self.delivery.poke()
        await self.settled()

    async def settled(self) -> None:
        """Until nothing more happens without time going on."""
        for _ in range(2):  # what has just ended may have been the end of a wait
            for _ in range(8):
                await asyncio.sleep(0)
            await until(self._is_quiet)

    def _is_quiet(self) -> bool:
        return self.clock.waiting and not self.delivery.in_flight and not self._due()

    def _due(self) -> bool:
        due = self.opened.mailbox.next_errand()
        return due is not None and due <= self.clock.now()

    async def live(self, seconds: float) -> None:
        until = self.clock.true() + seconds
        while self.clock.step(until):
            await self.settled()

    def rows(self) -> list[Row]:
        """As they were queued."""
        return self.opened.query.deliveries(100_000)[::-1]

    @property
    def states(self) -> list[str]:
        return [row.state for row in self.rows()]

    @property
    def bodies(self) -> list[bytes]:
        return [seen.body for seen in self.wire.requests]


class Office:
    """Opens mailboxes, with the door that signs for them."""

    def __init__(self, path: Path, signer: Instance) -> None:
        self.path = path
        self._signer = signer

    @contextlib.asynccontextmanager
    async def __call__(
        self, reply: Callable[[Seen], Reply], fetch: Any = None, **rules: Any
    ) -> AsyncIterator[Post]:
        clock = SteppingClock(NOW)
        async with contextlib.AsyncExitStack() as stack:
            opened = stack.enter_context(store_at(self.path))
            wire = await stack.enter_async_context(wire_server(Judge(reply)))
            door = await stack.enter_async_context(
                door_to(wire, clock=clock, signer=self._signer, **rules)
            )
            delivery = Delivery(
                opened.mailbox,
                opened.frontier,
                fetch or door.egress.fetch,
                clock,
                SCHEDULE,
                chance=lambda: EVEN,
            )
            await delivery.start()
            post = Post(opened, clock, wire, delivery)
            await post.settled()
            yield post
            await door.egress.close()
            await delivery.stop()
            clean(opened)
