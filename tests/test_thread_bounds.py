"""How much of a thread is read, how often, and when it is left alone."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from struct import Struct
from typing import Any

import pytest
from ingest_cases import ALICE, OUTBOX
from pocket import Pocket
from thread_cases import (
    BOB,
    DAY,
    HOUR,
    ROOT,
    Pages,
    bobs,
    collection,
    fetches,
    post,
    with_replies,
    world,
)

from fedpull.cache import threads
from fedpull.cache.intern import known_id
from fedpull.cache.queue_layout import Row
from fedpull.cache.records import Cause, Kind, Want
from fedpull.cache.work import Work
from fedpull.crawler.protocol import thread


@pytest.fixture
def pocket(tmp_path: Path) -> Any:
    with Pocket(tmp_path) as pocket:
        yield pocket
        pocket.sound()


def endless(url: str) -> Any:
    """A collection whose every page has ten new replies and a next page."""

    def serve(lease: Any) -> dict[str, Any]:
        number = int(lease.url.rpartition("=")[2]) if "page=" in lease.url else 0
        items = [bobs(1000 + 10 * number + nth) for nth in range(10)]
        return collection(lease.url, items, next=f"{url}?page={number + 1}")

    return serve


def endlessly(pocket: Pocket, replies: int = 5) -> None:
    url = f"{ROOT}/replies"
    pages: Pages = {f"{url}?page={number}": endless(url) for number in range(1, 100)}
    posts = {bobs(number): post(bobs(number), ROOT) for number in range(1000, 2000)}
    pocket.pages = world(with_replies(ROOT)) | pages | posts | {url: endless(url)}
    pocket.follow(ALICE, replies=replies)


def test_an_endless_thread_costs_a_bounded_number_of_requests(pocket: Pocket) -> None:
    """Whatever its pages say, a thread gets its number of requests, and its follow is told."""
    endlessly(pocket)
    pocket.run(2_000)
    [known] = pocket.opened.query.threads(ROOT, pocket.clock.now())

    assert len(pocket.asked) - 2 <= thread.MAX_FETCHES
    assert known.fetched == fetches(pocket) == thread.MAX_FETCHES
    assert known.over == "size"
    assert pocket.opened.query.threads_due(ALICE, pocket.clock.now() + 3 * DAY) == []
    assert promoted(pocket, f"{ROOT}/replies") is None


def test_replies_of_replies_count_for_the_post_they_all_hang_on(pocket: Pocket) -> None:
    """A tree that branches for ever is one thread with one number of requests."""

    def serve(lease: Any) -> dict[str, Any]:
        id = lease.url
        if id.endswith("/replies"):
            base = id.removesuffix("/replies").partition("/posts/")[2]
            return collection(id, [bobs(int(f"{base}{nth}")) for nth in range(3)])
        number = id.rpartition("/")[2]
        return with_replies(id, bobs(int(number[:-1] or 0)))

    class Everything(dict[str, Any]):
        def get(self, url: str, default: Any = None) -> Any:
            return super().get(url, serve if url.startswith(BOB + "/posts") else default)

    pocket.pages = Everything(world(with_replies(ROOT)))
    pocket.pages[f"{ROOT}/replies"] = collection(f"{ROOT}/replies", [bobs(1)])
    pocket.follow(ALICE, replies=1000)
    pocket.run(2_000)

    assert len(pocket.asked) - 2 <= thread.MAX_FETCHES


def promoted(pocket: Pocket, uri: str) -> Want | None:
    """What the refresh loop queues when it is a collection's turn."""

    def job(work: Work) -> Want | None:
        id = known_id(work, uri)
        return None if id is None else threads.listing_want(work, id, pocket.clock.now())

    return pocket.opened.store._writer.submit(job).result()


def refresh(pocket: Pocket, uri: str) -> list[str]:
    """Let the refresh loop ask for a thread's collection; what was asked of that thread."""
    again = promoted(pocket, uri)
    assert again is not None
    pocket.want(again)
    return [url for url in pocket.run() if url != OUTBOX]


def quiet(pocket: Pocket, published: str = "2026-09-21T10:00:00Z") -> str:
    """A thread with one reply, read once."""
    url = f"{ROOT}/replies"
    pocket.pages = world(with_replies(ROOT, published=published)) | {
        url: collection(url, [bobs(1)]),
        **{bobs(number): post(bobs(number), ROOT) for number in range(1, 9)},
    }
    pocket.follow(ALICE, replies=2, every={"min": "1s", "max": "90d"})
    pocket.run()
    return url


def test_a_thread_is_left_alone_for_longer_the_older_it_is(pocket: Pocket) -> None:
    """A quarter of its age, and no less than fifteen minutes, lie between two visits."""
    url = quiet(pocket)
    pocket.pages[url] = collection(url, [bobs(1), bobs(2)])
    age = pocket.clock.now() - 1_789_984_800.0

    assert refresh(pocket, url) == []
    pocket.clock.at += age / 4 + 1
    assert refresh(pocket, url) == [url, bobs(2)]
    pocket.clock.at += age / 4 + 1
    assert refresh(pocket, url) == []
    assert thread.pause(0.0) == 15 * 60.0


def test_an_old_thread_is_read_once_and_then_left_alone(pocket: Pocket) -> None:
    """What was published long ago is completed at first sight, and not looked at any more."""
    url = quiet(pocket, published="2020-01-01T00:00:00Z")
    assert pocket.held(bobs(1))
    pocket.clock.at += 40 * DAY
    now = pocket.clock.now()

    assert pocket.opened.query.threads_due(ALICE, now) == []
    [known] = pocket.opened.query.threads(ROOT, now)
    assert known.over == "age"
    assert promoted(pocket, url) is None
    assert url in pocket.asked


def test_a_pull_reads_the_threads_whose_pause_is_over(pocket: Pocket) -> None:
    """Who pulls gets the new replies as well, but not more often than the pause lets him."""
    url = quiet(pocket)
    assert pocket.opened.query.threads_due(ALICE, pocket.clock.now()) == []
    pocket.clock.at += DAY
    [due] = pocket.opened.query.threads_due(ALICE, pocket.clock.now())

    assert (due.uri, due.relation, due.root, due.depth) == (url, "replies", ROOT, 2)


def test_nothing_is_asked_for_the_threads_of_who_is_not_followed_any_more(pocket: Pocket) -> None:
    """With the follow its threads are forgotten; what was kept stays."""
    url = quiet(pocket)
    pocket.unfollow(ALICE)
    pocket.clock.at += DAY

    assert pocket.opened.query.threads(ROOT, pocket.clock.now()) == ()
    assert promoted(pocket, url) is None
    assert pocket.held(bobs(1))


def test_the_refresh_loop_reads_a_young_thread_again_and_again_ever_less_often(
    pocket: Pocket,
) -> None:
    """A reply that comes later is found; the pauses between two visits grow with the age."""
    start = pocket.clock.now()
    published = datetime.fromtimestamp(start, UTC).isoformat()
    url = quiet(pocket, published=published)
    visits = []
    for step in range(6 * 24 * 2):
        pocket.clock.at = start + 600.0 * (step + 1)
        if step == 70:
            pocket.pages[url] = collection(url, [bobs(1), bobs(2)])
        pocket.run()
        visits += [pocket.clock.now()] * pocket.asked.count(url)
        pocket.asked.clear()
    ages = [at - start for at in visits]

    assert len(ages) >= 4
    assert all(next - age >= 0.9 * thread.pause(age) for age, next in pairwise(ages))
    assert pocket.held(bobs(2))


def ask(pocket: Pocket, uri: str, depth: int) -> list[str]:
    """As `fetch --depth` does."""
    pocket.want(Want(uri, Kind.DOCUMENT, Cause.ON_DEMAND, pocket.clock.now(), depth=depth))
    return pocket.run(2_000)


def test_on_demand_the_replies_are_read_as_deep_as_was_asked(pocket: Pocket) -> None:
    """One level: the direct replies, and what the post itself names; nothing is counted for any
    follow."""
    one, two = bobs(1), bobs(2)
    pocket.pages = world() | {
        ROOT: with_replies(ROOT),
        f"{ROOT}/replies": collection(f"{ROOT}/replies", [one]),
        one: with_replies(one, ROOT),
        f"{one}/replies": collection(f"{one}/replies", [two]),
        two: post(two, one),
    }
    ask(pocket, ROOT, 1)

    assert pocket.held(one)
    assert not pocket.held(two)
    pocket.clock.at += DAY
    ask(pocket, ROOT, 2)

    assert pocket.held(two)
    assert pocket.held(BOB)


def test_on_demand_a_thread_is_bounded_as_well(pocket: Pocket) -> None:
    """Whoever asks for an endless thread gets its number of requests, and more an hour later."""
    endlessly(pocket)
    pocket.unfollow(ALICE)
    asked = ask(pocket, ROOT, 3)

    assert len(asked) <= thread.MAX_FETCHES + 1
    assert len(pocket.later(2 * HOUR)) == 0
    assert len(ask(pocket, ROOT, 3)) > 1


def test_without_depth_no_replies_are_asked_for(pocket: Pocket) -> None:
    """A plain fetch is one request."""
    pocket.pages = world() | {ROOT: with_replies(ROOT)}

    assert ask(pocket, ROOT, 0) == [ROOT]


def test_rows_of_the_queue_hold_a_root_only_where_there_is_one() -> None:
    """What was queued before there were threads reads as it did; with a root, both survive."""
    plain = Row(b"somehost", 2, 1.5, relation=b"item", flags=Row.SCHEDULED)
    rooted = Row(b"somehost", 2, 1.5, relation=b"reply", root=b"post-one")
    before = Struct(">8sBd8sdHHB").pack(b"somehost", 2, 1.5, bytes(8), 0.0, 0, 0, 2) + b"item"

    assert plain.pack() == before
    assert Row.unpack(before) == plain
    assert Row.unpack(rooted.pack()) == rooted
