"""A follow always has a row that leads on, and what is no longer followed has none: every race."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from follow_cases import DAY, HANDLE, HOURLY, creates, finger, finger_url, ids, outbox, post
from ingest_cases import ALICE, HOST, OUTBOX, actor, answer
from pocket import Pocket

from fedpull.cache.records import Cause, Kind, Lease, Want
from fedpull.config.model import Every
from fedpull.config.model import Follow as Rules


def tagged(document: dict[str, Any], etag: str) -> Any:
    """Serves a document with a validator, and 304 to whoever names it."""

    def serve(lease: Lease) -> Any:
        if lease.etag == etag:
            return answer(lease.url, b"", status=304)
        return answer(lease.url, document, headers={"etag": etag})

    return serve


def test_an_actor_that_is_held_already_is_read_when_it_is_followed(tmp_path: Path) -> None:
    """Known as somebody's author, with a validator: the first look must not end in a 304."""
    with Pocket(tmp_path) as pocket:
        pocket.pages |= {ALICE: tagged(actor(), '"1"'), OUTBOX: outbox(*creates(3))}
        pocket.want(Want(ALICE, Kind.DOCUMENT, Cause.ON_DEMAND, 0.0))
        pocket.run()
        pocket.follow(ALICE, every=HOURLY)
        pocket.run()
        assert len(pocket.listed(ALICE)) == 3
        pocket.later(DAY)
        asked = pocket.later(DAY)

        assert ALICE in asked  # and that is conditional again
        assert OUTBOX in asked


@pytest.mark.parametrize("in_flight", [False, True], ids=["both queued", "in flight"])
@pytest.mark.parametrize("relation", ["author", "parent", "asked", "check", "boost"])
def test_a_follow_survives_that_its_actor_was_wanted_otherwise(
    tmp_path: Path, relation: str, in_flight: bool
) -> None:
    """One row stands for both wants; that of the follow must not get lost in the other."""
    with Pocket(tmp_path) as pocket:
        pocket.pages |= {ALICE: actor(), OUTBOX: outbox(*creates(3))}
        bob = f"{HOST}/users/bob"
        pocket.pages |= {bob: actor(id=bob, outbox=f"{bob}/o"), f"{bob}/o": outbox(id=f"{bob}/o")}
        pocket.follow(bob)
        pocket.run()
        key = "" if relation == "asked" else bob
        cause = Cause.ON_DEMAND if relation == "asked" else Cause.NEW
        pocket.want(Want(ALICE, Kind.DOCUMENT, cause, 0.0, key, relation))
        if in_flight:
            [lease] = pocket.lease()
            outcome = pocket.outcome(lease)
            pocket.follow(ALICE, every=HOURLY)
            pocket.settle(lease, outcome)
        else:
            pocket.follow(ALICE, every=HOURLY)
        pocket.run()

        assert len(pocket.listed(ALICE)) == 3
        assert ALICE in pocket.later(2 * DAY)


@pytest.mark.parametrize("what", ["a page of the outbox", "the actor"], ids=["a page", "the actor"])
def test_unfollowed_while_an_answer_is_coming(tmp_path: Path, what: str) -> None:
    """The answer is kept and looked at now and then, but nothing new is asked after that."""
    with Pocket(tmp_path) as pocket:
        pages = [f"{OUTBOX}?page={n}" for n in range(30)]
        pocket.pages |= {ALICE: actor(), OUTBOX: outbox(first=pages[0])}
        for n, url in enumerate(pages[:-1]):
            pocket.pages[url] = outbox(*creates(90 - 3 * n, 88 - 3 * n), id=url, next=pages[n + 1])
            pocket.pages[url]["type"] = "OrderedCollectionPage"
        pocket.pages[OUTBOX].pop("orderedItems")
        pocket.follow(ALICE, backfill="all")
        last = ALICE if what == "the actor" else pages[2]
        while pocket.asked[-1:] != [last]:
            [lease] = pocket.lease()
            outcome = pocket.outcome(lease)
            if lease.url == last:
                pocket.unfollow(ALICE)
            pocket.settle(lease, outcome)

        assert pocket.run() == []
        assert all(pocket.held(url) for url in pocket.later(30 * DAY))
        assert pocket.opened.query.follow(ALICE) is None
        pocket.sound()


def test_unfollowed_and_followed_again_it_goes_on(tmp_path: Path) -> None:
    """In the middle of a backfill: what is left comes, nothing comes twice."""
    with Pocket(tmp_path) as pocket:
        pages = [f"{OUTBOX}?page={n}" for n in range(6)]
        pocket.pages |= {ALICE: actor(), OUTBOX: outbox(first=pages[0])}
        del pocket.pages[OUTBOX]["orderedItems"]
        for n, url in enumerate(pages):
            page = outbox(*creates(18 - 3 * n, 16 - 3 * n), id=url)
            page["type"] = "OrderedCollectionPage"
            pocket.pages[url] = page | ({"next": pages[n + 1]} if n < 5 else {})
        pocket.follow(ALICE, backfill="all", every=HOURLY)
        for _ in range(4):
            pocket.step()
        pocket.unfollow(ALICE)
        assert pocket.later(DAY) == []
        pocket.follow(ALICE, backfill="all", every=HOURLY)
        pocket.run()

        assert len(pocket.listed(ALICE)) == 18
        assert pocket.members(OUTBOX) == ids(*range(18, 0, -1))


@pytest.mark.parametrize("by", [ALICE, HANDLE], ids=["by URI", "by handle"])
@pytest.mark.parametrize(
    "served",
    [
        pytest.param(410, id="gone"),
        pytest.param(404, id="missing"),
        pytest.param(500, id="failing"),
        pytest.param({"id": ALICE, "type": "Tombstone"}, id="a Tombstone"),
        pytest.param(post(1) | {"id": ALICE}, id="a post"),
        pytest.param(post(1) | {"id": ALICE, "to": []}, id="a private post"),
        pytest.param(creates(1)[0] | {"id": ALICE}, id="an activity"),
        pytest.param(outbox(id=ALICE), id="a collection"),
        pytest.param(actor(id=f"{HOST}/users/other"), id="another id, which is missing"),
        pytest.param([], id="a list"),
    ],
)
@pytest.mark.parametrize("known", [False, True], ids=["at first sight", "later"])
def test_a_follow_whose_actor_is_none_says_so_and_is_tried_again(
    tmp_path: Path, served: Any, known: bool, by: str
) -> None:
    """Whatever stands at the actor's URL: an error that can be seen, and another look one day."""
    with Pocket(tmp_path) as pocket:
        pocket.pages |= {finger_url(HANDLE): finger(HANDLE, ALICE), OUTBOX: outbox(*creates(3))}
        pocket.pages[ALICE] = actor()
        if known:
            pocket.follow(by, types=["Note"], every=HOURLY)
            pocket.run()
        pocket.pages[ALICE] = served
        pocket.pages[OUTBOX] = 404
        if known:
            pocket.later(DAY)
        else:
            pocket.follow(by, types=["Note"], every=HOURLY)
            pocket.run()
        follow = pocket.opened.query.follow(by)
        assert follow is not None
        assert follow.last_error
        pocket.pages |= {ALICE: actor(), OUTBOX: outbox(*creates(4))}
        gone = pocket.state(ALICE) == "gone"
        for _ in range(2):
            pocket.later(30 * DAY if gone else DAY)
        follow = pocket.opened.query.follow(by)

        assert follow is not None
        assert follow.last_error is None
        assert len(pocket.listed(by)) == 4
        assert follow.next_check is not None
        assert follow.next_check > pocket.clock.at - DAY


def test_a_shorter_interval_counts_from_the_next_start(tmp_path: Path) -> None:
    """Planned in a week by the old configuration; the new one says an hour at the most."""
    with Pocket(tmp_path) as pocket:
        pocket.pages |= {ALICE: actor(), OUTBOX: outbox(*creates(3))}
        week = {"min": "7d", "max": "7d"}
        pocket.start([Rules(actor=ALICE, every=Every.model_validate(week))])
        pocket.run()
        hour = {"min": "1h", "max": "1h"}
        pocket.start([Rules(actor=ALICE, every=Every.model_validate(hour))])

        assert pocket.run() == []
        assert OUTBOX in pocket.later(3600)


def test_what_is_not_configured_any_more_is_left_alone_at_the_next_start(tmp_path: Path) -> None:
    """Taken out of the file in the middle of its walk: no request; put back, it goes on."""
    with Pocket(tmp_path) as pocket:
        pages = [f"{OUTBOX}?page={n}" for n in range(4)]
        pocket.pages |= {ALICE: actor(), OUTBOX: outbox(first=pages[0])}
        del pocket.pages[OUTBOX]["orderedItems"]
        for n, url in enumerate(pages):
            page = outbox(*creates(12 - 3 * n, 10 - 3 * n), id=url)
            page["type"] = "OrderedCollectionPage"
            pocket.pages[url] = page | ({"next": pages[n + 1]} if n < 3 else {})
        rules = Rules(actor=ALICE, backfill="all")
        pocket.start([rules])
        for _ in range(3):
            pocket.step()
        pocket.start([])
        assert pocket.later(30 * DAY) == []
        pocket.start([rules])
        pocket.run()

        assert len(pocket.listed(ALICE)) == 12
        assert all(pocket.asked.count(url) == 1 for url in pages)


def test_a_404_counts_only_since_the_origin_last_had_it(tmp_path: Path) -> None:
    """Gone is what is missing three times in a row over a week, not three times in all."""
    with Pocket(tmp_path) as pocket:
        uri = ids(1)[0]

        def look(served: Any, after: float) -> None:
            pocket.pages[uri] = served
            pocket.clock.at += after
            pocket.want(Want(uri, Kind.DOCUMENT, Cause.ON_DEMAND, 0.0))
            pocket.run()

        look(post(1), 0)
        for served in (404, 404, post(1), 404):
            look(served, 5 * DAY)
        assert pocket.held(uri)
        for _ in range(20):
            look(404, DAY / 4)
        assert pocket.held(uri)
        for _ in range(10):
            look(404, DAY / 4)

        assert not pocket.held(uri)
        assert pocket.state(uri) == "gone"


def test_a_lease_that_ends_while_its_answer_is_coming(tmp_path: Path) -> None:
    """The page is asked for twice, then; its items are taken once, and the walk goes on once."""
    with Pocket(tmp_path) as pocket:
        pages = [f"{OUTBOX}?page={n}" for n in range(4)]
        pocket.pages |= {ALICE: actor(), OUTBOX: outbox(first=pages[0])}
        del pocket.pages[OUTBOX]["orderedItems"]
        for n, url in enumerate(pages):
            page = outbox(*creates(12 - 3 * n, 10 - 3 * n), id=url)
            page["type"] = "OrderedCollectionPage"
            pocket.pages[url] = page | ({"next": pages[n + 1]} if n < 3 else {})
        pocket.follow(ALICE, backfill="all", every=HOURLY)
        pocket.step()
        pocket.step()
        [slow] = pocket.lease()
        late = pocket.outcome(slow)
        pocket.clock.at += 200
        [again] = pocket.lease()
        first = pocket.outcome(again)
        pocket.settle(slow, late)
        between = pocket.lease()
        pocket.settle(again, first)
        for lease in between:
            pocket.settle(lease, pocket.outcome(lease))
        pocket.run()

        assert again.url == slow.url == pages[0]
        assert pocket.members(OUTBOX) == ids(*range(12, 0, -1))
        assert all(pocket.asked.count(url) <= 2 for url in pages)
        pocket.sound()
