"""Whether the process is alive in earnest: its loop turns, and its writer answers.

It restarts nothing; whoever supervises the process is told, or no longer told. Invariant: `alive`
is called only behind an answer of the writer's thread, which the loop has passed on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future

from ..cache.histogram import Histogram

# Half a second shows what a request would have waited, and costs nothing that can be measured.
_EVERY = 0.5
# A batch of a migration takes under a second, and a commit on a slow disk some; who has not
# answered for so long will not.
STUCK = 60.0
ASK_EVERY = 10.0


class Pulse:
    """From `start` to `stop`, on the loop's thread. `ping` is a job for the writer that does
    nothing; `alive` is called each time that it was done."""

    def __init__(
        self,
        ping: Callable[[], Future[None]],
        alive: Callable[[], None] = lambda: None,
        ask_every: float = ASK_EVERY,
    ) -> None:
        self.delays = Histogram()
        self._ping = ping
        self._alive = alive
        self._ask_every = ask_every
        self._asked: float | None = None  # open since
        self._next = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._next = loop.time()
        self._wait(loop)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def ills(self) -> tuple[str, ...]:
        """What is wrong with the process itself; empty while it is well."""
        if self._asked is None:
            return ()
        silent = asyncio.get_running_loop().time() - self._asked
        if silent < STUCK:
            return ()
        return (f"store: its writer has not answered for {silent:.0f} s: restart the daemon",)

    def _wait(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = loop.call_later(_EVERY, self._beat, loop, loop.time() + _EVERY)

    def _beat(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        now = loop.time()
        self.delays.observe(now - due)
        if self._asked is None and now >= self._next:
            self._asked, self._next = now, now + self._ask_every
            self._ping().add_done_callback(
                lambda _: loop.is_closed() or loop.call_soon_threadsafe(self._answered)
            )
        self._wait(loop)

    def _answered(self) -> None:
        self._asked = None
        self._alive()
