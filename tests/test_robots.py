"""robots.txt from the operator's side: what is asked of simulated servers, and what is kept.

Real commands and a real store; the servers' robots.txt are those of the field, or one that forbids
everything, which old Pleroma, GoToSocial and Epicyon ship.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from station import Station

from fedpull.cache import Cache
from fedpull.client import Client
from fedpull.errors import Refused
from fedpull.tests.fediverse.families import BY_NAME
from fedpull.tests.fediverse.model import Account
from fedpull.tests.fediverse.server import Server
from fedpull.tests.fediverse.world import Fediverse

ALL = "User-agent: *\nDisallow: /\n"
GOTOSOCIAL = (
    "User-agent: GPTBot\nUser-agent: CCBot\nDisallow: /\n\n"
    "User-agent: *\nCrawl-delay: 500\nDisallow: /api/\nDisallow: /users/\nDisallow: /fileserver/\n"
)


class World:
    """A Mastodon whose alice is followed, and a GoToSocial that forbids robots everything."""

    def __init__(self, folder: Path, world: Fediverse) -> None:
        self.fediverse = world
        self.home = world.find(BY_NAME["mastodon"])
        self.away = world.find(BY_NAME["gotosocial"])
        self.away.robots = ALL
        self.alice = self.home.add_account("alice", posts=3)
        self.bob = self.away.add_account("bob", posts=2)
        self.station = Station(folder, world)

    def configure(self, robots: str = "crawl", *follow: Account, **more: Any) -> None:
        self.station.configure(
            politeness={"robots": robots} | more,
            follow=[{"actor": account.handle, "parents": 4} for account in follow],
        )

    def asked(self, server: Server) -> list[str]:
        """The paths that were asked of a server, in order."""
        return [one.path for one in self.fediverse.log.entries if one.host == server.host]

    def held(self, *ids: str) -> set[str]:
        with Cache(self.station.store) as cache:
            return {id for id in ids if cache.get(id) is not None}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with Fediverse([BY_NAME["mastodon"], BY_NAME["gotosocial"], BY_NAME["epicyon"]]) as fediverse:
        yield World(tmp_path, fediverse)


def test_following_somebody_asks_no_robots_txt(world: World) -> None:
    """Handle, actor, outbox and posts are what was asked for by name, whatever robots are told."""
    world.home.robots = ALL
    world.configure("crawl", world.alice, world.bob)
    pulled = world.station.pull()

    assert {one["error"] for one in pulled.values()} == {None}
    assert "/robots.txt" not in world.asked(world.home) + world.asked(world.away)
    assert len(world.station.listed(world.alice.handle)) == 3
    assert len(world.station.listed(world.bob.handle)) == 2


def test_a_boost_of_where_robots_are_forbidden_is_not_fetched(world: World) -> None:
    """One robots.txt is asked, nothing else; the record says why, with the line."""
    boosted = [world.bob.posts[0], world.bob.posts[1]]
    for post in boosted:
        world.alice.boost(post)
    world.configure("crawl", world.alice)
    pulled = world.station.pull()

    assert pulled[world.alice.handle]["error"] is None
    assert world.asked(world.away) == ["/robots.txt"]
    assert "/robots.txt" not in world.asked(world.home)
    assert world.held(*(post.id for post in boosted)) == set()
    record = world.station.json("explain", boosted[0].id)
    assert (record["state"], record["reason"]) == ("refused", "robots")
    assert record["robots"]["verdict"] == "disallowed"
    assert record["robots"]["evidence"] == "Disallow: / (User-agent: *)"
    told = world.station.run("explain", boosted[0].id).out
    assert "robots.txt does not allow it" in told
    assert "Disallow: / (User-agent: *)" in told


def test_epicyon_is_left_alone_as_it_ships(world: World) -> None:
    """It forbids everything from the start."""
    carol = world.fediverse.find(BY_NAME["epicyon"]).add_account("carol", posts=1)
    world.alice.boost(carol.posts[0])
    world.configure("crawl", world.alice)
    world.station.pull()

    assert world.asked(carol.server) == ["/robots.txt"]
    assert world.station.json("explain", carol.posts[0].id)["reason"] == "robots"


def test_the_same_boost_is_fetched_where_robots_are_allowed(world: World) -> None:
    """An empty rule is as good as none; its robots.txt is asked once."""
    world.away.robots = "User-agent: *\nDisallow:\n"
    for post in world.bob.posts:
        world.alice.boost(post)
    world.configure("crawl", world.alice)
    world.station.pull()

    assert world.asked(world.away).count("/robots.txt") == 1
    assert world.asked(world.away)[0] == "/robots.txt"
    assert world.held(*(post.id for post in world.bob.posts)) == {p.id for p in world.bob.posts}


FETCHED = {
    "a post": lambda world: world.bob.posts[0].id,
    "an actor": lambda world: world.bob.actor_id,
    "a handle": lambda world: world.bob.handle,
}


@pytest.mark.parametrize("what", FETCHED)
def test_what_is_not_followed_is_not_fetched_on_demand(what: str, world: World) -> None:
    """Exit 4; of the server only its robots.txt was asked, also the second time."""
    world.configure()
    name = FETCHED[what](world)
    first, second = world.station.run("fetch", name), world.station.run("fetch", name)

    assert (first.code, second.code) == (4, 4)
    assert "robots" in first.err
    assert world.asked(world.away) == ["/robots.txt"]


def test_what_a_followed_actor_wrote_is_fetched_on_demand(world: World) -> None:
    """By its actor, and by its place under the actor's id; what stands beside it is not."""
    carol = world.away.add_account("carol", posts=1)
    world.configure("crawl", world.bob)
    world.station.pull()
    codes = [
        world.station.run("fetch", name).code
        for name in (world.bob.actor_id, world.bob.handle, world.bob.posts[0].id, carol.posts[0].id)
    ]

    assert codes == [0, 0, 0, 4]


EXEMPT: dict[str, dict[str, Any]] = {
    "robots are off": {"robots": "off"},
    "the host is exempt": {"robots": "crawl", "allow": True},
    "the host is exempt, and all else is bound": {"robots": "strict", "allow": True},
}


@pytest.mark.parametrize("case", EXEMPT)
def test_the_operator_may_exempt(case: str, world: World) -> None:
    """Then no robots.txt is asked of it."""
    allow = [world.away.host] if EXEMPT[case].get("allow") else []
    world.configure(EXEMPT[case]["robots"], robots_allow=allow)
    done = world.station.run("fetch", world.bob.posts[0].id)

    assert done.code == 0, done.err
    assert "/robots.txt" not in world.asked(world.away)


def test_strict_binds_those_who_are_followed_as_well(world: World) -> None:
    """Not even the handle is resolved; the follow says why."""
    world.configure("strict", world.bob)
    done = world.station.run("pull", "--json")

    assert done.code == 5
    assert "robots.txt" in done.json["actors"][0]["error"]
    assert world.asked(world.away) == ["/robots.txt"]


def test_strict_allows_what_robots_txt_allows(world: World) -> None:
    """One robots.txt for everything that is asked of a server."""
    world.configure("strict", world.alice)
    pulled = world.station.pull()

    assert pulled[world.alice.handle]["error"] is None
    assert world.asked(world.home)[0] == "/robots.txt"
    assert world.asked(world.home).count("/robots.txt") == 1


def test_the_long_list_of_gotosocial_is_read(world: World) -> None:
    """Its rules are for everybody in its last group; its pause is the server's gap, clamped."""
    world.away.robots = GOTOSOCIAL
    world.configure()
    post = world.bob.posts[0].id
    done = world.station.run("fetch", post)
    hosts = {one["host"]: one for one in world.station.json("hosts")["items"]}

    assert done.code == 4
    assert world.station.json("explain", post)["robots"]["evidence"] == (
        "Disallow: /users/ (User-agent: *)"
    )
    assert hosts[f"{world.away.host}:443"]["crawl_delay"] == 20.0


def test_what_is_held_stays_when_robots_txt_changes(world: World) -> None:
    """A refusal is no deletion: the copy is there, and says that it cannot be verified."""
    world.away.robots = None
    world.configure()
    post = world.bob.posts[0].id
    world.station.run("fetch", post)
    with Cache(world.station.store) as cache:
        before = cache.get(post)
    world.away.robots = ALL
    # A day later: as far as the store can tell, nothing was ever known of that server.
    _forget_robots(world.station.store)
    second = world.station.run("fetch", post)
    record = world.station.json("explain", post)

    assert before is not None
    assert second.code == 4
    assert record["state"] == "resolved"
    assert record["failures"] == 1
    assert "Disallow: /" in record["last_error"]
    assert world.held(post) == {post}


def _forget_robots(store: Path) -> None:
    from fedpull.cache.open import open_store

    opened = open_store(store, max_bytes=64 << 20)
    opened.frontier._writer.submit(
        lambda work: [work.delete(work.t.robots, key) for key in _keys(work)]
    ).result()
    opened.close()


def _keys(work: Any) -> list[bytes]:
    return list(work.txn.cursor(work.t.robots).iternext(values=False))


def test_a_daemon_answers_403_and_shows_the_verdict(world: World) -> None:
    """The API's refusal is the command's; the reference names the line."""
    world.configure()
    post = world.bob.posts[0].id
    with world.station.daemon() as daemon, Client(daemon.address) as client:
        with pytest.raises(Refused, match="robots"):
            client.fetch(post)
        reference = client.reference(post)

    assert reference["robots"]["verdict"] == "disallowed"
    assert world.asked(world.away) == ["/robots.txt"]


def test_an_x_robots_tag_is_kept_and_shown(world: World) -> None:
    """It stops no fetch; what it says stands beside what is held."""
    world.configure("crawl", world.bob)
    world.station.pull()
    record = world.station.json("explain", world.bob.actor_id)

    assert record["state"] == "resolved"
    assert record["robots"]["tag"] == "noindex, nofollow"
