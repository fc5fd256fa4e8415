"""On demand while the crawler is busy: who waits for one document waits for one request."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from pocket import Pocket
from station import Station, eventually

from fedpull.cache.records import Cause, Kind, Lease, Politeness, Want
from fedpull.client import Client
from fedpull.config.model import Config, Network
from fedpull.crawler.dispatch import KEPT, LEASE_SECONDS, PLACES, Dispatcher
from fedpull.crawler.egress_chain import longest
from fedpull.crawler.works import politeness
from fedpull.tests.fediverse import Fediverse
from fedpull.tests.fediverse.families.cursors import Mastodon

TOWN = "town.example"


def wanted(host: str, cause: Cause, n: int = 1) -> Want:
    return Want(f"https://{host}.example/notes/{n}", Kind.DOCUMENT, cause, 0.0)


class Crawler:
    """A dispatcher over a real frontier, whose leases nobody answers until the test does."""

    def __init__(self, pocket: Pocket, places: int, kept: int) -> None:
        self.pocket = pocket
        frontier, clock = pocket.opened.frontier, pocket.clock
        self.dispatcher = Dispatcher(frontier, clock, places=places, kept=kept)
        self.leases = self.dispatcher.route(Kind)
        self.taken: list[Lease] = []

    async def take(self, count: int) -> list[str]:
        """The hosts of the next `count` leases, as they come."""
        for _ in range(count):
            self.taken.append(await asyncio.wait_for(self.leases.get(), 20.0))
        return [lease.host.partition(".")[0] for lease in self.taken[-count:]]

    async def settled(self) -> None:
        """Until the dispatcher has no question open."""
        for _ in range(1_000_000):
            if not self.dispatcher.asking:
                return
            await asyncio.sleep(0)
        raise AssertionError("a question stays open")

    def answer(self, lease: Lease) -> None:
        self.pocket.settle(lease, self.pocket.outcome(lease))
        self.dispatcher.finished()


def test_what_is_urgent_has_places_of_its_own(tmp_path: Path) -> None:
    """When every place is taken, push has some that are kept, and on demand as many again."""

    async def story() -> None:
        with Pocket(tmp_path) as pocket:
            crawler = Crawler(pocket, places=3, kept=2)
            pocket.want(*(wanted(f"new{n}", Cause.NEW) for n in range(5)))
            crawler.dispatcher.start()
            assert set(await crawler.take(3)) <= {f"new{n}" for n in range(5)}
            await crawler.settled()
            pocket.want(*(wanted(f"push{n}", Cause.PUSH) for n in range(3)))
            crawler.dispatcher.poke()
            assert set(await crawler.take(2)) <= {f"push{n}" for n in range(3)}
            await crawler.settled()
            assert (crawler.dispatcher.in_flight, crawler.leases.qsize()) == (5, 0)

            pocket.want(*(wanted(f"asked{n}", Cause.ON_DEMAND) for n in range(3)))
            crawler.dispatcher.hurry()
            assert set(await crawler.take(2)) <= {f"asked{n}" for n in range(3)}
            await crawler.settled()
            assert (crawler.dispatcher.in_flight, crawler.leases.qsize()) == (7, 0)

            for taken in range(4):  # the places that get free are for the most urgent first
                crawler.answer(crawler.taken[taken])
                await crawler.settled()
            last = await crawler.take(crawler.leases.qsize())
            assert [name[:-1] for name in last] == ["asked", "push"]
            crawler.dispatcher.stop()

    asyncio.run(story())


def test_a_question_that_is_open_keeps_nobody_waiting(tmp_path: Path) -> None:
    """What is wanted right behind an open question is asked for at once, by one of its own."""

    async def story() -> None:
        with Pocket(tmp_path) as pocket:
            crawler = Crawler(pocket, places=4, kept=2)
            crawler.dispatcher.start()
            for n in range(6):  # none of the answers has been seen by the loop meanwhile
                pocket.want(wanted(f"asked{n}", Cause.ON_DEMAND))
                crawler.dispatcher.hurry()
            assert set(await crawler.take(6)) == {f"asked{n}" for n in range(6)}
            await crawler.settled()
            assert crawler.dispatcher.in_flight == 6
            crawler.dispatcher.stop()

    asyncio.run(story())


def test_a_place_that_got_free_is_anybodys(tmp_path: Path) -> None:
    """Once no more are out than there are places, the rest goes on."""

    async def story() -> None:
        with Pocket(tmp_path) as pocket:
            crawler = Crawler(pocket, places=1, kept=1)
            pocket.want(wanted("a", Cause.NEW), wanted("b", Cause.BACKFILL))
            crawler.dispatcher.start()
            assert await crawler.take(1) == ["a"]
            pocket.want(wanted("c", Cause.ON_DEMAND))
            crawler.dispatcher.hurry()
            assert await crawler.take(1) == ["c"]

            crawler.answer(crawler.taken[0])
            await crawler.settled()
            assert crawler.leases.empty()
            crawler.answer(crawler.taken[1])
            assert await crawler.take(1) == ["b"]
            crawler.dispatcher.stop()

    asyncio.run(story())


def test_what_falls_due_later_wakes_a_full_crawler(tmp_path: Path) -> None:
    """A host's gap ends while every place is taken: what somebody waits for is leased then."""

    async def story() -> None:
        with Pocket(tmp_path) as pocket:
            crawler = Crawler(pocket, places=1, kept=1)
            pocket.want(wanted("slow", Cause.NEW), wanted("slow2", Cause.NEW))
            crawler.dispatcher.start()
            await crawler.take(1)
            later = Want("https://later.example/1", Kind.DOCUMENT, Cause.PUSH, pocket.clock.at + 5)
            pocket.want(later)
            crawler.dispatcher.hurry()
            await crawler.settled()
            assert crawler.leases.empty()

            pocket.clock.at += 5
            crawler.dispatcher.poke()  # what its timer does
            assert await crawler.take(1) == ["later"]
            crawler.dispatcher.stop()

    asyncio.run(story())


def test_on_demand_goes_before_all_else_of_its_host(tmp_path: Path) -> None:
    """However much is queued on a host, the next request to it is the one that is waited for."""
    with Pocket(tmp_path) as pocket:
        causes = (Cause.BACKFILL, Cause.REFRESH, Cause.NEW, Cause.PUSH)
        pocket.want(*(wanted("one", cause, n) for n, cause in enumerate(causes * 5)))
        pocket.want(wanted("one", Cause.ON_DEMAND, 99))

        [lease] = pocket.lease()

        assert lease.url.endswith("/99")


def test_only_what_is_urgent(tmp_path: Path) -> None:
    """The frontier can be asked for what somebody waits for, and when there will be some."""
    with Pocket(tmp_path) as pocket:
        frontier, now = pocket.opened.frontier, pocket.clock.now()
        pocket.want(*(wanted(cause.name.lower(), cause) for cause in Cause))
        assert frontier.next_due(now, last=Cause.PUSH) is not None

        leases = frontier.lease(now, 10, 60.0, last=Cause.PUSH).result()

        assert [lease.want.cause for lease in leases] == [Cause.ON_DEMAND, Cause.PUSH]
        assert frontier.next_due(now, last=Cause.PUSH) is None
        assert frontier.next_due(now) is not None
        assert len(pocket.lease(10)) == 3


def test_a_host_that_holds_both_gives_what_is_urgent_only(tmp_path: Path) -> None:
    """A place that is kept is not taken by what else its host has waiting."""
    with Pocket(tmp_path) as pocket:
        frontier, now = pocket.opened.frontier, pocket.clock.now()
        pocket.want(wanted("one", Cause.NEW, 1), wanted("one", Cause.ON_DEMAND, 2))

        leases = frontier.lease(now, 10, 60.0, last=Cause.PUSH).result()

        assert [lease.url[-1] for lease in leases] == ["2"]


def test_a_fetch_returns_while_every_place_is_taken_by_slow_hosts(tmp_path: Path) -> None:
    """128 hosts that do not answer keep nobody from fetching from another one."""
    slow = [Mastodon(f"slow{number}.example") for number in range(PLACES + KEPT)]
    town = Mastodon(TOWN)
    with Fediverse([*slow, town]) as world:
        gates = [world.hold(server.host) for server in slow]
        actors = [server.add_account("bob").actor_id for server in slow]
        ada = town.add_account("ada", posts=1)
        [post] = town.public_objects("ada")
        station = Station(tmp_path, world, network={"timeout": "300s"}, follow=actors)
        with station.daemon() as daemon, Client(daemon.address) as client:
            eventually(lambda: sum(gate.waiting for gate in gates) == PLACES, "a full crawler")

            assert client.fetch(ada.actor_id)["document"]["preferredUsername"] == "ada"
            assert client.document(post)["id"] == post
            assert client.status()["in_flight"] == PLACES
            assert {request.host for request in world.log.entries} == {TOWN}
            for gate in gates:
                gate.release()


@pytest.mark.parametrize("timeout", [0.1, 30.0, 600.0])
def test_a_lease_outlives_the_longest_chain(timeout: float) -> None:
    """Whatever was configured: else a host would be asked by two at once."""
    config = Config(network=Network(timeout=timeout))

    assert politeness(config).lease > longest(timeout)
    assert politeness(Config()).lease == Politeness().lease == LEASE_SECONDS
