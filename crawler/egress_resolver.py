"""From a host name to the addresses of it that may be contacted.

It connects to nothing. Invariant: every address that it gives out has passed the address table;
an answer is looked at whole, v4 and v6, and the bad addresses in it are skipped and counted.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import SimpleQueue

from .answer import Lost
from .protocol.addresses import IPNetwork, allowed, parse_address
from .protocol.domains import domain

# getaddrinfo tells no TTL. Half a minute spares a walk its lookups and is no pinning to speak of.
CACHE_SECONDS = 30.0
MAX_CACHED = 4096
# So many of them for the names under one registrable domain: one that invents names must not have
# the names of all others looked up again.
MAX_CACHED_PER_DOMAIN = 64
LOOKUP_SECONDS = 10.0
# A lookup blocks a thread for as long as a hostile name server likes. The event loop's own pool
# gives lookups two threads; the default executor is shared with everyone else.
THREADS = 16
# So many of them for the names under one registrable domain: one that invents names and never
# answers for them must not keep the others from being resolved.
THREADS_PER_DOMAIN = 4
MAX_ADDRESSES = 4  # that are tried one after the other

Lookup = Callable[[str, int], Sequence[str]]


@dataclass(frozen=True, slots=True)
class _Job:
    host: str
    port: int
    domain: str
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Sequence[str]]


def system_lookup(host: str, port: int) -> Sequence[str]:
    """What the system says, best first (RFC 6724); blocks. OSError when there is nothing."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return [str(sockaddr[0]) for *_, sockaddr in found]


class Resolver:
    """Looks names up on threads of its own, which end with the process or with `close`."""

    def __init__(
        self,
        networks: Sequence[IPNetwork],
        counts: Counter[str],
        lookup: Lookup = system_lookup,
    ) -> None:
        self._networks = networks
        self._counts = counts
        self._lookup = lookup
        self._cache: OrderedDict[str, tuple[float, tuple[str, ...]]] = OrderedDict()
        self._names: dict[str, OrderedDict[str, None]] = {}  # of each domain, as they are in there
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._threads = 0
        # On the loop's side: what was handed to the threads, and what waits for its domain.
        self._handed: Counter[str] = Counter()
        self._held: dict[str, deque[_Job]] = {}

    async def addresses(self, host: str, port: int) -> tuple[str, ...]:
        """At least one address to try, at most MAX_ADDRESSES; raises Lost."""
        if parse_address(host) is not None:
            return self._checked(host, [host])
        loop = asyncio.get_running_loop()
        held = self._cache.get(host)
        if held is not None and loop.time() < held[0]:
            return held[1]
        checked = self._checked(host, await self._ask(host, port, loop))
        self._remember(host, loop.time() + CACHE_SECONDS, checked)
        return checked

    def close(self) -> None:
        for _ in range(self._threads):
            self._jobs.put(None)
        self._threads = 0

    def _remember(self, host: str, until: float, checked: tuple[str, ...]) -> None:
        """The newest last; the oldest of its own domain makes room, or of all."""
        names = self._names.setdefault(domain(host), OrderedDict())
        names[host] = None
        names.move_to_end(host)
        self._cache[host] = (until, checked)
        self._cache.move_to_end(host)
        while len(names) > MAX_CACHED_PER_DOMAIN:
            self._drop(next(iter(names)))
        while len(self._cache) > MAX_CACHED:
            self._drop(next(iter(self._cache)))

    def _drop(self, host: str) -> None:
        del self._cache[host]
        names = self._names[domain(host)]
        del names[host]
        if not names:
            del self._names[domain(host)]

    def _checked(self, host: str, found: Sequence[str]) -> tuple[str, ...]:
        good = tuple(dict.fromkeys(ip for ip in found if allowed(ip, self._networks)))
        self._counts["addresses_refused"] += sum(not allowed(ip, self._networks) for ip in found)
        if not good:
            raise Lost("address", f"{host} leads to no address that may be contacted")
        return good[:MAX_ADDRESSES]

    async def _ask(self, host: str, port: int, loop: asyncio.AbstractEventLoop) -> Sequence[str]:
        job = _Job(host, port, domain(host), loop, loop.create_future())
        if self._handed[job.domain] < THREADS_PER_DOMAIN:
            self._hand(job)
        else:
            self._held.setdefault(job.domain, deque()).append(job)
        try:
            async with asyncio.timeout(LOOKUP_SECONDS):
                found = await job.future
        except TimeoutError:
            raise Lost("timeout", f"the name {host} was not resolved in time") from None
        except (OSError, UnicodeError) as error:
            raise Lost("name", f"the name {host} does not resolve{_why(error)}") from None
        if not found:
            raise Lost("name", f"the name {host} has no address")
        return found

    def _hand(self, job: _Job) -> None:
        self._handed[job.domain] += 1
        if self._handed.total() > self._threads and self._threads < THREADS:
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
        self._handed[job.domain] -= 1
        if not self._handed[job.domain]:
            del self._handed[job.domain]
        held = self._held.get(job.domain)
        while held:
            following = held.popleft()
            if not following.future.done():
                self._hand(following)
                break
        if not held:
            self._held.pop(job.domain, None)
        if job.future.done():
            return
        if isinstance(found, Exception):
            job.future.set_exception(found)
        else:
            job.future.set_result(found)


def _why(error: Exception) -> str:
    """What the resolver adds to `does not resolve`, in words and without its number.

    That there is no such name says no more; that this machine is offline does.
    """
    if isinstance(error, socket.gaierror) and error.errno == socket.EAI_NONAME:
        return ""
    return f": {(isinstance(error, OSError) and error.strerror) or error}"
