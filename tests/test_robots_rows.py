"""What the store keeps of hosts' robots.txt: read back as it was, bounded, and felt as a gap."""

from __future__ import annotations

from pathlib import Path

import pytest

from fedpull.cache import robots as rows
from fedpull.cache.open import Opened, open_store
from fedpull.cache.records import Cause, HostReport, Kind, Politeness, Want
from fedpull.crawler.protocol.robots_memory import DAY, Robots, answered, lost

NOW = 1_790_000_000.0
HOST = "a.example:443"
POLITE = Politeness(concurrency=1, gap=2.0)


def opened(folder: Path) -> Opened:
    return open_store(folder, max_bytes=64 << 20, politeness=POLITE)


def learn(store: Opened, known: Robots, host: str = HOST, at: float = NOW) -> None:
    store.frontier.report([HostReport(host, ok=True, robots=known)], at).result()


KNOWN = {
    "read": answered(
        200, b"User-agent: *\nDisallow: /a\nAllow: /a/b$\nCrawl-delay: 9\n", None, NOW
    ),
    "read, and nothing for us": answered(200, b"<html>", None, NOW),
    "not there": answered(404, b"", None, NOW),
    "not to be had, again": lost("timeout", 1, lost("timeout", 1, None, NOW), NOW),
}


@pytest.mark.parametrize("case", KNOWN)
def test_what_was_learnt_survives_a_restart(case: str, tmp_path: Path) -> None:
    """Verdict, evidence, failures and time are what they were."""
    store = opened(tmp_path)
    learn(store, KNOWN[case])
    store.close()
    store = opened(tmp_path)
    found = store.query.robots(HOST)
    store.close()

    assert found == KNOWN[case]
    assert found is not None
    assert found.judge("/a/b") == KNOWN[case].judge("/a/b")


def test_nothing_is_known_of_a_host_that_was_never_asked(tmp_path: Path) -> None:
    """Which is not the same as a host without a robots.txt."""
    store = opened(tmp_path)
    found = store.query.robots(HOST)
    store.close()

    assert found is None


def test_the_table_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many hosts there are: what would end first makes room."""
    monkeypatch.setattr(rows, "MOST_ROWS", 50)
    store = opened(tmp_path)
    for number in range(200):
        learn(store, answered(404, b"", None, NOW + number), f"h{number}.example:443")
    kept = [n for n in range(200) if store.query.robots(f"h{n}.example:443") is not None]
    store.close()

    assert len(kept) == 50
    assert 199 in kept


def test_large_files_are_bounded_by_their_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of thousands of rules do not add up."""
    monkeypatch.setattr(rows, "MOST_BYTES", 100_000)
    store = opened(tmp_path)
    for number in range(8):
        lines = b"".join(b"Disallow: /%x\n" % (n * 7919 * (number + 1)) for n in range(5_000))
        learn(store, answered(200, b"User-agent: *\n" + lines, None, NOW), f"h{number}.example:443")
    kept = [n for n in range(8) if store.query.robots(f"h{n}.example:443") is not None]
    store.close()

    assert 0 < len(kept) < 8
    assert 7 in kept


def leased_at(store: Opened, at: float) -> str:
    """The hosts that are asked then, each for a second."""
    leases = store.frontier.lease(at, 10, 1.0).result()
    return "".join(sorted(lease.host[0] for lease in leases))


def test_a_crawl_delay_is_the_gap_of_its_host(tmp_path: Path) -> None:
    """From the moment that it is known, counted from the last request; other hosts keep theirs."""
    store = opened(tmp_path)
    wants = [
        Want(f"https://{host}.example/{number}", Kind.DOCUMENT, Cause.ON_DEMAND, NOW)
        for host in "ab"
        for number in range(3)
    ]
    store.frontier.want(wants).result()
    first = leased_at(store, NOW)
    learn(store, answered(200, b"User-agent: *\nCrawl-delay: 10\n", None, NOW))
    then = [leased_at(store, NOW + second) for second in (3.0, 9.9, 10.1, 12.0, 20.0, 20.2)]
    host = store.query.host(HOST, NOW + 21)
    store.close()

    assert first == "ab"
    assert then == ["b", "b", "a", "b", "b", "a"]
    assert host is not None
    assert host.delay == 10.0


def test_a_crawl_delay_ends_with_what_it_stood_in(tmp_path: Path) -> None:
    """A host whose robots.txt nobody needs any more is asked at the stated pace."""
    store = opened(tmp_path)
    learn(store, answered(200, b"User-agent: *\nCrawl-delay: 10\n", None, NOW))
    later = NOW + DAY + 1
    wants = [Want(f"https://a.example/{n}", Kind.DOCUMENT, Cause.ON_DEMAND, NOW) for n in range(2)]
    store.frontier.want(wants).result()
    counts = [leased_at(store, later), leased_at(store, later + 2.1)]
    host = store.query.host(HOST, later)
    store.close()

    assert counts == ["a", "a"]
    assert host is not None
    assert host.delay is None
