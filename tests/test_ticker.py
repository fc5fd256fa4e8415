"""The ticker on a stepping clock: it calls in time, once at a time, whatever the clock does."""

from __future__ import annotations

import asyncio

import pytest
from stepping import SteppingClock

from fedpull.crawler.ticker import HEARTBEAT, Ticker, refresh_every
from fedpull.errors import StoreError

START = 1_790_000_000.0
YEAR = 365 * 86_400.0


class Calls:
    """A ticker with one job every ten seconds, and when (by monotonic time) it was called."""

    def __init__(self) -> None:
        self.clock = SteppingClock(START)
        self.ticker = Ticker(self.clock)
        self.ticker.every(10.0, "job", self.job)
        self.at: list[float] = []
        self.open = asyncio.Event()
        self.open.set()
        self.error: Exception | None = None

    async def job(self) -> None:
        self.at.append(self.clock.monotonic())
        if self.error is not None:
            raise self.error
        await self.open.wait()

    async def live(self, seconds: float) -> list[float]:
        """Let so much time pass; when it was called in it."""
        before = len(self.at)
        until = self.clock.true() + seconds
        await _turns()
        while self.clock.step(until):
            await _turns()
        return self.at[before:]


async def _turns() -> None:
    for _ in range(8):
        await asyncio.sleep(0)


async def test_it_calls_from_the_start_to_the_stop() -> None:
    """The first call comes after the interval, the last before the stop."""
    calls = Calls()
    assert await calls.live(60.0) == []
    calls.ticker.start()
    assert await calls.live(35.0) == [70.0, 80.0, 90.0]
    await calls.ticker.stop()
    assert await calls.live(60.0) == []


@pytest.mark.parametrize("jump", [YEAR, -YEAR, 3_600.0, -3_600.0])
async def test_a_clock_that_is_set_neither_freezes_nor_storms_it(
    jump: float, caplog: pytest.LogCaptureFixture
) -> None:
    """Within a heartbeat it goes on as before, and nothing that was missed is made up for."""
    calls = Calls()
    calls.ticker.start()
    await calls.live(25.0)
    calls.clock.jump(jump)
    assert len(await calls.live(HEARTBEAT + 10.0)) >= 1
    later = await calls.live(100.0)
    await calls.ticker.stop()

    assert 9 <= len(later) <= 11
    assert len(calls.at) <= 17
    assert "the clock was set" in caplog.text


async def test_a_call_is_left_out_while_the_one_before_runs() -> None:
    """A slow store gets one question at a time; the stop waits for its answer."""
    calls = Calls()
    calls.open.clear()
    calls.ticker.start()
    assert await calls.live(100.0) == [10.0]
    stopping = asyncio.ensure_future(calls.ticker.stop())
    await _turns()
    assert not stopping.done()
    calls.open.set()
    await stopping

    assert await calls.live(100.0) == []


async def test_an_error_of_the_store_is_told_and_does_not_end_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The next call comes in its time."""
    calls = Calls()
    calls.error = StoreError("data", "is full")
    calls.ticker.start()
    assert len(await calls.live(35.0)) == 3
    await calls.ticker.stop()

    assert "is full" in caplog.text


async def test_stopping_what_was_never_started_is_harmless() -> None:
    """A single command has a ticker too, which it does not start."""
    await Calls().ticker.stop()


@pytest.mark.parametrize(
    ("budget", "seconds"),
    [
        pytest.param(20_000.0, 1.0, id="the default budget is looked after each second"),
        pytest.param(1_200.0, 3.0, id="one request every three seconds"),
        pytest.param(100.0, 15.0, id="a small budget still four times a minute"),
        pytest.param(0.0, 15.0, id="no budget"),
    ],
)
def test_how_often_it_looks_goes_by_the_budget(budget: float, seconds: float) -> None:
    """Often enough that no look has to hand out more than a moment's worth."""
    assert refresh_every(budget) == seconds
