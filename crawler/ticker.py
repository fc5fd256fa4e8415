"""What wakes the crawler: an APScheduler that calls every few seconds, and knows nothing else.

It decides nothing: what is due, and when, stands in the store, so that a call that was missed costs
nothing and none is made up for. APScheduler plans by wall time and stands still when that is set
back; a heartbeat on monotonic time notices, and plans anew. Invariant: whatever becomes of the wall
clock, every job is called again within a heartbeat; no job runs twice at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger

from ..errors import FedpullError
from .clock import Clock, Timer

log = logging.getLogger(__name__)
# A call that finds the one before still running is left out, which is what is wanted and no news.
logging.getLogger("apscheduler.scheduler").setLevel(logging.ERROR)

Job = Callable[[], Awaitable[None]]

HEARTBEAT = 30.0
_JUMP = 60.0  # smaller steps, as NTP makes them, are waited out
# The budget of a quarter of a minute in one go is still no burst; more often than each second
# would only cost CPU.
_SHORTEST, _LONGEST = 1.0, 15.0


def refresh_every(budget_per_hour: float) -> float:
    """Seconds between two looks at what is due: about as long as the budget takes to give one
    request, within what is neither idle work nor a burst."""
    return min(max(3_600 / max(budget_per_hour, 1e-9), _SHORTEST), _LONGEST)


class Ticker:
    """Calls its jobs, from `start` to `stop`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._jobs: dict[str, tuple[float, Job]] = {}
        self._running: set[asyncio.Task[Any]] = set()
        self._scheduler: Any = _Scheduler(clock)
        self._heartbeat: Timer | None = None
        self._wall = self._monotonic = 0.0

    def every(self, seconds: float, name: str, job: Job) -> None:
        """Call `job` so often, from `start` on; the first time after `seconds`."""
        self._jobs[name] = (seconds, job)

    def start(self) -> None:
        """Begin to call."""
        self._scheduler.start()
        self._plan()
        self._watch()

    async def stop(self) -> None:
        """Call nothing more, and wait for what is running."""
        if self._heartbeat is None:
            return
        self._heartbeat.cancel()
        self._heartbeat = None
        self._scheduler.remove_all_jobs()
        if self._running:
            await asyncio.wait(self._running)
        self._scheduler.shutdown(wait=False)

    def _plan(self) -> None:
        """Give every job its next time, by the clock as it is now."""
        for name, (seconds, job) in self._jobs.items():
            self._scheduler.add_job(
                self._call,
                _Every(seconds),
                args=(job,),
                id=name,
                replace_existing=True,
                misfire_grace_time=None,
                coalesce=True,
                max_instances=1,
            )

    async def _call(self, job: Job) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._running.add(task)
        try:
            await job()
        except FedpullError as error:
            log.warning("%s", error)
        finally:
            self._running.discard(task)

    def _watch(self) -> None:
        self._wall, self._monotonic = self._clock.now(), self._clock.monotonic()
        self._heartbeat = self._clock.call_later(HEARTBEAT, self._beat)

    def _beat(self) -> None:
        passed = self._clock.monotonic() - self._monotonic
        jump = self._clock.now() - self._wall - passed
        if abs(jump) > _JUMP:
            log.warning("the clock was set by %+.0f seconds; everything is planned anew", jump)
            self._plan()
        self._watch()


class _Scheduler(AsyncIOScheduler):  # type: ignore[misc]
    """APScheduler by our clock: timers are the clock's, and the zone tells the time."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(timezone=_Zone(clock))
        self._clock = clock

    def _start_timer(self, wait_seconds: float | None) -> None:
        self._stop_timer()
        if wait_seconds is not None:
            self._timeout = self._clock.call_later(wait_seconds, self.wakeup)


class _Zone(tzinfo):
    """UTC by a Clock. APScheduler takes the time from `datetime.now(zone)`, which has the zone
    turn the machine's time into its own."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def fromutc(self, dt: datetime) -> datetime:
        return datetime.fromtimestamp(self._clock.now(), UTC).replace(tzinfo=self)

    def utcoffset(self, dt: datetime | None) -> timedelta:
        return timedelta(0)

    def dst(self, dt: datetime | None) -> timedelta:
        return timedelta(0)

    def tzname(self, dt: datetime | None) -> str:
        return "UTC"


class _Every(BaseTrigger):  # type: ignore[misc]
    """Counted from the call, not from when it should have been. (APScheduler's own interval
    converts times between zones, which `_Zone` does not do.)"""

    __slots__ = ("_step",)

    def __init__(self, seconds: float) -> None:
        self._step = timedelta(seconds=seconds)

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime:
        return now + self._step
