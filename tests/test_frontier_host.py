"""What a host's answers mean for asking it again: the table of the breaker and the pauses."""

from __future__ import annotations

import pytest

from fedpull.cache.host_state import (
    DEAD_AFTER,
    LONGEST_PAUSE,
    MAX_PAUSE,
    HostHealth,
    host_after,
    standing,
)
from fedpull.cache.records import HostReport

HOST = "a.example:443"
NOW = 1_700_000_000.0
DAY = 86_400.0


def ok(status: int = 200, **more: object) -> HostReport:
    return HostReport(HOST, ok=True, status=status, **more)  # type: ignore[arg-type]


def lost(error: str = "connect") -> HostReport:
    return HostReport(HOST, ok=False, error=error)


REFUSED = HostReport(HOST, ok=True, status=403, refused=True)
PAGE = HostReport(HOST, ok=True, status=200, error="type")  # for people
PAUSES: list[tuple[str, list[HostReport], float, float, str]] = [
    ("a good answer is nothing", [ok()], 0, 0, "ok"),
    ("a missing document is nothing", [ok(404)], 0, 0, "ok"),
    ("one lost connection is weather", [lost()], 0, 0, "slow"),
    ("two are slow", [lost(), lost("timeout")], 0, 0, "slow"),
    ("three in a row pause a minute", [lost()] * 3, 48, 72, "paused"),
    ("server errors count as failures", [ok(500), ok(502), lost()], 48, 72, "paused"),
    ("four pause two minutes", [lost()] * 4, 96, 144, "paused"),
    ("thirty pause six hours at most", [lost()] * 30, 17_280, 25_920, "paused"),
    ("a success in between begins anew", [lost(), lost(), ok(), lost()], 0, 0, "slow"),
    ("429 without a time pauses five minutes", [ok(429)], 300, 315, "paused"),
    ("a second one ten", [ok(429)] * 2, 600, 630, "paused"),
    ("and many an hour", [ok(429)] * 9, 3600, 3630, "paused"),
    ("503 without a time, too", [ok(503)], 300, 315, "paused"),
    ("429 with a time pauses until then", [ok(429, pause=NOW + 77)], 77, 81, "paused"),
    ("a pause of years is a day", [ok(429, pause=NOW + 1e9)], DAY, DAY, "paused"),
    ("a time in the past pauses nothing", [ok(429, pause=NOW - 5)], 0, 0, "slow"),
    ("a rate limit that is used up pauses", [ok(200, pause=NOW + 60)], 60, 63, "paused"),
    ("a few refusals say nothing", [REFUSED] * 9, 0, 0, "ok"),
    ("ten in a row leave it alone for a day", [REFUSED] * 10, DAY, DAY, "unwelcome"),
    ("some pages for people say nothing", [PAGE] * 19, 0, 0, "ok"),
    ("twenty in a row let it sleep for an hour", [PAGE] * 20, 3600, 3600, "paused"),
    ("one more for two", [PAGE] * 21, 7200, 7200, "paused"),
    ("and many for a day", [PAGE] * 40, DAY, DAY, "paused"),
    ("a missing document is no page", [*[PAGE] * 19, ok(404), PAGE], 0, 0, "ok"),
    ("refusals between good answers are normal", [REFUSED, ok()] * 10, 0, 0, "ok"),
]


@pytest.mark.parametrize(
    ("reports", "least", "most", "state"), [row[1:] for row in PAUSES], ids=[r[0] for r in PAUSES]
)
def test_the_pause_after_these_answers(
    reports: list[HostReport], least: float, most: float, state: str
) -> None:
    """Each answer comes when the pause before it has ended."""
    health, now = HostHealth(), NOW
    for report in reports[:-1]:
        health = host_after(HOST, health, report, now)
        now = max(now, health.until)
    shift = now - NOW
    last = reports[-1]
    if last.pause is not None:
        last = HostReport(HOST, last.ok, status=last.status, pause=last.pause + shift)
    health = host_after(HOST, health, last, now)
    pause = max(health.until - now, 0.0)

    assert least <= pause <= most
    assert standing(health, now) == state


def test_the_same_outage_counts_once() -> None:
    """Failures of requests that were under way when the pause began do not lengthen it."""
    health = HostHealth()
    for _ in range(3):
        health = host_after(HOST, health, lost(), NOW)
    again = host_after(HOST, health, lost("timeout"), NOW + 1)

    assert (again.until, again.failures) == (health.until, 3)


def test_an_answer_ends_the_outage() -> None:
    """Whatever was under way and succeeds proves that the host is there."""
    health = HostHealth()
    for _ in range(3):
        health = host_after(HOST, health, lost(), NOW)

    assert host_after(HOST, health, ok(), NOW + 1) == HostHealth()


def test_a_throttle_outlasts_good_answers_under_way() -> None:
    """A 200 that was sent before the 429 does not end the pause."""
    health = host_after(HOST, HostHealth(), ok(429), NOW)

    assert host_after(HOST, health, ok(), NOW + 1).until == health.until


def test_a_host_that_fails_for_a_week_is_dead_and_probed_daily() -> None:
    """One probe a day, and one success revives it."""
    health, now, probes = HostHealth(), NOW, 0
    while now < NOW + DEAD_AFTER + 30 * DAY:
        health = host_after(HOST, health, lost(), now)
        probes += now >= NOW + DEAD_AFTER
        now = max(now, health.until)

    assert standing(health, now) == "dead"
    assert 30 <= probes <= 39
    assert health.until - now <= MAX_PAUSE
    assert standing(host_after(HOST, health, ok(), now), now) == "ok"


def test_a_host_that_is_dead_for_two_months_is_probed_weekly() -> None:
    """Nobody is given up for ever, and nobody is knocked up daily for years."""
    health, now, probes = HostHealth(), NOW, 0
    while now < NOW + 130 * DAY:
        health = host_after(HOST, health, lost(), now)
        probes += now >= NOW + 60 * DAY
        now = max(now, health.until)

    assert 10 <= probes <= 13
    assert health.until - now <= LONGEST_PAUSE


def test_a_host_is_not_dead_because_we_were_not_running() -> None:
    """Two failures a month apart are two failures."""
    health = host_after(HOST, HostHealth(), lost(), NOW)
    health = host_after(HOST, health, lost(), NOW + 30 * DAY)

    assert standing(health, NOW + 30 * DAY) == "slow"
    assert health.until <= NOW + 30 * DAY


def test_hosts_of_one_outage_do_not_return_in_step() -> None:
    """The jitter differs by host and is the same in every run."""
    ends, resets = set(), set()
    for number in range(50):
        health = HostHealth()
        for _ in range(3):
            health = host_after(f"h{number}.example:443", health, lost(), NOW)
        ends.add(health.until)
        told = ok(429, pause=NOW + 900)
        resets.add(host_after(f"h{number}.example:443", HostHealth(), told, NOW).until)

    assert len(ends) == 50
    assert len(resets) == 50
    assert min(resets) >= NOW + 900
