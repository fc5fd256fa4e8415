"""Where keys come from, who may have how many asked for, and what that teaches about hosts."""

from __future__ import annotations

import asyncio
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from inbox_cases import (
    ALICE,
    CLIENT,
    EVIL,
    HOME,
    NOW,
    OURS,
    Scene,
    activity,
    actor,
    published,
    scene,
)
from wire_server import door_to, response, wire_server

from fedpull.cache.open import open_store
from fedpull.crawler.answer import Ask, FetchFailed
from fedpull.crawler.aside import Aside
from fedpull.crawler.clock import SystemClock
from fedpull.crawler.dispatch import Dispatcher
from fedpull.crawler.key_budget import KeyBudget, Rate
from fedpull.crawler.keyring import Found, NoKey
from fedpull.crawler.protocol.forwarded import budget_address, client_address
from fedpull.errors import TimedOut
from fedpull.tests.fediverse.keys import rsa_key

MAIN = f"{ALICE}#main-key"
DAY = 86_400.0


@pytest.fixture
async def at(tmp_path: Path) -> Any:
    made = scene(tmp_path)
    yield made
    made.opened.close()


# Sources.


async def test_what_is_at_hand(at: Scene) -> None:
    """A key of ours, and one in a document that is held: nobody is asked."""
    at.hold(actor(), actor(EVIL, publicKey=published(f"{HOME}/keys/1", EVIL)))

    found = at.keyring.at_hand(MAIN, ALICE)

    assert isinstance(found, Found)
    assert (found.key.owner, found.new) == (ALICE, False)
    assert at.keyring.at_hand(OURS.id, ALICE) == Found(OURS.public)
    assert at.keyring.at_hand(f"{ALICE}#other", ALICE) is None
    assert at.keyring.at_hand(f"{HOME}/keys/1", EVIL) is None  # another origin's, says a stranger
    assert at.origins.asked == []


async def test_a_document_is_looked_into_once_a_minute(at: Scene) -> None:
    """It may have a MiB, and who sends forged requests names another key of it each time."""
    at.hold(actor(publicKey=None))
    before = at.keyring.at_hand(MAIN, ALICE)
    at.hold(actor())
    soon = at.keyring.at_hand(MAIN, ALICE)
    at.clock.at += 60.0

    assert (before, soon) == (None, None)
    assert isinstance(at.keyring.at_hand(MAIN, ALICE), Found)


async def test_nobody_puts_his_key_in_the_place_of_another(at: Scene) -> None:
    """An actor may list a key under the id of its neighbour's; it is that actor's, and nothing."""
    at.hold(actor(EVIL, publicKey=published(f"{EVIL}2#main-key", EVIL, rsa_key(3))))
    at.origins.serve(actor(f"{EVIL}2"))
    first = at.keyring.at_hand(f"{EVIL}2#main-key", EVIL)
    assert isinstance(first, Found)

    told = await at.push(activity(by=f"{EVIL}2"))

    assert first.key.owner == EVIL
    assert told.status == 202
    assert at.notifications == [(f"{EVIL}2", "Create", f"{EVIL}2/notes/1", False)]


async def test_a_key_is_believed_for_a_week(at: Scene) -> None:
    """Then its owner is asked again: it may have been replaced because it was stolen."""
    at.origins.serve(actor())
    assert (await at.push(activity())).status == 202

    at.clock.at = NOW + 6 * DAY
    assert (await at.push(activity() | {"id": f"{ALICE}/2"})).status == 202
    assert at.origins.asked == [ALICE]
    at.clock.at = NOW + 8 * DAY
    assert (await at.push(activity() | {"id": f"{ALICE}/3"})).status == 202
    assert at.origins.asked == [ALICE, ALICE]


async def test_all_keys_of_a_document_are_learnt(at: Scene) -> None:
    """The second key of an actor that was asked a moment ago needs no request."""
    second = published(f"{ALICE}#second", ALICE, rsa_key(2))
    at.origins.serve(actor(publicKey=[published(MAIN, ALICE), second]))
    assert (await at.push(activity())).status == 202

    told = await at.push(
        activity() | {"id": f"{ALICE}/2"}, key_id=f"{ALICE}#second", key=rsa_key(2)
    )

    assert told.status == 202
    assert at.origins.asked == [ALICE]


async def test_a_turn_that_does_not_come_is_not_held_against_the_origin(at: Scene) -> None:
    """We were busy with that host ourselves: a minute later it is asked again, each time."""
    at.origins.served[ALICE] = TimedOut(ALICE, "its host's turn did not come")
    for minute in range(5):
        at.clock.at = NOW + minute * 61
        assert await at.keyring.ask(MAIN, CLIENT, known=True) == NoKey("later")

    assert len(at.origins.asked) == 5


# Budgets.


def test_no_bucket_gives_more_than_it_has() -> None:
    """A flood takes the burst, and then the rate; hosts and clients have shares of it."""
    budget = KeyBudget(Rate(10, 60), Rate(4, 60), Rate(6, 60))
    taken = [budget.take(NOW, "a.example:443", f"c{n}", known=False) for n in range(6)]
    other = [budget.take(NOW, f"h{n}:443", "one", known=False) for n in range(8)]

    assert taken == [0, 0, 0, 0, 1, 1]
    assert other == [0, 0, 0, 0, 0, 0, 1, 1]
    assert budget.take(NOW, "new:443", "new", known=False) == 1  # all ten are gone
    assert budget.take(NOW, "new:443", "new", known=True) == 0  # those of whom we know are not
    assert budget.take(NOW + 0.5, "newer:443", "newer", known=False) == 0.5
    assert budget.take(NOW + 1.0, "newer:443", "newer", known=False) == 0


def test_a_clock_that_is_set_back_fills_no_bucket() -> None:
    """Nor does it empty one."""
    budget = KeyBudget(Rate(1, 60), Rate(1, 60), Rate(1, 60))
    assert budget.take(NOW, "h:443", "c", known=False) == 0

    assert budget.take(NOW - DAY, "h:443", "c", known=False) == 1
    assert budget.take(NOW + 1, "h:443", "c", known=False) == 0


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        pytest.param("203.0.113.7", "", "203.0.113.7", id="nobody between us"),
        pytest.param("203.0.113.7", "198.51.100.1", "203.0.113.7", id="a stranger's word"),
        pytest.param("127.0.0.1", "198.51.100.1", "198.51.100.1", id="our proxy's word"),
        pytest.param(
            "127.0.0.1", "1.1.1.1, 198.51.100.1", "198.51.100.1", id="what a client made up"
        ),
        pytest.param(
            "127.0.0.1", "1.1.1.1, 198.51.100.1, 10.0.0.2", "198.51.100.1", id="two proxies"
        ),
        pytest.param("127.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3", id="nobody but proxies"),
        pytest.param("127.0.0.1", "", "127.0.0.1", id="a proxy that says nothing"),
        pytest.param("127.0.0.1", "198.51.100.1, junk", "127.0.0.1", id="what cannot be read"),
        pytest.param("127.0.0.1", "198.51.100.1:4711", "198.51.100.1", id="with a port"),
        pytest.param("127.0.0.1", "[2001:db8::1]:4711", "2001:db8::1", id="IPv6 with a port"),
        pytest.param("::ffff:127.0.0.1", "198.51.100.1", "198.51.100.1", id="IPv4 as IPv6"),
        pytest.param("", "198.51.100.1", "198.51.100.1", id="a unix socket"),
        pytest.param(
            "127.0.0.1", ",".join(["1.1.1.1"] * 99 + ["198.51.100.1"]), "198.51.100.1", id="long"
        ),
    ],
)
def test_whose_request_it_is(peer: str, forwarded: str, client: str) -> None:
    """The right-most address that is none of our proxies'."""
    proxies = (ip_network("127.0.0.1"), ip_network("10.0.0.0/8"))

    assert client_address(peer, forwarded, proxies) == client


def test_a_customer_of_ipv6_is_one_client() -> None:
    """A /64 has more addresses than there are buckets."""
    one, other = (budget_address(f"2001:db8:1:2::{end}") for end in (1, 2))

    assert one == other != budget_address("2001:db8:1:3::1")
    assert budget_address("198.51.100.1") == "198.51.100.1"


# Beside the queue.


@pytest.mark.parametrize(
    ("reply", "failed"),
    [
        pytest.param(response(), False, id="an answer"),
        pytest.param(response(status="404 Not Found"), False, id="404"),
        pytest.param(response(status="503 Later"), True, id="503"),
    ],
)
async def test_what_is_asked_beside_the_queue_counts(
    tmp_path: Path, reply: bytes, failed: bool
) -> None:
    """It takes its host's turn and gives it back, and what it taught is in the books."""
    opened = open_store(tmp_path / "data", max_bytes=64 * 2**20)
    clock = SystemClock()
    dispatcher = Dispatcher(opened.frontier, clock)
    async with wire_server(reply) as wire, door_to(wire, turn=dispatcher.turn) as door:
        aside = Aside(door.egress, dispatcher.turn, opened.frontier, clock)
        answer = await aside.fetch(Ask("http://a.example/key"), 5.0)
        await asyncio.wrap_future(opened.frontier.report([], clock.now()))
        [host] = opened.query.hosts(clock.now())
        with pytest.raises(TimedOut):  # the gap of two seconds
            await aside.fetch(Ask("http://a.example/key"), 0.05)
    in_flight = opened.query.totals().in_flight
    opened.close()

    assert answer.status == int(reply.split(b" ")[1])
    assert (host.host, host.requests) == ("a.example:80", 1)
    assert in_flight == 0
    assert (host.failures > 0) is failed


async def test_a_turn_that_is_not_used_is_given_back(tmp_path: Path) -> None:
    """What the door refuses before it asks anybody has taken a turn all the same."""
    opened = open_store(tmp_path / "data", max_bytes=64 * 2**20)
    clock = SystemClock()
    dispatcher = Dispatcher(opened.frontier, clock)
    async with wire_server(response()) as wire, door_to(wire, turn=dispatcher.turn) as door:
        aside = Aside(door.egress, dispatcher.turn, opened.frontier, clock)
        with pytest.raises(FetchFailed):
            await aside.fetch(Ask("http://a.example:99/key"), 5.0)
        await asyncio.wrap_future(opened.frontier.report([], clock.now()))
    in_flight = opened.query.totals().in_flight
    opened.close()

    assert wire.requests == []
    assert in_flight == 0
