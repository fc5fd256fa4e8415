"""A clock of ours that is wrong: told when hosts agree on it, and never on the word of one."""

from __future__ import annotations

import time
from email.utils import formatdate
from pathlib import Path

import pytest
from ingest_cases import NOW, answer
from station import Station, eventually

from fedpull.client import Client
from fedpull.crawler.answer import Answer
from fedpull.crawler.skew import Skew, agreed
from fedpull.tests.fediverse.families import BY_NAME
from fedpull.tests.fediverse.world import Fediverse

HOUR = 3_600.0

AGREED = {
    "nobody has answered": ([], 0.0),
    "two hosts are too few": ([2 * HOUR, 2 * HOUR], 0.0),
    "three that agree": ([2 * HOUR, 2 * HOUR + 1, 2 * HOUR - 1], 2 * HOUR),
    "behind counts as ahead does": ([-HOUR] * 3, -HOUR),
    "one of three is wrong itself": ([2 * HOUR, 0.4, -0.2], 0.0),
    "two of three are more than one": ([2 * HOUR, 2 * HOUR, 0.0], 2 * HOUR),
    "what everybody forgives": ([300.0] * 5, 0.0),
    "hosts that cannot agree": ([2 * HOUR, 0.0, -2 * HOUR], 0.0),
}


@pytest.mark.parametrize(("apart", "ahead"), AGREED.values(), ids=AGREED)
def test_agreed(apart: list[float], ahead: float) -> None:
    """The middle of what at least three hosts say, if it is more than servers forgive."""
    assert agreed(apart) == ahead


def said(host: str, ahead: float, **headers: str) -> Answer:
    """An answer of a host by whose clock ours is so many seconds ahead."""
    date = formatdate(NOW - ahead, usegmt=True)
    return answer(f"https://{host}/x", {}, headers={"date": date, **headers})


def test_an_operator_is_told_once_and_no_more_when_it_is_right(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The log has one line for each time that the clock went wrong."""
    skew = Skew()
    for number in range(5):
        skew.heard(said(f"h{number}.example", 2 * HOUR))

    assert skew.doubts()[0].startswith("clock: is 7200 s ahead of that of 5 servers")
    assert len(caplog.records) == 1

    for number in range(5):
        skew.heard(said(f"h{number}.example", 0.0))
    assert skew.doubts() == ()


def test_one_host_is_one_voice() -> None:
    """However often it answers, and whatever a cache in front of it has kept."""
    skew = Skew()
    for _ in range(10):
        skew.heard(said("h.example", 2 * HOUR))
    for number in range(5):
        skew.heard(said(f"h{number}.example", 2 * HOUR, age="7200"))
        skew.heard(answer(f"https://g{number}.example/x", {}, headers={}))

    assert skew.doubts() == ()


def test_what_is_remembered_is_bounded() -> None:
    """The hosts that answered last count, of however many."""
    skew = Skew()
    for number in range(200):
        skew.heard(said(f"h{number}.example", 0.0))
    for number in range(32):
        skew.heard(said(f"g{number}.example", -HOUR))

    assert "behind that of 32 servers" in skew.doubts()[0]


def test_the_daemon_says_so(tmp_path: Path) -> None:
    """In its log, soon after the start, and at /readyz."""
    families = [BY_NAME[name] for name in ("mastodon", "pleroma", "misskey")]
    with Fediverse(families, clock=lambda: time.time() - 2 * HOUR) as world:
        follow = [server.add_account("alice").handle for server in world.servers.values()]
        station = Station(tmp_path, world, follow=follow)
        with station.daemon() as daemon:
            daemon.wait_for_line("s ahead of that of 3 servers")
            with Client(daemon.address) as client:
                eventually(
                    lambda: any("clock" in reason for reason in client.status()["reasons"]),
                    "the status tells of the clock",
                )
