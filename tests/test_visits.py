"""Visit after visit to one outbox: what is taken, what is not, and in which order it is kept."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
from ingest_cases import ALICE, HOST, OUTBOX, PUBLIC, actor
from pocket import START, Pocket

from fedpull.cache.records import Lease, Politeness
from fedpull.config.model import Follow as Rules
from fedpull.errors import StoreError

Items = list[Any]
DAY = 86_400.0
# Bounds that bring the next visit after an hour at the latest.
HOURLY = {"min": "1s", "max": "1h"}


def stamp(n: int) -> str:
    return f"2026-08-{n // 1440 + 1:02}T{n // 60 % 24:02}:{n % 60:02}:00Z"


def post(n: int, **more: Any) -> dict[str, Any]:
    return {
        "id": f"{ALICE}/posts/{n}",
        "type": "Note",
        "attributedTo": ALICE,
        "to": PUBLIC,
        "content": f"post {n}",
        "published": stamp(n),
    } | more


def offered(n: int, verb: str = "Create", **more: Any) -> dict[str, Any]:
    return {
        "id": f"{ALICE}/posts/{n}/{verb}",
        "type": verb,
        "actor": ALICE,
        "to": PUBLIC,
        "published": stamp(n),
        "object": post(n, **more),
    }


def about(verb: str, uri: str, n: int) -> dict[str, Any]:
    """An activity that names its object by URI."""
    act = {"id": f"{ALICE}/acts/{n}", "type": verb, "actor": ALICE, "to": PUBLIC}
    return act | {"published": stamp(n), "object": uri}


def ids(*numbers: int) -> list[str]:
    return [f"{ALICE}/posts/{n}" for n in numbers]


class Outbox:
    """Counts pages from the top, as WordPress and many others do, with no cursor."""

    def __init__(self, items: Items, size: int = 10) -> None:
        self.items = items
        self.size = size

    def put_into(self, pocket: Pocket, pages: int = 60) -> None:
        pocket.pages[ALICE] = actor()
        pocket.pages[OUTBOX] = lambda lease: {
            "id": OUTBOX,
            "type": "OrderedCollection",
            "first": f"{OUTBOX}?page=1",
        }
        for number in range(1, pages):
            pocket.pages[f"{OUTBOX}?page={number}"] = self.page(number)

    def page(self, number: int) -> Callable[[Lease], Any]:
        def serve(lease: Lease) -> Any:
            start = (number - 1) * self.size
            page: dict[str, Any] = {
                "id": lease.url,
                "type": "OrderedCollectionPage",
                "partOf": OUTBOX,
                "orderedItems": self.items[start : start + self.size],
            }
            if len(self.items) > start + self.size:
                page["next"] = f"{OUTBOX}?page={number + 1}"
            return page

        return serve


def creates(newest: int, oldest: int) -> Items:
    return [offered(n) for n in range(newest, oldest - 1, -1)]


@pytest.mark.parametrize(
    "above",
    [
        pytest.param([about("Like", ids(3)[0], 900)], id="a like of an own post"),
        pytest.param([offered(3, "Update", content="edited")], id="an edit of an old post"),
        pytest.param([about("Announce", ids(3)[0], 900)], id="a boost of an own post"),
        pytest.param([about("Announce", "https://else.example/1", 900)], id="a boost, unwanted"),
        pytest.param([about("Delete", ids(4)[0], 900)], id="a deletion"),
    ],
)
def test_what_happens_to_old_posts_hides_no_new_ones(tmp_path: Path, above: Items) -> None:
    """An activity about something known, above fifteen new posts, does not end what is new."""
    with Pocket(tmp_path) as pocket:
        box = Outbox(creates(10, 1))
        box.put_into(pocket)
        pocket.follow(ALICE, boosts=False, every=HOURLY)
        pocket.run()
        box.items = above + creates(25, 1)
        pocket.later(3600)

        assert set(ids(*range(11, 26))) <= set(pocket.listed(ALICE))


@pytest.mark.parametrize("links", [False, True], ids=["embedded", "by URL"])
@pytest.mark.parametrize("target", [0, 4, 15])
def test_a_target_still_holds_at_later_visits(tmp_path: Path, target: int, links: bool) -> None:
    """What the backfill left out stays out when the head is read again; new posts come."""
    with Pocket(tmp_path) as pocket:
        pocket.pages.update({post["id"]: post for post in (post(n) for n in range(1, 40))})

        def listing(newest: int) -> Items:
            return ids(*range(newest, 0, -1)) if links else creates(newest, 1)

        box = Outbox(listing(30))
        box.put_into(pocket)
        pocket.follow(ALICE, backfill=target or "none", every=HOURLY)
        pocket.run()
        assert len(pocket.listed(ALICE)) == target
        pocket.later(3600)
        assert len(pocket.listed(ALICE)) == target
        box.items = listing(32)
        pocket.later(3600)
        pocket.later(3600)

        assert set(pocket.listed(ALICE)) == set(ids(*range(32, 30 - target, -1)))


def test_a_target_counts_posts_once_however_often_they_are_listed(tmp_path: Path) -> None:
    """An edit and its post are one post; an overlap of two pages counts for nothing."""
    with Pocket(tmp_path) as pocket:
        items = [offered(30, "Update", content="new", updated=stamp(60)), *creates(30, 1)]
        box = Outbox(items)
        box.put_into(pocket)
        served = pocket.pages[f"{OUTBOX}?page=2"]

        def shifted(lease: Lease) -> Any:
            """Two posts came between the pages: their tail is repeated."""
            if box.items is items:
                box.items = [*creates(32, 31), *items]
            return served(lease)

        pocket.pages[f"{OUTBOX}?page=2"] = shifted
        pocket.follow(ALICE, backfill=15)
        pocket.run()

        assert set(pocket.listed(ALICE)) == set(ids(*range(30, 15, -1)))


def test_an_edit_stands_though_the_old_post_is_listed_below(tmp_path: Path) -> None:
    """Of several versions on one page the first is the newest."""
    with Pocket(tmp_path) as pocket:
        box = Outbox([offered(2, "Update", content="now", updated=stamp(60)), *creates(2, 1)])
        box.put_into(pocket)
        pocket.follow(ALICE)
        pocket.run()
        document = pocket.opened.query.document(ids(2)[0])

        assert document is not None
        assert document.json["content"] == "now"


@pytest.mark.parametrize("size", [450, 601])
def test_all_of_one_long_page_arrives(tmp_path: Path, size: int) -> None:
    """An outbox that is one page of hundreds of posts is read to its end, newest first or not."""
    with Pocket(tmp_path) as pocket:
        pocket.pages[ALICE] = actor()
        items = ids(*range(size, 0, -1)) if size == 601 else creates(size, 1)
        pocket.pages.update({post["id"]: post for post in (post(n) for n in range(1, size + 1))})
        inline = {"id": OUTBOX, "type": "OrderedCollection", "orderedItems": items}
        pocket.pages[OUTBOX] = inline
        pocket.follow(ALICE, backfill="all")
        pocket.run(3000)

        assert len(pocket.listed(ALICE)) == size
        follow = pocket.opened.query.follow(ALICE)
        view = pocket.opened.query.collection(OUTBOX)
        assert follow is not None
        assert follow.complete
        assert view is not None
        assert view.complete
        assert pocket.asked.count(OUTBOX) <= 6


@pytest.mark.parametrize("links", [False, True], ids=["embedded", "by URL"])
def test_members_stand_in_the_origins_order_after_a_long_absence(
    tmp_path: Path, links: bool
) -> None:
    """More new posts than fit on a page: all of them stand above the known ones, newest first."""
    with Pocket(tmp_path) as pocket:
        pocket.pages.update({post["id"]: post for post in (post(n) for n in range(1, 60))})
        # What is listed by URL is the activity, which is opened first.
        pocket.pages.update({one["id"]: one for one in creates(59, 1)})

        def listing(newest: int) -> Items:
            items = creates(newest, 1)
            return [item["id"] for item in items] if links else items

        box = Outbox(listing(15))
        box.put_into(pocket)
        pocket.follow(ALICE, every=HOURLY)
        pocket.run()
        assert pocket.members(OUTBOX) == ids(*range(15, 0, -1))
        box.items = listing(47)
        pocket.later(3600)

        assert pocket.members(OUTBOX) == ids(*range(47, 0, -1))


def test_a_page_that_is_missing_once_does_not_end_a_walk(tmp_path: Path) -> None:
    """A server in trouble says 404 as well; only what it says twice ends the walk."""
    with Pocket(tmp_path) as pocket:
        box = Outbox(creates(40, 1))
        box.put_into(pocket)
        served = pocket.pages[f"{OUTBOX}?page=3"]
        answers = iter([404])
        pocket.pages[f"{OUTBOX}?page=3"] = lambda lease: next(answers, None) or served(lease)
        pocket.follow(ALICE, backfill="all")
        pocket.run()

        assert set(pocket.listed(ALICE)) == set(ids(*range(1, 41)))


@pytest.mark.parametrize("status", [500, 502, 403])
def test_a_page_that_fails_is_asked_again_and_the_walk_goes_on(tmp_path: Path, status: int) -> None:
    """The place is kept: nothing before it is read again, and nothing is left out."""
    with Pocket(tmp_path) as pocket:
        box = Outbox(creates(95, 1))
        box.put_into(pocket)
        served = pocket.pages[f"{OUTBOX}?page=9"]
        pocket.pages[f"{OUTBOX}?page=9"] = status
        pocket.follow(ALICE, backfill="all")
        pocket.run()
        assert len(pocket.listed(ALICE)) == 80
        pocket.pages[f"{OUTBOX}?page=9"] = served
        asked = pocket.later(DAY)

        assert len(pocket.listed(ALICE)) == 95
        assert [url for url in asked if "page=" in url][:2] == [
            f"{OUTBOX}?page=9",
            f"{OUTBOX}?page=10",
        ]


def test_a_backfill_goes_on_when_a_full_store_got_room(tmp_path: Path) -> None:
    """Full in the middle of a page: nothing half is left, and with more room the rest comes."""
    box = Outbox([offered(n, content=f"{n} {token_hex(20_000)}") for n in range(200, 0, -1)])
    with Pocket(tmp_path) as pocket:
        box.put_into(pocket)
        pocket.follow(ALICE, backfill="all")
        for _ in range(7):
            pocket.step()
        [lease] = pocket.lease()
        outcome = pocket.outcome(lease)
    with Pocket(tmp_path, max_bytes=1 << 20) as pocket:
        with pytest.raises(StoreError, match="full"):
            pocket.settle(lease, outcome)
        assert pocket.later(7200) == []
        assert len(pocket.listed(ALICE)) == 50
        pocket.sound()
    with Pocket(tmp_path) as pocket:
        box.put_into(pocket)
        pocket.follows._rules[ALICE] = Rules(actor=ALICE, backfill="all")
        pocket.opened.frontier.recover(pocket.clock.now()).result()
        asked = pocket.run()

        assert asked[0] == f"{OUTBOX}?page=6"
        assert pocket.members(OUTBOX) == ids(*range(200, 0, -1))
        assert len(pocket.listed(ALICE)) == 200
        pocket.sound()


def test_the_poll_interval_stays_within_its_bounds(tmp_path: Path) -> None:
    """Whatever comes or does not come, the next visit is planned between min and max."""
    with Pocket(tmp_path) as pocket:
        box = Outbox(creates(10, 1))
        box.put_into(pocket)
        pocket.follow(ALICE, every={"min": "5m", "max": "15m"})
        pocket.run()
        for visit in range(12):
            follow = pocket.opened.query.follow(ALICE)
            assert follow is not None
            assert follow.next_check is not None
            assert 300 <= follow.next_check - pocket.clock.at <= 900
            if visit % 2:
                box.items = [offered(11 + visit), *box.items]
            pocket.clock.at = follow.next_check
            pocket.run()
        assert pocket.clock.at <= START + 12 * 900


def test_a_reply_loop_ends(tmp_path: Path) -> None:
    """A answers B, B answers A, and C answers itself: each is asked for once."""
    with Pocket(tmp_path, politeness=Politeness(1, 0.0, 1000)) as pocket:
        other = f"{HOST}/users/bob"
        first, second = f"{other}/1", f"{other}/2"
        for uri, parent in ((first, second), (second, first)):
            pocket.pages[uri] = post(1, id=uri, attributedTo=other, inReplyTo=parent)
        pocket.pages[other] = actor(id=other)
        own = ids(7)[0]
        box = Outbox([offered(8, inReplyTo=first), offered(7, inReplyTo=own)])
        box.put_into(pocket)
        pocket.follow(ALICE, parents=50)
        pocket.run()

        assert pocket.held(first)
        assert pocket.held(second)
        assert [pocket.asked.count(uri) for uri in (first, second, other, own)] == [1, 1, 1, 0]


@pytest.mark.parametrize("parents", [0, 1, 3])
def test_threads_are_resolved_upwards_as_far_as_told(tmp_path: Path, parents: int) -> None:
    """`parents` levels above a post, no more."""
    with Pocket(tmp_path) as pocket:
        other = f"{HOST}/users/bob"
        chain = [f"{other}/{n}" for n in range(6)]
        for uri, parent in pairwise(chain):
            pocket.pages[uri] = post(1, id=uri, attributedTo=other, inReplyTo=parent)
        pocket.pages[other] = actor(id=other)
        Outbox([offered(8, inReplyTo=chain[0])]).put_into(pocket)
        pocket.follow(ALICE, parents=parents)
        pocket.run()

        assert [pocket.held(uri) for uri in chain] == [n < parents for n in range(6)]
        assert pocket.listed(ALICE) == ids(8)
