"""Visits to an outbox that is in the way: nothing new stays unseen, and nobody else is stormed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from ingest_cases import ALICE, OUTBOX, PUBLIC, actor, create, note
from pocket import Pocket

from fedpull.cache.records import Cause, Kind, Lease, Want

HOURLY = {"min": "1h", "max": "1h"}
HOUR, DAY = 3_600.0, 86_400.0


def url(page: object) -> str:
    return f"{OUTBOX}?page={page}"


def root(**more: Any) -> dict[str, Any]:
    return {"id": OUTBOX, "type": "OrderedCollection", "first": url(1)} | more


def page(name: object, *items: Any, **more: Any) -> dict[str, Any]:
    return {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": url(name),
        "type": "OrderedCollectionPage",
        "partOf": OUTBOX,
        "orderedItems": list(items),
    } | more


def followed(pocket: Pocket, **pages: dict[str, Any] | int) -> None:
    pocket.pages |= {ALICE: actor(), OUTBOX: root()}
    pocket.pages |= {f"{ALICE}/posts/{n}": note(n) for n in range(1, 10)}
    pocket.pages |= {url(name[1:]): value for name, value in pages.items()}
    pocket.follow(ALICE, every=HOURLY)
    pocket.run()


def posts(pocket: Pocket) -> set[int]:
    return {int(id.rpartition("/")[2]) for id in pocket.listed(ALICE)}


def test_a_cursor_that_leads_nowhere_does_not_hide_the_head(tmp_path: Path) -> None:
    """The first page names one before it, which stays empty: the head is looked at now and then."""
    with Pocket(tmp_path) as pocket:
        followed(pocket, p1=page(1, create(1), prev=url(0)), p0=page(0))
        pocket.pages[url(1)] = page(1, create(2), create(1), prev=url(0))
        before = len(pocket.asked)
        for _ in range(50):
            pocket.later(HOUR)

        assert posts(pocket) == {1, 2}
        asked = pocket.asked[before:]
        assert asked.count(url(1)) == 2
        assert asked.count(url(0)) == 48


@pytest.mark.parametrize("status", [500, 403, 406])
def test_a_cursor_that_fails_leads_to_the_head(tmp_path: Path, status: int) -> None:
    """A server that was exchanged does not know the cursors of the one before."""
    with Pocket(tmp_path) as pocket:
        followed(pocket, p1=page(1, create(1), prev=url("x")), px=page("x"))
        pocket.pages |= {url("x"): status, url(1): page(1, create(2), create(1))}
        for _ in range(5):
            pocket.later(DAY)
        follow = pocket.opened.query.follow(ALICE)

        assert posts(pocket) == {1, 2}
        assert follow is not None
        assert follow.last_error is None


def test_a_page_that_always_fails_hides_what_is_beyond_it_only(tmp_path: Path) -> None:
    """Its backfill ends there; new posts are found, and once the page is mended, the old ones."""
    with Pocket(tmp_path) as pocket:
        followed(pocket, p1=page(1, create(5), create(4), next=url(2)), p2=500)
        for _ in range(5):
            pocket.later(DAY)
        pocket.pages[url(1)] = page(1, create(6), create(5), create(4), next=url(2))
        for _ in range(8):
            pocket.later(DAY)
        assert posts(pocket) == {4, 5, 6}
        pocket.pages[url(2)] = page(2, create(3), create(2))
        for _ in range(48):
            pocket.later(HOUR)

        assert posts(pocket) == {2, 3, 4, 5, 6}


def test_a_page_that_fails_for_a_night_is_waited_for(tmp_path: Path) -> None:
    """A backfill goes on where it was, and is not begun anew."""
    with Pocket(tmp_path) as pocket:
        followed(pocket, p1=page(1, create(5), create(4), next=url(2)), p2=500)
        for _ in range(12):
            pocket.later(HOUR)
        pocket.pages[url(2)] = page(2, create(3), create(2))
        pocket.later(DAY)

        assert posts(pocket) == {2, 3, 4, 5}
        assert pocket.asked[: pocket.asked.index(url(2))].count(url(1)) == 1


def test_where_the_order_is_another_no_cursor_is_trusted(tmp_path: Path) -> None:
    """It leads to what is newest by the server's order, and what is new stands elsewhere."""

    def on(day: int, n: int) -> dict[str, Any]:
        return create(n, published=f"2026-09-{day:02}T10:00:00Z")

    listed = [on(3, 3), on(9, 1), on(4, 4), on(12, 2)]
    with Pocket(tmp_path) as pocket:
        followed(pocket, p1=page(1, *listed, prev=url("up")), pup=page("up"))
        pocket.pages[url(1)] = page(1, *listed[:2], on(14, 7), *listed[2:], prev=url("up"))
        pocket.later(HOUR)
        pocket.later(HOUR)

        assert 7 in posts(pocket)


@pytest.mark.parametrize(
    "served",
    [
        pytest.param(410, id="410"),
        pytest.param(404, id="404"),
        pytest.param(500, id="500"),
        pytest.param({"id": OUTBOX, "type": "Tombstone"}, id="a Tombstone"),
        pytest.param(root(id=f"{OUTBOX}/other"), id="another id"),
    ],
)
def test_who_asks_for_an_outbox_as_a_document_stops_no_visits(tmp_path: Path, served: Any) -> None:
    """A person may ask for it, and whatever names it as a post: its visits go on as they were."""
    first = page(1, create(2), create(1))

    def serve(lease: Lease) -> Any:
        return root() if lease.want.kind is Kind.PAGE else served

    with Pocket(tmp_path) as pocket:
        followed(pocket, p1=page(1, create(1)))
        pocket.pages |= {OUTBOX: serve, url(1): first}
        pocket.want(Want(OUTBOX, Kind.DOCUMENT, Cause.ON_DEMAND, 0.0))
        pocket.later(60)
        pocket.later(HOUR)

        assert posts(pocket) == {1, 2}
        follow = pocket.opened.query.follow(ALICE)
        assert follow is not None
        assert follow.next_check == pytest.approx(pocket.clock.at + HOUR, abs=120)


def test_who_asks_for_an_outbox_often_does_not_put_its_visits_off(tmp_path: Path) -> None:
    """An answer to another question is none to whether something is new."""

    def serve(lease: Lease) -> Any:
        return root() if lease.want.kind is Kind.PAGE or not lease.etag else 304

    with Pocket(tmp_path) as pocket:
        followed(pocket, p1=page(1, create(1)))
        pocket.pages |= {OUTBOX: serve, url(1): page(1, create(2), create(1))}
        for _ in range(9):
            pocket.want(Want(OUTBOX, Kind.DOCUMENT, Cause.ON_DEMAND, 0.0))
            pocket.later(600)

        assert posts(pocket) == {1, 2}


@pytest.mark.parametrize("verb", ["Announce", "Delete"])
def test_a_page_makes_us_storm_nobody_else(tmp_path: Path, verb: str) -> None:
    """Whatever it says of other servers' posts at every visit: few of them are looked at, each
    once an hour at most, and nobody deletes what is elsewhere."""
    theirs = [f"https://else.example/{n}" for n in range(40)]
    docs = {id: note(1, id=id, attributedTo="https://else.example/bob") for id in theirs}

    def serve(lease: Lease) -> Any:
        ahead = datetime.fromtimestamp(pocket.clock.at + HOUR, UTC).isoformat()
        items = [
            {
                "id": f"{ALICE}/acts/{n}",
                "type": verb,
                "actor": ALICE,
                "to": PUBLIC,
                "object": docs[id] | {"updated": ahead} if verb == "Announce" else id,
            }
            for n, id in enumerate(theirs)
        ]
        return {"id": OUTBOX, "type": "OrderedCollection", "orderedItems": items}

    with Pocket(tmp_path) as pocket:
        pocket.pages |= docs | {ALICE: actor(), OUTBOX: serve}
        pocket.want(*(Want(id, Kind.DOCUMENT, Cause.ON_DEMAND, 0.0) for id in theirs))
        pocket.run()
        pocket.follow(ALICE, every={"min": "5m", "max": "5m"})
        pocket.run()
        asked = [url for _ in range(12) for url in pocket.later(300)]

        assert asked.count(OUTBOX) == 12
        stormed = [url for url in asked if url in docs]
        assert len(stormed) == len(set(stormed))
        assert len(stormed) <= (20 if verb == "Announce" else 0)
