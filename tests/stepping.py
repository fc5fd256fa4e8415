"""Time that advances only when nothing is left to do: a stepping clock for the real composition.

Wall and monotonic time stand still while a request is under way, however long it really takes, and
jump to the next timer once everything is settled: no lease is out, the writer has written, nobody
is about to ask or to deliver. It fakes nothing but time; sockets, TLS, threads and the store are
the real ones.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from fedpull.crawler.works import Works

# How many turns of the loop a timer's consequences may take until they reach a thread or a socket.
_TURNS = 8
# Real seconds within which a request that is under way must have come to something; the door's own
# time-out is shorter.
_PATIENCE = 40.0
_GLANCE = 0.001


class Timer:
    """What `call_later` gives."""

    def __init__(self, call: Callable[[], None]) -> None:
        self.call: Callable[[], None] | None = call

    def cancel(self) -> None:
        self.call = None


class SteppingClock:
    """See `crawler.clock.Clock`. `true` is the time of the world, which `jump` leaves alone."""

    def __init__(self, start: float) -> None:
        self._start = start
        self._elapsed = 0.0
        self._skew = 0.0
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()

    def now(self) -> float:
        return self._start + self._elapsed + self._skew

    def true(self) -> float:
        return self._start + self._elapsed

    def monotonic(self) -> float:
        return self._elapsed

    def call_later(self, seconds: float, call: Callable[[], None]) -> Timer:
        timer = Timer(call)
        at = self._elapsed + max(seconds, 0.0)
        heapq.heappush(self._timers, (at, next(self._order), timer))
        return timer

    @property
    def waiting(self) -> bool:
        """Whether a timer is set."""
        return any(timer.call is not None for _, _, timer in self._timers)

    def jump(self, seconds: float) -> None:
        """Somebody sets the machine's clock; the world goes by its own."""
        self._skew += seconds

    def step(self, until: float) -> bool:
        """Go to the next timer's time and call what is due then; False: none until `until`."""
        while self._timers and self._timers[0][2].call is None:
            heapq.heappop(self._timers)
        if not self._timers or self._start + self._timers[0][0] > until:
            self._elapsed = max(self._elapsed, until - self._start)
            return False
        self._elapsed = max(self._elapsed, self._timers[0][0])
        while self._timers and self._timers[0][0] <= self._elapsed:
            call = heapq.heappop(self._timers)[2].call
            if call is not None:
                call()
        return True


class Stepper:
    """Steps a clock through the life of one running Works."""

    def __init__(self, clock: SteppingClock, works: Works) -> None:
        self._clock = clock
        self._works = works
        self._moved = asyncio.Event()
        self._turning = 0  # chains of redirects that wait for the clock with a lease in hand
        self._jobs, self._written = 0, -1
        self._writer: Any = works.opened.store._writer
        self._submit: Callable[..., Future[Any]] = self._writer.submit
        self._writer.submit = self._counted  # type: ignore[method-assign]
        self._turn = works.egress._turn
        works.egress._turn = self._waited
        works.ingestor.on_outcome(lambda lease, outcome: self._moved.set())

    async def run(self, until: float) -> None:
        """Live until that (true) time."""
        await self.settled()
        while self._clock.step(until):
            await self.settled()

    async def settled(self) -> None:
        """Until nothing more happens without time going on."""
        while True:
            for _ in range(_TURNS):
                await asyncio.sleep(0)
            if self._jobs != self._written:
                # Jobs are done in their order, so when this one is, all that were before it are,
                # and who waits for them has been told.
                barrier = self._submit(lambda work: None)
                self._written = self._jobs
                await asyncio.wrap_future(barrier)
            elif self._works.dispatcher.in_flight != self._turning:
                self._moved.clear()
                await asyncio.wait_for(self._moved.wait(), _PATIENCE)
            elif self._delivering():
                await asyncio.sleep(_GLANCE)  # a delivery that has ended tells nobody
            else:
                return

    def _delivering(self) -> bool:
        """Whether something is being delivered; what is about to be has a job of the writer's."""
        presence = self._works.presence
        return presence is not None and presence.delivery.in_flight > 0

    def _counted(self, job: Callable[[Any], Any]) -> Future[Any]:
        self._jobs += 1
        return self._submit(job)

    async def _waited(self, host: str, page: bool, held: bool) -> None:
        self._turning += 1
        self._moved.set()
        try:
            await self._turn(host, page, held)
        finally:
            self._turning -= 1
