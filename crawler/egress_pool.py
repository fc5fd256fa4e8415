"""The idle connections, kept for a short while for the next request to the same host.

It opens none. Invariants: never more than MAX_IDLE are held, none longer than IDLE_SECONDS, and one
is only given out for the scheme, host and port that it was opened for.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict

from .egress_connection import Connection

# A walk asks for its next page after the gap, two seconds by default; Node closes after five,
# Apache after five to fifteen, nginx after 75. Longer than this only collects dead ones.
IDLE_SECONDS = 15.0
# A TLS connection costs some 60 KiB.
MAX_IDLE = 128

Key = tuple[str, str, int]  # scheme, host, port of the URL


class Pool:
    def __init__(self) -> None:
        # Oldest first; a key may have several (politeness.concurrency).
        self._idle: OrderedDict[Connection, Key] = OrderedDict()
        self._by_key: dict[Key, list[Connection]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._idle)

    def take(self, key: Key) -> Connection | None:
        """The connection to `key` that was used last, or None."""
        while held := self._by_key.get(key):
            connection = held[-1]
            self._remove(connection)
            if connection.alive:
                return connection
        return None

    def put(self, key: Key, connection: Connection, loop: asyncio.AbstractEventLoop) -> None:
        if not connection.alive:
            return
        connection.idle_since = loop.time()
        self._idle[connection] = key
        self._by_key.setdefault(key, []).append(connection)
        while len(self._idle) > MAX_IDLE:
            self._drop(next(iter(self._idle)))
        if self._timer is None:
            self._timer = loop.call_later(IDLE_SECONDS, self._sweep, loop)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._idle:
            self._drop(next(iter(self._idle)))

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        now = loop.time()
        while self._idle:
            oldest = next(iter(self._idle))
            left = oldest.idle_since + IDLE_SECONDS - now
            if oldest.alive and left > 0:
                self._timer = loop.call_later(left, self._sweep, loop)
                return
            self._drop(oldest)

    def _drop(self, connection: Connection) -> None:
        self._remove(connection)
        connection.abort()

    def _remove(self, connection: Connection) -> None:
        key = self._idle.pop(connection)
        held = self._by_key[key]
        held.remove(connection)
        if not held:
            del self._by_key[key]
