"""Names looked up on threads, and whose turn it is: each domain's, and none holds up the others.

It caches nothing and judges no address. Invariant: whoever makes lookups hang gets a few threads of
his own; what nobody waits for any more holds nobody's place; and while strangers' names hang by the
dozen, names of domains that were resolved before are looked up as ever.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Literal

from .protocol.domains import domain

# A lookup blocks a thread for as long as a hostile name server likes; glibc gives up after half a
# minute or so. The event loop's own pool gives lookups two threads; the default executor is shared
# with everyone else.
PLACES = 16
# So many of them for the names under one registrable domain: one that invents names and never
# answers for them must not keep the others from being resolved. What hangs counts until it ends.
PLACES_PER_DOMAIN = 4
# Places that only domains have that were resolved before: whoever registers names by the hundred,
# of which none answers, holds up other strangers, and not those whom we know.
KNOWN_PLACES = 4
# Lookups that nobody waits for any more, and that the system has not let go of. With so many of
# them strangers wait; with twice as many everybody does.
MAX_HANGING = 64
_MAX_KNOWN = 16_384

Lookup = Callable[[str, int], Sequence[str]]


@dataclass(slots=True, eq=False)
class _Job:
    host: str
    port: int
    domain: str
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Sequence[str]]
    state: Literal["waits", "works", "hangs", "ended"] = "waits"


class Lookups:
    """On the loop's side but for `_work`. The threads end with the process or with `close`."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._threads = 0
        self._working = 0
        self._hanging = 0
        self._handed: Counter[str] = Counter()  # by domain, what hangs with it
        self._waiting: OrderedDict[str, deque[_Job]] = OrderedDict()  # domains in their turn
        self._known: OrderedDict[str, None] = OrderedDict()

    async def ask(self, host: str, port: int, patience: float) -> Sequence[str]:
        """What the system says. Raises what that raises, or TimeoutError after so many seconds."""
        loop = asyncio.get_running_loop()
        job = _Job(host, port, domain(host), loop, loop.create_future())
        self._waiting.setdefault(job.domain, deque()).append(job)
        self._hand_out()
        try:
            async with asyncio.timeout(patience):
                return await job.future
        finally:
            self._leave(job)

    def close(self) -> None:
        for _ in range(self._threads):
            self._jobs.put(None)
        self._threads = 0

    def _leave(self, job: _Job) -> None:
        """Nobody waits for it any more: its place is another's, whenever its thread comes back."""
        if job.state == "waits":
            job.state = "ended"
            waiting = self._waiting[job.domain]
            waiting.remove(job)
            if not waiting:
                del self._waiting[job.domain]
        elif job.state == "works":
            job.state = "hangs"
            self._working -= 1
            self._hanging += 1
            self._known.pop(job.domain, None)
            self._hand_out()

    def _hand_out(self) -> None:
        """Give free places to who waits, one domain after the other."""
        for name in list(self._waiting):
            if self._handed[name] >= PLACES_PER_DOMAIN or not self._has_place(name):
                continue
            waiting = self._waiting[name]
            self._hand(waiting.popleft())
            if waiting:
                self._waiting.move_to_end(name)
            else:
                del self._waiting[name]

    def _has_place(self, name: str) -> bool:
        if name in self._known:
            return self._working < PLACES and self._hanging < 2 * MAX_HANGING
        return self._working < PLACES - KNOWN_PLACES and self._hanging < MAX_HANGING

    def _hand(self, job: _Job) -> None:
        job.state = "works"
        self._working += 1
        self._handed[job.domain] += 1
        if self._working + self._hanging > self._threads:
            self._threads += 1
            # Daemons: a lookup that hangs must not keep the process from stopping.
            threading.Thread(target=self._work, name="fedpull-dns", daemon=True).start()
        self._jobs.put(job)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            found: Sequence[str] | Exception
            try:
                found = self._lookup(job.host, job.port)
            except (OSError, UnicodeError) as error:
                found = error
            try:
                job.loop.call_soon_threadsafe(self._settle, job, found)
            except RuntimeError:
                return  # the loop has been closed: the process is ending

    def _settle(self, job: _Job, found: Sequence[str] | Exception) -> None:
        """Back on the loop: answer who waits, if anyone still does, and let the next one go."""
        if job.state == "hangs":
            self._hanging -= 1
        else:
            self._working -= 1
        job.state = "ended"
        self._handed[job.domain] -= 1
        if not self._handed[job.domain]:
            del self._handed[job.domain]
        if self._threads > max(PLACES, self._working + self._hanging):
            self._threads -= 1
            self._jobs.put(None)
        if not isinstance(found, Exception):
            self._know(job.domain)
        self._hand_out()
        if job.future.done():
            return
        if isinstance(found, Exception):
            job.future.set_exception(found)
        else:
            job.future.set_result(found)

    def _know(self, name: str) -> None:
        self._known[name] = None
        self._known.move_to_end(name)
        if len(self._known) > _MAX_KNOWN:
            self._known.popitem(last=False)
