"""Hands leases from the frontier to the spiders; it decides nothing about who may be asked when.

The frontier is the only judge of politeness and priority. This shell asks it for as many leases as
there are free places, routes each by its kind, and sleeps until something falls due, a place gets
free or somebody pokes it. Invariant: never more than `places` leases are out at once, but for
`kept` more that only what somebody waits for can have.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass

from ..cache.ports import Frontier
from ..cache.records import HostReport, Kind, Lease
from .clock import Clock, Timer

log = logging.getLogger(__name__)

# A lease outlives the slowest chain (30 s by default, 3 hops that wait for their turns) and is
# short enough that a killed process does not hold a host for long when it is not restarted cleanly.
LEASE_SECONDS = 180.0
# Places: with one connection per host this is the number of hosts that are asked at once.
PLACES = 128
# Kept for on demand and push: while hundreds of slow hosts are being asked, a person who waits for
# another one waits for that one alone. Each costs no more than an idle connection's memory.
KEPT = 16
_LONGEST_SLEEP = 60.0  # the wall clock may be set; look again at least once a minute
_SHORTEST_SLEEP = 0.01
_EMPTY_HANDED = 0.5


@dataclass(slots=True, eq=False)
class _Question:
    """A question to the frontier: open until it is answered, owed when there is a new reason."""

    urgent: bool
    open: bool = False
    owed: bool = False
    asked: int = 0  # leases that its answer may bring


class Dispatcher:
    """Keeps the spiders supplied, from `start` to `stop`; `finished` gives a place back.

    One question to the frontier is open at a time; what happens meanwhile makes it ask again. What
    is urgent has a question of its own, so that it never waits for the answer to the other one.
    """

    def __init__(
        self, frontier: Frontier, clock: Clock, *, places: int = PLACES, kept: int = KEPT
    ) -> None:
        self._frontier = frontier
        self._clock = clock
        self._places = places
        self._kept = kept
        self._out = 0
        self._queues: dict[Kind, asyncio.Queue[Lease]] = {}
        self._running = False
        self._any = _Question(urgent=False)
        self._urgent = _Question(urgent=True)
        self._timer: Timer | None = None

    @property
    def in_flight(self) -> int:
        return self._out

    def route(self, kinds: Iterable[Kind]) -> asyncio.Queue[Lease]:
        """The queue on which leases of these kinds will arrive."""
        queue: asyncio.Queue[Lease] = asyncio.Queue()
        self._queues.update(dict.fromkeys(kinds, queue))
        return queue

    def start(self) -> None:
        """Begin to lease."""
        self._running = True
        self.poke()

    def stop(self) -> None:
        """Lease nothing more. What is out ends by itself."""
        self._running = False
        self._set_timer(None)

    def poke(self) -> None:
        """Something was queued, or a host got free: look at the frontier again."""
        self._any.owed = True
        if self._free(self._any) <= 0:
            self._urgent.owed = True
        self._ask()

    def hurry(self) -> None:
        """Something that somebody waits for is being queued.

        Called right behind `Frontier.want`, so that both jobs share a commit, however busy the
        writer is.
        """
        question = self._any
        if question.open or self._free(question) <= 0:
            question = self._urgent
        question.owed = True
        self._ask()

    def finished(self) -> None:
        """A lease is being given back: its outcome has been handed to the writer.

        The next question goes to the writer right behind it, so both share a commit."""
        self._out -= 1
        self.poke()

    def _free(self, question: _Question) -> int:
        """How many places a question may ask for."""
        taken = self._out + self._any.asked + self._urgent.asked
        return self._places + (self._kept if question.urgent else 0) - taken

    def _ask(self) -> None:
        for question in (self._any, self._urgent):
            free = self._free(question)
            if self._running and question.owed and not question.open and free > 0:
                self._put(question, free)

    def _put(self, question: _Question, limit: int) -> None:
        question.open, question.owed, question.asked = True, False, limit
        self._set_timer(None)
        loop = asyncio.get_running_loop()
        now, urgent = self._clock.now(), question.urgent
        asked = self._frontier.lease(now, limit, LEASE_SECONDS, urgent=urgent)
        asked.add_done_callback(
            lambda done: loop.call_soon_threadsafe(self._answered, question, done)
        )

    def _answered(self, question: _Question, asked: Future[list[Lease]]) -> None:
        question.open, question.asked = False, 0
        if not self._running:
            return  # what was leased meanwhile is taken back at the next start
        error = asked.exception()
        leases = [] if error is not None else asked.result()
        self._out += len(leases)
        for lease in leases:
            self._queues[lease.want.kind].put_nowait(lease)
        if error is not None:
            log.error("nothing can be leased: %s", error)
            self._set_timer(_LONGEST_SLEEP)
            return
        self._ask()
        if not (self._any.open or self._urgent.open):
            self._sleep_until_due()

    def _sleep_until_due(self) -> None:
        now = self._clock.now()
        # Where every place is taken, only what may have one of those that are kept is worth waking.
        due = self._frontier.next_due(now, urgent=self._free(self._any) <= 0)
        wait = _LONGEST_SLEEP if due is None else due - now
        if wait <= 0:
            # Due, and yet nothing was leased: the store is full, or a window is.
            wait = _EMPTY_HANDED
        self._set_timer(min(max(wait, _SHORTEST_SLEEP), _LONGEST_SLEEP))

    def _set_timer(self, seconds: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if seconds is None else self._clock.call_later(seconds, self.poke)

    async def turn(self, host: str, page: bool, held: bool) -> None:
        """Wait for `host`'s turn for one request outside the queue: a redirect's next hop.

        `held`: the chain has a slot of this host already, so only the time has to come."""
        since = self._clock.now() if held else 0.0
        while True:
            now = self._clock.now()
            asked = self._frontier.turn(host, now, page, held, since)
            try:
                until = await asyncio.shield(asyncio.wrap_future(asked))
            except asyncio.CancelledError:
                if not held:
                    asked.add_done_callback(lambda done: self._give_back(host, done))
                raise
            if until is None:
                return
            come = asyncio.Event()
            timer = self._clock.call_later(max(_SHORTEST_SLEEP, until - now), come.set)
            try:
                await come.wait()
            finally:
                timer.cancel()

    def _give_back(self, host: str, turn: Future[float | None]) -> None:
        """The chain ran out of time while its turn was being written: nobody will use it."""
        if turn.exception() is None and turn.result() is None:
            self._frontier.report([HostReport(host, ok=True, slot=True)], self._clock.now())
