"""Hosts that are dead, minted, shared, wrong about the time or back after days: what it costs us
and them. Time is a stepping clock's; the store, the door and the wire are real.
"""

from __future__ import annotations

import asyncio
from email.utils import formatdate
from pathlib import Path

import pytest
from mail_cases import received
from post_office import DAY, DONE, HOUR, MINUTE, Office, Post, send, signer
from store_cases import NOW
from wire_server import Reply, Seen, response, slam

from fedpull.cache.mail_records import Errand
from fedpull.crawler.instance import Instance
from fedpull.crawler.protocol.uri import UrlRules
from fedpull.crawler.skew import Skew

ONE = "http://dead.example/inbox"


@pytest.fixture(scope="session")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Instance:
    """Who signs."""
    return signer(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def post_office(tmp_path: Path, instance: Instance) -> Office:
    return Office(tmp_path / "store", instance)


def state_of(post: Post, host: str) -> str | None:
    found = post.opened.query.host(host, post.clock.now())
    return None if found is None else found.state


async def later(post: Post, days: float) -> None:
    """Nothing happens for so long, and then all that is due by then."""
    post.clock.jump(days * DAY)
    post.delivery.poke()
    await post.settled()


async def heard(post: Post, number: int, sender: str) -> None:
    """Somebody pushes something to us."""
    came = [received(number, sender=sender)]
    await asyncio.wrap_future(post.opened.mailbox.receive(came, post.clock.now()))
    post.delivery.poke()
    await post.settled()


async def test_ten_thousand_for_a_dead_host_cost_one_probe_an_interval(post_office: Office) -> None:
    """At once, after a minute, after five more, after half an hour."""
    async with post_office(lambda seen: slam) as post:
        await post.queue(*(send(n, f"http://dead.example/{n % 500}") for n in range(10_000)))
        made = [post.wire.connections]
        for minutes in (2, 5, 31, 60):
            await post.live(minutes * MINUTE)
            made.append(post.wire.connections)

        assert made == [1, 2, 3, 4, 4]
        assert set(post.states) == {"waiting"}


async def test_seven_days_of_failure_make_a_host_dead_and_only_an_answer_makes_it_alive(
    post_office: Office,
) -> None:
    """What it sends us brings one probe forward, and clears nothing."""
    up: list[bool] = []
    async with post_office(lambda seen: DONE if up else slam) as post:
        for day in range(9):
            await post.queue(send(day, ONE))
            await later(post, 1.4)
        assert state_of(post, "dead.example:80") == "dead"

        before = post.wire.connections
        await heard(post, 1, "http://dead.example/users/mallory")
        assert post.wire.connections == before + 1
        await heard(post, 2, "http://dead.example/users/mallory")
        assert post.wire.connections == before + 1
        assert state_of(post, "dead.example:80") == "dead"

        up.append(True)
        await later(post, 1.4)
        await post.live(MINUTE)
        assert post.states[-1] == "delivered"
        assert state_of(post, "dead.example:80") != "dead"


async def test_a_dead_host_is_asked_once_a_day(post_office: Office) -> None:
    """However much is posted meanwhile."""
    async with post_office(lambda seen: slam) as post:
        for day in range(9):
            await post.queue(send(day, ONE))
            await later(post, 1.4)
        before = post.wire.connections
        for number in range(40):
            await post.queue(send(100 + number, ONE))
            await later(post, 0.25)

        assert post.wire.connections - before <= 10


async def test_two_servers_of_one_name_fail_apart(post_office: Office) -> None:
    """An origin is scheme, host and port."""

    def reply(seen: Seen) -> Reply:
        return slam if ":8080" in seen.url else DONE

    rules = UrlRules(http=True, ports=frozenset((80, 8080)))
    async with post_office(reply, url_rules=rules) as post:
        await post.queue(
            send(1, "http://two.example:8080/inbox"), send(2, "http://two.example/inbox")
        )
        await post.queue(send(3, "http://two.example/inbox"))

        assert post.states == ["waiting", "delivered", "delivered"]


async def test_a_refusal_by_another_clock_is_told_and_nobodys_fault(post_office: Office) -> None:
    """Three hosts whose clocks agree, and not with ours: the operator learns of it, and what they
    refused goes out when the clock is set."""
    wrong: list[bool] = [True]

    def reply(seen: Seen) -> Reply:
        date = formatdate(post.clock.now() - 3 * HOUR, usegmt=True)
        return response(b"", status="401 No", Date=date) if wrong else DONE

    async with post_office(reply) as post:
        skew = Skew()
        post.delivery.heard = skew.heard
        await post.queue(*(send(n, f"http://h{n}.example/inbox") for n in range(4)))
        await later(post, 0.4)
        [doubt] = skew.doubts()
        assert "clock" in doubt
        assert {(row.state, row.attempts) for row in post.rows()} == {("waiting", 0)}
        assert {state_of(post, f"h{n}.example:80") for n in range(4)} <= {"ok", None}
        assert all("s apart" in (row.last_error or "") for row in post.rows())

        wrong.clear()
        await later(post, 1.4)
        assert set(post.states) == {"delivered"}


async def test_one_recipient_for_whom_we_break_does_not_stop_the_others(
    post_office: Office,
) -> None:
    """Whatever goes wrong while its request is made."""

    def headers(errand: Errand) -> tuple[tuple[str, str], ...]:
        if "bad" in errand.delivery.inbox:
            raise RuntimeError("no digest for this one")
        return ()

    async with post_office(lambda seen: DONE) as post:
        post.delivery.headers = headers
        await post.queue(
            *(send(n, f"http://{name}.example/i") for n, name in enumerate(("a", "bad", "c")))
        )

        assert post.states == ["delivered", "waiting", "delivered"]


async def test_a_backlog_is_released_gradually_and_what_is_too_old_is_not_sent(
    post_office: Office,
) -> None:
    """One a second in the first minute, faster and faster then; in the order in which it was
    posted."""
    up: list[bool] = []
    times: list[float] = []

    def reply(seen: Seen) -> Reply:
        if not up:
            return slam
        times.append(post.clock.now())
        return DONE

    async with post_office(reply) as post:
        inboxes = [f"http://dead.example/{n}" for n in range(5)]
        await post.queue(*(send(n, inboxes[n % 5]) for n in range(50)))
        await later(post, 4)
        await post.queue(*(send(50 + n, inboxes[n % 5]) for n in range(500)))
        await later(post, 3.5)
        up.append(True)
        before = len(post.wire.requests)
        await later(post, 1.4)
        await post.live(HOUR)

        assert post.states == ["expired"] * 50 + ["delivered"] * 500
        assert sum(at < times[0] + MINUTE for at in times) <= 61
        assert sum(at < times[0] + 2 * MINUTE for at in times) >= 120
        assert times[-1] < times[0] + 5 * MINUTE
        mine = [seen.body for seen in post.wire.requests[before:] if seen.url.endswith("/0")]
        assert mine == [b'{"n":%d}' % n for n in range(50, 550, 5)]
        assert post.clock.now() > NOW
