"""Receipts that come while others are being written go to the store together, in the next commit.

It looks at nothing that it carries. Invariants: a receipt's future is done when what was received
is on disk, or will never be; they are written in the order in which they came.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import Future

from ..cache.mail_records import Received
from ..cache.ports import Mailbox
from .clock import Clock


class Receipts:
    """On the loop's thread. A commit costs as much as a dozen receipts, so few are made."""

    def __init__(self, mailbox: Mailbox, clock: Clock) -> None:
        self._mailbox = mailbox
        self._clock = clock
        self._waiting: list[tuple[Received, asyncio.Future[int | None]]] = []
        self._writing = False

    def put(self, received: Received) -> asyncio.Future[int | None]:
        """Its number in the mailbox once it is kept, None for what was seen before. Fails with
        StoreError when it is not kept."""
        loop = asyncio.get_running_loop()
        if not self._waiting and not self._writing:
            loop.call_soon(self._flush, loop)  # with what else this turn of the loop brings
        future: asyncio.Future[int | None] = loop.create_future()
        self._waiting.append((received, future))
        return future

    def _flush(self, loop: asyncio.AbstractEventLoop) -> None:
        batch, self._waiting = self._waiting, []
        self._writing = True
        kept = self._mailbox.receive([received for received, _ in batch], self._clock.now())
        waiting = [future for _, future in batch]
        kept.add_done_callback(lambda done: loop.call_soon_threadsafe(self._answer, waiting, done))

    def _answer(
        self, waiting: list[asyncio.Future[int | None]], done: Future[list[int | None]]
    ) -> None:
        self._writing = False
        if self._waiting:
            self._flush(asyncio.get_running_loop())
        error = done.exception()
        for index, future in enumerate(waiting):
            if future.done():
                continue  # who waited was cut off
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(done.result()[index])
