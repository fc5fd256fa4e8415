"""Every server family, pulled for the first time and again, against what it really offers.

One installation follows an actor on each of them. What is kept must be exactly what a perfect
puller could have: nothing missing that the server offers, nothing private, nothing twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from station import Station

from fedpull.cache import Cache
from fedpull.tests.fediverse.families import ALL, BY_NAME
from fedpull.tests.fediverse.model import Account, Post
from fedpull.tests.fediverse.server import Server
from fedpull.tests.fediverse.world import Fediverse

NAMES = sorted(BY_NAME)
# Families that name a cursor on the newest page: the next visit begins there.
WITH_CURSOR = ("mastodon", "pleroma", "misskey", "nodebb")
# What the server no longer lists we keep: their outboxes are windows of fixed size.
WINDOWS = ("takahe", "epicyon")
# Where nothing can be read, and what is to be shown for it.
WITHOUT = {"lemmy-person": "empty", "pixelfed": "stub", "bird-makeup": "none", "bridge": "empty"}


@dataclass
class Visit:
    """One pull of everybody: what it said, what it asked for, and what was kept then."""

    told: dict[str, dict[str, object]]
    requests: dict[str, int]
    kept: dict[str, set[str]]
    offered: dict[str, set[str]]


@dataclass
class Pulled:
    """The story of the whole world, pulled twice."""

    station: Station
    accounts: dict[str, Account]
    private: dict[str, set[str]]
    edited: dict[str, Post]
    first: Visit
    second: Visit


def server_of(world: Fediverse, name: str) -> Server:
    return world.find(BY_NAME[name])


def visit(station: Station, accounts: dict[str, Account]) -> Visit:
    world = station.world
    mark = world.log.mark()
    told = station.pull()
    since = world.log.since(mark)
    return Visit(
        told={name: told[account.handle] for name, account in accounts.items()},
        requests={
            name: sum(one.host == server_of(world, name).host for one in since) for name in accounts
        },
        kept={name: station.listed(account.handle) for name, account in accounts.items()},
        offered={
            name: server_of(world, name).public_objects(account)
            for name, account in accounts.items()
        },
    )


@pytest.fixture(scope="module")
def pulled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pulled]:
    with Fediverse(ALL) as world:
        accounts: dict[str, Account] = {}
        private: dict[str, set[str]] = {}
        for name in NAMES:
            account = server_of(world, name).add_account("alice", posts=45)
            hidden = [account.post("for followers", public="followers")]
            hidden.append(account.post("for one", public="direct"))
            accounts[name] = account
            private[name] = {post.id for post in hidden}
        follow = [{"actor": a.handle, "backfill": "all"} for a in accounts.values()]
        station = Station(tmp_path_factory.mktemp("families"), world, follow=follow)
        first = visit(station, accounts)
        edited = {}
        for name, account in accounts.items():
            newest = [post for post in account.posts if post.id in first.kept[name]]
            if newest:
                edited[name] = newest[-1]
                account.edit(newest[-1], "said otherwise")
                account.delete(newest[0])
            for number in range(3):
                account.post(f"new {number}")
        second = visit(station, accounts)
        yield Pulled(station, accounts, private, edited, first, second)


@pytest.mark.parametrize("name", NAMES)
def test_a_first_pull_keeps_exactly_what_the_server_offers(pulled: Pulled, name: str) -> None:
    """Nothing that is offered is missing, and nothing else is kept."""
    server = server_of(pulled.station.world, name)
    boosted = server.offered_boosts(pulled.accounts[name])

    assert pulled.first.kept[name] - boosted == pulled.first.offered[name] - boosted
    assert pulled.first.told[name]["error"] is None
    assert pulled.first.told[name]["complete"] is True


@pytest.mark.parametrize("name", NAMES)
def test_nothing_private_is_kept(pulled: Pulled, name: str) -> None:
    """Neither listed nor stored under its id."""
    with Cache(pulled.station.store) as cache:
        assert [id for id in pulled.private[name] if cache.get(id) is not None] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_second_pull_gets_what_is_new(pulled: Pulled, name: str) -> None:
    """Three posts were added: what the server lists of them is kept, and nothing is lost."""
    gone = pulled.first.kept[name] - pulled.second.kept[name]
    missing = pulled.second.offered[name] - pulled.second.kept[name]

    assert missing == set()
    assert len(gone) <= 1  # the deleted one, where the outbox tells
    if name not in WINDOWS:
        extra = pulled.second.kept[name] - pulled.second.offered[name]
        assert len(extra) <= 1


@pytest.mark.parametrize("name", WITH_CURSOR)
def test_a_cursor_makes_the_second_pull_cheap(pulled: Pulled, name: str) -> None:
    """The page above the cursor, and the empty one above that: at most three requests."""
    assert pulled.second.requests[name] <= 3


@pytest.mark.parametrize("name", sorted(WITHOUT))
def test_an_actor_without_a_usable_outbox_is_recorded_as_such(pulled: Pulled, name: str) -> None:
    """It is no error; the collection says what kind it is."""
    with Cache(pulled.station.store) as cache:
        outbox = pulled.accounts[name].outbox_url
        view = cache.collection(outbox)
    actor = pulled.accounts[name].actor_id
    [follow] = [one for one in pulled.station.json("follows")["items"] if one["actor"] == actor]

    assert pulled.first.told[name]["error"] is None
    assert follow["outbox_kind"] == WITHOUT[name]
    assert (view.kind if view else "none") == WITHOUT[name]


def test_the_store_is_sound(pulled: Pulled) -> None:
    """After all families, documents and indexes agree both ways."""
    assert pulled.station.run("check").code == 0
