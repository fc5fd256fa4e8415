"""The pace that follows from announced limits: a table, and any server whatever it announces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from limiting_hosts import FORMS, Limiter

from fedpull.cache.windows import (
    LONGEST,
    Window,
    allowance,
    halved,
    hear,
    late,
    opens,
    spread,
    unheard,
)
from fedpull.crawler.protocol.rate_limits import DAY, MOST_WINDOWS, Announced, announced

NOW = 1_700_000_000.0
HOST = "a.example:443"
HOUR = 3_600.0


def window(left: int, quota: int = 100, ends: float = 100.0, **more: object) -> Window:
    """As told at NOW, when ten requests had been made."""
    values = {"name": "a", "span": 0.0, "counted": 10, "heard": NOW} | more
    return Window(quota=quota, left=left, resets=NOW + ends, **values)  # type: ignore[arg-type]


# Windows; requests since they were told; when the next may go: a patient one, one waited for.
PACES: list[tuple[str, tuple[Window, ...], int, float, float]] = [
    ("no limits", (), 0, 0, 0),
    ("plenty: spread, without the reserve", (window(100),), 0, 100 / 90, 0),
    ("half", (window(60),), 0, 2, 0),
    ("what was asked since counts", (window(60),), 25, 4, 0),
    ("one more than the reserve", (window(11),), 0, 100, 0),
    ("only the reserve: people alone", (window(10),), 0, 100, 0),
    ("the last one is for people", (window(1),), 0, 100, 0),
    ("spent", (window(0),), 0, 100, 100),
    ("spent by what was asked since", (window(5),), 5, 100, 100),
    ("more asked since than was left", (window(5),), 50, 100, 100),
    ("a small one keeps one back", (window(3, 3),), 0, 50, 0),
    ("of one the one may go", (window(1, 1),), 0, 100, 0),
    ("an unknown quota has no reserve", (window(4, 0),), 0, 25, 0),
    ("the slowest of two", (window(60), window(20, 20, 900)), 0, 50, 0),
    ("spent is one of two", (window(60), window(0, 20, 900)), 0, 900, 900),
]


@pytest.mark.parametrize(
    ("windows", "since", "patient", "waited_for"),
    [row[1:] for row in PACES],
    ids=[row[0] for row in PACES],
)
def test_the_pace_of_announced_limits(
    windows: tuple[Window, ...], since: int, patient: float, waited_for: float
) -> None:
    """What remains is spread over the time left; people may have the reserve; spent is spent."""
    at = opens(windows, 10 + since, NOW, waited_for=False)
    urgent = opens(windows, 10 + since, NOW, waited_for=True)

    assert max(at - NOW, 0.0) == pytest.approx(patient)
    assert max(urgent - NOW, 0.0) == pytest.approx(waited_for)
    assert spread(windows, 10 + since, NOW) >= 0.0


def test_a_window_that_has_ended_says_nothing() -> None:
    """Whatever was left in it, the next request may go."""
    windows = (window(0, ends=-1.0),)

    assert opens(windows, 10, NOW, waited_for=False) <= NOW
    assert spread(windows, 10, NOW) == 0.0
    assert hear(windows, (), HOST, 10, 0, NOW, NOW) == ()


def test_what_is_under_way_counts_as_not_yet_seen() -> None:
    """The host had perhaps not seen it when it said what is left."""
    (one,) = hear((), (Announced("a", 100, 8, 60.0),), HOST, 12, 3, NOW, NOW)

    assert (one.left, one.counted) == (5, 12)
    assert one.remaining(14) == 3
    assert NOW + 60 <= one.resets <= NOW + 64


def test_an_answer_that_was_overtaken_says_nothing_new() -> None:
    """Of two answers, that to the later request counts, whichever comes first."""
    later = hear((), (Announced("a", 100, 7, 60.0),), HOST, 12, 0, NOW + 1, NOW + 2)

    assert hear(later, (Announced("a", 100, 8, 60.0),), HOST, 12, 0, NOW, NOW + 2) == later


def test_no_more_windows_than_any_host_has() -> None:
    """Policies with a new name in each answer push each other out; time takes the rest."""
    windows: tuple[Window, ...] = ()
    for n in range(20):
        windows = hear(windows, (Announced(f"p{n}", 9, 9, DAY),), HOST, n, 0, NOW + n, NOW + n)

    assert [one.name for one in windows] == [f"p{n}" for n in range(20 - MOST_WINDOWS, 20)]
    assert all(one.resets <= NOW + 20 + LONGEST for one in windows)


def test_after_a_429_the_pace_is_halved_and_grows_back() -> None:
    """Half, then a tenth of the full pace more in each hour; never less than a sixteenth."""
    parts = [1.0]
    while parts[-1] > 1 / 16:
        parts.append(halved(parts[-1]))

    assert parts == [1, 1 / 2, 1 / 4, 1 / 8, 1 / 16]
    assert halved(1 / 16) == 1 / 16
    assert [allowance(0.5, NOW, NOW + h * HOUR) for h in (0, 1, 3, 5, 99)] == pytest.approx(
        [0.5, 0.6, 0.8, 1.0, 1.0]
    )
    assert allowance(0.5, NOW, NOW - HOUR) == 0.5
    assert allowance(1.0, 0.0, NOW) == 1.0


@given(st.floats(0, DAY), st.floats(0, 4e9))
def test_waits_end_a_little_late_and_each_at_its_own_moment(seconds: float, at: float) -> None:
    """Never sooner than asked, never more than a twentieth or half a minute later."""
    ends = [late(f"h{n}.example:443", seconds, at) for n in range(20)]

    assert all(seconds <= end <= seconds + min(seconds / 20, 30.0) for end in ends)
    assert len(set(ends)) == 20 or seconds < 1e-6
    assert ends == [late(f"h{n}.example:443", seconds, at) for n in range(20)]


@given(
    limiter=st.builds(
        Limiter,
        quota=st.integers(1, 40),
        seconds=st.floats(1.0, 3_000.0),
        form=st.sampled_from(FORMS),
    ),
    gap=st.sampled_from([0.0, 0.5, 2.0]),
    urgent=st.lists(st.booleans(), min_size=1, max_size=120),
    idle=st.floats(0.0, 20.0),
)
def test_no_server_has_to_say_429(
    limiter: Limiter, gap: float, urgent: list[bool], idle: float
) -> None:
    """One request after the other, patient ones and urgent ones: whoever says what is left with
    each answer never has to refuse, and nobody is starved."""
    windows: tuple[Window, ...] = ()
    now, last = NOW, NOW - 100.0
    for count, waited_for in enumerate(urgent):
        at = max(now, last + gap, opens(windows, count, last, waited_for=waited_for))
        assert at - now <= max(limiter.seconds * 1.05 + 3.0, 33.0) + idle
        now = last = at
        status, headers, _ = limiter.take(now)
        now += 0.05
        windows = hear(windows, announced(headers, now), HOST, count + 1, 0, last, now)
        assert status == 200
        now += idle * (count % 7 == 0)


@given(
    quota=st.integers(2, 40),
    seconds=st.floats(1.0, 3_000.0),
    answers=st.lists(st.floats(0.0, 5.0), min_size=1, max_size=60),
    places=st.integers(2, 5),
)
def test_no_server_has_to_say_429_to_several_at_once(
    quota: int, seconds: float, answers: list[float], places: int
) -> None:
    """Answers overtake each other; what is under way is counted all the same."""
    limiter = Limiter(quota, seconds)
    windows: tuple[Window, ...] = ()
    under_way: list[tuple[float, float, dict[str, str]]] = []
    now, requests = NOW, 0
    while requests < len(answers) or under_way:
        at = max(now, opens(windows, requests, now, waited_for=True))
        # Nothing is known at first, so the first goes alone, as in each new window.
        most = 1 if not windows or unheard(windows, at) else places
        first = min(one[0] for one in under_way) if under_way else at
        if requests < len(answers) and len(under_way) < most and at <= first:
            now = at
            status, headers, _ = limiter.take(now)
            assert status == 200
            under_way.append((now + answers[requests], now, dict(headers)))
            requests += 1
            continue
        done = min(under_way, key=lambda one: one[0])
        under_way.remove(done)
        now, sent, headers = max(done[0], now), done[1], done[2]
        told = announced(headers, now)
        windows = hear(windows, told, HOST, requests, len(under_way), sent, now)
