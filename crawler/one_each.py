"""One at a time for each key: whoever finds out something about a host does so alone.

It knows no hosts and keeps no results. Invariant: a lock is kept for as long as somebody holds it
or waits for it, so that no number of hosts fills the memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class _Queue:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    length: int = 0  # who holds it, and who waits


class OneEach:
    """On the loop's thread."""

    def __init__(self) -> None:
        self._queues: dict[str, _Queue] = {}

    @asynccontextmanager
    async def alone(self, key: str) -> AsyncIterator[None]:
        """In order of asking, nobody else at the same time."""
        queue = self._queues.setdefault(key, _Queue())
        queue.length += 1
        try:
            async with queue.lock:
                yield
        finally:
            queue.length -= 1
            if not queue.length:
                del self._queues[key]
