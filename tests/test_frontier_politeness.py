"""Politeness: what one host is asked, whoever asks, in good times and bad."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from store_cases import (
    NOW,
    OUTBOX,
    clean,
    done,
    drain,
    failed,
    lease,
    leased,
    queue,
    store_at,
    uri,
    want,
)

from fedpull.cache.open import Opened
from fedpull.cache.records import HostReport, Kind, Politeness


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    with store_at(tmp_path / "store") as store:
        yield store
        clean(store)


def test_the_gap_between_two_requests_to_one_host(opened: Opened) -> None:
    """The next lease of a host comes `gap` after the one before, not earlier."""
    queue(opened, *(want(uri("a", n)) for n in range(3)))
    (first,) = lease(opened)
    done(opened, first, NOW + 0.1)

    assert opened.frontier.next_due(NOW) == NOW + 2
    assert leased(opened, NOW + 1.9) == []
    assert len(leased(opened, NOW + 2)) == 1


def test_no_more_connections_than_allowed(tmp_path: Path) -> None:
    """A host has at most `concurrency` leases out, and takes the next when one is given back."""
    with store_at(tmp_path, politeness=Politeness(concurrency=3, gap=0.0)) as opened:
        queue(opened, *(want(uri("a", n)) for n in range(9)))
        taken = lease(opened)

        assert len(taken) == 3
        assert opened.frontier.next_due(NOW) is None
        done(opened, taken[0])
        assert len(lease(opened)) == 1
        clean(opened)


def test_hosts_do_not_wait_for_each_other(opened: Opened) -> None:
    """One call leases from many hosts, up to its limit."""
    queue(opened, *(want(uri(f"h{n}")) for n in range(30)))

    assert len(leased(opened, limit=12)) == 12
    assert len(leased(opened, limit=100)) == 18


def test_the_page_window_slides(opened: Opened) -> None:
    """Never more than `pages` pages in any `pages_window` seconds; documents go on meanwhile."""
    asked: list[float] = []
    now = NOW
    for n in range(8):
        queue(opened, want(f"{OUTBOX}?{n}", kind=Kind.PAGE))
    queue(opened, want(uri("a"), due=NOW + 100))
    while now < NOW + 4000:
        for taken in lease(opened, now):
            if taken.want.kind is Kind.PAGE:
                asked.append(now - NOW)
            done(opened, taken, now)
        now = max(opened.frontier.next_due(now) or now + 4000, now + 0.001)

    assert [round(at) for at in asked] == [0, 2, 4, 900, 902, 904, 1800, 1802]
    assert opened.query.totals().due == 0


def test_a_turn_shares_the_hosts_budget(opened: Opened) -> None:
    """A request outside the queue takes a slot and a gap as any lease does."""
    host = "a.example:443"
    queue(opened, want(uri("a")))
    turn = opened.frontier.turn
    assert turn(host, NOW, False).result() is None
    busy = turn(host, NOW + 3, False).result()
    while_out = leased(opened, NOW + 3)

    opened.frontier.report([HostReport(host, ok=True, status=200, slot=True)], NOW + 4).result()

    assert busy is not None
    assert busy > NOW + 3
    assert while_out == []
    assert leased(opened, NOW + 4) == [uri("a")]
    assert turn(host, NOW + 5, False).result() == NOW + 6


def test_a_turn_of_the_same_chain_needs_no_second_slot(opened: Opened) -> None:
    """A redirect within one host waits for the gap only, or it would wait for itself."""
    queue(opened, want(uri("a")))
    (taken,) = lease(opened)
    turn = opened.frontier.turn

    assert turn(taken.host, NOW, False, held=True).result() == NOW + 2
    assert turn(taken.host, NOW + 2, False, held=True).result() is None
    assert opened.query.totals().in_flight == 1
    done(opened, taken, NOW + 3)


def test_a_turn_that_nobody_gives_back_ends(opened: Opened) -> None:
    """A slot outside the queue is not lost for ever."""
    queue(opened, want(uri("a"), due=NOW + 10))
    assert opened.frontier.turn("a.example:443", NOW, True).result() is None

    assert leased(opened, NOW + 179) == []
    assert leased(opened, NOW + 181) == [uri("a")]


def test_a_dead_host_with_many_references_costs_one_probe_a_pause(opened: Opened) -> None:
    """A thousand references of a host that is down are one request each time its pause ends."""
    queue(opened, *(want(uri("a", n)) for n in range(1000)))
    now, probes = NOW, 0
    while now < NOW + 86_400:
        for taken in lease(opened, now, 100):
            probes += 1
            failed(opened, taken, now, wants=(want(taken.want.uri, due=now + 1, attempts=1),))
        due = opened.frontier.next_due(now)
        assert due is not None
        now = max(due, now + 0.001)

    assert probes <= 16
    assert opened.query.totals().due == 1000
    assert [host.state for host in opened.query.hosts()] == ["paused"]


def test_a_pause_ends_with_one_request_whatever_may_go_at_once(tmp_path: Path) -> None:
    """Eight at once are lost when the host goes down; from then on one is tried at a time, and the
    first that succeeds brings the others."""
    polite = Politeness(concurrency=8, gap=0.0, pages=100, pages_window=900.0)
    with store_at(tmp_path, politeness=polite) as opened:
        queue(opened, *(want(uri("a", n)) for n in range(100)))
        now, rounds = NOW, []
        for _ in range(6):
            taken = lease(opened, now, 100)
            rounds.append(len(taken))
            for one in taken:
                failed(opened, one, now, wants=(want(one.want.uri, due=now + 1, attempts=1),))
            now = max(opened.frontier.next_due(now) or 0.0, now + 0.001)
        [probe] = lease(opened, now, 100)
        done(opened, probe, now)

        assert (rounds[0], max(rounds[1:])) == (8, 1)
        assert len(lease(opened, now + 1.0, 100)) == 8


def test_a_clock_set_back_freezes_nothing(opened: Opened) -> None:
    """Times that a wrong clock has planned are brought back within their maximum."""
    year = 365 * 86_400.0
    later = NOW + year
    queue(opened, want(uri("a"), due=NOW), want(uri("b"), due=later + 86_400))
    (taken,) = lease(opened, later)
    done(opened, taken, later, status=429, wants=(want(uri("a"), due=later + 5),))
    lease(opened, later + 600, 10)
    assert leased(opened, NOW) == []
    asked = [one for day in range(1, 33) for one in drain(opened, NOW + day * 86_400, rounds=3)]

    assert sorted(set(asked)) == [uri("a"), uri("b")]
