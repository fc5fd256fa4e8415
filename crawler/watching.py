"""What watches a process that goes on: its log is counted, its pulse felt, its fetches traced.

It judges nothing of what it sees. Invariant: all of it ends with `stop`, in bounded time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

from .log_counts import LogCounts
from .pulse import ASK_EVERY, Pulse
from .traces import OtelTraces, open_traces
from .works import Works, version

# A collector that does not answer must not keep us from stopping.
_LAST_TRACES = 2.0


class Watching:
    """From `start` to `stop`. `notify` tells systemd."""

    def __init__(
        self, works: Works, environ: Mapping[str, str], notify: Callable[[str], None]
    ) -> None:
        self._works = works
        self._logged = works.logged = LogCounts()
        # sd_watchdog_enabled(3): half of the time that there is, so that one ping may be late.
        given = float(environ.get("WATCHDOG_USEC", "0")) / 1e6
        every = min(given / 2.0, ASK_EVERY) if given > 0 else ASK_EVERY
        self._pulse = Pulse(works.opened.store.ping, lambda: notify("WATCHDOG=1"), every)
        works.pulse = self._pulse
        self._traces: OtelTraces | None = open_traces(environ, version())
        works.ingestor.trail.traces = self._traces

    def start(self) -> None:
        logging.getLogger().addHandler(self._logged)
        self._pulse.start()

    async def stop(self) -> None:
        self._pulse.stop()
        logging.getLogger().removeHandler(self._logged)
        if self._traces is not None:
            closing = asyncio.to_thread(self._traces.close)
            await asyncio.wait({asyncio.ensure_future(closing)}, timeout=_LAST_TRACES)
