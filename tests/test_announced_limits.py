"""What hosts announce of their limits, and several windows of pages, in the frontier's hands."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from store_cases import NOW, OUTBOX, apply, clean, lease, leased, queue, store_at, uri, want

from fedpull.cache import shapes
from fedpull.cache.open import Opened
from fedpull.cache.records import Cause, Host, HostReport, Kind, Lease, Politeness
from fedpull.crawler.protocol.rate_limits import Announced

HOST = "a.example:443"
HOUR = 3_600.0


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    with store_at(tmp_path / "store") as store:
        yield store
        clean(store)


def told(left: int, ends: float, quota: int = 100, name: str = "a") -> Announced:
    return Announced(name, quota, left, ends)


def done(opened: Opened, taken: Lease, at: float, *limits: Announced, **more: Any) -> None:
    values: dict[str, Any] = {"ok": True, "status": 200, "sent": at, "limits": limits} | more
    apply(opened, at, lease=taken, hosts=(HostReport(taken.host, **values),))


def host(opened: Opened, at: float, name: str = HOST) -> Host:
    found = opened.query.host(name, at)
    assert found is not None
    return found


def times(opened: Opened, since: float, until: float, *limits: Announced) -> list[float]:
    """When requests go that are each answered at once, the first with `limits`."""
    asked = []
    now = since
    while now <= until:
        for taken in lease(opened, now):
            done(opened, taken, now, *limits)
            asked.append(now - since)
            limits = ()
        now = max(opened.frontier.next_due(now) or until + 1, now + 0.001)
    return asked


def test_a_limit_that_is_announced_slows_the_host_down_before_it_is_reached(
    opened: Opened,
) -> None:
    """Of 40 requests in 100 s four stay in reserve, and the others are spread over the time."""
    queue(opened, *(want(uri("a", n)) for n in range(60)))
    asked = times(opened, NOW, NOW + 90, told(40, 100.0, 40))

    gaps = [later - earlier for earlier, later in pairwise(asked)]
    assert min(gaps) >= 2.0
    assert 24 <= len(asked) <= 37
    now = host(opened, NOW + 90)
    assert (now.state, now.until) == ("slow", None)
    assert now.gap is not None
    assert 2.0 < now.gap < 4.0
    assert now.windows[0].remaining == 40 - len(asked) + 1  # with the first it was told
    assert "limit that it announces" in (now.why or "")


def test_a_limit_that_is_far_off_changes_nothing(opened: Opened) -> None:
    """The stated gap is slower than what the host would bear."""
    queue(opened, *(want(uri("a", n)) for n in range(20)))
    asked = times(opened, NOW, NOW + 30, told(999, 10.0, 1000))

    assert asked == pytest.approx([2.0 * n for n in range(16)])
    assert host(opened, NOW + 5).state == "ok"


def test_what_is_left_at_the_end_is_for_who_waits(opened: Opened) -> None:
    """In the reserve a person's request goes at once, all else waits for the window to end."""
    queue(opened, *(want(uri("a", n), cause=Cause.PUSH) for n in range(3)))
    (taken,) = lease(opened)
    done(opened, taken, NOW, told(5, 600.0))
    patient = leased(opened, NOW + 590)
    slow = host(opened, NOW + 3)
    queue(opened, want(uri("a", 9), cause=Cause.ON_DEMAND))
    urgent = leased(opened, NOW + 590)

    assert patient == []
    assert (slow.state, slow.windows[0].remaining) == ("slow", 5)
    assert urgent == [uri("a", 9)]
    assert host(opened, NOW + 590).windows[0].remaining == 4


def test_what_is_spent_is_waited_out_by_everybody(opened: Opened) -> None:
    """Nobody goes until the window has ended; then one request goes, which tells more."""
    queue(opened, want(uri("a"), cause=Cause.ON_DEMAND), want(uri("a", 2)))
    (taken,) = lease(opened)
    done(opened, taken, NOW, told(0, 600.0))
    queue(opened, want(uri("a", 3), cause=Cause.ON_DEMAND))
    paused = host(opened, NOW + 3)

    assert leased(opened, NOW + 600) == []
    turn = opened.frontier.turn(HOST, NOW + 300, False).result()
    assert turn is not None
    assert NOW + 600 < turn <= NOW + 632
    assert (paused.state, paused.until) == ("paused", turn)
    assert paused.why == "the limit that it announces is spent"
    assert leased(opened, NOW + 632) == [uri("a", 3)]


def test_after_the_end_of_a_window_one_goes_alone(tmp_path: Path) -> None:
    """However many connections there may be, what the new window holds is not known yet."""
    with store_at(tmp_path, politeness=Politeness(concurrency=4, gap=0.0)) as opened:
        queue(opened, *(want(uri("a", n)) for n in range(20)))
        first, *others = lease(opened)
        done(opened, first, NOW, told(3, 600.0, 10))
        for taken in others:
            done(opened, taken, NOW)
        assert leased(opened, NOW + 1) == []
        alone = lease(opened, NOW + 640)
        done(opened, alone[0], NOW + 640, told(9, 600.0, 10))

        assert len(others) == 3
        assert len(alone) == 1
        clean(opened)


@pytest.mark.parametrize("status", [200, 304, 404, 401, 302, 500])
def test_limits_are_read_from_any_answer(opened: Opened, status: int) -> None:
    """A redirect, a refusal and an error announce them as well as a document."""
    queue(opened, want(uri("a")))
    (taken,) = lease(opened)
    done(opened, taken, NOW, told(0, 600.0), status=status)
    queue(opened, want(uri("a", 2)))

    assert leased(opened, NOW + 500) == []


def test_limits_survive_a_restart(tmp_path: Path) -> None:
    """They are kept with the host, as all that holds for it."""
    with store_at(tmp_path) as opened:
        queue(opened, *(want(uri("a", n)) for n in range(5)))
        (taken,) = lease(opened)
        done(opened, taken, NOW, told(0, 600.0), status=429, pause=NOW + 30)
        before = host(opened, NOW + 60)
    with store_at(tmp_path) as opened:
        opened.frontier.recover(NOW + 60).result()

        assert host(opened, NOW + 60) == before
        assert leased(opened, NOW + 60) == []
        assert leased(opened, NOW + 640) != []


def test_limits_of_a_clock_that_was_ahead_are_forgotten(opened: Opened) -> None:
    """They would freeze the host until that time; the next answer tells them anew."""
    queue(opened, *(want(uri("a", n)) for n in range(3)))
    year = 365 * 86_400.0
    (taken,) = lease(opened, NOW + year)
    done(opened, taken, NOW + year, told(0, 600.0), status=429, pause=NOW + year + 9)
    lease(opened, NOW)

    assert leased(opened, NOW + 86_400 * 8) != []
    assert host(opened, NOW + 86_400 * 8).pace == 1.0


def pages(opened: Opened, until: float, seconds: float = 0.0) -> list[float]:
    """When pages go, each answered at once."""
    asked, now = [], NOW + seconds
    while now < NOW + until:
        for taken in lease(opened, now):
            asked.append(now - NOW)
            done(opened, taken, now)
        now = max(opened.frontier.next_due(now) or NOW + until, now + 0.001)
    return asked


def test_several_windows_of_pages_hold_at_once(tmp_path: Path) -> None:
    """Two in ten seconds, and three in a hundred: whichever is reached."""
    polite = Politeness(1, 1.0, pages=2, pages_window=10.0, more_pages=((3, 100.0), (7, 1_000.0)))
    with store_at(tmp_path, politeness=polite) as opened:
        queue(opened, *(want(f"{OUTBOX}?{n}", kind=Kind.PAGE) for n in range(12)))
        asked = [round(at) for at in pages(opened, 1_500)]
        clean(opened)

    assert asked == [0, 1, 10, 100, 101, 110, 200, 1000, 1001, 1010, 1100, 1101]


def test_after_a_429_a_host_has_half_the_pages(tmp_path: Path) -> None:
    """So long as it has not grown back, which takes hours; a second one halves it again."""
    polite = Politeness(1, 0.0, pages=8, pages_window=100.0)
    with store_at(tmp_path, politeness=polite) as opened:
        queue(opened, *(want(f"{OUTBOX}?{n}", kind=Kind.PAGE) for n in range(200)))
        (taken,) = lease(opened)
        done(opened, taken, NOW, status=429, pause=NOW + 200)
        state = host(opened, NOW + 300)
        half = [at for at in pages(opened, 600, 300) if at < 400]
        (taken,) = lease(opened, NOW + 700)
        done(opened, taken, NOW + 700, status=429, pause=NOW + 800)
        fourth = [at for at in pages(opened, 1_100, 900) if 900 <= at < 1_000]
        full = [at for at in pages(opened, 9 * HOUR + 400, 9 * HOUR) if at < 9 * HOUR + 100]
        clean(opened)

    assert state.state == "slow"
    assert state.pace == pytest.approx(0.508, abs=0.01)
    assert "429" in (state.why or "")
    assert (len(half), len(fourth), len(full)) == (4, 2, 8)


def test_after_a_429_documents_come_at_half_the_pace_but_for_who_waits(opened: Opened) -> None:
    """The gap of what nobody waits for is doubled; a person's is the stated one."""
    queue(opened, *(want(uri("a", n)) for n in range(9)))
    (taken,) = lease(opened)
    done(opened, taken, NOW, status=429, pause=NOW + 60)
    (taken,) = lease(opened, NOW + 70)
    done(opened, taken, NOW + 70)

    assert leased(opened, NOW + 73.8) == []
    queue(opened, want(uri("a", 10), cause=Cause.ON_DEMAND))
    (urgent,) = lease(opened, NOW + 72)
    assert urgent.want.uri == uri("a", 10)
    done(opened, urgent, NOW + 72)
    assert len(leased(opened, NOW + 76)) == 1


def test_one_burst_of_429_is_one_mistake(tmp_path: Path) -> None:
    """Those that were under way when the first came do not halve the pace again."""
    with store_at(tmp_path, politeness=Politeness(concurrency=4, gap=0.0)) as opened:
        queue(opened, *(want(uri("a", n)) for n in range(4)))
        for taken in lease(opened):
            done(opened, taken, NOW + 1, status=429, pause=NOW + 60)

        assert host(opened, NOW + 1).pace == 0.5
        clean(opened)


def test_a_host_without_limits_costs_no_more_than_before(opened: Opened) -> None:
    """Its row is as short as it was, and a request writes no other row."""
    queue(opened, *(want(uri(name)) for name in "ab"))
    first, second = sorted(lease(opened), key=lambda one: one.host)
    done(opened, first, NOW)
    done(opened, second, NOW, told(50, 60.0))
    environment = opened.query._environment

    def rows(txn: Any, t: Any) -> tuple[list[bytes], int]:
        return [bytes(row) for _, row in txn.cursor(t.host)], txn.stat(t.window)["entries"]

    stored, kept = environment.read(rows)
    plain, announcing = sorted(stored, key=len)
    assert plain.endswith(b'["a.example:443","",[],0,0]')
    assert b'[["a",100,0.0,50,1,' in announcing
    assert kept == 0


def test_the_shape_of_a_host_tells_all_of_it(opened: Opened) -> None:
    """What the API and `hosts --json` show of windows, pace and why."""
    queue(opened, want(uri("a")))
    (taken,) = lease(opened)
    done(opened, taken, NOW, told(7, 600.0), status=429, pause=NOW + 60)
    shown = shapes.host(host(opened, NOW + 3))

    assert shown["state"] == "paused"
    assert shown["why"] == "has asked us to wait (status 429)"
    assert (shown["pace"], shown["gap"]) == (0.5, pytest.approx(615.0, abs=15.0))
    (one,) = shown["windows"]
    assert (one["name"], one["quota"], one["remaining"], one["seconds"]) == ("a", 100, 7, None)
