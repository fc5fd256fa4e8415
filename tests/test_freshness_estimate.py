"""How often a source changes, as it is learnt from answers: the rules, one by one."""

from __future__ import annotations

from dataclasses import asdict
from math import exp, expm1, isfinite, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedpull.crawler.protocol import estimate
from fedpull.crawler.protocol.assumptions import FIRST_EDITS, HALF_LIFE, PRIOR
from fedpull.crawler.protocol.source import DAY, Kind, Notices, Seen, Source

NOW = 1_700_000_000.0


def source(kind: Kind = Kind.OUTBOX, *, watched: float = 0.0, changes: float = 0.0) -> Source:
    return Source(kind, b"h" * 8, NOW, changes=changes, exposure=watched, born=NOW - DAY)


def after(days: float, new: int = 0, stamp: float | None = None) -> Seen:
    return Seen(NOW + days * DAY, new, None if stamp is None else NOW + stamp * DAY)


OBSERVED = [
    ("an outbox without news has been watched longer", Kind.OUTBOX, after(2), 0.0, 2.0),
    ("each new item of an outbox counts", Kind.OUTBOX, after(2, 5), 5.0, 2.0),
    ("an unchanged actor has been watched longer", Kind.ACTOR, after(2), 0.0, 2.0),
    ("an edit counts the time since it was made", Kind.ACTOR, after(2, 1, 1.5), 1.0, 0.5),
    ("an edit made before we last asked counts that time", Kind.ACTOR, after(2, 1, -9), 1.0, 2.0),
    ("an edit stamped in the future was made just now", Kind.ACTOR, after(2, 1, 9), 1.0, 0.0),
    ("a document changed once, whatever it claims", Kind.ACTOR, after(2, 9, 1.5), 1.0, 0.5),
    ("an answer from before the last one adds nothing", Kind.OUTBOX, after(-3), 0.0, 0.0),
]


@pytest.mark.parametrize(
    ("kind", "seen", "changes", "watched"),
    [row[1:] for row in OBSERVED],
    ids=[row[0] for row in OBSERVED],
)
def test_an_answer_adds_changes_and_time_watched(
    kind: Kind, seen: Seen, changes: float, watched: float
) -> None:
    """Counts and exposure grow by what the answer shows."""
    known = source(kind)

    estimate.observe(known, seen)

    assert known.changes == pytest.approx(changes)
    assert known.exposure == pytest.approx(watched)
    assert known.last == seen.at


def test_what_was_seen_long_ago_counts_less() -> None:
    """A half-life later, changes and exposure weigh half."""
    known = source(Kind.ACTOR, watched=100.0, changes=8.0)

    for _ in range(9):
        estimate.observe(known, Seen(known.last + HALF_LIFE[Kind.ACTOR] / 9 * DAY))

    assert known.changes == pytest.approx(4.0)


def test_an_edit_of_unknown_time_adds_its_expectation() -> None:
    """Without a stamp the time since the latest edit is its mean at the rate estimated so far."""
    known = source(Kind.ACTOR, watched=6.0, changes=1.6)
    rate = estimate.rate(known)

    estimate.observe(known, after(3, 1))

    kept = 2.0 ** (-3 / HALF_LIFE[Kind.ACTOR])
    assert known.exposure == pytest.approx(6.0 * kept + 1 / rate - 3 / expm1(3 * rate))


def test_a_post_is_watched_in_the_logarithm_of_its_age() -> None:
    """From a day to three days old is as long as from one to three months."""
    known = source(Kind.POST)

    estimate.observe(known, after(2))

    assert known.exposure == pytest.approx(log((3 + FIRST_EDITS) / (1 + FIRST_EDITS)))


def test_a_first_page_tells_of_the_time_before_it() -> None:
    """Twenty items of a full page stand for the time that they span, the oldest as its begin."""
    known = source()
    history = tuple(NOW - n * DAY for n in range(25, -1, -1))

    estimate.begin(known, Seen(NOW, history=history, since=NOW - 19 * DAY))

    assert 0.9 < known.changes / known.exposure < 1.1


def test_an_old_account_with_few_posts_is_slow_from_the_first_sight_on() -> None:
    """A page that is not full tells how long the account has posted how little."""
    known = source()

    estimate.begin(known, Seen(NOW, history=(NOW - 200 * DAY,), since=NOW - 400 * DAY))

    assert estimate.rate(known) < 0.01


def test_the_time_of_day_is_learnt_and_kept_as_a_mean() -> None:
    """An account that always posts at one hour has a profile of length one."""
    known = source()
    history = tuple(NOW - n * DAY for n in range(20, 0, -1))

    estimate.begin(known, Seen(NOW, history=history, since=NOW - 30 * DAY))
    estimate.observe(known, Seen(NOW + DAY, 1, NOW))

    assert known.profile_x**2 + known.profile_y**2 == pytest.approx(1.0)


def test_notices_are_judged_by_what_the_next_answer_shows() -> None:
    """Of three notices, two of whose changes are there, and of two changes untold."""
    notices = Notices()
    for _ in range(3):
        estimate.heard(notices, NOW)

    estimate.answered(notices, Seen(NOW, 2, NOW), NOW)
    estimate.answered(notices, Seen(NOW, 2, NOW), NOW)

    assert estimate.recall(notices) == pytest.approx((3.2 + 2) / (4 + 4))
    assert estimate.precision(notices) == pytest.approx((3.2 + 2) / (4 + 3))
    assert notices.pending == 0


STEADY = [0.05, 0.2, 0.5]


@pytest.mark.parametrize("rate", STEADY)
def test_the_estimate_without_stamps_settles_at_the_rate(rate: float) -> None:
    """Asked every two days, an actor that changed in the expected share of the gaps is known."""
    known = source(Kind.ACTOR)
    changed = 0.0

    for n in range(400):
        changed += -expm1(-rate * 2)
        estimate.observe(known, Seen(NOW + 2 * (n + 1) * DAY, int(changed >= 1)))
        changed -= changed >= 1

    assert estimate.rate(known) == pytest.approx(rate, rel=0.25)


NUMBERS = st.floats(allow_nan=True, allow_infinity=True)
SEEN = st.builds(
    Seen,
    at=st.floats(-1e12, 1e12),
    new=st.integers(-5, 10**12),
    stamp=st.none() | NUMBERS,
    history=st.lists(NUMBERS, max_size=30).map(tuple),
    since=st.none() | NUMBERS,
)


@given(kind=st.sampled_from(Kind), first=SEEN, then=st.lists(SEEN, max_size=5))
def test_no_answer_makes_an_estimate_nonsense(kind: Kind, first: Seen, then: list[Seen]) -> None:
    """Year 9999, times before 1970, NaN and endless counts leave numbers that can be used."""
    known = source(kind)

    estimate.begin(known, first)
    for seen in then:
        estimate.observe(known, seen)

    assert all(isfinite(value) for value in asdict(known).values() if isinstance(value, float))
    assert known.changes >= 0.0
    assert known.exposure >= 0.0
    assert known.burst >= 0.0
    assert 0.0 < estimate.rate(known) < exp(40)


def test_a_long_silence_counts_as_a_month() -> None:
    """A clock set forward by a year makes no source look a year more dormant."""
    known = source(watched=10.0, changes=10.0)

    estimate.observe(known, after(365))

    assert known.exposure <= 10.0 + estimate.LONGEST_GAP
    a, b = PRIOR[Kind.OUTBOX]
    assert estimate.rate(known) > (a + 4.9) / (b + 36.0)
