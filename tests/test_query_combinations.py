"""Every combination of filters, in both orders, against a list that is made by looking at all."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store_cases import ALICE, BOB, FOLLOW, NOW, apply, clean, note, page, read_authors, store_at

from fedpull.cache import entries, listing, lookup
from fedpull.cache.environment import Tables, Txn
from fedpull.cache.open import Opened
from fedpull.cache.records import ObjectFilter, Put
from fedpull.cache.unsorted import Unsorted
from fedpull.crawler.protocol.times import rfc3339
from fedpull.errors import BadInput

CAROL = "https://c.example/users/carol"
AUTHORS = (ALICE, BOB, CAROL)  # Carol is not followed, and allows what she does not post unlisted
TYPES, TAGS, WORDS = ("Note", "Event", "Image"), ("cats", "dogs"), ("tag:one", "tag:two")
STARTS = (None, "2023-11-14T12:00:00Z", "2023-11-20T09:00:00+01:00", "2024-02-01")
ROOTS = (note(1).id, note(2).id)
OFFERED = (1, 3, 4, 6, 8, 9)


def posted(n: int) -> Put:
    """A post whose every property follows from its number, each in a cycle of its own."""
    start = STARTS[n % 4]
    says: dict[str, Any] = {} if start is None else {"startTime": start}
    if n % 4 == 1:
        says |= {"to": [], "cc": "as:Public"}
    return note(
        n,
        actor=AUTHORS[n % 3],
        type=TYPES[n % 5 % 3],
        tags=TAGS[: n % 3],
        about=(*WORDS, None)[n // 2 % 3],
        reply=(*ROOTS, None)[n // 3 % 3],
        published=NOW - 40 * (n % 7) - n,
        says=says,
    )


POSTS = {n: posted(n) for n in range(1, 60)}


@pytest.fixture(scope="module")
def opened() -> Iterator[Opened]:
    with tempfile.TemporaryDirectory() as folder, store_at(Path(folder)) as store:
        read_authors(store)
        author = note(CAROL, kind="actor", type="Person", actor=CAROL, says={"indexable": True})
        puts = list(POSTS.values())
        apply(store, puts=(author, *puts[:40]), members=page(1, "!3", 4, "!6", 8, 9))
        for put in puts[40:]:  # what comes alone waits to be sorted in
            apply(store, puts=(put,))
        yield store
        clean(store)


def expected(wanted: ObjectFilter) -> list[int]:
    reads = wanted.tag is None and (
        wanted.follow is not None
        or wanted.actor in (ALICE, BOB)
        or (wanted.actor is None and wanted.in_reply_to == ROOTS[0])  # Bob's; the other is Carol's
    )

    def matches(n: int, put: Put) -> bool:
        terms, when = put.terms, put.terms.published or 0.0
        quiet = terms.actor == CAROL and n % 4 == 1
        return (
            (reads or not quiet)
            and wanted.actor in (None, terms.actor)
            and (wanted.follow is None or n in OFFERED)
            and (wanted.type is None or wanted.type in terms.types)
            and (wanted.tag is None or wanted.tag in terms.tags)
            and wanted.in_reply_to in (None, terms.in_reply_to)
            and wanted.context in (None, terms.context)
            and (wanted.since is None or when >= wanted.since)
            and (wanted.until is None or when < wanted.until)
            and (not wanted.by_start or terms.starts is not None)
            and (wanted.starts_since is None or (terms.starts or 0.0) >= wanted.starts_since)
            and (wanted.starts_until is None or (terms.starts or 0.0) < wanted.starts_until)
        )

    found = [n for n, put in POSTS.items() if matches(n, put)]
    return sorted(found, key=lambda n: -(POSTS[n].terms.published or 0.0))


times = st.one_of(st.none(), st.sampled_from([NOW - n for n in (20, 60, 150, 221, 260)]))
starts = st.one_of(st.none(), st.sampled_from([rfc3339(one) for one in STARTS[1:]]))
filters = st.builds(
    ObjectFilter,
    actor=st.sampled_from([None, None, *AUTHORS]),
    follow=st.sampled_from([None, None, None, FOLLOW]),
    type=st.sampled_from([None, *TYPES]),
    tag=st.sampled_from([None, None, *TAGS]),
    in_reply_to=st.sampled_from([None, None, *ROOTS]),
    context=st.sampled_from([None, None, *WORDS]),
    since=times,
    until=times,
    order=st.sampled_from(["published", "published", "start"]),
    starts_since=starts,
    starts_until=st.one_of(st.none(), st.none(), starts),
)


def pages(opened: Opened, wanted: ObjectFilter, limit: int) -> list[int]:
    found: list[int] = []
    cursor: str | None = None
    while True:
        documents, cursor = opened.query.objects(wanted, limit, cursor)
        assert len(documents) <= limit
        found += [int(document.id.rpartition("/")[2]) for document in documents]
        if cursor is None:
            return found


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(filters, st.sampled_from([1, 3, 50]), st.sampled_from([7, 40, 10_000]))
def test_what_matches_is_listed_once_and_in_order(
    opened: Opened, wanted: ObjectFilter, limit: int, steps: int
) -> None:
    """Whatever filters come together, over pages of any size, short ones for want of steps too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(listing, "MOST_STEPS", steps)
        found = pages(opened, wanted, limit)

    assert len(found) == len(set(found))
    assert sorted(found) == sorted(expected(wanted))
    if wanted.by_start:
        begins = [POSTS[n].terms.starts or 0.0 for n in found]
        assert begins == sorted(begins)
    else:
        assert found == expected(wanted)


def test_a_page_takes_no_more_steps_than_it_may(opened: Opened) -> None:
    """Long lists that have little in common cost a bounded number of looks; `next` goes on behind
    them."""
    wanted = ObjectFilter(tag="dogs", context="tag:two", type="Note")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(listing, "MOST_STEPS", 6)
        found, cursor = opened.query.objects(wanted, 50)

    assert len(found) < len(expected(wanted))
    assert cursor is not None


@given(st.lists(st.sets(st.integers(0, 40)), min_size=1, max_size=4), st.integers(0, 40))
@settings(max_examples=200, deadline=None)
def test_leaping_finds_what_stands_in_all(sets: list[set[int]], start: int) -> None:
    """Only that, and in order; where the steps end, it says where to go on."""
    rows = [sorted(n.to_bytes(entries.SIZE, "big") for n in one) for one in sets]
    found: list[int] = []
    place = start.to_bytes(entries.SIZE, "big")
    for _ in range(200):
        walk = entries.Walk([_Pocketed(one) for one in rows], place, most=5)
        found += [int.from_bytes(value, "big") for value in walk]
        assert walk.steps <= 5
        place = walk.place
        if walk.over:
            break

    assert found == [n for n in sorted(set.intersection(*sets)) if n >= start]


class _Pocketed(entries.List):
    """A list without a store."""

    def __init__(self, values: list[bytes]) -> None:
        self._values = values
        self.count = len(values)

    def seek(self, value: bytes) -> bytes | None:
        return next((one for one in self._values if one >= value), None)

    def walk(self, start: bytes = entries.FIRST) -> Iterator[bytes]:
        return (one for one in self._values if one >= start)


def test_what_waits_stands_in_its_place(opened: Opened) -> None:
    """A list gives the same to who walks it and to who leaps through it, what waits included."""

    def reader(txn: Txn, t: Tables) -> tuple[list[bytes], list[bytes], int]:
        one = entries.List(txn, t, Unsorted(txn, t), b"O")
        leapt: list[bytes] = []
        value = one.seek(entries.FIRST)
        while value is not None:
            leapt.append(value)
            value = one.seek(entries.behind(value))
        return list(one.walk()), leapt, one.count

    walked, leapt, count = opened.store._environment.read(reader)
    assert walked == leapt
    assert len(walked) == count == len(expected(ObjectFilter()))


def test_what_comes_between_two_pages_is_not_passed_over(tmp_path: Path) -> None:
    """A cursor stands right behind the last that was shown."""
    with store_at(tmp_path) as store:
        read_authors(store)
        apply(store, puts=(note(1), note(9)))
        first, cursor = store.query.objects(ObjectFilter(), 1)
        apply(store, puts=(note(5),))
        second, _ = store.query.objects(ObjectFilter(), 9, cursor)

    assert [one.id for one in (*first, *second)] == [note(n).id for n in (9, 5, 1)]


MOMENTS = [("2d", -2 * 86_400), ("+7d", 7 * 86_400), (" 7d", 7 * 86_400), ("0s", 0)]


@pytest.mark.parametrize(("text", "seconds"), MOMENTS)
def test_times_before_and_after_now(text: str, seconds: float) -> None:
    """An age lies behind, with a plus ahead: also as a query without escapes has it."""
    assert lookup.moment("starts_until", text, NOW) == NOW + seconds


@pytest.mark.parametrize("text", ["+", "++1d", "+2026-01-01", "1d+"])
def test_what_is_no_time(text: str) -> None:
    """It is the caller's mistake."""
    with pytest.raises(BadInput):
        lookup.moment("since", text, NOW)


SPANS: list[tuple[str, ObjectFilter, Any]] = [
    ("until the beginning of time", ObjectFilter(until=0.0), []),
    ("since the end of it", ObjectFilter(since=1e12), []),
    ("starting before the beginning", ObjectFilter(starts_until=0.0), []),
    ("with no steps to find out that there is nothing", ObjectFilter(tag="none"), []),
]


@pytest.mark.parametrize(("wanted", "found"), [row[1:] for row in SPANS], ids=[r[0] for r in SPANS])
def test_spans_at_the_ends_of_time(opened: Opened, wanted: ObjectFilter, found: Any) -> None:
    """They are empty lists, and no error."""
    assert opened.query.objects(wanted, 10) == (found, None)
