"""A sleep until the next thing is due, that ends as soon as somebody has work.

It knows of no work. Invariant: a poke between `listen` and the sleep behind it is not lost.
"""

from __future__ import annotations

import asyncio

from .clock import Clock

LONGEST = 60.0  # the wall clock may be set; look again at least once a minute
_SHORTEST = 0.01


class Waking:
    """For one loop. `poke` may be called at any time, on the loop's thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._poked = asyncio.Event()

    def poke(self) -> None:
        self._poked.set()

    def listen(self) -> None:
        """From now on a poke counts: to be called before looking for what is to be done."""
        self._poked.clear()

    async def until(self, due: float | None, *, busy: bool = False) -> None:
        """Sleep until `due` (POSIX seconds), a minute at most. `busy`: what is due already is under
        way, and its end will poke."""
        wait = LONGEST if due is None else due - self._clock.now()
        await self.sleep(LONGEST if busy and wait <= 0.0 else wait)

    async def sleep(self, seconds: float) -> None:
        timer = self._clock.call_later(min(max(seconds, _SHORTEST), LONGEST), self._poked.set)
        try:
            await self._poked.wait()
        finally:
            timer.cancel()
