"""What became of a delivery, decided: the table of statuses, the times, what ends with it."""

from __future__ import annotations

from email.utils import formatdate
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedpull.crawler.protocol.delivering import (
    ERRORS,
    Past,
    Reply,
    Schedule,
    Verdict,
    in_a_row,
    judge,
    kind_of,
)

NOW = 1_700_000_000.0
MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0
SCHEDULE = Schedule((MINUTE, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 12 * HOUR, 24 * HOUR), 7 * DAY)
FRESH = Past(0, 0, NOW, 0)
# The chance at which times are what the schedule says.
EVEN = (1.0 - 0.8) / (1.4 - 0.8)


def verdict(status: int | None, past: Past = FRESH, kind: str = "", **headers: str) -> Verdict:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return judge(Reply(status, named, kind, "why"), past, SCHEDULE, NOW, EVEN)


# Status, then: the state, whether the origin is left alone, whether the inbox is over.
STATUSES: list[tuple[int, str, bool, bool]] = [
    (200, "delivered", False, False),
    (202, "delivered", False, False),
    (204, "delivered", False, False),
    (301, "given_up", False, False),
    (308, "given_up", False, False),
    (400, "given_up", False, False),
    (401, "waiting", False, False),
    (403, "given_up", False, False),
    (404, "waiting", False, False),
    (405, "given_up", False, False),
    (408, "waiting", False, False),
    (410, "given_up", False, True),
    (413, "given_up", False, False),
    (422, "given_up", False, False),
    (429, "waiting", True, False),
    (500, "waiting", True, False),
    (501, "given_up", False, False),
    (502, "waiting", True, False),
    (503, "waiting", True, False),
    (504, "waiting", True, False),
    (526, "waiting", True, False),
]


@pytest.mark.parametrize(
    ("status", "state", "origin", "inbox"), STATUSES, ids=[str(row[0]) for row in STATUSES]
)
def test_what_a_status_means(status: int, state: str, origin: bool, inbox: bool) -> None:
    """For the delivery, for its origin, and for whatever else waits for the inbox."""
    found = verdict(status)

    assert (found.state, found.counted) == (state, True)
    assert ((found.host_until is not None), found.inbox_gone) == (origin, inbox)
    assert (found.retry_at is not None) == (state == "waiting")
    assert bool(found.error) == (state != "delivered")


KINDS: list[tuple[str, str, bool]] = [
    ("name", "waiting", False),
    ("address", "waiting", False),
    ("connect", "waiting", False),
    ("tls", "waiting", False),
    ("timeout", "waiting", True),
    ("protocol", "waiting", True),
    ("url", "given_up", False),
    ("refused", "given_up", False),
]


@pytest.mark.parametrize(("kind", "state", "counted"), KINDS, ids=[row[0] for row in KINDS])
def test_what_it_means_that_there_was_no_answer(kind: str, state: str, counted: bool) -> None:
    """Only what was really sent is an attempt; a URL that may not be asked will never be."""
    found = verdict(None, kind=kind)

    assert (found.state, found.counted, found.error) == (state, counted, "why")
    assert (found.host_until is not None) == (state == "waiting")


def test_the_times_of_the_schedule() -> None:
    """Each failure waits for its own time, and after the last the delivery is given up."""
    waits = []
    for attempts in range(6):
        found = verdict(500, Past(attempts, 0, NOW, 0))
        assert found.retry_at is not None
        waits.append(round(found.retry_at - NOW))

    assert waits == [60, 300, 1800, 7200, 43200, 86400]
    assert verdict(500, Past(6, 0, NOW, 6)).state == "given_up"


def test_a_host_that_is_away_keeps_what_waits_until_it_is_too_old() -> None:
    """Not to be reached is no attempt, however often: time alone ends it."""
    found = verdict(None, Past(0, 0, NOW - 6.5 * DAY, 40), "connect")

    assert (found.state, found.counted) == ("waiting", False)
    assert found.host_until == pytest.approx(NOW + DAY)
    assert found.retry_at == pytest.approx(NOW + 0.5 * DAY)


def test_an_inbox_that_is_not_found_three_times_is_gone() -> None:
    """A deployment may lose its routes for a minute; three times in a row is no accident."""
    second, third = verdict(404, Past(1, 1, NOW, 0)), verdict(404, Past(2, 2, NOW, 0))

    assert (second.state, second.inbox_gone) == ("waiting", False)
    assert (third.state, third.inbox_gone) == ("given_up", True)
    assert verdict(404, Past(5, 0, NOW, 0)).state == "waiting"


@pytest.mark.parametrize(
    ("statuses", "times"),
    [
        ([], 0),
        ([404, 404], 2),
        ([404, None, 404], 2),
        ([404, 500, 404], 1),
        ([404, 404, 500], 0),
        ([404, 401], 0),
    ],
)
def test_in_a_row(statuses: list[int | None], times: int) -> None:
    """Another answer begins it anew; what was not answered says nothing of the inbox."""
    assert in_a_row(statuses) == times


WORDS: list[tuple[str, str, float]] = [
    ("seconds", "120", 120.0),
    ("a date", "Tue, 14 Nov 2023 22:23:20 GMT", 600.0),
    ("a date that is past is a second", "Tue, 14 Nov 2023 22:13:00 GMT", 1.0),
    ("a thousand million seconds are a day", "1000000000", DAY),
    ("what is negative is the schedule's", "-5", MINUTE),
    ("what is empty is the schedule's", "", MINUTE),
    ("a word is the schedule's", "soon", MINUTE),
    ("two of them are the schedule's", "120, 60", MINUTE),
]


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("word", "wait"), [row[1:] for row in WORDS], ids=[row[0] for row in WORDS]
)
def test_a_host_says_when_to_come_back(status: int, word: str, wait: float) -> None:
    """Within a second and a day; what cannot be read changes nothing."""
    found = verdict(status, retry_after=word)

    assert found.host_until == pytest.approx(NOW + wait)
    assert found.retry_at == pytest.approx(NOW + wait)


@pytest.mark.parametrize("status", [429, 503])
def test_a_host_is_not_believed_for_ever(status: int) -> None:
    """What it asks for holds however often this was tried. One that has said so again and again is
    asked by the schedule, and no sooner than it says."""
    often = verdict(status, Past(6, 0, NOW - DAY, 5), retry_after="90")
    too_often = verdict(status, Past(6, 0, NOW - DAY, 6), retry_after="90")
    soon = verdict(status, Past(6, 0, NOW - 10 * MINUTE, 6), retry_after="90")

    assert often.retry_at == pytest.approx(NOW + 90.0)
    assert too_often.retry_at == pytest.approx(NOW + DAY)
    assert soon.retry_at == pytest.approx(NOW + 30 * MINUTE)


@given(
    st.one_of(st.none(), st.integers(100, 599)),
    st.sampled_from(["", "name", "connect", "timeout", "protocol", "url", "refused"]),
    st.integers(0, 12),
    st.integers(0, 1_000),
    st.floats(0, 8 * DAY),
    st.floats(0, 1),
    st.text(max_size=8),
)
def test_every_verdict_is_sound(
    status: int | None,
    kind: str,
    attempts: int,
    failures: int,
    age: float,
    chance: float,
    word: str,
) -> None:
    """It waits exactly when it has a time, which is in the future and within its time to live."""
    past = Past(attempts, 2, NOW - age, failures)
    reply = Reply(status, {"retry-after": word}, kind, "why")
    found = judge(reply, past, SCHEDULE, NOW, chance)

    assert (found.state == "waiting") == (found.retry_at is not None)
    if found.retry_at is not None:
        assert found.retry_at <= past.created + SCHEDULE.ttl
        assert found.retry_at >= NOW or past.created + SCHEDULE.ttl <= NOW
    if found.host_until is not None:
        assert NOW < found.host_until <= NOW + 1.4 * DAY


def test_times_are_spread() -> None:
    """What failed together does not come back together."""
    waits = [
        (judge(Reply(500, {}), FRESH, SCHEDULE, NOW, chance).retry_at or 0.0) - NOW
        for chance in (0.0, 0.25, 0.5, 0.75, 1.0)
    ]

    assert waits[0] == pytest.approx(48)
    assert waits[-1] == pytest.approx(84)
    assert all(later > sooner for sooner, later in pairwise(waits))


@pytest.mark.parametrize("status", [429, 503])
def test_to_be_asked_to_wait_is_no_refusal(status: int) -> None:
    """However often it was sent: its time to live alone ends it."""
    assert verdict(status, Past(20, 0, NOW - DAY, 20)).state == "waiting"


APART: list[tuple[str, int, str, bool]] = [
    ("our clock is an hour ahead", 401, "Tue, 14 Nov 2023 21:13:20 GMT", False),
    ("our clock is a day behind", 401, "Wed, 15 Nov 2023 22:13:20 GMT", False),
    ("clocks agree", 401, "Tue, 14 Nov 2023 22:13:00 GMT", True),
    ("it does not say what time it is", 401, "", True),
    ("it refuses for another reason", 500, "Tue, 14 Nov 2023 21:13:20 GMT", True),
]


@pytest.mark.parametrize(
    ("status", "date", "counted"), [row[1:] for row in APART], ids=[row[0] for row in APART]
)
def test_a_wrong_clock_is_no_attempt(status: int, date: str, counted: bool) -> None:
    """A signature of another time is refused, whosever the fault; the row says so and waits."""
    found = verdict(status, Past(6 if not counted else 0, 0, NOW, 0), date=date)

    assert (found.state, found.counted) == ("waiting", counted)
    assert ("s apart" in found.error) is not counted
    assert (found.host_until is None) == (status == 401)


def test_an_inbox_that_moved_or_is_gone_has_its_owner_looked_at() -> None:
    """Who has another inbox now, perhaps; nothing else does."""
    moved = [status for status in range(200, 600) if verdict(status).moved]

    assert moved == [*range(300, 400), 410]
    assert verdict(404, Past(2, 2, NOW, 0)).moved


DEAD: list[tuple[str, float, float]] = [
    ("of a week: a probe a day", 7 * DAY, DAY),
    ("of a month: a probe a day", 29 * DAY, DAY),
    ("of two months: a probe a week", 60 * DAY, 7 * DAY),
]


@pytest.mark.parametrize(("age", "pause"), [row[1:] for row in DEAD], ids=[row[0] for row in DEAD])
def test_a_dead_origin_is_probed_seldom(age: float, pause: float) -> None:
    """The word for it is seven days on which it failed."""
    past = Past(0, 0, NOW, 9, host_days=7, host_since=NOW - age)

    assert verdict(None, past, "connect").host_until == pytest.approx(NOW + pause)


def test_a_limit_that_is_spent_is_kept() -> None:
    """Of what was taken; for an hour at most."""
    spent = verdict(202, x_ratelimit_limit="9", x_ratelimit_remaining="0", x_ratelimit_reset="60")
    left = verdict(202, x_ratelimit_limit="9", x_ratelimit_remaining="5", x_ratelimit_reset="60")

    assert spent.rest_until == pytest.approx(NOW + 60)
    assert (spent.state, spent.host_until, left.rest_until) == ("delivered", None, None)


WORDS_FOR: list[tuple[int | None, str, str]] = [
    (202, "", ""),
    (301, "", "http_3xx"),
    (400, "", "http_4xx"),
    (401, "", "http_401"),
    (410, "", "http_410"),
    (429, "", "http_429"),
    (503, "", "http_5xx"),
    (999, "", "http_5xx"),
    (None, "timeout", "timeout"),
    (None, "encoding", "protocol"),
]


@pytest.mark.parametrize(
    ("status", "hindrance", "kind"), WORDS_FOR, ids=[str(row) for row in WORDS_FOR]
)
def test_what_went_wrong_in_a_word(status: int | None, hindrance: str, kind: str) -> None:
    """One of a few, whatever comes."""
    found = kind_of(Reply(status, {}, hindrance))

    assert found == kind
    assert found in ("", *ERRORS)


def test_a_wrong_clock_is_asked_no_more_often_than_another_refusal() -> None:
    """What does not count as an attempt waits as long by its age; once it was asked each minute
    for a week."""
    past, times = FRESH, [NOW]
    while times[-1] < NOW + SCHEDULE.ttl:
        now = times[-1]
        date = formatdate(now - 3 * HOUR, usegmt=True)
        found = judge(Reply(401, {"date": date}), past, SCHEDULE, now, EVEN)
        assert (found.state, found.counted) == ("waiting", False)
        assert found.retry_at is not None
        times.append(found.retry_at)

    gaps = [round(later - sooner) for sooner, later in pairwise(times)]
    assert gaps[:6] == [60, 300, 1_800, 7_200, 43_200, 86_400]
    assert len(gaps) == 12
