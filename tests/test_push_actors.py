"""What pushes say of actors, end to end: they leave, move, block us, ask to follow; our key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from public_station import ACTOR, INBOX, QUICK, PublicStation, holds
from push_cases import followers, mail, notifications, settled
from station import eventually

from fedpull.cache.records import Follow
from fedpull.tests.fediverse.families import BY_NAME
from fedpull.tests.fediverse.model import Account
from fedpull.tests.fediverse.server import Server
from fedpull.tests.fediverse.world import Fediverse

SELDOM = {"min": "1h", "max": "7d"}


@pytest.fixture
def world() -> Iterator[Fediverse]:
    with Fediverse([BY_NAME["mastodon"], BY_NAME["gotosocial"]]) as running:
        yield running


@pytest.fixture
def server(world: Fediverse) -> Server:
    return world.servers["mastodon.example"]


@pytest.fixture
def alice(server: Server) -> Account:
    return server.add_account("alice", posts=5)


def entry(account: Account, **more: Any) -> dict[str, Any]:
    return {"actor": account.handle, "every": SELDOM, "boosts": True, **more}


def follow_of(station: PublicStation) -> Follow:
    with mail(station) as query:
        [follow] = query.follows()
        return follow


def test_an_actor_that_has_left_is_gone(tmp_path: Path, world: Fediverse, alice: Account) -> None:
    """Its key answers 410 as all of it does, so nobody can verify the Delete: 202, and we ask for
    ourselves. What was kept of it goes.
    """
    station = PublicStation(tmp_path, world, follow=[entry(alice)])
    with station.daemon():
        eventually(lambda: len(holds(station, alice)) == 5, "what was there")
        assert alice.push(alice.leave()).status == 202

        def state() -> str:
            with mail(station) as query:
                known = query.reference(alice.actor_id)
                return "" if known is None else known.state

        eventually(lambda: state() == "gone", "the actor is gone")


def test_a_stranger_that_leaves_costs_no_more_than_its_key(
    tmp_path: Path, world: Fediverse, server: Server, alice: Account
) -> None:
    """Servers tell everybody of every account that goes: nothing is written for those."""
    stranger = server.add_account("stranger")
    station = PublicStation(tmp_path, world, follow=[entry(alice)])
    with station.daemon():
        eventually(lambda: len(holds(station, alice)) == 5, "what was there")
        mark = world.log.mark()
        assert stranger.push(stranger.leave()).status == 202
        assert notifications(station) == []
        assert len(world.log.since(mark)) <= 1


def test_a_move_is_looked_at_on_both_sides(
    tmp_path: Path, world: Fediverse, server: Server, alice: Account
) -> None:
    """The old actor names the new one, which names the old one: the follow goes on there."""
    new = world.servers["gotosocial.example"].add_account("alice", posts=3)
    station = PublicStation(tmp_path, world, follow=[entry(alice)])
    with station.daemon():
        eventually(lambda: len(holds(station, alice)) == 5, "what was there")
        assert alice.push(alice.move(new)).status == 202
        eventually(lambda: follow_of(station).actor == new.actor_id, "the follow goes on")
        eventually(lambda: len(station.listed(alice.handle)) == 8, "what the new one posts")


def test_who_blocks_us_is_not_read_until_it_is_undone(tmp_path: Path, world: Fediverse) -> None:
    """They are asked for nothing any more, whatever the schedule says and whatever they push."""
    dora = world.servers["gotosocial.example"].add_account("dora", posts=3)
    other = world.add(BY_NAME["gotosocial"]("other.example")).add_account("emil", posts=3)
    follow = [entry(dora, every=QUICK), entry(other, every=QUICK)]
    station = PublicStation(tmp_path, world, follow=follow)
    with station.daemon():
        eventually(lambda: len(holds(station, dora)) == 3, "what was there")
        block = dora.act("Block", ACTOR)
        assert dora.push(block, to=INBOX).status == 202
        settled(station, block.id)
        mark = world.log.mark()
        post = dora.post("not for us")
        assert dora.push(post).status == 202
        assert settled(station, post.activity_id).state == "ignored"
        eventually(lambda: world.log.count("other.example", since=mark) >= 3, "polls of the other")
        assert world.log.count("gotosocial.example", since=mark) <= 1  # it was under way
        assert post.id not in holds(station, dora)
        dora.delete(block)
        assert dora.push(dora.activities[-1], to=INBOX).status == 202
        eventually(lambda: post.id in holds(station, dora), "read again")


def test_a_boost_that_is_taken_back_is_not_listed(
    tmp_path: Path, world: Fediverse, server: Server, alice: Account
) -> None:
    """Undo{Announce} by whoever announced."""
    bob = server.add_account("bob", posts=1)
    station = PublicStation(tmp_path, world, follow=[entry(alice)])
    with station.daemon():
        eventually(lambda: len(holds(station, alice)) == 5, "what was there")
        boost = alice.boost(bob.posts[0])
        assert alice.push(boost).status == 202
        eventually(lambda: bob.posts[0].id in holds(station, alice), "the boost")
        alice.delete(boost)
        assert alice.push(alice.activities[-1]).status == 202
        eventually(lambda: bob.posts[0].id not in holds(station, alice), "the Undo")


@pytest.mark.parametrize("answer", ["accept", "reject"])
def test_who_asks_to_follow_waits_for_the_operator(
    tmp_path: Path, world: Fediverse, server: Server, alice: Account, answer: str
) -> None:
    """`followers: ask`: nothing is sent until a command says so; then they are told."""
    station = PublicStation(tmp_path, world, identity={"followers": "ask"})
    with station.daemon():
        follow = alice.act("Follow", ACTOR)
        assert alice.push(follow, to=INBOX).status == 202
        settled(station, follow.id)
        assert server.delivered == []
        assert followers(station) == []
        done = station.run("followers", answer, alice.actor_id)
        assert done.code == 0, done
        eventually(lambda: len(server.delivered) == 1, "the answer")

    [told] = server.delivered
    assert (told.document["type"], told.signer) == (answer.capitalize(), ACTOR)
    assert followers(station) == ([alice.actor_id] if answer == "accept" else [])


def test_followers_none_are_rejected(
    tmp_path: Path, world: Fediverse, server: Server, alice: Account
) -> None:
    """`followers: none`: they are told no at once."""
    station = PublicStation(tmp_path, world, identity={"followers": "none"})
    with station.daemon():
        assert alice.push(alice.act("Follow", ACTOR), to=INBOX).status == 202
        eventually(lambda: len(server.delivered) == 1, "the answer")

    assert server.delivered[0].document["type"] == "Reject"
    assert followers(station) == []


def test_a_rotated_key_of_ours_is_read_at_once(tmp_path: Path) -> None:
    """Beside the running daemon: a host that remembers the old key verifies the new one, because
    its id is another.
    """
    server = BY_NAME["gotosocial"](authorized_fetch=True)
    with Fediverse([server]) as world:
        alice = server.add_account("alice", posts=5)
        station = PublicStation(tmp_path, world, follow=[entry(alice, every=QUICK)])

        def key_ids() -> set[str]:
            signed = [one.headers.get("signature", "") for one in world.log.entries]
            return {text.partition('keyId="')[2].partition('"')[0] for text in signed if text}

        with station.daemon():
            eventually(lambda: len(holds(station, alice)) == 5, "what was there")
            assert key_ids() == {f"{ACTOR}#main-key"}
            done = station.run("key", "rotate")
            assert done.code == 0, done
            mark = world.log.mark()
            eventually(lambda: len(key_ids()) == 2, "signed with the new one")
            post = alice.post("after the rotation")
            eventually(lambda: post.id in holds(station, alice), "read with the new one")

        assert [one for one in world.log.since(mark) if one.status in (401, 403)] == []
