"""What tells an operator that all is well: health, readiness, and the counts behind them."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from pathlib import Path

import pytest
from api_cases import note, serving

from fedpull.cache.fetched import fetched
from fedpull.cache.histogram import Histogram
from fedpull.crawler.answer import FailureKind, FetchFailed, Hop
from fedpull.crawler.outage import Outage
from fedpull.crawler.pulse import Pulse


@pytest.mark.parametrize(
    ("status", "word"),
    [
        pytest.param(200, "read", id="a document"),
        pytest.param(304, "unchanged", id="nothing new"),
        pytest.param(404, "missing", id="not there"),
        pytest.param(410, "gone", id="gone for good"),
        pytest.param(401, "denied", id="a signature is wanted"),
        pytest.param(403, "denied", id="not for us"),
        pytest.param(429, "throttled", id="too fast"),
        pytest.param(418, "rejected", id="some other error of ours"),
        pytest.param(503, "server_error", id="an error of theirs"),
        pytest.param(299, "failed", id="a success that is none"),
    ],
)
def test_a_status_is_one_of_few_words(status: int, word: str) -> None:
    """Whatever a server answers, the label has a value of ours."""
    assert fetched(status) == word


def test_a_histogram_counts_up_to_each_bound() -> None:
    """A value on a bound belongs to it; what a clock that was set back makes negative is 0."""
    seconds = Histogram((1.0, 5.0))
    for value in (-3.0, 1.0, 2.0, 60.0):
        seconds.observe(value)

    found = seconds.snapshot()

    assert found.counts == (2, 3, 4)
    assert found.sum == 63.0


def lost(host: str, kind: FailureKind = "connect", status: int | None = None) -> FetchFailed:
    hop = Hop(host, status, error=kind)
    return FetchFailed(f"https://{host}/", "lost", kind=kind, hops=(hop,))


@pytest.mark.parametrize(
    ("lost_ones", "told"),
    [
        pytest.param([lost(f"h{n % 5}.example") for n in range(20)], True, id="nobody answers"),
        pytest.param([lost(f"h{n % 4}.example") for n in range(90)], False, id="a few hosts"),
        pytest.param([lost(f"h{n}.example") for n in range(19)], False, id="a few requests"),
        pytest.param(
            [lost(f"h{n}.example", "type", 200) for n in range(90)], False, id="they do answer"
        ),
        pytest.param(
            [*(lost(f"h{n}.example") for n in range(90)), lost("h.example", "size", 200)],
            False,
            id="one has answered again",
        ),
    ],
)
def test_an_outage_is_what_many_hosts_have_in_common(
    lost_ones: list[FetchFailed], told: bool
) -> None:
    """Our own network is in doubt when many hosts in a row are silent, and at the first answer no
    more."""
    outage = Outage()
    for one in lost_ones:
        outage.failed(one)

    assert bool(outage.doubts()) is told
    outage.heard()
    assert not outage.doubts()


async def test_the_writer_answers_and_the_supervisor_is_told() -> None:
    """Each answer of the writer's is one sign of life; while it owes one there is none."""
    pings: list[Future[None]] = []
    asked, alive = asyncio.Event(), asyncio.Event()

    def ping() -> Future[None]:
        pings.append(Future())
        asked.set()
        return pings[-1]

    pulse = Pulse(ping, alive.set, ask_every=0.0)
    pulse.start()
    try:
        await asyncio.wait_for(asked.wait(), 30)
        assert not alive.is_set()
        pings[0].set_result(None)
        await asyncio.wait_for(alive.wait(), 30)
    finally:
        pulse.stop()
    assert pulse.ills() == ()
    assert pulse.delays.snapshot().counts[-1] >= 1


async def test_a_process_that_hangs_says_so(tmp_path: Path) -> None:
    """503 from /healthz with the reason, and 0 in the metrics; 200 and 1 while all is well."""
    async with serving(tmp_path) as api:
        well, metrics = await api.get("/healthz"), await api.get("/metrics")
        api.origin.sick = ("store: its writer has not answered for 61 s: restart the daemon",)
        ill, later = await api.get("/healthz"), await api.get("/metrics")

    assert (well.status, well.json) == (200, {"status": "ok"})
    assert ill.status == 503
    assert ill.json == {"status": "stuck", "reasons": list(api.origin.sick)}
    assert b"\nfedpull_alive 1.0\n" in metrics.body
    assert b"\nfedpull_alive 0.0\n" in later.body


async def test_the_writer_is_counted(tmp_path: Path) -> None:
    """Commits with their time, and the jobs in them; the file and the map have a size."""
    async with serving(tmp_path) as api:
        api.store.put(note(1), note(2))
        text = (await api.get("/metrics")).body.decode()

    values = {
        line.split()[0]: float(line.split()[1])
        for line in text.splitlines()
        if line.startswith("fedpull_") and "{" not in line
    }
    assert values["fedpull_store_commit_seconds_count"] >= 1
    assert values["fedpull_store_jobs_total"] >= 1
    assert 0 < values["fedpull_store_map_used_bytes"] < values["fedpull_store_map_bytes"]
    assert values["fedpull_store_file_bytes"] > 0
    assert values["fedpull_disk_free_bytes"] > 0
