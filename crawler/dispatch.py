"""Hands leases from the frontier to the spiders; it decides nothing about who may be asked when.

The frontier is the only judge of politeness and priority. This shell asks it for as many leases as
there are free places, routes each by its kind, and sleeps until something falls due, a place gets
free or somebody pokes it. Invariant: never more than `places` leases are out at once, but for
`kept` more that only on demand and push can have, and as many again for on demand alone.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass

from ..cache.ports import Frontier
from ..cache.records import Cause, HostReport, Kind, Lease
from .clock import Clock, Timer

log = logging.getLogger(__name__)

# A lease outlives the longest chain and the writing of its outcome, or its host would be asked by
# two at once; and it is short enough that a killed process does not hold a host for long when it is
# not restarted cleanly. This is that of the default `network.timeout`.
LEASE_SECONDS = 180.0
# Places: with one connection per host this is the number of hosts that are asked at once.
PLACES = 128
# Kept for what somebody waits for: while hundreds of slow hosts are being asked, a person who wants
# a document of another one waits for that one alone; also while all follows are being pulled.
KEPT = 16
_LONGEST_SLEEP = 60.0  # the wall clock may be set; look again at least once a minute
_SHORTEST_SLEEP = 0.01
_EMPTY_HANDED = 0.5


@dataclass(slots=True, eq=False)
class _Question:
    """A question to the frontier: open until it is answered, owed when there is a new reason."""

    last: Cause  # nothing less urgent is asked for
    kept: int  # places that are there for it besides everybody's
    open: bool = False
    owed: bool = False
    asked: int = 0  # leases that its answer may bring


class Dispatcher:
    """Keeps the spiders supplied, from `start` to `stop`; `finished` gives a place back.

    Of each kind of question to the frontier one is open at a time; what happens meanwhile makes it
    ask again. What is urgent has questions of its own, so that it never waits for another's answer.
    """

    def __init__(
        self,
        frontier: Frontier,
        clock: Clock,
        *,
        places: int = PLACES,
        kept: int = KEPT,
        lease: float = LEASE_SECONDS,
    ) -> None:
        self._frontier = frontier
        self._clock = clock
        self._places = places
        self._lease = lease
        self._out = 0
        self._queues: dict[Kind, asyncio.Queue[Lease]] = {}
        self._running = False
        # From the widest to the narrowest: each leaves places to those behind it.
        self._questions = (
            _Question(Cause.BACKFILL, 0),
            _Question(Cause.PUSH, kept),
            _Question(Cause.ON_DEMAND, 2 * kept),
        )
        self._timer: Timer | None = None

    @property
    def in_flight(self) -> int:
        return self._out

    @property
    def asking(self) -> bool:
        """Whether a question to the frontier is open."""
        return any(question.open for question in self._questions)

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
        self._questions[0].owed = True
        self._ask()

    def hurry(self) -> None:
        """Something that somebody waits for is being queued.

        Called right behind `Frontier.want`, so that both jobs share a commit, however busy the
        writer is.
        """
        able = [one for one in self._questions if not one.open and self._free(one) > 0]
        (able or self._questions[-1:])[0].owed = True
        self._ask()

    def finished(self) -> None:
        """A lease is being given back: its outcome has been handed to the writer.

        The next question goes to the writer right behind it, so both share a commit."""
        self._out -= 1
        self.poke()

    def _free(self, question: _Question) -> int:
        """How many places a question may ask for."""
        taken = self._out + sum(other.asked for other in self._questions)
        return self._places + question.kept - taken

    def _ask(self) -> None:
        """Ask what is owed. Where no place is left for it, the narrower question stands for it; a
        place that gets free asks the wider one again."""
        narrower = False
        for question in self._questions if self._running else ():
            question.owed |= narrower
            narrower = False
            if not question.owed or question.open:
                continue
            if (free := self._free(question)) > 0:
                self._put(question, free)
            elif self._out >= self._places + question.kept:
                question.owed, narrower = False, True

    def _put(self, question: _Question, limit: int) -> None:
        question.open, question.owed, question.asked = True, False, limit
        self._set_timer(None)
        loop = asyncio.get_running_loop()
        now = self._clock.now()
        asked = self._frontier.lease(now, limit, self._lease, last=question.last)
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
        if not self.asking:
            self._sleep_until_due()

    def _sleep_until_due(self) -> None:
        now = self._clock.now()
        # Where every place is taken, only what may have one of those that are kept is worth waking.
        able = [question.last for question in self._questions if self._free(question) > 0]
        due = self._frontier.next_due(now, last=able[0]) if able else None
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
