"""Servers that demand signatures of whoever reads them, and push: each side verifies the other.

To verify what they post we must ask for a key that is given to signed requests only; to answer that
they must ask for our actor, while they wait for our answer to the post.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from public_station import ACTOR, INBOX, PublicStation
from push_cases import followers
from station import eventually

from fedpull.tests.fediverse.families import BY_NAME
from fedpull.tests.fediverse.families.strict import OldMastodon, OnlyEd25519, OnlyRfc9421
from fedpull.tests.fediverse.posting import Delivered
from fedpull.tests.fediverse.server import Server
from fedpull.tests.fediverse.world import Fediverse

STRICT: dict[str, type[Server]] = {
    **{name: BY_NAME[name] for name in ("gotosocial", "ghost", "mastodon", "misskey", "bovine")},
    "old-mastodon": OldMastodon,
    "rfc9421": OnlyRfc9421,
}


@dataclass
class Strict:
    """A daemon that accepts followers, and hosts that let nobody in unsigned."""

    world: Fediverse
    station: PublicStation


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Strict]:
    servers = [family(authorized_fetch=True) for family in STRICT.values()] + [OnlyEd25519()]
    with Fediverse(servers) as world:
        for server in servers:
            server.add_account("alice", posts=1)
        station = PublicStation(tmp_path_factory.mktemp("strict"), world)
        with station.daemon():
            yield Strict(world, station)


def answers(server: Server) -> list[Delivered]:
    return [one for one in server.delivered if one.document.get("type") == "Accept"]


@pytest.mark.parametrize("name", STRICT)
def test_a_follow_by_an_account_of_a_strict_host_is_accepted(strict: Strict, name: str) -> None:
    """Their key is asked for with signed requests, and our Accept is signed as they read it."""
    server = strict.world.find(STRICT[name])
    alice = server.accounts["alice"]
    mark = strict.world.log.mark()
    follow = alice.act("Follow", ACTOR)
    assert alice.push(follow, to=INBOX).status == 202
    eventually(lambda: [one.status for one in answers(server)][-1:] == [202], "the Accept")
    eventually(lambda: alice.actor_id in followers(strict.station), "the follower")
    asked = [one for one in strict.world.log.since(mark) if one.host == server.host]

    assert answers(server)[-1].signer == ACTOR
    assert follow.id in str(answers(server)[-1].document["object"])
    posts = [one.status for one in asked if one.method == "POST"]
    assert posts in ([202], [401, 202])  # at most one second knock, with the other scheme
    assert sum(one.status in (400, 401, 403, 500) for one in asked if one.method == "GET") <= 4


def test_what_worked_for_a_delivery_is_remembered(strict: Strict) -> None:
    """The second delivery to a host that reads RFC 9421 only is sent so at once."""
    server = strict.world.find(OnlyRfc9421)
    mark = 0
    for user in ("bob", "carol"):
        one = server.add_account(user)
        mark = strict.world.log.mark()
        accepted = len(answers(server))
        assert one.push(one.act("Follow", ACTOR), to=INBOX).status == 202
        eventually(lambda n=accepted: len(answers(server)) > n, "the Accept")  # type: ignore[misc]
        eventually(lambda: server.delivered[-1].status == 202, "it is taken")
    asked = [one for one in strict.world.log.since(mark) if one.host == server.host]

    assert [one.status for one in asked if one.method == "POST"] == [202]
    assert [one.status for one in asked if one.method == "GET" and one.status != 200] == []


def test_a_follow_from_where_only_ed25519_is_read_is_verified(strict: Strict) -> None:
    """It is read with our Ed25519 key, as its Accept-Signature asks; its own key is a Multikey."""
    server = strict.world.find(OnlyEd25519)
    alice = server.accounts["alice"]
    assert alice.push(alice.act("Follow", ACTOR), to=INBOX).status == 202
    eventually(lambda: alice.actor_id in followers(strict.station), "the follower")
