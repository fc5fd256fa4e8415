"""Deliveries through the door: always signed, one second knock at most, and the status decides."""

from __future__ import annotations

import asyncio

import pytest
from knocking import Gate, Identity, form_of
from wire_server import (
    ACTIVITY,
    RealClock,
    Reply,
    door_to,
    drip,
    hold,
    redirect,
    response,
    slam,
    wire_server,
)

from fedpull.crawler.answer import Ask, FetchFailed
from fedpull.crawler.host_reports import reports
from fedpull.crawler.protocol.digest import digest
from fedpull.crawler.protocol.knock import Form, Known

URL = "http://a.example/inbox"
BODY = '{"type":"Follow","name":"ä"}'.encode()


def delivery(url: str = URL) -> Ask:
    return Ask(url, method="POST", body=BODY, content_type=ACTIVITY)


async def test_a_delivery_as_it_arrives() -> None:
    """The body byte for byte, its type and length, its digest, and a signature over them."""
    async with (
        wire_server(response(b"", status="202 Accepted", kind=None)) as wire,
        door_to(wire, signer=Identity()) as door,
    ):
        answer = await door.egress.fetch(delivery())

    (seen,) = wire.requests
    assert (answer.status, answer.form) == (202, "cavage")
    assert (seen.line, seen.body) == ("POST /inbox HTTP/1.1", BODY)
    assert seen.headers["content-type"] == ACTIVITY
    assert seen.headers["content-length"] == str(len(BODY))
    assert seen.headers["digest"] == digest(BODY)
    assert form_of(seen) == "cavage"
    assert "if-none-match" not in seen.headers


STATUSES = ["200 O", "201 C", "202 A", "204 N", "304 N", "403 F", "404 N", "408 T", "410 G"]
STATUSES += ["413 L", "422 U", "429 M", "500 I", "501 N", "502 B", "503 S"]


@pytest.mark.parametrize("status", STATUSES)
async def test_every_status_passes_through(status: str) -> None:
    """Whatever the type of the answer's body; there is one request."""
    reply = response(b"<p>", status=status, kind="text/html")
    if status[:3] in ("204", "304"):
        reply = response(b"", status=status, kind=None, length=False)
    async with wire_server(reply) as wire, door_to(wire, signer=Identity()) as door:
        answer = await door.egress.fetch(delivery())

    assert (answer.status, len(wire.requests), door.turns) == (int(status[:3]), 1, [])


@pytest.mark.parametrize("status", ["301 M", "302 F", "303 S", "307 T", "308 P"])
async def test_no_redirect_is_followed(status: str) -> None:
    """What was signed for one place is not sent to another."""
    reply = redirect("http://b.example/inbox", status)
    async with wire_server(reply) as wire, door_to(wire, signer=Identity()) as door:
        answer = await door.egress.fetch(delivery())

    assert (answer.status, answer.final_url, len(wire.requests)) == (int(status[:3]), URL, 1)


NEW = Known("rfc9421", 0.0)
KNOCKS: dict[str, tuple[Known | None, tuple[Form, ...], str, list[Form], int]] = {
    # what is known, what the host reads, its refusal; what it is sent, and what comes of it
    "it reads cavage": (None, ("cavage",), "401 U", ["cavage"], 200),
    "it reads RFC 9421": (None, ("rfc9421",), "401 U", ["cavage", "rfc9421"], 200),
    "it says so with 400": (None, ("rfc9421",), "400 B", ["cavage", "rfc9421"], 200),
    "it reads neither": (None, (), "401 U", ["cavage", "rfc9421"], 401),
    "it forbids": (None, (), "403 F", ["cavage"], 403),
    "it is broken": (None, (), "500 I", ["cavage"], 500),
    "it was known to read RFC 9421": (NEW, ("rfc9421",), "401 U", ["rfc9421"], 200),
    "it reads cavage again": (NEW, ("cavage",), "401 U", ["rfc9421", "cavage"], 200),
    "it is open for reading": (Known("unsigned", 0.0), ("cavage",), "401 U", ["cavage"], 200),
}


@pytest.mark.parametrize("case", KNOCKS)
async def test_a_refused_form_is_followed_by_the_other_scheme_once(case: str) -> None:
    """And never by a third."""
    given, reads, refusal, sent, status = KNOCKS[case]
    known = None if given is None else Known(given.form, RealClock().now() + 60)
    gate = Gate(reads, refusal)
    async with (
        wire_server(gate.judge) as wire,
        door_to(wire, signer=Identity(), known=lambda host: known) as door,
    ):
        answer = await door.egress.fetch(delivery())

    assert (gate.asked, answer.status) == (sent, status)
    assert {seen.body for seen in wire.requests} == {BODY}


async def test_what_was_taken_is_remembered_for_the_next_delivery() -> None:
    """And says nothing of how the host is read."""
    gate = Gate(("rfc9421", "unsigned"))
    async with wire_server(gate.judge) as wire, door_to(wire, signer=Identity()) as door:
        first = await door.egress.fetch(delivery())
        await door.egress.fetch(delivery())
        await door.egress.fetch(Ask("http://a.example/x"))

    assert gate.asked == ["cavage", "rfc9421", "rfc9421", "unsigned"]
    knock = first.hops[-1].knock
    assert knock is not None
    assert (knock.form, knock.post) == (None, "rfc9421")
    assert [(one.ok, one.refused) for one in reports(first, first.at)] == [(True, False)] * 2


async def test_a_challenge_is_answered_by_the_second_knock() -> None:
    """Also where the first was of that scheme already: Fedify wants its nonce in the signature."""
    text = 'sig1=("@method" "@target-uri");nonce="abc"'
    known = Known("rfc9421", RealClock().now() + 60)
    replies: list[Reply] = [
        response(b"", status="401 U", Accept_Signature=text),
        response(b"", status="202 A"),
    ]
    async with (
        wire_server(replies) as wire,
        door_to(wire, signer=Identity(), known=lambda host: known) as door,
    ):
        answer = await door.egress.fetch(delivery())

    assert (answer.status, answer.form) == (202, "rfc9421")
    assert all("signature-input" in seen.headers for seen in wire.requests)


async def test_an_endless_answer_is_cut() -> None:
    """Its status is what counts, and the connection is given up."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n"
    async with (
        wire_server(drip(head, b"x" * 4096)) as wire,
        door_to(wire, signer=Identity()) as door,
    ):
        answer = await door.egress.fetch(delivery())

    assert (answer.status, len(answer.body)) == (200, 64 * 1024)


async def test_a_slow_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once its status is there, it is known what became of the delivery."""
    monkeypatch.setattr("fedpull.crawler.egress_wire.POST_SECONDS", 0.2)

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 10\r\n\r\nx")
        await reader.read()

    async with wire_server(slow) as wire, door_to(wire, signer=Identity()) as door:
        answer = await door.egress.fetch(delivery())

    assert answer.status == 202


BROKEN: dict[str, bytes] = {
    "a body that is cut short": (
        b"HTTP/1.1 202 A\r\nContent-Length: 9\r\nConnection: close\r\n\r\nx"
    ),
    "a coding that does not decode": (
        b"HTTP/1.1 202 A\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx"
    ),
}


@pytest.mark.parametrize("case", BROKEN)
async def test_a_body_that_is_broken_does_not_undo_the_status(case: str) -> None:
    """It was taken, and is not to be sent again."""
    async with wire_server(BROKEN[case]) as wire, door_to(wire, signer=Identity()) as door:
        answer = await door.egress.fetch(delivery())

    assert answer.status == 202


async def test_silence_is_no_answer() -> None:
    """Nobody knows whether it was taken."""
    async with (
        wire_server(hold) as wire,
        door_to(wire, signer=Identity(), header_timeout=0.1) as door,
    ):
        with pytest.raises(FetchFailed) as failed:
            await door.egress.fetch(delivery())

    assert (failed.value.kind, len(wire.requests)) == ("timeout", 1)


async def test_nor_is_a_stream_of_interim_responses() -> None:
    """Eight of them are enough."""
    async with (
        wire_server(drip(b"", b"HTTP/1.1 102 Processing\r\n\r\n")) as wire,
        door_to(wire, signer=Identity()) as door,
    ):
        with pytest.raises(FetchFailed) as failed:
            await door.egress.fetch(delivery())

    assert failed.value.kind == "protocol"


async def test_nothing_is_delivered_without_an_identity() -> None:
    """No socket is opened for it."""
    async with wire_server(response()) as wire, door_to(wire) as door:
        with pytest.raises(FetchFailed, match="identity"):
            await door.egress.fetch(delivery())

    assert wire.connections == 0


async def test_a_delivery_over_a_connection_that_had_gone_stale_is_sent_again() -> None:
    """The host closed it unseen; an activity has an id, so that a second copy changes nothing. The
    lane is the delivery's own: it waits for nobody's turn."""
    taken = response(b"", status="202 A")
    async with (
        wire_server([taken, slam, taken]) as wire,
        door_to(wire, signer=Identity()) as door,
    ):
        await door.egress.fetch(delivery())
        answer = await door.egress.fetch(delivery())

    assert (answer.status, len(wire.requests), door.turns) == (202, 3, [])
