"""What counts as an answer: statuses, types, sizes, times; and what becomes of the connection."""

from __future__ import annotations

import asyncio
import gzip

import pytest
from wire_server import ACTIVITY, RealClock, Reply, door_to, drip, hold, response, slam, wire_server

from fedpull.crawler.answer import Accept, Ask, FetchFailed, Stopped

URL = "http://a.example/x"
LD = 'application/ld+json; profile="https://www.w3.org/ns/activitystreams"'

TYPES: dict[str, tuple[str | None, Accept, bool, bool]] = {
    "an activity": (ACTIVITY, "activity", False, True),
    "an activity with its charset": (f"{ACTIVITY}; charset=utf-8", "activity", False, True),
    "JSON-LD with the profile": (LD, "activity", False, True),
    "HTML": ("text/html", "activity", False, False),
    "plain text": ("text/plain", "activity", False, False),
    "plain JSON": ("application/json", "activity", False, False),
    "bytes": ("application/octet-stream", "activity", False, False),
    "an upload": ("image/png", "activity", False, False),
    "no type": (None, "activity", False, False),
    "UTF-16": (f"{ACTIVITY}; charset=utf-16", "activity", False, False),
    "plain JSON for a page": ("application/json; charset=utf-8", "activity", True, True),
    "HTML for a page": ("text/html", "activity", True, False),
    "a JRD": ("application/jrd+json", "jrd", False, True),
    "a JRD as plain JSON": ("application/json", "jrd", False, True),
    "HTML for a JRD": ("text/html", "jrd", False, False),
    "NodeInfo": ("application/json; profile=x", "json", False, True),
}


@pytest.mark.parametrize("case", TYPES)
async def test_a_200_must_have_a_type_that_counts(case: str) -> None:
    """Perfect JSON of another type is refused; what was asked for says which types count."""
    kind, accept, page, good = TYPES[case]
    async with wire_server(response(kind=kind)) as wire, door_to(wire) as door:
        if good:
            answer = await door.egress.fetch(Ask(URL, accept=accept, page=page))
            assert answer.content_type == kind
            assert answer.body
        else:
            with pytest.raises(FetchFailed) as failed:
                await door.egress.fetch(Ask(URL, accept=accept, page=page))
            assert (failed.value.kind, failed.value.status) == ("type", 200)
            assert failed.value.hops[0].error == "type"


@pytest.mark.parametrize(
    ("accept", "header"),
    [
        ("activity", 'application/activity+json, application/ld+json; profile="'),
        ("jrd", "application/jrd+json"),
        ("json", "application/json"),
    ],
)
async def test_the_accept_header_says_what_is_wanted(accept: Accept, header: str) -> None:
    """GoToSocial answers 406 to the wrong one."""
    async with wire_server(response(status="404 Not Found")) as wire, door_to(wire) as door:
        await door.egress.fetch(Ask(URL, accept=accept))

    assert wire.requests[0].headers["accept"].startswith(header)


@pytest.mark.parametrize(
    "status",
    [
        "201 C",
        "202 A",
        "206 P",
        "300 M",
        "400 B",
        "401 U",
        "403 F",
        "404 N",
        "410 G",
        "429 T",
        "500 I",
        "503 S",
    ],
)
async def test_every_other_status_is_an_answer(status: str) -> None:
    """What it means is not for the door to say; the type of an error page does not matter."""
    reply = response(b"sorry", status=status, kind="text/html", Retry_After="120")
    async with wire_server(reply) as wire, door_to(wire) as door:
        answer = await door.egress.fetch(Ask(URL))

    assert (answer.status, answer.body) == (int(status[:3]), b"sorry")
    assert answer.headers["retry-after"] == "120"
    assert [(hop.host, hop.status) for hop in answer.hops] == [("a.example:80", int(status[:3]))]


async def test_a_304_answers_only_who_said_what_it_holds() -> None:
    """Unasked for, it is a failure: nothing is known to be fresh."""
    async with (
        wire_server(b"HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n") as wire,
        door_to(wire) as door,
    ):
        answer = await door.egress.fetch(Ask(URL, etag='"x"'))
        with pytest.raises(FetchFailed) as failed:
            await door.egress.fetch(Ask(URL))

    assert answer.not_modified
    assert (failed.value.kind, failed.value.status) == ("status", 304)


@pytest.mark.parametrize(
    "etag", ['"' + "x" * 256 + '"', '"a"\r\nX-Evil: 1', '"\xe4"', ""], ids=repr
)
async def test_a_validator_that_is_no_header_value_is_not_sent(etag: str) -> None:
    """Nor does it break the request."""
    async with wire_server(response()) as wire, door_to(wire) as door:
        await door.egress.fetch(Ask(URL, etag=etag))

    assert "if-none-match" not in wire.requests[0].headers
    assert b"Evil" not in wire.requests[0].raw


async def test_an_error_page_is_cut() -> None:
    """64 KiB of it are plenty, and the rest is not waited for."""
    async with (
        wire_server(drip(b"HTTP/1.1 404 N\r\n\r\n", b"x" * 4096)) as wire,
        door_to(wire) as door,
    ):
        answer = await door.egress.fetch(Ask(URL))

    assert (answer.status, len(answer.body)) == (404, 64 * 1024)


HEAD = f"HTTP/1.1 200 OK\r\nContent-Type: {ACTIVITY}\r\n".encode()
GZIP_HEAD = HEAD + b"Content-Encoding: gzip\r\n\r\n"
BOMB = gzip.compress(bytes(64 * 1024 * 1024))

TOO_MUCH: dict[str, tuple[Reply, str]] = {
    "bytes without an end": (drip(HEAD + b"\r\n", b"x" * 8192), "size"),
    "chunks without an end": (
        drip(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"2000\r\n" + b"x" * 8192 + b"\r\n"),
        "size",
    ),
    "a length that is announced": (HEAD + b"Content-Length: 1073741824\r\n\r\n", "size"),
    "a gzip bomb": (GZIP_HEAD + BOMB, "size"),
    "a header without an end": (drip(HEAD, b"X: y\r\n" * 100), "size"),
    "interim responses without an end": (drip(b"", b"HTTP/1.1 103 E\r\n\r\n"), "protocol"),
    "brotli": (HEAD + b"Content-Encoding: br\r\nContent-Length: 1\r\n\r\nx", "encoding"),
    "two lengths": (HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx", "protocol"),
    "a header that comes byte by byte": (drip(HEAD + b"X: ", b"y"), "timeout"),
    "a body that comes byte by byte": (drip(HEAD + b"\r\n", b" "), "timeout"),
    "nothing at all": (hold, "timeout"),
}


# Of the two deadlines, that of the head and that of the chain, each has to end what is its own; the
# other is longer here than any test may take.
DEADLINES = {
    "a header that comes byte by byte": (0.2, 3_600.0),
    "a body that comes byte by byte": (3_600.0, 0.5),
    "nothing at all": (0.2, 3_600.0),
}


@pytest.mark.parametrize("case", TOO_MUCH)
async def test_what_goes_beyond_a_limit_is_aborted(case: str) -> None:
    """The connection is closed, not drained: the server sees it go."""
    reply, kind = TOO_MUCH[case]
    head, whole = DEADLINES.get(case, (3_600.0, 3_600.0))
    async with (
        wire_server(reply) as wire,
        door_to(wire, header_timeout=head, timeout=whole) as door,
    ):
        with pytest.raises(FetchFailed) as failed:
            await door.egress.fetch(Ask(URL))
        await asyncio.gather(*wire.tasks)  # ends only when the client is gone

    assert failed.value.kind == kind
    assert (len(wire.requests), wire.connections) == (1, 1)
    assert door.egress.counts[f"failed_{kind}"] == 1


async def test_the_caller_s_deadline_counts_too() -> None:
    """It only shortens the time."""
    async with wire_server(hold) as wire, door_to(wire, timeout=60) as door:
        with pytest.raises(FetchFailed) as failed:
            await door.egress.fetch(Ask(URL, deadline=RealClock().monotonic() + 0.05))

    assert failed.value.timed_out


async def test_a_cancelled_fetch_closes_its_connection() -> None:
    """Whoever stops waiting leaves nothing behind."""
    async with wire_server(hold) as wire, door_to(wire) as door:
        fetch = asyncio.ensure_future(door.egress.fetch(Ask(URL)))
        await wire.asked.wait()
        fetch.cancel()
        with pytest.raises(asyncio.CancelledError):
            await fetch
        await asyncio.gather(*wire.tasks)


async def test_closing_the_door_cuts_what_is_in_flight() -> None:
    """It is no failure of the host, and nothing more is asked."""
    async with wire_server(hold) as wire, door_to(wire) as door:
        fetch = asyncio.ensure_future(door.egress.fetch(Ask(URL)))
        await wire.asked.wait()
        await door.egress.close()
        with pytest.raises(Stopped):
            await fetch
        with pytest.raises(Stopped):
            await door.egress.fetch(Ask(URL))
        await asyncio.gather(*wire.tasks)

    assert len(wire.requests) == 1
    assert not any(name.startswith("failed") for name in door.egress.counts)


@pytest.mark.parametrize(
    ("reply", "connections"),
    [
        (response(), 1),
        (response(Connection="close"), 3),
        (response() + b"x", 3),
        (response() + response(), 3),
        (response(length=False, Connection="close"), 3),
    ],
    ids=["kept", "closed by its word", "a byte too many", "two at once", "ended by closing"],
)
async def test_a_connection_is_used_again_only_after_a_clean_end(
    reply: bytes, connections: int
) -> None:
    """No answer is ever read as that of another request."""
    async with wire_server(reply) as wire, door_to(wire) as door:
        answers = [await door.egress.fetch(Ask(URL)) for _ in range(3)]

    assert {answer.body for answer in answers} == {b'{"id":"https://a.example/1"}'}
    assert (wire.connections, len(wire.requests)) == (connections, 3)


async def test_a_connection_is_for_one_host_only() -> None:
    """Two names at one address have a connection each."""
    async with wire_server(response()) as wire, door_to(wire) as door:
        for host in ("a.example", "b.example", "a.example"):
            await door.egress.fetch(Ask(f"http://{host}/x"))

    assert wire.connections == 2


async def test_a_stale_connection_is_replaced_once() -> None:
    """The server closed it as the request was on its way: that was no answer, nor a failure."""

    async with wire_server([response(), slam, response()]) as wire, door_to(wire) as door:
        await door.egress.fetch(Ask(URL))
        answer = await door.egress.fetch(Ask(URL))

    assert answer.status == 200
    assert (wire.connections, len(wire.requests)) == (2, 3)
    assert len(answer.hops) == 1


async def test_a_fresh_connection_that_dies_is_a_failure() -> None:
    """It is not tried again: that is for the frontier to decide."""

    async with wire_server([slam, response()]) as wire, door_to(wire) as door:
        with pytest.raises(FetchFailed) as failed:
            await door.egress.fetch(Ask(URL))

    assert (failed.value.kind, len(wire.requests)) == ("protocol", 1)


async def test_a_port_that_nobody_listens_on_is_a_failure_to_connect() -> None:
    """To callers it looks as any other unreachable host."""
    async with wire_server(response()) as wire:
        pass
    async with door_to(wire) as door:
        with pytest.raises(FetchFailed) as failed:
            await door.egress.fetch(Ask(URL))

    assert (failed.value.kind, failed.value.problem) == ("connect", "unreachable")


async def test_compressed_and_plain_are_the_same_document() -> None:
    """The body is the decoded one."""
    body = b'{"id":"https://a.example/1"}' * 100
    plain, packed = response(body), response(gzip.compress(body), Content_Encoding="gzip")
    async with wire_server([plain, packed]) as wire, door_to(wire) as door:
        answers = [await door.egress.fetch(Ask(URL)) for _ in range(2)]

    assert [answer.body for answer in answers] == [body, body]
