"""A hostile host, followed on all its accounts: what was asked of it, and what was stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from station import Station

from fedpull.cache import Cache
from fedpull.crawler.protocol.thread import MAX_FETCHES
from fedpull.tests.fediverse.hostile import HostilePager
from fedpull.tests.fediverse.log import Request
from fedpull.tests.fediverse.world import Fediverse

HOST = "hostile.example"
# These two are about quantity and have tests of their own.
BY_QUANTITY = ("endless", "two_thousand", "replies_endless", "parents_endless")
TRAPS = sorted(name for name in HostilePager.traps() if name not in BY_QUANTITY)


@dataclass
class Survived:
    """What is left after pulling every trap once."""

    station: Station
    told: dict[str, dict[str, object]]
    asked: tuple[Request, ...]


@pytest.fixture(scope="module")
def survived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Survived]:
    with Fediverse([HostilePager()]) as world:
        every = {"backfill": "all", "replies": 3, "parents": 1000}
        follow = [{"actor": f"@{name}@{HOST}"} | every for name in TRAPS]
        station = Station(tmp_path_factory.mktemp("hostile"), world, follow=follow)
        station.configure(follow=follow, network={"timeout": "5s"})
        done = station.run("pull", "--json")
        assert done.code in (0, 5), done
        told = {str(one["actor"]).split("@")[1]: one for one in done.json["actors"]}
        yield Survived(station, told, tuple(world.log.entries))


@pytest.mark.parametrize("trap", TRAPS)
def test_a_trap_ends_the_visit_within_bounds(survived: Survived, trap: str) -> None:
    """No account makes us ask more than a dozen pages, and each visit ends."""
    pages = Counter(
        one.path for one in survived.asked if one.path.startswith(f"/users/{trap}/outbox")
    )

    assert trap in survived.told
    assert sum(pages.values()) <= 12


def test_what_must_never_be_asked_was_not(survived: Survived) -> None:
    """Neither another host, nor an address inside, nor our own API, nor a file."""
    assert [one for one in survived.asked if "forbidden" in one.target] == []


def test_nothing_forged_was_stored(survived: Survived) -> None:
    """Objects of other origins, of other owners, or with terms redefined count for nothing."""
    with Cache(survived.station.store) as cache:
        kept = [document.id for document in cache.objects(limit=100_000)]

    assert kept
    assert [id for id in kept if "forged" in id] == []
    assert all(id.startswith(f"https://{HOST}/") for id in kept)


def test_the_store_is_sound(survived: Survived) -> None:
    """Whatever was sent, documents and indexes agree."""
    assert survived.station.run("check").code == 0


def test_an_endless_outbox_stops_at_the_target(tmp_path_factory: pytest.TempPathFactory) -> None:
    """New pages with new posts for ever: the backfill takes what it was told to, no more."""
    with Fediverse([HostilePager()]) as world:
        follow = [{"actor": f"@endless@{HOST}", "backfill": 55}]
        station = Station(tmp_path_factory.mktemp("endless"), world, follow=follow)
        station.pull()
        kept = station.listed(f"@endless@{HOST}")

        assert len(kept) == 55
        assert world.log.count(HOST, "outbox") <= 8


def test_a_page_of_thousands_is_taken_in_part(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Two hundred new items a page, whatever a page holds: the rest waits for later visits."""
    with Fediverse([HostilePager()]) as world:
        follow = [{"actor": f"@two_thousand@{HOST}", "backfill": 150}]
        station = Station(tmp_path_factory.mktemp("thousands"), world, follow=follow)
        station.pull()

        assert world.log.count(HOST, "outbox") == 2
        assert len(world.log.entries) <= 4 + 150


@pytest.mark.parametrize("trap", ["replies_endless", "parents_endless"])
def test_an_endless_thread_is_read_in_part(
    tmp_path_factory: pytest.TempPathFactory, trap: str
) -> None:
    """Downwards or upwards: a thread gets its number of requests, whatever was configured, and
    status says what was spent on it."""
    with Fediverse([HostilePager()]) as world:
        follow = [{"actor": f"@{trap}@{HOST}", "replies": 1000, "parents": 1000}]
        station = Station(tmp_path_factory.mktemp(trap), world, follow=follow)
        station.pull()
        [told] = station.json("follows")["items"]

        assert len(world.log.entries) <= MAX_FETCHES + 5
        assert told["thread_fetches"] == MAX_FETCHES
