"""How long to wait at a given price: by kind, by age, by time of day, by what notices tell."""

from __future__ import annotations

from itertools import pairwise
from math import exp, isfinite, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedpull.crawler.protocol import interval
from fedpull.crawler.protocol.assumptions import PRICE_FLOOR, VALUE
from fedpull.crawler.protocol.rhythm import with_rhythm
from fedpull.crawler.protocol.source import DAY, Kind, Notices, Source

NOW = 1_700_000_000.0
MINUTES, HOURS = 60.0, 3_600.0


def source(kind: Kind, rate: float, *, age: float = 0.0) -> Source:
    """A source that is known well to change so often a day (a post: per e-fold of its age)."""
    known = Source(kind, b"h" * 8, NOW, changes=rate * 1e6, exposure=1e6, born=NOW - age * DAY)
    known.weight = 1.0
    return known


# What the documentation promises of the time when there is budget enough.
AT_THE_FLOOR = [
    ("an account with a post a day", source(Kind.OUTBOX, 1.0), 15 * MINUTES, 15 * MINUTES),
    ("a dormant account", source(Kind.OUTBOX, 0.003), 4 * HOURS, 5 * HOURS),
    ("an account with fifty posts a day", source(Kind.OUTBOX, 50.0), 2 * MINUTES, 2.2 * MINUTES),
    ("a profile that changes once a month", source(Kind.ACTOR, 1 / 30), 9 * HOURS, 15 * HOURS),
    ("a post of one hour", source(Kind.POST, 0.08, age=1 / 24), 8 * HOURS, 11 * HOURS),
    ("a post of one day", source(Kind.POST, 0.08, age=1), 20 * HOURS, 40 * HOURS),
    ("a post of a month", source(Kind.POST, 0.08, age=30), 7 * DAY, 10 * DAY),
]


@pytest.mark.parametrize(
    ("known", "least", "most"), [row[1:] for row in AT_THE_FLOOR], ids=[r[0] for r in AT_THE_FLOOR]
)
def test_with_budget_to_spare_the_intervals_are_those_of_the_manual(
    known: Source, least: float, most: float
) -> None:
    """At the price's floor every kind is asked as often as is worth it, and no oftener."""
    worth = VALUE[known.kind]

    assert least <= interval.seconds(known, worth, PRICE_FLOOR) <= most


def test_delay_is_shared_out_by_the_square_root_of_the_rate() -> None:
    """An account that posts a hundred times as often is read ten times as often."""
    slow, fast = (interval.append_only(rate, 1.0, 0.1) for rate in (0.1, 10.0))

    assert slow / fast == pytest.approx(10.0)


def test_a_document_that_cannot_be_followed_is_given_up() -> None:
    """What changes all the time is no fresher for being asked often: others gain more."""
    assert isfinite(interval.steady(1.0, 1.0, 0.5))
    assert not isfinite(interval.steady(3.0, 1.0, 0.5))


@pytest.mark.parametrize("y", [1e-6, 0.003, 0.1, 0.5, 0.9, 0.999])
def test_the_index_of_a_steady_document_equals_the_price(y: float) -> None:
    """The interval solves 1 - e^-v (1 + v) = price * rate / worth."""
    v = interval.steady(2.0, 1.0, y / 2.0) * 2.0

    assert 1.0 - exp(-v) * (1.0 + v) == pytest.approx(y, rel=0.01)


def test_notices_that_are_true_make_reading_in_between_rarer() -> None:
    """A server that tells nine of ten posts is polled for the tenth only."""
    known = source(Kind.OUTBOX, 1.0)
    notices = Notices(hits=90.0, observed=100.0, signals=95.0, exposure=100.0)

    told = interval.seconds(known, 1.0, 0.01, notices)

    assert told > 2.5 * interval.seconds(known, 1.0, 0.01)


def test_a_false_friend_is_polled_as_anybody() -> None:
    """Notices that are never followed by anything new bring no request and save none."""
    known = source(Kind.OUTBOX, 1.0)
    notices = Notices(hits=0.0, observed=100.0, signals=5_000.0, exposure=50.0, pending=1)

    assert interval.seconds(known, 1.0, 0.01, notices) < 1.2 * interval.seconds(known, 1.0, 0.01)
    assert not interval.worth_asking(known, notices, 1.0, 0.01, NOW)


def test_one_true_notice_is_worth_a_request() -> None:
    """When few posts are told and nearly all of them truly, a notice is read at once."""
    notices = Notices(hits=20.0, observed=20.0, signals=20.0, exposure=40.0, pending=1)

    assert interval.worth_asking(source(Kind.OUTBOX, 0.5), notices, 1.0, 0.05, NOW)


def at_hour(hour: float, days: float, deep: float = 0.45) -> float:
    """Days until somebody who posts around 18:00 is read again after a read at this hour."""
    midnight = NOW - NOW % DAY
    known = Source(Kind.OUTBOX, b"h" * 8, midnight + hour * HOURS, changes=1e6, exposure=1e6)
    known.profile_y = -deep  # 18:00 on the clock's face
    return with_rhythm(known, 1.0, days)


def test_the_night_is_not_polled() -> None:
    """Somebody read after the evening is left alone until the day has brought something."""
    assert at_hour(1, 0.3) > 1.8 * at_hour(15, 0.3)


def test_a_slow_account_is_read_in_the_evening() -> None:
    """With a read in two days, it comes after the day's posts and before the night."""
    ends = [(hour + 24 * at_hour(hour, 2.0)) % 24 for hour in range(0, 24, 3)]

    assert all(end > 18 or end < 4 for end in ends)


def test_a_burst_is_waited_out_but_not_for_long() -> None:
    """Right after a post by a dormant account the next read comes soon, not in five days."""
    known = Source(Kind.OUTBOX, b"h" * 8, NOW, burst=1.0)

    assert with_rhythm(known, 0.01, 5.0) < 0.5


KINDS = st.sampled_from(Kind)
POSITIVE = st.floats(1e-9, 1e9)
ROWS = st.builds(
    Source,
    kind=KINDS,
    host=st.just(b"h" * 8),
    last=st.floats(0.0, 4e9),
    changes=st.floats(0.0, 1e6),
    exposure=st.floats(0.0, 1e4),
    weight=st.just(1.0),
    burst=st.floats(0.0, 5.0),
    profile_x=st.floats(-0.7, 0.7),
    profile_y=st.floats(-0.7, 0.7),
    born=st.floats(0.0, 4e9),
    shortest=st.sampled_from((1.0, 60.0, 3_600.0)),
    longest=st.sampled_from((3_600.0, 7 * DAY, 30 * DAY)),
)
NOTICES = st.none() | st.builds(
    Notices, hits=st.floats(0, 1e5), observed=st.floats(0, 1e5), signals=st.floats(0, 1e5)
)


@given(known=ROWS, worth=POSITIVE, price=POSITIVE, notices=NOTICES)
def test_every_interval_lies_within_its_bounds(
    known: Source, worth: float, price: float, notices: Notices | None
) -> None:
    """No row, worth, price or notice gives NaN or leaves the source's own bounds."""
    seconds = interval.seconds(known, worth, price, notices)

    assert known.shortest <= seconds <= known.longest
    assert seconds == round(seconds)


@given(known=ROWS, worth=st.floats(1e-4, 1e2))
def test_no_interval_shrinks_when_the_price_grows(known: Source, worth: float) -> None:
    """A dearer request is made later; bursts and evenings may move it by a day, not more."""
    known.shortest, known.longest = 1.0, 30 * DAY
    waits = [interval.seconds(known, worth, 1e-6 * 4.0**n) for n in range(18)]

    slack = DAY if known.kind in (Kind.OUTBOX, Kind.LISTING) else 1.0
    assert all(sooner <= later * 1.02 + slack for sooner, later in pairwise(waits))


@given(changes=POSITIVE, worth=POSITIVE, price=POSITIVE)
def test_the_plain_rule_grows_with_the_root_of_the_price(
    changes: float, worth: float, price: float
) -> None:
    """Four times the price, twice the interval."""
    once, four = (interval.append_only(changes, worth, price * n) for n in (1.0, 4.0))

    assert four == pytest.approx(2.0 * once)
    assert once == pytest.approx(sqrt(2.0 * price / (worth * changes)))


CHANCES = [
    ("what was just seen is current", Kind.ACTOR, 0.0, 0.0),
    ("what changes daily is outdated after a month", Kind.ACTOR, 30.0, 1.0),
    ("a time in the future is no time at all", Kind.ACTOR, -5.0, 0.0),
]


@pytest.mark.parametrize(("kind", "days", "chance"), [r[1:] for r in CHANCES], ids=[r[0] for r in CHANCES])  # fmt: skip  # noqa: E501
def test_the_chance_that_a_copy_is_outdated(kind: Kind, days: float, chance: float) -> None:
    """It grows from nothing to certainty with the time since the copy was seen."""
    assert interval.stale_chance(kind, 1.0, 100.0, days) == pytest.approx(chance, abs=1e-3)
