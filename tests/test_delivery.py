"""Deliveries on their way: from the mailbox through the real door to inboxes that do as they like.

Time is a stepping clock's; the store, the door and the wire are real.
"""

from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from post_office import DAY, DONE, HOUR, MINUTE, Office, send, signer, status, until
from store_cases import NOW, clean, store_at
from wire_server import Reply, Seen, response, slam

from fedpull.crawler.answer import Answer, Ask
from fedpull.crawler.instance import Instance


@pytest.fixture(scope="session")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Instance:
    """Who signs."""
    return signer(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def post_office(tmp_path: Path, instance: Instance) -> Office:
    return Office(tmp_path / "store", instance)


async def test_an_activity_is_posted_and_accounted_for(post_office: Office) -> None:
    """The bytes arrive as they were queued, once, with the type of an activity."""
    async with post_office(lambda seen: DONE) as post:
        await post.queue(send(1))
        [row] = post.rows()
        [seen] = post.wire.requests

        assert (seen.line, seen.body) == ("POST /inbox HTTP/1.1", b'{"n":1}')
        assert seen.headers["content-type"] == "application/activity+json"
        assert (row.state, row.attempts, row.last_status) == ("delivered", 1, 202)
        assert (row.next_attempt, row.last_error) == (None, None)


async def test_it_is_signed_as_it_is_sent(post_office: Office) -> None:
    """Each try has a signature of its own time; none is kept."""
    async with post_office(lambda seen: status("500 Oops")) as post:
        await post.queue(send(1))
        await post.live(HOUR)
        dates = [seen.headers["date"] for seen in post.wire.requests]
        signed = [seen.headers["signature"] for seen in post.wire.requests]

        assert len(set(dates)) == len(set(signed)) == 4
        assert all("digest" in seen.headers for seen in post.wire.requests)


async def test_each_inbox_gets_its_own_in_order(post_office: Office) -> None:
    """Also where the first of them has to be tried again: an Undo never comes before its Follow."""
    failures = [status("500 Oops")] * 2

    def reply(seen: Seen) -> Reply:
        return failures.pop() if seen.url == "a.example/one" and failures else DONE

    async with post_office(reply) as post:
        one, two = "http://a.example/one", "http://a.example/two"
        await post.queue(send(1, one), send(2, one), send(3, two))
        await post.live(DAY)

        delivered = [seen.body for seen in post.wire.requests if seen.url == "a.example/one"]
        assert delivered == [b'{"n":1}'] * 3 + [b'{"n":2}']
        assert post.states == ["delivered"] * 3


async def test_an_origin_has_one_request_at_a_time(post_office: Office) -> None:
    """Others do not wait for it."""
    held = asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await held.wait()
        writer.write(DONE)
        await writer.drain()

    def reply(seen: Seen) -> Reply:
        return slow if seen.url.startswith("slow.example") else DONE

    async with post_office(reply) as post:
        inboxes = [f"http://slow.example/{n}" for n in range(3)]
        sends = [send(n, inbox) for n, inbox in enumerate(inboxes)]
        queued = post.opened.mailbox.send([*sends, send(9, "http://b.example/inbox")], NOW)
        await asyncio.wrap_future(queued)
        post.delivery.poke()
        await until(lambda: post.states[3] == "delivered")

        assert [seen.url for seen in post.wire.requests if "slow" in seen.url] == ["slow.example/0"]
        held.set()
        await post.settled()
        assert post.states == ["delivered"] * 4


async def test_what_fails_is_tried_by_the_schedule_and_given_up(post_office: Office) -> None:
    """Seven requests in a day and a half; the row stays, and says why."""
    async with post_office(lambda seen: status("500 Oops")) as post:
        await post.queue(send(1))
        times = [0.0]
        while post.states == ["waiting"]:
            [row] = post.rows()
            assert row.next_attempt is not None
            times.append(row.next_attempt - NOW)
            await post.live(row.next_attempt - post.clock.now() + 1)
        [row] = post.rows()

        gaps = [round(later - sooner, -1) for sooner, later in pairwise(times)]
        assert gaps == [60, 300, 1800, 7200, 43200, 86400]
        assert (row.state, row.attempts, row.last_status) == ("given_up", 7, 500)
        assert row.last_error == "the inbox answers 500"


async def test_a_dead_host_gets_one_probe_an_interval(post_office: Office) -> None:
    """However much waits for it; then it expires, and was never sent."""
    async with post_office(lambda seen: slam) as post:
        await post.queue(*(send(n, f"http://dead.example/{n}") for n in range(200)))
        assert post.wire.connections == 1
        await post.live(10 * MINUTE)
        assert post.wire.connections == 3
        await post.live(8 * DAY)

        assert post.wire.connections < 20
        assert set(post.states) == {"expired"}


async def test_a_host_that_comes_back_gets_what_waited(post_office: Office) -> None:
    """In its order, with the activity ids that it would have had before."""
    up: list[bool] = []
    async with post_office(lambda seen: DONE if up else slam) as post:
        await post.queue(*(send(n) for n in range(5)))
        await post.live(HOUR)
        before = len(post.wire.requests)
        up.append(True)
        await post.live(DAY)

        assert post.states == ["delivered"] * 5
        assert post.bodies[before:] == [b'{"n":%d}' % n for n in range(5)]


async def test_an_inbox_that_is_gone_ends_alone(post_office: Office) -> None:
    """What waits for it is given up; others of its host get theirs."""

    def reply(seen: Seen) -> Reply:
        return status("410 Gone") if seen.url == "a.example/gone" else DONE

    async with post_office(reply) as post:
        gone, other = "http://a.example/gone", "http://a.example/other"
        await post.queue(send(1, gone), send(2, gone), send(3, other), send(4, gone))

        assert post.states == ["given_up", "given_up", "delivered", "given_up"]
        assert [row.last_status for row in post.rows()] == [410, 410, 202, 410]
        assert len([url for url in post.wire.urls if url == "a.example/gone"]) == 1


async def test_poison_does_not_stop_the_line(post_office: Office) -> None:
    """What an inbox will never take is dropped, and the next goes out."""

    def reply(seen: Seen) -> Reply:
        return status("400 Bad") if seen.body == b'{"n":1}' else DONE

    async with post_office(reply) as post:
        await post.queue(send(1), send(2))

        assert post.states == ["given_up", "delivered"]


async def test_an_inbox_that_is_found_again(post_office: Office) -> None:
    """Two 404s while a server is deployed, whatever was before them, lose nothing."""
    answers = [*map(status, ("404 No", "404 No", "500 Oops", "404 No", "404 No")), DONE]

    async with post_office(lambda seen: answers.pop(0)) as post:
        await post.queue(send(1))
        await post.live(3 * DAY)

        assert post.states == ["delivered"]


async def test_a_host_is_left_alone_for_as_long_as_it_says(post_office: Office) -> None:
    """`Retry-After` holds for all of its inboxes, and for no other host."""
    busy = [response(b"", status="429 Slow", Retry_After="7200")]

    def reply(seen: Seen) -> Reply:
        return busy.pop() if "a.example" in seen.url and busy else DONE

    async with post_office(reply) as post:
        inboxes = ("http://a.example/1", "http://a.example/2", "http://b.example/1")
        await post.queue(*(send(n, inbox) for n, inbox in enumerate(inboxes)))
        assert post.states == ["waiting", "waiting", "delivered"]
        assert [row.next_attempt for row in post.rows()][:2] == [NOW + 7200, NOW + 7200]
        await post.live(7100)
        assert len(post.wire.requests) == 2
        await post.live(200)

        assert post.states == ["delivered"] * 3


async def test_the_limits_that_an_inbox_announces_hold_for_its_host(post_office: Office) -> None:
    """Whoever counts our deliveries counts what we read of them, too."""
    headers = {"RateLimit": '"all";r=0;t=60', "RateLimit_Policy": '"all";q=30;w=60'}
    told = response(b"", status="202 Accepted", kind=None, length=True, **headers)
    async with post_office(lambda seen: told) as post:
        await post.queue(send(1))
        known = post.opened.query.host("a.example:80", NOW)
        turn = post.opened.frontier.turn("a.example:80", NOW + 30, False).result()

    assert post.wire.requests
    assert known is not None
    assert [(one.name, one.quota, one.remaining) for one in known.windows] == [("all", 30, 0)]
    assert turn is not None
    assert turn > NOW + 60


async def test_what_was_under_way_when_the_process_died_is_sent_again(post_office: Office) -> None:
    """The same activity, and only that: what was written down is not repeated."""
    with store_at(post_office.path) as opened:
        opened.mailbox.send([send(1), send(2)], NOW).result()
        [errand] = opened.mailbox.errands(NOW, 9, 120.0, 7 * DAY).result()
        assert errand.delivery.activity == send(1).activity
        assert opened.mailbox.errands(NOW, 9, 120.0, 7 * DAY).result() == []
    async with post_office(lambda seen: DONE) as post:
        assert post.bodies == [b'{"n":1}', b'{"n":2}']
        assert post.states == ["delivered"] * 2


async def test_a_lease_that_nobody_reports_ends(post_office: Office) -> None:
    """Its delivery may go again then, and not before."""
    with store_at(post_office.path) as opened:
        opened.mailbox.send([send(1)], NOW).result()
        assert len(opened.mailbox.errands(NOW, 9, 120.0, 7 * DAY).result()) == 1
        assert opened.mailbox.next_errand() == NOW + 120
        assert opened.mailbox.errands(NOW + 119, 9, 120.0, 7 * DAY).result() == []
        assert len(opened.mailbox.errands(NOW + 120, 9, 120.0, 7 * DAY).result()) == 1
        clean(opened)


async def test_one_delivery_that_breaks_us_does_not_stop_the_others(post_office: Office) -> None:
    """It is tried again, as if its host had failed."""

    async def fetch(ask: Ask) -> Answer:
        if "bad" in ask.url:
            raise RuntimeError("a bug")
        return Answer(ask.url, ask.url, 202, {}, b"", None, NOW, ())

    async with post_office(lambda seen: DONE, fetch) as post:
        await post.queue(send(1, "http://bad.example/inbox"), send(2))

        assert post.states == ["waiting", "delivered"]
        assert post.rows()[0].last_error == "RuntimeError"


async def test_deliveries_are_found_by_state_and_host(post_office: Office) -> None:
    """The latest first, in pages."""

    def reply(seen: Seen) -> Reply:
        return DONE if "a.example" in seen.url else status("400 Bad")

    async with post_office(reply) as post:
        await post.queue(send(1), send(2), send(3, "http://b.example/inbox"))

        def found(*args: Any) -> list[int]:
            return [row.id for row in post.opened.query.deliveries(*args)]

        assert (found(9), found(2), found(9, 3)) == ([3, 2, 1], [3, 2], [2, 1])
        assert found(9, None, "given_up") == [3]
        assert found(9, None, None, "a.example:80") == [2, 1]
        assert found(9, None, "delivered", "b.example:80") == []
