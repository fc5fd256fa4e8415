"""The one seam for time: wall time, monotonic time and timers, nothing else.

Whatever needs the time gets a Clock from the composition root; no module reads the system's clock
on its own, so that simulated days run the real composition with a stepping clock.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol


class Timer(Protocol):
    """What `call_later` gives: it can be called off."""

    def cancel(self) -> None: ...


class Clock(Protocol):
    """Times are seconds; `now` counts from the POSIX epoch, `monotonic` from anywhere."""

    def now(self) -> float: ...

    def monotonic(self) -> float: ...

    def call_later(self, seconds: float, call: Callable[[], None]) -> Timer: ...


class SystemClock:
    """The machine's clocks, with timers on the running asyncio loop."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    def call_later(self, seconds: float, call: Callable[[], None]) -> Timer:
        return asyncio.get_running_loop().call_later(seconds, call)
