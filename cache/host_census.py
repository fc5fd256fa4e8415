"""How many hosts are in which state, counted now and then, as there may be many.

It judges no host. Invariants: counting takes at most a hundredth of the time, and no time of the
loop's; the states are words of ours.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from time import monotonic

from .ports import Query

STATES = ("ok", "slow", "paused", "dead", "unwelcome", "blocked")
_FRESH = 30.0  # as often as Prometheus asks by default, or half as often
_SHARE = 100.0


class Census:
    """One for each API; `look` is called on the loop's thread."""

    def __init__(self, query: Query, now: Callable[[], float]) -> None:
        self._query = query
        self._now = now
        self._found: Mapping[str, int] = dict.fromkeys(STATES, 0)
        self._until = float("-inf")
        self._looking: asyncio.Future[None] | None = None

    async def look(self) -> Mapping[str, int]:
        """The latest count; a new one where it is too old."""
        if self._looking is None and monotonic() >= self._until:
            self._looking = asyncio.ensure_future(asyncio.to_thread(self._count))
            self._looking.add_done_callback(self._looked)
        if self._looking is not None:
            await asyncio.shield(self._looking)
        return self._found

    def _looked(self, done: asyncio.Future[None]) -> None:
        self._looking = None

    def _count(self) -> None:
        begun = monotonic()
        found = Counter(dict.fromkeys(STATES, 0))
        found.update(host.state for host in self._query.hosts(self._now()))
        ended = monotonic()
        self._found = {state: found[state] for state in STATES}
        self._until = ended + max(_FRESH, _SHARE * (ended - begun))
