"""`GET /metrics`: what it tells, that docs/metrics.md tells the same, and that counters move."""

from __future__ import annotations

import http.client
import re
import threading
from pathlib import Path

import pytest
from api_cases import NOW, Serving, serving
from mail_cases import LIKE, received, settled
from prometheus_client import REGISTRY
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from public_station import PublicStation, holds
from station import Station, eventually

from fedpull.cache.api_gate import ApiSettings
from fedpull.cache.mail_records import Send, Sent, Settlement
from fedpull.cache.settling import effect
from fedpull.errors import StoreError
from fedpull.tests.fediverse.families import BY_NAME
from fedpull.tests.fediverse.world import Fediverse

DOC = Path(__file__).resolve().parent.parent / "docs" / "metrics.md"
ROW = re.compile(r"^\| `(\w+)` \| (gauge|counter|histogram) \| ([^|]*) \| (.*) \|$", re.MULTILINE)
SETTLED = "fedpull_notifications_settled_total"


def read(text: str) -> list[Metric]:
    return list(text_string_to_metric_families(text))


def values(text: str) -> dict[str, float]:
    """By name, and the values of the labels in the order of their names."""
    return {
        " ".join((sample.name, *(value for _, value in sorted(sample.labels.items())))): (
            sample.value
        )
        for family in read(text)
        for sample in family.samples
    }


async def scraped(api: Serving) -> dict[str, float]:
    return values((await api.get("/metrics")).body.decode())


async def test_the_documentation_lists_what_the_server_tells(tmp_path: Path) -> None:
    """Each metric with its type, labels and meaning, and no other."""
    async with serving(tmp_path) as api:
        families = read((await api.get("/metrics")).body.decode())

    told = {
        (
            one.name + ("_total" if one.type == "counter" else ""),
            one.type,
            ", ".join(
                sorted(
                    {
                        f"`{label}`"
                        for sample in one.samples
                        for label in sample.labels
                        if label != "le"
                    }
                )
            ),
            one.documentation,
        )
        for one in families
    }
    assert set(ROW.findall(DOC.read_text("utf-8"))) == told


@pytest.mark.parametrize(
    ("accept", "type"),
    [
        pytest.param("*/*", "text/plain; version=", id="text for whoever names no format"),
        pytest.param(
            "application/openmetrics-text; version=1.0.0",
            "application/openmetrics-text; version=1.0.0",
            id="OpenMetrics for whoever reads it",
        ),
    ],
)
async def test_the_format(tmp_path: Path, accept: str, type: str) -> None:
    """The newest that the caller reads, and the content type says which."""
    async with serving(tmp_path) as api:
        answer = await api.get("/metrics", accept=accept)

    assert answer.status == 200
    assert answer.headers["content-type"].startswith(type)
    assert b"\nfedpull_ready 1.0\n" in answer.body


async def test_it_needs_the_token(tmp_path: Path) -> None:
    """What is going on is nobody else's business."""
    async with serving(tmp_path, ApiSettings(None, "s3cret")) as api:
        assert (await api.get("/metrics")).status == 401
        assert (await api.get("/metrics", authorization="Bearer s3cret")).status == 200


async def test_unknown_parameters_are_refused(tmp_path: Path) -> None:
    """As everywhere, what has no effect is an error."""
    async with serving(tmp_path) as api:
        assert (await api.get("/metrics?name=fedpull_ready")).status == 400


async def test_mail_is_counted_once_it_is_written(tmp_path: Path) -> None:
    """What waits is read from the store, what is over is counted since it was opened."""
    async with serving(tmp_path) as api:
        box = api.store.opened.mailbox
        box.receive([received(n) for n in range(1, 6)], NOW).result()
        box.settle([settled(1, NOW), settled(2, NOW, reactions=(LIKE,))], NOW).result()
        box.settle([settled(3, NOW, state="waiting", due=NOW + 9)], NOW).result()
        box.settle([settled(4, NOW, state="waiting", due=NOW + 9, tried=False)], NOW).result()
        box.settle([settled(1, NOW, state="failed")], NOW).result()  # it was over before
        box.send([Send(f"https://p.example/{n}", "https://a.example/in", b"{}") for n in "ab"], NOW)
        box.errands(NOW, 1, 60.0, 1e6).result()
        box.sent([Sent(1, "waiting", counted=True, retry_at=NOW)], NOW).result()
        box.sent([Sent(1, "given_up", counted=True, inbox_gone=True)], NOW).result()
        found = await scraped(api)

    assert found["fedpull_notifications_waiting"] == 3
    assert found[f"{SETTLED} none done"] == 1
    assert found[f"{SETTLED} counted done"] == 1
    assert found[f"{SETTLED} none failed"] == 0
    assert found["fedpull_notification_retries_total"] == 1
    assert found["fedpull_deliveries_waiting"] == 0
    assert found["fedpull_deliveries_total given_up"] == 2
    assert found["fedpull_delivery_retries_total"] == 1


async def test_what_was_not_written_is_not_counted(tmp_path: Path) -> None:
    """A job that fails takes the transaction along; the others run again, and count once."""
    async with serving(tmp_path) as api:
        box = api.store.opened.mailbox
        box.receive([received(1), received(2)], NOW).result()
        together = threading.Event()
        box._writer.submit(lambda work: together.wait(30))
        good = box.settle([settled(1, NOW)], NOW)
        bad = box.settle([settled(2, NOW, wants=("no want",))], NOW)
        together.set()
        failed, settlements = bad.exception(), good.result()
        found = await scraped(api)

    assert isinstance(failed, StoreError)
    assert settlements == 1
    assert sum(count for name, count in found.items() if name.startswith(SETTLED)) == 1
    assert found["fedpull_notifications_waiting"] == 1


@pytest.mark.parametrize(
    ("effects", "expected"),
    [
        pytest.param({}, "none", id="nothing"),
        pytest.param({"reactions": (LIKE,)}, "counted", id="a reaction"),
        pytest.param({"signals": ("https://a.example/outbox",)}, "listed", id="a source is noted"),
        pytest.param({"drop_follower": LIKE.actor}, "follower", id="a follower leaves"),
        pytest.param({"block": ("@a@a.example", None)}, "subscription", id="a block is over"),
        pytest.param(
            {"drop_follower": LIKE.actor, "reactions": (LIKE,)}, "follower", id="the rarer of two"
        ),
    ],
)
def test_the_effect(effects: dict[str, object], expected: str) -> None:
    """One word for what a notification did."""
    assert effect(Settlement(1, NOW, "done", "", **effects)) == expected  # type: ignore[arg-type]


async def test_nothing_of_the_process_is_changed(tmp_path: Path) -> None:
    """The library's own registry, which everything in the process shares, is left alone."""
    before = {one.name for one in REGISTRY.collect()}
    async with serving(tmp_path / "a") as one, serving(tmp_path / "b") as other:
        assert (await one.get("/metrics")).status == (await other.get("/metrics")).status == 200
    assert {one.name for one in REGISTRY.collect()} == before


def ask(station: Station) -> dict[str, float]:
    address = (station.store / "api").read_text("utf-8").removeprefix("http://")
    connection = http.client.HTTPConnection(address, timeout=30)
    try:
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        assert answer.status == 200
        return values(answer.read().decode())
    finally:
        connection.close()


@pytest.mark.timeout(180)
def test_a_push_moves_the_counters_of_the_daemon(tmp_path: Path) -> None:
    """202, settled, asked for: each step is seen; a forged one is refused and counted as that."""
    with Fediverse([BY_NAME["mastodon"]]) as world:
        alice = world.servers["mastodon.example"].add_account("alice", posts=2)
        seldom = {"min": "1h", "max": "7d"}
        station = PublicStation(
            tmp_path, world, follow=[{"actor": alice.handle, "every": seldom, "subscribe": True}]
        )
        with station.daemon():
            eventually(lambda: len(holds(station, alice)) == 2, "the posts")
            eventually(lambda: ask(station)["fedpull_deliveries_total delivered"] == 1, "Follow")
            before = ask(station)
            post = alice.post("one more")
            assert alice.push(post).status == 202
            eventually(lambda: post.id in holds(station, alice), "the new post")
            assert alice.push(post, form="unsigned").status == 401
            after = ask(station)

    def rise(name: str) -> float:
        return after[name] - before[name]

    assert rise("fedpull_inbox_requests_total accepted") == 1
    assert rise("fedpull_inbox_requests_total refused_401") == 1
    assert rise(f"{SETTLED} asked done") == 1
    assert rise("fedpull_requests_total") >= 1
    assert rise("fedpull_documents") >= 1
    assert after["fedpull_notifications_waiting"] == 0
    assert after["process_resident_memory_bytes"] > 0
    assert not [name for name in after if "mastodon" in name]
