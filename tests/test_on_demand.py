"""On-demand fetches beside everything else: what waits is answered, whatever becomes of its row."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from pathlib import Path

import pytest
from ingest_cases import ALICE, actor
from pocket import Pocket

from fedpull.cache.open import open_store
from fedpull.cache.records import Cause, Follow, HostReport, Kind, Want
from fedpull.crawler.answer import FetchFailed, Hop
from fedpull.crawler.clock import SystemClock
from fedpull.crawler.desk import Desk
from fedpull.crawler.ingestor import Ingestor, Tally
from fedpull.crawler.protocol.uri import UrlRules
from fedpull.errors import NotFound, StoreError

URI = f"{ALICE}/posts/1"


def desk_of(pocket: Pocket) -> Desk:
    opened = pocket.opened
    return Desk(opened.frontier, opened.query, pocket.clock, UrlRules(), lambda: None, lambda: None)


async def answering(pocket: Pocket, desk: Desk) -> None:
    """The crawler beside the desk, until it is cancelled."""
    while True:
        for lease in pocket.lease(16):
            outcome = pocket.outcome(lease)
            pocket.settle(lease, outcome)
            desk.settled(lease, outcome)
        await asyncio.sleep(0)


async def fetched(pocket: Pocket, desk: Desk, what: str, wait: float = 20.0) -> str:
    crawler = asyncio.ensure_future(answering(pocket, desk))
    try:
        return str((await desk.fetch(what, wait=wait)).state)
    finally:
        crawler.cancel()


def test_a_fetch_that_could_not_be_queued_does_not_stand_in_the_way(tmp_path: Path) -> None:
    """The store refuses once; the next one to ask for the same id is not made to wait for that."""

    async def story() -> None:
        with Pocket(tmp_path / "closed") as closed, Pocket(tmp_path / "open") as pocket:
            closed.opened.close()
            desk = desk_of(pocket)
            desk.frontier = closed.opened.frontier
            with pytest.raises(StoreError):
                await desk.fetch(URI, wait=1.0)
            desk.frontier = pocket.opened.frontier
            pocket.pages[URI] = actor(id=URI)

            assert await fetched(pocket, desk, URI) == "resolved"

    asyncio.run(story())


def test_a_fetch_whose_row_went_with_a_follow_is_queued_again(tmp_path: Path) -> None:
    """Somebody unfollows while another waits for one of the follow's documents."""

    async def story() -> None:
        with Pocket(tmp_path) as pocket:
            desk = desk_of(pocket)
            pocket.pages[URI] = actor(id=URI)
            pocket.opened.store.put_follow(Follow(ALICE)).result()
            pocket.want(Want(URI, Kind.DOCUMENT, Cause.NEW, 9e9, ALICE, "item", scheduled=True))
            first = await desk.fetch(URI, wait=0.0)
            assert str(first.state) == "unknown"
            pocket.opened.store.drop_follow(ALICE, 0.0).result()

            assert await fetched(pocket, desk, URI) == "resolved"

    asyncio.run(story())


def test_a_handle_that_is_gone_is_not_answered_from_memory(tmp_path: Path) -> None:
    """WebFinger said whom it names; now it says 404, and that is what the caller hears."""
    finger = "https://social.example/.well-known/webfinger?resource=acct:alice@social.example"
    link = {"rel": "self", "type": "application/activity+json", "href": ALICE}

    async def story() -> None:
        with Pocket(tmp_path) as pocket:
            desk = desk_of(pocket)
            pocket.pages |= {finger: {"subject": "acct:alice@social.example", "links": [link]}}
            pocket.pages[ALICE] = actor()
            assert await fetched(pocket, desk, "@alice@social.example") == "resolved"
            pocket.pages[finger] = 404
            with pytest.raises(NotFound):
                await fetched(pocket, desk, "@alice@social.example")

    asyncio.run(story())


@pytest.mark.parametrize("failing", [False, True], ids=["an answer", "no answer"])
def test_a_place_is_given_back_when_the_store_cannot_be_read(tmp_path: Path, failing: bool) -> None:
    """Each lease ends once, also when nothing can be looked up or written any more."""

    async def story() -> int:
        pocket = Pocket(tmp_path)
        pocket.want(Want(URI, Kind.DOCUMENT, Cause.NEW, 0.0))
        [lease] = pocket.lease()
        pocket.pages[URI] = actor(id=URI)
        came = pocket.answer(lease)
        opened, places = pocket.opened, list[int]()
        ingestor = Ingestor(
            opened.store,
            opened.query,
            SystemClock(),
            lambda key: None,
            lambda key: None,
            lambda actor: None,
            lambda: places.append(1),
            defaultdict(Tally),
        )
        opened.close()
        if failing:
            hops = (Hop("social.example:443", error="connect"),)
            ingestor.failed(lease, FetchFailed(URI, "no", kind="connect", hops=hops))
        else:
            ingestor.answered(lease, came)
        await asyncio.sleep(0)
        return len(places)

    assert asyncio.run(story()) == 1


def test_a_turn_that_was_not_used_says_nothing_about_its_host(tmp_path: Path) -> None:
    """A slot that is given back without a request ends no outage."""
    with Pocket(tmp_path) as pocket:
        frontier, host = pocket.opened.frontier, "social.example:443"
        for at in range(5):
            report = HostReport(host, ok=False, error="connect")
            frontier.report([report], 1000.0 + at * 700).result()
        [before] = pocket.opened.query.hosts(5000.0)
        frontier.report([HostReport(host, ok=True, slot=True)], 5000.0).result()
        [after] = pocket.opened.query.hosts(5000.0)

        assert before.failures >= 3
        assert after.failures == before.failures
        assert after.until == before.until


def test_a_store_opened_anew_gives_back_what_was_leased(tmp_path: Path) -> None:
    """A process that died with leases out: its next start has them at once, and its slots."""
    with Pocket(tmp_path) as pocket:
        pocket.want(*(Want(f"{URI}{n}", Kind.DOCUMENT, Cause.NEW, 0.0) for n in range(20)))
        assert len(pocket.lease(64)) == 16
    opened = open_store(tmp_path, max_bytes=64 << 20, politeness=pocket.politeness)
    try:
        assert opened.frontier.recover(pocket.clock.now()).result() == 16
        assert len(opened.frontier.lease(pocket.clock.now(), 64, 60.0).result()) == 16
        assert opened.query.check().findings == ()
    finally:
        opened.close()
