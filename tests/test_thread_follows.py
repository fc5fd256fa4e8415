"""Threads and who follows: what is wanted no more, what two follows share, what all may cost."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from ingest_cases import ALICE, HOST, OUTBOX, PUBLIC
from pocket import START, Pocket
from thread_cases import (
    BOB,
    CONTEXT,
    DAY,
    ROOT,
    bobs,
    collection,
    conversation,
    fetches,
    paged,
    pass_by,
    person,
    post,
    posts,
    with_replies,
    world,
)

from fedpull.cache.records import Cause, Kind, Politeness, Want
from fedpull.cache.thread_rows import SumRow
from fedpull.cache.work import Work
from fedpull.crawler.protocol import thread

NOW = datetime.fromtimestamp(START, UTC).isoformat()
REPLIES = f"{ROOT}/replies"


@pytest.fixture
def pocket(tmp_path: Path) -> Any:
    with Pocket(tmp_path) as pocket:
        yield pocket
        pocket.sound()


def test_who_wants_no_replies_any_more_gets_none(pocket: Pocket) -> None:
    """`replies: 0` holds for the threads that were begun as well."""
    pocket.pages = world(with_replies(ROOT, published=NOW)) | posts(1, 2)
    pocket.pages[REPLIES] = collection(REPLIES, [bobs(1)])
    pocket.follow(ALICE, replies=2)
    pocket.run()
    pocket.follow(ALICE, replies=0)
    pocket.pages[REPLIES] = collection(REPLIES, [bobs(1), bobs(2)])
    asked = pass_by(pocket, 3 * DAY)

    assert asked.count(REPLIES) <= 1
    assert not pocket.held(bobs(2))


def both(pocket: Pocket, count: int) -> list[str]:
    """Alice and Bob answer each other in one conversation; their outboxes are empty as yet."""
    ids = [one for n in range(1, count + 1) for one in (f"{ALICE}/posts/{n}", bobs(n))]
    above = [None, *ids]
    pocket.pages = world() | {
        id: post(id, up, context=CONTEXT, published=NOW) for id, up in zip(ids, above, strict=False)
    }
    return ids


def speak(pocket: Pocket, ids: list[str]) -> None:
    """So far has the conversation come."""
    pocket.pages[CONTEXT] = conversation(CONTEXT, *ids)
    for who, outbox in ((ALICE, OUTBOX), (BOB, f"{BOB}/outbox")):
        mine = [pocket.pages[id] for id in reversed(ids) if id.startswith(who)]
        creates = [
            {"id": f"{one['id']}#c", "type": "Create", "actor": who, "to": PUBLIC, "object": one}
            for one in mine
        ]
        pocket.pages[outbox] = collection(outbox, creates)


EVERY = {"min": "1s", "max": "60s"}


def test_two_follows_in_one_conversation_read_it_once_each(pocket: Pocket) -> None:
    """However often they answer each other, each follow has it as one thread."""
    ids = both(pocket, 5)
    speak(pocket, [])
    for who in (ALICE, BOB):
        pocket.follow(who, replies=2, every=EVERY)
    pocket.run()
    for said in range(1, len(ids) + 1):
        speak(pocket, ids[:said])
        pocket.later(61)

    assert all(pocket.held(id) for id in ids)
    assert pocket.asked.count(CONTEXT) <= 2


def test_who_is_not_followed_any_more_takes_no_thread_from_others(pocket: Pocket) -> None:
    """The conversation was read for both of them; it is read on for the one who is left."""
    ids = both(pocket, 1)
    speak(pocket, ids)
    for who in (ALICE, BOB):
        pocket.follow(who, replies=2, every={"min": "20d", "max": "30d"})
        pocket.run()
    pocket.unfollow(BOB)
    pocket.pages |= {CONTEXT: conversation(CONTEXT, *ids, bobs(7))} | posts(7)
    pass_by(pocket, DAY)

    assert pocket.held(bobs(7))


@pytest.mark.parametrize("first", ["outbox", "replies"])
@pytest.mark.parametrize("by", ["its own URL", "the URL of its Create"])
def test_what_an_outbox_lists_is_listed_though_a_thread_asks_for_it_too(
    pocket: Pocket, first: str, by: str
) -> None:
    """Whoever comes first, one request serves both, and the post stands in the outbox's list."""
    own, create = f"{ALICE}/posts/2", f"{ALICE}/activities/2"
    uri = own if by == "its own URL" else create
    pocket.pages = world() | posts(1)
    pocket.pages[own] = with_replies(own, ROOT)
    pocket.pages[f"{own}/replies"] = collection(f"{own}/replies", [bobs(1)])
    activity = {"id": create, "type": "Create", "actor": ALICE, "to": PUBLIC, "object": own}
    pocket.pages[create] = activity
    pocket.follow(ALICE, replies=2)
    pocket.run()
    now = pocket.clock.now()
    pocket.pages[OUTBOX] = collection(OUTBOX, [uri])
    head = Want(OUTBOX, Kind.PAGE, Cause.NEW, now, ALICE, "outbox")
    reply = Want(uri, Kind.DOCUMENT, Cause.NEW, now + 9, ALICE, "reply", 5, root=ROOT)
    for want in (head, reply) if first == "outbox" else (reply, head):
        pocket.want(want)
        if want is head:
            pocket.step()
    pocket.later(9)

    assert pocket.listed(ALICE) == pocket.members(OUTBOX) == [own]
    assert pocket.held(bobs(1))


def rows(pocket: Pocket, *names: str) -> dict[str, int]:
    def job(work: Work) -> dict[str, int]:
        return {
            name: sum(1 for _ in work.txn.cursor(getattr(work.t, name)).iternext())
            for name in names
        }

    return pocket.opened.store._writer.submit(job).result()


def test_nothing_is_left_of_a_visit_of_who_is_not_followed_any_more(pocket: Pocket) -> None:
    """Neither its rows nor where it had come to; only what was kept stays."""
    ids = [bobs(number) for number in range(1, 50)]
    pocket.pages = world(with_replies(ROOT)) | paged(REPLIES, ids) | posts(*range(1, 50))
    pocket.follow(ALICE, replies=1)
    while f"{REPLIES}?page=2" not in pocket.asked:
        pocket.step()
    before = rows(pocket, "walk", "thread")
    pocket.unfollow(ALICE)
    after = rows(pocket, "walk", "thread", "want", "owed")

    assert before["thread"] > 0
    assert after == {"walk": before["walk"] - 1, "thread": 0, "want": 0, "owed": 0}


def test_all_threads_of_a_follow_have_a_bound_for_each_day(
    pocket: Pocket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten posts with a hundred replies each: what one day has no room for, the next ones have."""
    monkeypatch.setattr("fedpull.cache.thread_rows.MAX_DAILY", 300)
    roots = [with_replies(f"{ALICE}/posts/{n}") for n in range(1, 11)]
    ids = [bobs(n) for n in range(1000)]
    pocket.pages = world(*roots) | {id: post(id, ROOT) for id in ids}
    for at, root in enumerate(roots):
        pocket.pages[root["replies"]] = collection(root["replies"], ids[at::10])
    pocket.follow(ALICE, replies=1, every={"min": "9d", "max": "9d"})
    asked, days = {ALICE, OUTBOX}, []
    for _ in range(6):
        new = set(pocket.run(2_000)) - asked
        days.append(len(new))
        asked |= new
        pocket.clock.at += DAY

    assert days[:3] == [300, 300, 300]
    assert all(pocket.held(id) for id in ids)


@pytest.mark.parametrize(
    ("day", "on_day", "room"),
    [
        pytest.param(0, 9, 100, id="nothing was asked today"),
        pytest.param(100, thread.MAX_DAILY - 1, 100, id="one more today"),
        pytest.param(100, thread.MAX_DAILY, 101, id="tomorrow"),
        pytest.param(129, thread.MAX_DAILY, 130, id="on the last day"),
        pytest.param(130, thread.MAX_DAILY, None, id="none in a month"),
        pytest.param(500, thread.MAX_DAILY, 100, id="counted by a clock that was wrong"),
    ],
)
def test_there_is_room_on_the_first_day_that_is_not_full(
    day: int, on_day: int, room: int | None
) -> None:
    """Today is the hundredth day; who asks for more than a month ahead gets nothing."""
    found = SumRow(day=day, on_day=on_day).room(100.5 * DAY)

    assert found == (None if room is None else room * DAY)


def test_hundreds_of_replies_do_not_keep_an_outbox_of_the_same_host_waiting(
    tmp_path: Path,
) -> None:
    """What followed actors post is asked for first, and what a new follow leads to soon."""
    eve = f"{HOST}/users/eve"
    ids = [f"{eve}/posts/{number}" for number in range(200)]
    slowly = Politeness(concurrency=1, gap=1.0, pages=100_000)
    with Pocket(tmp_path, politeness=slowly) as pocket:
        pocket.pages = world(with_replies(ROOT)) | {REPLIES: collection(REPLIES, ids)}
        pocket.pages |= {id: post(id, ROOT) for id in ids} | {eve: person(eve)}
        pocket.pages[f"{eve}/outbox"] = collection(f"{eve}/outbox", [])
        pocket.follow(ALICE, replies=1)
        while ids[0] not in pocket.asked:
            pocket.step()
            pocket.clock.at += 1.0
        pocket.follow(eve)
        since = len(pocket.asked)
        while f"{eve}/outbox" not in pocket.asked:
            pocket.step()
            pocket.clock.at += 1.0

        assert len(pocket.asked) - since <= 10


def test_more_than_one_thread_may_have_is_asked_of_no_thread(pocket: Pocket) -> None:
    """Every level brings new ones; each request counts for the post that they hang on."""
    pocket.pages = world(*(with_replies(f"{ALICE}/posts/{n}") for n in range(1, 4)))
    for number in range(1, 4):
        url = f"{ALICE}/posts/{number}/replies"
        pocket.pages[url] = collection(url, [f"{url}/{n}" for n in range(900)])
    pocket.follow(ALICE, replies=9)
    pocket.run(2_000)

    assert fetches(pocket) <= 3 * thread.MAX_FETCHES
