"""From a host name to the addresses of it that may be contacted.

It connects to nothing. Invariant: every address that it gives out has passed the address table;
an answer is looked at whole, v4 and v6, and the bad addresses in it are skipped and counted.
"""

from __future__ import annotations

import asyncio
import socket
from collections import Counter, OrderedDict
from collections.abc import Sequence

from .answer import Lost
from .egress_lookups import Lookup, Lookups
from .protocol.addresses import IPNetwork, allowed, parse_address
from .protocol.domains import domain

# getaddrinfo tells no TTL. Half a minute spares a walk its lookups and is no pinning to speak of.
CACHE_SECONDS = 30.0
MAX_CACHED = 4096
# So many of them for the names under one registrable domain: one that invents names must not have
# the names of all others looked up again.
MAX_CACHED_PER_DOMAIN = 64
LOOKUP_SECONDS = 10.0
MAX_ADDRESSES = 4  # that are tried one after the other


def system_lookup(host: str, port: int) -> Sequence[str]:
    """What the system says, best first (RFC 6724); blocks. OSError when there is nothing."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return [str(sockaddr[0]) for *_, sockaddr in found]


class Resolver:
    """Looks names up, on threads; `patience`: for so many seconds."""

    def __init__(
        self,
        networks: Sequence[IPNetwork],
        counts: Counter[str],
        lookup: Lookup = system_lookup,
        patience: float = LOOKUP_SECONDS,
    ) -> None:
        self._networks = networks
        self._counts = counts
        self._lookups = Lookups(lookup)
        self._patience = patience
        self._cache: OrderedDict[str, tuple[float, tuple[str, ...]]] = OrderedDict()
        self._names: dict[str, OrderedDict[str, None]] = {}  # of each domain, as they are in there

    async def addresses(self, host: str, port: int) -> tuple[str, ...]:
        """At least one address to try, at most MAX_ADDRESSES; raises Lost."""
        if parse_address(host) is not None:
            return self._checked(host, [host])
        loop = asyncio.get_running_loop()
        held = self._cache.get(host)
        if held is not None and loop.time() < held[0]:
            return held[1]
        checked = self._checked(host, await self._ask(host, port))
        self._remember(host, loop.time() + CACHE_SECONDS, checked)
        return checked

    def close(self) -> None:
        self._lookups.close()

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

    async def _ask(self, host: str, port: int) -> Sequence[str]:
        try:
            found = await self._lookups.ask(host, port, self._patience)
        except TimeoutError:
            raise Lost("timeout", f"the name {host} was not resolved in time") from None
        except (OSError, UnicodeError) as error:
            raise Lost("name", f"the name {host} does not resolve{_why(error)}") from None
        if not found:
            raise Lost("name", f"the name {host} has no address")
        return found


def _why(error: Exception) -> str:
    """What the resolver adds to `does not resolve`, in words and without its number.

    That there is no such name says no more; that this machine is offline does.
    """
    if isinstance(error, socket.gaierror) and error.errno == socket.EAI_NONAME:
        return ""
    return f": {(isinstance(error, OSError) and error.strerror) or error}"
