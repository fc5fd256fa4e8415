"""Servers that fail and come back: who is dead, what is probed, what is released, what is kept."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from mail_cases import received
from post_office import (
    DAY,
    DONE,
    HOUR,
    MINUTE,
    SCHEDULE,
    Office,
    Post,
    send,
    signer,
    status,
    until,
)
from store_cases import NOW, clean, store_at
from wire_server import Reply, Seen, response, slam

from fedpull.cache import destinations, outbound
from fedpull.cache.mail_records import Account, Sent
from fedpull.cache.open import Opened
from fedpull.crawler import delivery as shell
from fedpull.crawler.answer import Answer, Ask
from fedpull.crawler.delivery import Delivery
from fedpull.crawler.instance import Instance

HOST = "a.example:80"
FAR = Sent(0, "given_up", True, 500, "500", host_until=NOW + HOUR)


@pytest.fixture(scope="session")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Instance:
    """Who signs."""
    return signer(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def post_office(tmp_path: Path, instance: Instance) -> Office:
    return Office(tmp_path / "store", instance)


async def _die(post: Post) -> None:
    """Deliveries fail on seven days: one is queued on each of them."""
    for n in range(7):
        await post.queue(send(100 + n))
        await post.live(DAY)


async def test_seven_failing_days_make_a_server_dead(post_office: Office) -> None:
    """Told of its host; probed once a day from then on, whatever waits for it."""
    async with post_office(lambda seen: slam) as post:
        await _die(post)
        await post.queue(*(send(n) for n in range(50)))
        before = post.wire.connections
        await post.live(3 * DAY)
        [host] = [one for one in post.opened.query.hosts(post.clock.now()) if one.host == HOST]

        assert post.wire.connections - before <= 4
        assert (host.state, host.delivery and host.delivery.state) == ("dead", "dead")
        assert post.opened.query.totals().dead_servers == 1
        clean(post.opened)


async def test_what_they_send_has_them_probed_once(post_office: Office) -> None:
    """It does not make them alive: their inbox may be what is broken."""
    async with post_office(lambda seen: slam) as post:
        await _die(post)
        before, sender = post.wire.connections, "http://a.example/users/a"
        for n in range(20):
            post.opened.mailbox.receive([received(n, sender=sender)], post.clock.now()).result()
            post.delivery.poke()
            await post.settled()
        host = post.opened.query.host(HOST, post.clock.now())

        assert post.wire.connections - before == 1
        assert host is not None
        assert host.state == "dead"


async def test_what_is_too_old_expires_in_time(
    post_office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where its server is not asked for a day or a week: each inbox, whatever is not too old,
    and what comes behind it goes on."""
    monkeypatch.setattr(outbound, "_INBOXES", 2)
    async with post_office(lambda seen: slam) as post:
        await _die(post)
        now, mailbox = post.clock.now(), post.opened.mailbox
        await post.queue(*(send(n, f"http://a.example/{n % 5}") for n in range(200, 210)))
        later = [send(n, f"http://a.example/{n % 5}") for n in range(210, 215)]
        await asyncio.wrap_future(mailbox.send(later, now + DAY))
        before = post.wire.connections
        for at in (now + SCHEDULE.ttl - HOUR, now + SCHEDULE.ttl + HOUR):
            assert post.states[-15:] == ["waiting"] * 15
            after: bytes | None = b""
            while after is not None:
                ended = mailbox.expire(after, at, SCHEDULE.ttl)
                after = await asyncio.wrap_future(ended)

        assert post.states[-15:] == ["expired"] * 10 + ["waiting"] * 5
        assert {row.last_error for row in post.rows()[-15:-5]} == {"was not accepted in time"}
        assert post.wire.connections == before
        clean(post.opened)


async def test_an_answer_makes_them_alive(post_office: Office) -> None:
    """The probe arrives; what has waited follows, one a second."""
    up: list[bool] = []
    async with post_office(lambda seen: DONE if up else slam) as post:
        await _die(post)
        await post.queue(*(send(n, f"http://a.example/{n}") for n in range(200)))
        up.append(True)
        sender = "http://a.example/users/a"
        post.opened.mailbox.receive([received(1, sender=sender)], post.clock.now()).result()
        before = post.wire.connections
        post.delivery.poke()
        await post.settled()
        host = post.opened.query.host(HOST, post.clock.now())
        assert post.states.count("delivered") == 1
        await post.live(30)
        assert 28 <= post.states.count("delivered") <= 32
        await post.live(10 * MINUTE)

        assert host is not None
        assert host.state == "ok"
        assert post.states.count("waiting") == 0
        assert post.wire.connections - before <= 3
        assert post.opened.query.totals().dead_servers == 0


async def test_a_batch_to_one_server_shares_a_connection(post_office: Office) -> None:
    """One after the other."""
    async with post_office(lambda seen: DONE) as post:
        await post.queue(*(send(n, f"http://a.example/{n % 5}") for n in range(20)))

        assert post.states == ["delivered"] * 20
        assert post.wire.connections == 1


async def test_who_takes_one_gets_the_next(
    post_office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the connection is there, whatever others wait for; after a few it is their turn."""
    monkeypatch.setattr(shell, "PLACES", 1)
    monkeypatch.setattr(outbound, "_STREAK", 3)
    asked: list[str] = []

    async def fetch(ask: Ask) -> Answer:
        asked.append(ask.url[7])
        return Answer(ask.url, ask.url, 202, {}, b"", None, NOW, ())

    async with post_office(lambda seen: DONE, fetch) as post:
        for n in range(5):
            sends = [send(n, f"http://{host}.example/i") for host in "ab"]
            await asyncio.wrap_future(post.opened.mailbox.send(sends, NOW + n / 1000 - 1))
        post.delivery.poke()
        await post.settled()
        first = asked[0]
        other = "b" if first == "a" else "a"

        assert asked == [first] * 3 + [other] * 3 + [first] * 2 + [other] * 2


async def test_servers_that_fail_do_not_keep_others_waiting(
    post_office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They have places of their own."""
    monkeypatch.setattr(shell, "PLACES", 2)
    monkeypatch.setattr(shell, "PROBES", 1)
    hanging: list[str] = []
    free = asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await free.wait()

    def reply(seen: Seen) -> Reply:
        if seen.url.startswith("up"):
            return DONE
        hanging.append(seen.url)
        return hang if len(hanging) > 2 else slam

    async with post_office(reply) as post:
        await post.queue(send(1, "http://down.example/i"), send(2, "http://away.example/i"))
        assert post.states == ["waiting"] * 2
        post.clock.step(NOW + 2 * MINUTE)
        await until(lambda: len(hanging) == 3)
        sends = [send(9, f"http://up{n}.example/i") for n in range(5)]
        await asyncio.wrap_future(post.opened.mailbox.send(sends, post.clock.now()))
        post.delivery.poke()
        await until(lambda: post.states.count("delivered") == 5)
        free.set()

        assert len(hanging) == 3


async def test_the_tries_of_a_delivery_are_kept(post_office: Office) -> None:
    """When, what came of it; and an account of all that an activity was called for."""
    answers: list[Reply] = [DONE, status("503 Busy"), slam]

    def reply(seen: Seen) -> Reply:
        return DONE if "b." in seen.url else answers.pop()

    async with post_office(reply) as post:
        await post.queue(send(1), replace(send(1), inbox="http://b.example/inbox"))
        during = post.opened.query.account(send(1).activity)
        await post.live(DAY)
        row = post.rows()[0]

        assert during == Account(waiting=1, delivered=1)
        assert [one.status for one in row.log] == [None, 503, 202]
        assert [bool(one.error) for one in row.log] == [True, True, False]
        assert row.log[0].at < row.log[1].at < row.log[2].at == row.ended
        assert post.opened.query.account(send(1).activity) == Account(delivered=2)
        assert post.opened.query.delivery(row.id) == row


async def test_an_inbox_that_was_gone_gets_no_posts(post_office: Office) -> None:
    """Those to followers are over at once, and say so; what concerns its owner is tried."""
    gone = [status("410 Gone")]
    async with post_office(lambda seen: gone.pop() if gone else DONE) as post:
        public = replace(send(1), followers=True)
        await post.queue(public)
        await post.queue(replace(send(2), followers=True), send(3))
        await post.live(8 * DAY)
        await post.queue(replace(send(4), followers=True))

        assert post.states == ["given_up", "given_up", "delivered", "delivered"]
        assert post.rows()[1].last_error == "its inbox is gone: the inbox answers 410"
        assert len(post.wire.requests) == 3


async def test_who_moved_is_looked_at_anew(post_office: Office) -> None:
    """The delivery is given up; what is signed for one URL is not sent to another."""
    moved: list[str] = []
    elsewhere = response(b"", status="308 Elsewhere", Location="http://b.example/inbox")
    async with post_office(lambda seen: elsewhere) as post:
        post.delivery.moved = moved.append
        await post.queue(replace(send(1), recipient="http://a.example/users/a"), send(2))

        assert post.states == ["given_up"] * 2
        assert moved == ["http://a.example/users/a"]
        assert [seen.url for seen in post.wire.requests] == ["a.example/inbox"] * 2


async def test_our_wrong_clock_is_not_their_fault(post_office: Office) -> None:
    """A 401 of another time is no attempt, is told, and nothing ends by it before its time."""
    refused = response(b"", status="401 No", Date="Tue, 14 Nov 2023 10:00:00 GMT")
    heard: list[int] = []
    async with post_office(lambda seen: refused) as post:
        post.delivery.heard = lambda answer: heard.append(answer.status)
        await post.queue(send(1))
        await post.live(4 * DAY)
        [row] = post.rows()

        assert (row.state, row.attempts, row.last_status) == ("waiting", 0, 401)
        assert "s apart" in (row.last_error or "")
        assert heard
        assert post.opened.query.totals().dead_servers == 0


async def test_a_single_command_makes_the_first_tries(post_office: Office) -> None:
    """What is due is sent, what failed waits for its time, and then it returns."""

    def reply(seen: Seen) -> Reply:
        return slam if "b." in seen.url else DONE

    async with post_office(reply) as post:
        await post.delivery.stop()
        sends = [send(n, f"http://{host}.example/i") for n, host in enumerate("aabca")]
        await asyncio.wrap_future(post.opened.mailbox.send(sends, NOW))
        old = post.delivery
        alone = Delivery(old.mailbox, old.frontier, old.fetch, old.clock, SCHEDULE)
        await alone.drain()

        assert [row.state == "delivered" for row in post.rows()] == [True, True, False, True, True]
        assert alone.in_flight == 0


# What the store alone answers for


def _fail(opened: Opened, host: str, now: float = NOW) -> None:
    """A delivery to a host fails for good, and with it the host; nothing waits for it then."""
    opened.mailbox.send([send(1, f"http://{host}/inbox")], now).result()
    errands = opened.mailbox.errands(now, 999, 60.0, DAY).result()
    failed = [replace(FAR, id=one.delivery.id, host_until=now + HOUR) for one in errands]
    opened.mailbox.sent(failed, now).result()


def test_a_failure_outlives_what_has_failed(tmp_path: Path) -> None:
    """The next delivery waits for the end of the pause; after a month nobody remembers."""
    with store_at(tmp_path) as opened:
        _fail(opened, "a.example")
        opened.mailbox.send([send(2)], NOW + MINUTE).result()
        at_once = opened.mailbox.errands(NOW + MINUTE, 9, 60.0, DAY).result()
        [probe] = opened.mailbox.errands(NOW + HOUR, 9, 60.0, DAY).result()
        clean(opened)
        opened.mailbox.sent([Sent(probe.delivery.id, "given_up", True, 400)], NOW + HOUR).result()
        _fail(opened, "b.example")
        opened.mailbox.sent([], NOW + 31 * DAY).result()

        assert at_once == []
        assert probe.health.failures == 1
        assert [one.host for one in opened.query.hosts() if one.delivery] == []
        clean(opened)


def test_failures_of_minted_hosts_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that failed longest ago are forgotten first."""
    monkeypatch.setattr(destinations, "MOST_RESTING", 10)
    with store_at(tmp_path) as opened:
        for n in range(60):
            _fail(opened, f"h{n}.example", NOW + n)
        clean(opened)
        names = {one.host for one in opened.query.hosts() if one.delivery}

        assert len(names) <= 11
        assert "h59.example:80" in names


def test_accounts_outlive_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a row of the activity is kept the count is exact; then both are gone."""
    monkeypatch.setattr(outbound, "MOST_SETTLED", 2)
    with store_at(tmp_path) as opened:
        sends = [replace(send(1), inbox=f"http://h{n}.example/i") for n in range(9)]
        opened.mailbox.send(sends, NOW).result()
        errands = opened.mailbox.errands(NOW, 99, 60.0, DAY).result()
        for one in errands[:8]:
            opened.mailbox.sent([Sent(one.delivery.id, "delivered", True, 202)], NOW).result()
        clean(opened)

        assert opened.query.account(send(1).activity) == Account(waiting=1, delivered=8)
        assert len(opened.query.deliveries(99, activity=send(1).activity)) < 9
