"""What has been going on over time: points, their file, and plots that tell where nobody looked."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from api_cases import NOW, Origin, Store, note

from fedpull.cache import page_plots, series
from fedpull.cache.page_plots import HEIGHT, WIDTH, buckets, plot
from fedpull.cache.sampler import FILE, Sampler
from fedpull.cache.series import COARSE, MOST, Point, Series, load, merged
from fedpull.cache.verbs import Counted

START = 1_800_000_000.0  # a whole half-hour


def minutes(count: int, start: float = START, **values: float) -> list[Point]:
    return [Point(start + 60 * (n + 1), 60.0, **values) for n in range(count)]


def filled(points: list[Point]) -> Series:
    made = Series()
    for point in points:
        made.add(point)
    return made


def test_half_hours_are_made_of_minutes() -> None:
    """What happened is summed, what was the case is averaged."""
    made = filled(minutes(30, answered=2.0, late=10.0) + minutes(31, START + COARSE, late=20.0))

    assert [(one.seconds, one.answered, one.late) for one in made.coarse] == [
        (1_800.0, 60.0, 10.0),
        (1_800.0, 0.0, 20.0),
    ]


def test_a_gap_counts_for_nothing() -> None:
    """A half-hour that was watched for ten minutes says that it was ten minutes."""
    made = filled([*minutes(10, answered=1.0), *minutes(1, START + 2 * COARSE)])

    assert [(one.seconds, one.answered) for one in made.coarse] == [(600.0, 10.0)]


def test_it_never_grows_beyond_its_bounds() -> None:
    """After a year there are two days of minutes and two months of half-hours."""
    made = Series()
    for n in range(3 * MOST):
        made.add(Point(START + 60 * (n + 1), 60.0, answered=1.0))

    assert len(made.fine) == MOST
    assert len(made.dump()) < 600_000


def test_where_minutes_are_gone_half_hours_stand_in() -> None:
    """Each moment is told once."""
    made = filled(minutes(MOST + 300, answered=1.0))
    until = START + 60.0 * (MOST + 300)

    found = made.points(START, until)

    assert all(one.at <= other.start + 1 for one, other in pairwise(found))
    assert sum(one.seconds for one in found) == pytest.approx(until - START, abs=COARSE)


def test_a_clock_that_was_set_back_leaves_no_future() -> None:
    """What was noted under a later time gives way to what comes."""
    made = filled(minutes(5))
    made.add(Point(START + 120.0, 60.0, answered=7.0))

    assert [one.at for one in made.fine] == [START + 60.0, START + 120.0]


def test_the_file_brings_it_all_back() -> None:
    """A restart costs no more than the minutes for which nobody looked."""
    made = filled(minutes(90, answered=3.0, late=1.0))

    again = load(made.dump(), START + 90 * 60)

    assert list(again.fine) == list(made.fine)
    assert sum(one.answered for one in again.coarse) == 270.0


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"null",
        b"[]",
        b"\xff",
        b'{"version": 2}',
        b'{"version": 1, "fields": ["at"], "fine": [], "coarse": []}',
        filled(minutes(2)).dump().replace(b"60.0", b'"x"'),
        filled(minutes(2)).dump().replace(b"[18", b"[[18"),
    ],
)
def test_a_file_that_cannot_be_read_is_none(text: bytes) -> None:
    """The plots begin anew; nothing else suffers."""
    assert not load(text, START + 10_000).points(0, START + 10_000)


def test_a_file_of_a_clock_that_was_ahead() -> None:
    """Points of the future are dropped."""
    assert [one.at for one in load(filled(minutes(5)).dump(), START + 130).fine] == [
        START + 60,
        START + 120,
    ]


def test_buckets_know_what_they_do_not_know() -> None:
    """A bucket of which less than half was watched has no value."""
    points = minutes(10, answered=4.0) + minutes(2, START + 1_200, answered=4.0)
    parts = buckets(points, START, START + 1_800, 3)

    assert [part.known is not None for part in parts] == [True, False, False]
    [first, *_] = parts
    assert first.known is not None
    assert page_plots.value(first.known, "answered") == 4.0


def test_nothing_is_drawn_across_a_gap() -> None:
    """Two stretches that were watched are two lines, and the time between them is shaded."""
    points = minutes(10, answered=4.0) + minutes(10, START + 1_200, answered=8.0)
    drawn = plot("t", "u", (("answered", "a"),), buckets(points, START, START + 1_800, 30))

    [line] = drawn.lines
    assert len(line.paths) == 2
    assert drawn.gaps == ((WIDTH / 3, WIDTH / 3),)
    assert drawn.top == 10.0
    assert line.latest == 8.0
    assert line.paths[1].split("L")[-1].endswith(f",{HEIGHT * (1 - 8 / 10):.1f}")


def test_a_plot_of_nothing() -> None:
    """Without a point the whole time is a gap, and the scale is no division by zero."""
    drawn = plot("t", "u", (("late", "l"),), buckets([], START, START + 600, 5))

    assert drawn.gaps == ((0.0, WIDTH),)
    assert [line.paths for line in drawn.lines] == [()]
    assert drawn.top == 1.0


@pytest.mark.parametrize(("limit", "is_drawn"), [(50.0, True), (20_000.0, False), (None, False)])
def test_a_limit_is_drawn_where_it_is_near(limit: float | None, is_drawn: bool) -> None:
    """A limit far above all there was would press the line to the ground."""
    parts = buckets(minutes(10, used=40.0), START, START + 600, 10)

    drawn = plot("t", "u", (("used", "u"),), parts, limit)

    assert (drawn.limit is not None) is is_drawn
    assert drawn.limit_value == limit


def test_the_numbers_of_a_plot() -> None:
    """The latest first, at most a dozen rows, and what is not known is none of them."""
    points = minutes(30, changes=2.0) + minutes(10, START + 3_000, changes=6.0)
    parts = buckets(points, START, START + 3_600, 60)
    rows = page_plots.table(parts, plot("t", "u", (("changes", "c"),), parts))

    assert len(rows) == page_plots.TABLE
    assert rows[0] == (START + 3_300, (6.0,))
    assert (START + 2_100, (None,)) in rows
    assert rows[-1] == (START, (2.0,))


class _Counting(Origin):
    """Verbs whose door has made `requests` requests."""

    requests = 0
    failed = 0

    def counted(self) -> Counted:
        door = {"requests": self.requests, "failed_timeout": self.failed}
        return replace(super().counted(), door=door)


async def test_a_look_at_the_counters(tmp_path: Path) -> None:
    """Each look tells what has happened since the one before."""
    store, now = Store(tmp_path), [NOW]
    origin = _Counting(store)
    origin.requests = 1_000
    sampler = Sampler(store.query, origin, tmp_path, lambda: now[0])
    sampler.begin()
    store.put(note(1))
    now[0] += 60
    origin.requests, origin.failed = 1_010, 3

    await sampler.sample()

    [point] = sampler.series.fine
    assert (point.at, point.seconds) == (NOW + 60, 60.0)
    assert (point.answered, point.failed, point.changes, point.documents) == (7, 3, 1, 1)
    store.close()


@pytest.mark.parametrize("step", [200.0, -50.0, 0.0, 86_400.0])
async def test_time_that_nobody_watched(tmp_path: Path, step: float) -> None:
    """A suspended machine or a set clock makes a gap, and no point that stands for hours."""
    store, now = Store(tmp_path), [NOW]
    sampler = Sampler(store.query, Origin(store), tmp_path, lambda: now[0])
    sampler.begin()
    now[0] += step

    await sampler.sample()

    assert not sampler.series.fine
    now[0] += 60
    await sampler.sample()
    assert len(sampler.series.fine) == 1
    store.close()


async def test_the_points_outlive_the_process(tmp_path: Path) -> None:
    """What was seen is there again after a restart; a folder that cannot be written costs it."""
    store, now = Store(tmp_path / "data"), [NOW]
    first = Sampler(store.query, Origin(store), tmp_path, lambda: now[0])
    first.begin()
    for _ in range(12):
        now[0] += 60
        await first.sample()
    first.save()

    again = Sampler(store.query, Origin(store), tmp_path, lambda: now[0])
    nowhere = Sampler(store.query, Origin(store), tmp_path / "missing", lambda: now[0])
    nowhere.begin()
    now[0] += 60
    await nowhere.sample()
    nowhere.save()

    assert (tmp_path / FILE).exists()
    assert list(again.series.fine) == list(first.series.fine)
    store.close()


def test_several_points_as_one() -> None:
    """The level of a longer time is weighed by how long each was watched."""
    one = merged([Point(60, 60, late=1.0, answered=1), Point(90, 30, late=4.0, answered=1)])

    assert one == Point(90, 90, answered=2.0, late=2.0)
    assert series.SUMS == ("answered", "failed", "changes")
