"""Hands leases from the frontier to the spiders; it decides nothing about who may be asked when.

The frontier is the only judge of politeness and priority. This shell asks it for as many leases as
there are free places, routes each by its kind, and sleeps until something falls due, a place gets
free or somebody pokes it. Invariant: never more than `places` leases are out at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from concurrent.futures import Future

from ..cache.ports import Frontier
from ..cache.records import HostReport, Kind, Lease
from .clock import Clock

# A lease outlives the slowest chain (30 s by default, 3 hops that wait for their turns) and is
# short enough that a killed process does not hold a host for long when it is not restarted cleanly.
LEASE_SECONDS = 180.0
# Places: with one connection per host this is the number of hosts that are asked at once.
PLACES = 128
_LONGEST_SLEEP = 60.0  # the wall clock may be set; look again at least once a minute
_SHORTEST_SLEEP = 0.01  # what is due but cannot be leased yet must not make a busy loop


class Dispatcher:
    """Keeps the spiders supplied. `run` until `stop`; `finished` gives a place back."""

    def __init__(self, frontier: Frontier, clock: Clock, *, places: int = PLACES) -> None:
        self._frontier = frontier
        self._clock = clock
        self._places = places
        self._out = 0
        self._queues: dict[Kind, asyncio.Queue[Lease]] = {}
        self._poked = asyncio.Event()
        self._stopping = False

    @property
    def in_flight(self) -> int:
        return self._out

    def route(self, kinds: Iterable[Kind]) -> asyncio.Queue[Lease]:
        """The queue on which leases of these kinds will arrive."""
        queue: asyncio.Queue[Lease] = asyncio.Queue()
        self._queues.update(dict.fromkeys(kinds, queue))
        return queue

    def poke(self) -> None:
        """Something was queued, or a host got free: look at the frontier again."""
        self._poked.set()

    def finished(self) -> None:
        """A lease was given back (its outcome is durable, or could not be written)."""
        self._out -= 1
        self._poked.set()

    def stop(self) -> None:
        self._stopping = True
        self._poked.set()

    async def run(self) -> None:
        """Lease and route until stopped."""
        while not self._stopping:
            self._poked.clear()
            if not await self._lease():
                await self._sleep_until_due()

    async def turn(self, host: str, page: bool, held: bool) -> None:
        """Wait for `host`'s turn for one request outside the queue: a redirect's next hop.

        `held`: the chain has a slot of this host already, so only the time has to come."""
        while True:
            now = self._clock.now()
            asked = self._frontier.turn(host, now, page, held)
            try:
                until = await asyncio.shield(asyncio.wrap_future(asked))
            except asyncio.CancelledError:
                if not held:
                    asked.add_done_callback(lambda done: self._give_back(host, done))
                raise
            if until is None:
                return
            await self._wait(asyncio.Event(), max(_SHORTEST_SLEEP, until - now))

    def _give_back(self, host: str, turn: Future[float | None]) -> None:
        """The chain ran out of time while its turn was being written: nobody will use it."""
        if turn.exception() is None and turn.result() is None:
            self._frontier.report([HostReport(host, ok=True, slot=True)], self._clock.now())

    async def _lease(self) -> bool:
        free = self._places - self._out
        if free <= 0:
            return False
        leases = await asyncio.wrap_future(
            self._frontier.lease(self._clock.now(), free, LEASE_SECONDS)
        )
        self._out += len(leases)
        for lease in leases:
            self._queues[lease.want.kind].put_nowait(lease)
        return bool(leases)

    async def _sleep_until_due(self) -> None:
        now = self._clock.now()
        due = self._frontier.next_due(now) if self._out < self._places else None
        wait = (
            _LONGEST_SLEEP if due is None else min(max(due - now, _SHORTEST_SLEEP), _LONGEST_SLEEP)
        )
        await self._wait(self._poked, wait)

    async def _wait(self, event: asyncio.Event, seconds: float) -> None:
        timer = self._clock.call_later(seconds, event.set)
        try:
            await event.wait()
        finally:
            timer.cancel()
