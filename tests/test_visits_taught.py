"""What a visit to an outbox teaches: polls for the agenda, deletions, late items, seams."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from ingest_cases import (
    ALICE,
    NOW,
    OUTBOX,
    actor,
    answer,
    create,
    followed,
    known,
    lease,
    outcome_of,
    page,
    prior,
    want,
)
from pocket import Pocket
from test_visits import Outbox, creates, ids, offered, post, stamp

from fedpull.cache.records import PARKED, Kind, Lease, Outcome, Poll
from fedpull.crawler.asking import asks
from fedpull.crawler.protocol.times import rfc3339
from fedpull.crawler.protocol.walk import Walk

PAGE = f"{OUTBOX}?page=1"
HOUR, DAY = 3600.0, 86_400.0
HOURLY = {"min": "1h", "max": "1h"}


def at(n: int) -> float:
    found = rfc3339(stamp(n))
    assert found is not None
    return found


def visited(*items: Any, walk: bytes | None = None, **more: Any) -> Outcome:
    """The outcome of a visit that is over after this page."""
    before = more.pop("before", prior())
    url = OUTBOX
    asked = lease(want(OUTBOX, Kind.PAGE, relation="outbox", **more.pop("asked", {})), url, walk)
    found = page(list(items), id=OUTBOX, type="OrderedCollection", **more.pop("links", {}))
    return outcome_of(asked, answer(url, found, **more), before)


def poll_of(outcome: Outcome) -> Poll:
    [poll] = outcome.polls
    return poll


def test_a_first_sight_teaches_how_often_something_comes() -> None:
    """The times of the latest items; all of them are there, so that they count from the day on
    which the account was made."""
    born = at(1) - 10 * DAY
    poll = poll_of(visited(*creates(5, 1), before=prior(born=born)))

    assert (poll.collection, poll.first, poll.new) == (OUTBOX, True, 5)
    assert poll.stamps == tuple(at(n) for n in range(1, 6))
    assert poll.since == born


def test_of_more_than_twenty_the_latest_count() -> None:
    """The oldest of them is where the count begins."""
    poll = poll_of(visited(*creates(40, 1), before=prior(born=at(1) - DAY)))

    assert poll.stamps == tuple(at(n) for n in range(21, 41))
    assert poll.since == at(21)


def test_an_empty_outbox_of_an_old_account_says_something_too() -> None:
    """Nothing since it was made."""
    poll = poll_of(visited(before=prior(born=NOW - 300 * DAY)))

    assert (poll.new, poll.stamps, poll.since) == (0, (), NOW - 300 * DAY)


@pytest.mark.parametrize(
    "published",
    ["9999-12-31T23:59:59Z", "soon", None, "0000-00-00", 7],
    ids=["in 9999", "a word", "none", "no date", "a number"],
)
def test_dates_that_are_none_say_nothing(published: Any) -> None:
    """Neither when something came, nor since when all is there."""
    poll = poll_of(visited(create(1, published=published), create(2)))

    assert poll.stamps == (rfc3339("2026-09-01T10:00:00Z"),)


def test_a_later_visit_counts_what_is_new() -> None:
    """The walk of the next visit is stored, the row waits parked, and the poll counts."""
    first = visited(*creates(3, 1))
    before = prior(*(known(id) for id in ids(1, 2, 3)), members=frozenset(ids(1, 2, 3)))
    later = visited(*creates(5, 1), walk=first.walk, before=before)
    poll = poll_of(later)

    assert (poll.first, poll.new, poll.stamps) == (False, 2, (at(4), at(5)))
    [row] = [one for one in later.wants if one.kind is Kind.PAGE]
    assert (row.due, row.scheduled, row.attempts) == (PARKED, True, 0)


def test_a_visit_that_goes_on_teaches_nothing_yet() -> None:
    """Only at its end is it known what was new."""
    outcome = visited(*creates(3, 1), links={"next": PAGE})

    assert outcome.polls == ()
    assert [one.due for one in outcome.wants] == [NOW]


def test_the_age_of_a_page_is_taken_off(tmp_path: Path) -> None:
    """What a cache held for a minute shows how it was a minute ago."""
    assert poll_of(visited(headers={"age": "60"})).at == NOW - 60


def test_nobody_parks_the_row_of_who_was_pulled_once() -> None:
    """A pull by name leaves no trace in the queue."""
    outcome = visited(*creates(3, 1), before=prior(follow=followed(once=True)))

    assert (outcome.wants, outcome.polls) == ((), ())
    assert outcome.walk is not None


# Deletions that a page shows


def test_a_post_that_a_page_leaves_out_is_asked_whether_it_is_gone(tmp_path: Path) -> None:
    """Most servers list no deletions, but the post is missing from between its neighbours."""
    with Pocket(tmp_path) as pocket:
        box = Outbox(creates(10, 1))
        box.put_into(pocket)
        pocket.pages.update({one["id"]: one for one in map(post, range(1, 11))})
        pocket.follow(ALICE, every=HOURLY)
        pocket.run()
        gone = ids(9, 5)
        box.items = [item for item in box.items if item["object"]["id"] not in gone]
        pocket.pages |= dict.fromkeys(gone, 410)
        asked = pocket.later(HOUR)

        assert set(gone) <= set(asked)
        assert not any(map(pocket.held, gone))
        assert not {f"{ALICE}/posts/{n}" for n in (10, 8, 7, 6, 4)} & set(asked)


def test_the_newest_post_may_be_the_one_that_is_gone(tmp_path: Path) -> None:
    """Above the first item of the head there is nothing but what was deleted."""
    with Pocket(tmp_path) as pocket:
        box = Outbox(creates(10, 1))
        box.put_into(pocket)
        pocket.follow(ALICE, every=HOURLY)
        pocket.run()
        box.items = creates(8, 1)
        pocket.pages |= dict.fromkeys(ids(9, 10), 410)
        pocket.later(HOUR)

        assert not any(map(pocket.held, ids(9, 10)))
        assert pocket.held(ids(8)[0])


def test_what_is_not_listed_but_still_there_is_not_asked_at_every_visit(tmp_path: Path) -> None:
    """A server may list less than it has: once it said so itself, a day passes."""
    with Pocket(tmp_path) as pocket:
        box = Outbox(creates(10, 1))
        box.put_into(pocket)
        pocket.pages.update({one["id"]: one for one in map(post, range(1, 11))})
        pocket.follow(ALICE, every=HOURLY)
        pocket.run()
        box.items = [item for item in box.items if item["object"]["id"] not in ids(5)]
        for _ in range(20):
            pocket.later(HOUR)

        assert pocket.held(ids(5)[0])
        assert pocket.asked.count(ids(5)[0]) <= 2


def test_no_more_than_a_page_of_posts_is_asked_after_one_page(tmp_path: Path) -> None:
    """Whoever leaves out a hundred at once is asked for twenty."""
    with Pocket(tmp_path) as pocket:
        box = Outbox(creates(100, 1), size=100)
        box.put_into(pocket)
        pocket.pages.update({one["id"]: one for one in map(post, range(1, 101))})
        pocket.follow(ALICE, every=HOURLY)
        pocket.run()
        box.items = [offered(100), offered(1)]
        asked = pocket.later(HOUR)

        assert len([url for url in asked if "/posts/" in url]) == 20


def test_what_is_out_of_order_says_nothing_of_what_is_missing(tmp_path: Path) -> None:
    """Ten of many in no order (Takahe): what is not among them was not deleted."""
    listed = [offered(n) for n in (11, 9, 8, 14, 16, 4, 20, 2, 7, 1)]
    others = [offered(n) for n in (3, 19, 5, 13, 6, 15, 10, 12, 18, 17)]
    inline = {"type": "OrderedCollection", "orderedItems": listed}
    with Pocket(tmp_path) as pocket:
        pocket.pages |= {ALICE: actor(), OUTBOX: inline}
        pocket.follow(ALICE, every=HOURLY)
        pocket.run()
        pocket.pages[OUTBOX] = inline | {"orderedItems": others}
        for _ in range(3):
            pocket.later(HOUR)

        assert not [url for url in pocket.asked if "/posts/" in url]
        assert len(pocket.listed(ALICE)) == 20


# Edits that somebody else shows


@pytest.mark.parametrize(
    ("shown", "asked"),
    [
        pytest.param("2026-09-21T14:40:00Z", True, id="edited since we looked"),
        pytest.param("2026-09-02T10:00:00Z", False, id="edited before we looked"),
        pytest.param("9999-12-31T23:59:59Z", False, id="edited in the year 9999"),
        pytest.param("soon", False, id="edited some time"),
    ],
)
def test_a_boost_that_shows_an_edit_is_a_reason_to_look(
    tmp_path: Path, shown: str, asked: bool
) -> None:
    """What it shows is not believed; the origin is asked, once."""
    theirs = "https://else.example/1"
    body = post(1, id=theirs, attributedTo="https://else.example/bob")
    boost = {"id": f"{ALICE}/acts/1", "type": "Announce", "actor": ALICE, "object": body}
    inline = {"id": OUTBOX, "type": "OrderedCollection", "orderedItems": [boost]}
    with Pocket(tmp_path) as pocket:
        pocket.pages |= {ALICE: actor(), OUTBOX: inline, theirs: body}
        pocket.follow(ALICE, every=HOURLY)
        pocket.run()
        edited = body | {"updated": shown}
        pocket.pages |= {
            OUTBOX: inline | {"orderedItems": [boost | {"object": edited}]},
            theirs: body | {"content": "edited"},
        }
        first, second = pocket.later(HOUR), pocket.later(HOUR)

        assert (theirs in first) is asked
        assert theirs not in second


# Late items


class Agenda(Outbox):
    """Ordered by when events take place, as Gancio: a new one may land on any page."""

    def __init__(self, count: int) -> None:
        super().__init__([self.event(n, n) for n in range(count, 0, -1)])

    @staticmethod
    def event(n: int, day: int) -> dict[str, Any]:
        return offered(n, startTime=f"2027-01-{day % 28 + 1:02}T20:00:00Z")


def test_new_events_on_a_late_page_are_found_by_a_rescan(tmp_path: Path) -> None:
    """A poll reads the head; all of it is read again now and then, and when somebody pulls."""
    with Pocket(tmp_path) as pocket:
        box = Agenda(50)
        box.put_into(pocket)
        pocket.follow(ALICE, backfill="all", every={"min": "10m", "max": "10m"})
        pocket.run()
        box.items = [*box.items[:35], box.event(99, 3), *box.items[35:]]
        polls = [pocket.later(600) for _ in range(30)]
        scans = [urls for urls in polls if f"{OUTBOX}?page=5" in urls]

        assert pocket.held(ids(99)[0])
        assert all(PAGE in urls for urls in polls)
        assert 1 <= len(scans) <= 2


# Seams


def deleting(box: Outbox, served: Callable[[Lease], Any]) -> Callable[[Lease], Any]:
    """Serves a page after something above was deleted, once."""
    left = [True]

    def serve(lease: Lease) -> Any:
        if left:
            left.pop()
            del box.items[3]
        return served(lease)

    return serve


class Counted(Outbox):
    """Its pages say how many there are, as those of most servers that count pages."""

    def page(self, number: int) -> Callable[[Lease], Any]:
        served = super().page(number)
        return lambda lease: served(lease) | {"totalItems": len(self.items)}


def test_what_is_deleted_during_a_walk_loses_nothing_at_a_seam(tmp_path: Path) -> None:
    """The first item of the next page moves up to one that was read already; the total tells."""
    with Pocket(tmp_path) as pocket:
        box = Counted(creates(45, 1))
        box.put_into(pocket)
        url = f"{OUTBOX}?page=3"
        pocket.pages[url] = deleting(box, pocket.pages[url])
        pocket.follow(ALICE, backfill="all")
        asked = pocket.run()

        assert set(ids(*range(1, 46))) == set(pocket.listed(ALICE))
        assert len(asked) <= 9
        pocket.sound()


def test_totals_that_shrink_for_ever_cost_a_bounded_number_of_pages(tmp_path: Path) -> None:
    """A server whose total is a lie is not read again and again."""
    with Pocket(tmp_path) as pocket:
        box = Outbox(creates(300, 1))
        box.put_into(pocket)
        totals = iter(range(10_000, 0, -1))
        for number in range(1, 40):
            url = f"{OUTBOX}?page={number}"
            served = pocket.pages[url]
            pocket.pages[url] = lambda lease, served=served: (
                served(lease) | {"totalItems": next(totals)}
            )
        pocket.follow(ALICE, backfill="all")
        asked = pocket.run()

        assert len(pocket.listed(ALICE)) == 300
        assert len(asked) <= 32 + 2 * 20


def test_a_walk_of_an_older_version_is_read() -> None:
    """What a store of an earlier release kept of a walk lacks what was added since."""
    stored = visited(*creates(3, 1)).walk
    assert stored is not None
    values = orjson.loads(stored)
    for name in ("stamps", "scanned_at", "was_scattered", "etag", "last_modified", "whole_at"):
        values.pop(name)
    for name in ("before", "onward", "seams"):
        values.pop(name)
    walk = Walk.from_json(orjson.dumps(values))

    assert walk.stamps == ()
    assert walk.mode == "head"


# Roots that are not asked at every visit


def test_a_root_that_always_names_the_same_page_is_asked_now_and_then(tmp_path: Path) -> None:
    """From the third visit on the first page is read without it, and the root every eighth time."""
    with Pocket(tmp_path) as pocket:
        box = Outbox(creates(5, 1))
        box.put_into(pocket)
        pocket.follow(ALICE, every=HOURLY)
        pocket.run()
        visits = []
        for n in range(6, 26):
            box.items = creates(n, 1)
            visits.append(pocket.later(HOUR))

        assert set(pocket.listed(ALICE)) == set(ids(*range(1, 26)))
        assert all(PAGE in urls for urls in visits)
        asked = [n for n, urls in enumerate(visits) if OUTBOX in urls]
        assert asked == [0, 8, 16]


def test_a_root_that_names_another_page_each_time_is_always_asked(tmp_path: Path) -> None:
    """Ghost names the time of the request: what was named an hour ago lacks what came since."""
    with Pocket(tmp_path) as pocket:
        items = creates(5, 1)

        def root(lease: Lease) -> Any:
            url = f"{OUTBOX}?cursor={pocket.clock.at}"
            found = {"id": url, "type": "OrderedCollectionPage", "orderedItems": list(items)}
            pocket.pages[url] = found
            return {"id": OUTBOX, "type": "OrderedCollection", "first": url}

        pocket.pages |= {ALICE: actor(), OUTBOX: root}
        pocket.follow(ALICE, every=HOURLY)
        pocket.run()
        for n in range(6, 16):
            items.insert(0, offered(n))
            assert OUTBOX in pocket.later(HOUR)
            assert pocket.held(ids(n)[0])


@pytest.mark.parametrize("served", [404, 400, 500, 403, [], {"id": PAGE, "type": "Note"}])
def test_a_first_page_that_is_no_more_leads_back_to_the_root(tmp_path: Path, served: Any) -> None:
    """Whatever became of it, the root says where the pages begin now."""
    with Pocket(tmp_path) as pocket:
        box = Outbox(creates(5, 1))
        box.put_into(pocket)
        pocket.follow(ALICE, every=HOURLY)
        pocket.run()
        for _ in range(3):
            pocket.later(HOUR)
        assert OUTBOX not in pocket.asked[-1:]
        pocket.pages[PAGE] = served
        there = f"{OUTBOX}?start=1"
        pocket.pages |= {
            OUTBOX: {"id": OUTBOX, "type": "OrderedCollection", "first": there},
            there: page(creates(6, 1), id=there),
        }
        for _ in range(9):
            pocket.later(HOUR)

        assert pocket.held(ids(6)[0])


def test_a_first_page_that_is_full_does_not_hide_the_next(tmp_path: Path) -> None:
    """Pages that fill up and then stay, each with an ETag: the root is asked before long."""

    def with_etag(document: dict[str, Any]) -> Callable[[Lease], Any]:
        def serve(lease: Lease) -> Any:
            if asks(lease).etag == '"1"':
                return 304
            return answer(lease.url, document, headers={"etag": '"1"'})

        return serve

    with Pocket(tmp_path) as pocket:
        root = {"id": OUTBOX, "type": "OrderedCollection", "first": PAGE}
        pocket.pages |= {
            ALICE: actor(),
            OUTBOX: root,
            PAGE: with_etag(page(creates(5, 1), id=PAGE)),
        }
        pocket.follow(ALICE, every=HOURLY)
        pocket.run()
        for _ in range(4):
            pocket.later(HOUR)
        newer = f"{OUTBOX}?page=two"
        pocket.pages |= {
            OUTBOX: root | {"first": newer},
            newer: page(creates(6, 6), id=newer, next=PAGE),
        }
        for _ in range(8):
            pocket.later(HOUR)

        assert pocket.held(ids(6)[0])


TAG = '"0123456789abcdef"'
SHARED = {
    "one ETag for both": (TAG, TAG, [OUTBOX]),
    "each its own": (TAG, '"fedcba9876543210"', [OUTBOX, PAGE]),
    "one that a proxy has made weak": (f"W/{TAG}", f"W/{TAG}", [OUTBOX]),
    "one that may be the same by chance": ('"1"', '"1"', [OUTBOX, PAGE]),
    "none for the page": (TAG, "", [OUTBOX, PAGE]),
}


@pytest.mark.parametrize(("of_root", "of_page", "asked"), SHARED.values(), ids=SHARED)
def test_a_root_that_speaks_for_its_first_page(
    tmp_path: Path, of_root: str, of_page: str, asked: list[str]
) -> None:
    """Where both have one ETag, as with our own outbox, a 304 for the root is enough; what
    is new is found all the same."""

    def with_etag(document: dict[str, Any], etag: str) -> Callable[[Lease], Any]:
        def serve(lease: Lease) -> Any:
            sent = asks(lease).etag
            return 304 if sent == etag else answer(lease.url, document, headers={"etag": etag})

        return serve

    with Pocket(tmp_path) as pocket:
        root = {"id": OUTBOX, "type": "OrderedCollection", "first": PAGE, "totalItems": 5}
        pocket.pages |= {
            ALICE: actor(),
            OUTBOX: with_etag(root, of_root),
            PAGE: with_etag(page(creates(5, 1), id=PAGE), of_page),
        }
        pocket.follow(ALICE, every=HOURLY)
        pocket.run()
        pocket.asked.clear()
        pocket.later(HOUR)
        second = [url for url in pocket.asked if url.startswith(OUTBOX)]

        changed = of_root.replace("0", "5"), of_page.replace("0", "5")
        pocket.pages[OUTBOX] = with_etag(root | {"totalItems": 6}, changed[0])
        pocket.pages[PAGE] = with_etag(page(creates(6, 1), id=PAGE), changed[1])
        pocket.later(HOUR)

        assert second == asked
        assert pocket.held(ids(6)[0])
