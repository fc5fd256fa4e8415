"""The public listener: what it serves, which bodies it reads, for how long, and from whom."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from inbox_cases import NOW, PULL, activity, actor
from public_cases import ACTIVITY, AS2, BODY, HOST, HURRY, head, raw, serving, status, until

from fedpull.cache.http_server import Limits
from fedpull.crawler.public_server import MAX_BODY

# What is served, and what is not there.


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/actor", 200),
        ("HEAD", "/actor", 200),
        ("GET", "/.well-known/webfinger?resource=acct:fedpull@pull.example", 200),
        ("GET", "/.well-known/nodeinfo", 200),
        ("GET", "/actor/outbox", 200),
        ("GET", "/nothing", 404),
        ("GET", "/v1/status", 404),
        ("GET", "/metrics", 404),
        ("GET", "/%61ctor", 404),
        ("GET", "//actor", 404),
        ("GET", "/actor/../actor", 404),
        ("GET", "https://pull.example/actor", 200),
        ("GET", "/inbox", 405),
        ("PUT", "/inbox", 405),
        ("DELETE", "/actor", 405),
        ("POST", "/actor", 405),
        ("POST", "/nothing", 404),
        ("OPTIONS", "*", 404),
        ("TRACE", "/inbox", 405),
    ],
)
async def test_paths(tmp_path: Path, method: str, path: str, expected: int) -> None:
    """Our documents and two inboxes; every other answer is a problem, without a body for HEAD."""
    async with serving(tmp_path) as public:
        answer = await public.say(head("Connection: close", method=method, path=path))

    top, _, body = answer.partition(b"\r\n\r\n")
    assert status(answer) == expected
    assert bool(body) is (method != "HEAD")
    if expected > 400:
        assert b"application/problem+json" in top
        assert json.loads(body)["status"] == expected


@pytest.mark.parametrize("path", ["/inbox", "/actor/inbox"])
async def test_a_push(tmp_path: Path, path: str) -> None:
    """Both inboxes take what is signed for them, and say which one it was."""
    async with serving(tmp_path) as public:
        public.at.hold(actor())
        answer = await public.send(public.at.signed(activity(), url=PULL + path))
        [kept] = public.at.opened.mailbox.waiting(NOW, 10)

    assert status(answer) == 202
    assert kept.target == PULL + path


async def test_an_answer_names_nothing_of_ours(tmp_path: Path) -> None:
    """Neither Twisted's name nor a trace of code in what strangers are told."""
    async with serving(tmp_path) as public:
        said = [
            await public.say(head("Connection: close", method="GET", path="/nothing")),
            await public.say(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n"),
            await public.say(head(f"Content-Type: {ACTIVITY}", "Content-Length: +5"), BODY),
        ]

    assert [status(one) for one in said] == [404, 400, 400]
    assert b"wisted" not in b"".join(said)
    assert b"Traceback" not in b"".join(said)


async def test_a_store_that_cannot_be_read(tmp_path: Path) -> None:
    """Both sides of the listener say when to come again, and nothing of what is the matter."""
    async with serving(tmp_path) as public:
        message = public.at.signed(activity())
        public.at.opened.close()
        said = [
            await public.say(head("Connection: close", method="GET", path="/actor/followers")),
            await public.send(message),
        ]

    assert [status(one) for one in said] == [503, 503]
    assert all(b"Retry-After" in one for one in said)
    assert str(tmp_path).encode() not in b"".join(said)


# Bodies.


@pytest.mark.parametrize(
    ("types", "expected"),
    [
        pytest.param([ACTIVITY], 401, id="activity+json"),
        pytest.param([f"{ACTIVITY}; charset=utf-8"], 401, id="with a charset"),
        pytest.param([f'application/ld+json; profile="{AS2}"'], 401, id="ld+json, profiled"),
        pytest.param(["application/ld+json"], 401, id="ld+json without a profile"),
        pytest.param(['application/ld+json; profile="x:y"'], 415, id="ld+json of another kind"),
        pytest.param(["application/json"], 415, id="json"),
        pytest.param(["multipart/form-data; boundary=x"], 415, id="a form with files"),
        pytest.param(["application/x-www-form-urlencoded"], 415, id="a form"),
        pytest.param([], 415, id="none"),
        pytest.param([ACTIVITY, ACTIVITY], 415, id="two"),
    ],
)
async def test_content_types(tmp_path: Path, types: list[str], expected: int) -> None:
    """I21: what is no activity is refused before its body comes, which need never come."""
    lines = [f"Content-Type: {one}" for one in types]
    async with serving(tmp_path) as public:
        length, body = ("500000", b"") if expected == 415 else ("2", b"{}")
        answer = await public.say(
            head(*lines, f"Content-Length: {length}", "Connection: close") + body
        )

    assert status(answer) == expected


@pytest.mark.parametrize(
    ("line", "chunk"),
    [
        pytest.param(f"Content-Length: {MAX_BODY + 1}", b"", id="by its length"),
        pytest.param(f"Content-Length: {10**15}", b"x" * 65_536, id="by a length that is not true"),
        pytest.param(
            "Transfer-Encoding: chunked",
            b"10000\r\n" + b"x" * 65_536 + b"\r\n",
            id="in chunks without end",
        ),
    ],
)
async def test_too_large(tmp_path: Path, line: str, chunk: bytes) -> None:
    """I20: 413 while it is still coming, and the connection ends."""
    async with serving(tmp_path) as public:
        answer = await public.say(head(f"Content-Type: {ACTIVITY}", line), *([chunk] * 17))

    assert status(answer) == 413
    assert b"Connection: close" in answer


async def test_a_body_of_the_largest_size(tmp_path: Path) -> None:
    """One MiB in chunks is read; it is not signed."""
    chunk = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
    async with serving(tmp_path) as public:
        lines = (f"Content-Type: {ACTIVITY}", "Transfer-Encoding: chunked", "Connection: close")
        answer = await public.say(head(*lines), *([chunk] * 16), b"0\r\n\r\n")

    assert status(answer) == 401


async def test_all_bodies_together(tmp_path: Path) -> None:
    """Who sends when others fill what there is comes later; what they held is given back."""
    limits = Limits(MAX_BODY, bodies=100_000)
    start = head(f"Content-Type: {ACTIVITY}", "Content-Length: 90000", "Connection: close")
    async with serving(tmp_path, limits) as public:
        _, writer = await public.connect()
        writer.write(start + b"x" * 80_000)
        await until(lambda: public.site.held == 80_000)
        over = await public.say(start + b"x" * 90_000)
        writer.close()
        await until(lambda: public.site.held == 0)
        later = await public.say(start + b"x" * 90_000)

        assert public.site.held == 0
    assert status(over) == 503
    assert b"Retry-After" in over
    assert status(later) == 401


# Time and connections.


@pytest.mark.parametrize(
    ("said", "answered"),
    [
        pytest.param([], 0, id="says nothing"),
        pytest.param([b"POST /inbox HTT"], 0, id="stops in the first line"),
        pytest.param([b"POST /inbox HTTP/1.1\r\nHost: x\r\n"], 0, id="stops in the headers"),
        pytest.param(
            [head(f"Content-Type: {ACTIVITY}", "Content-Length: 10"), b"123"],
            0,
            id="stops in the body",
        ),
        pytest.param([head(method="GET", path="/actor")], 200, id="stays after its answer"),
    ],
)
async def test_who_keeps_us_waiting(tmp_path: Path, said: list[bytes], answered: int) -> None:
    """The connection ends by itself, at each of its stages."""
    async with serving(tmp_path, HURRY) as public:
        try:
            answer = await public.say(*said)
        except ConnectionResetError:
            answer = b""

    assert status(answer) == answered


async def test_drips_do_not_buy_time(tmp_path: Path) -> None:
    """A byte now and then keeps no connection alive: headers have one deadline."""
    async with serving(tmp_path, HURRY) as public:
        reader, writer = await public.connect()

        async def drip() -> None:
            for byte in b"GET /actor HTTP/1.1\r\n" + b"X: y\r\n" * 10_000:
                writer.write(bytes([byte]))
                await asyncio.wait({ended}, timeout=0.05)
                if ended.done():
                    return

        async def end() -> None:
            try:
                await reader.read()
            except ConnectionResetError:
                return

        ended = asyncio.ensure_future(end())
        await drip()
        writer.close()

        assert ended.done()


async def test_connections_are_bounded(tmp_path: Path) -> None:
    """More than so many at once are closed as they come; there is room again when one ends."""
    async with serving(tmp_path, Limits(MAX_BODY, connections=3)) as public:
        open_ = [await public.connect() for _ in range(3)]
        for reader, writer in open_:
            writer.write(head(method="GET", path="/nothing"))
            await reader.readuntil(b"\r\n\r\n")
        try:
            over = await public.say(head(method="GET", path="/actor"))
        except ConnectionError:
            over = b""
        for _, writer in open_:
            writer.close()
            await writer.wait_closed()
        later = await public.say(head("Connection: close", method="GET", path="/actor"))

    assert over == b""
    assert status(later) == 200


@pytest.mark.parametrize(
    ("trusted", "most"),
    [
        pytest.param((), 2, id="of one client"),
        pytest.param(("127.0.0.1",), 5, id="of a proxy, which stands for many"),
    ],
)
async def test_connections_of_one_address(
    tmp_path: Path, trusted: tuple[str, ...], most: int
) -> None:
    """No client has all connections to itself."""
    limits = Limits(MAX_BODY, connections=100, per_client=2)
    async with serving(tmp_path, limits, trusted) as public:
        answers = []
        held: list[Any] = []
        for _ in range(5):
            reader, writer = await public.connect()
            held.append(writer)
            try:
                writer.write(head(method="GET", path="/nothing"))
                answers.append(await reader.readuntil(b"\r\n\r\n"))
            except (asyncio.IncompleteReadError, ConnectionError):
                continue
        for writer in held:
            writer.close()

    assert len(answers) == most


# Proxies.


@pytest.mark.parametrize(
    ("trusted", "host", "expected"),
    [
        pytest.param(("127.0.0.1",), "10.0.0.5:8788", 202, id="a proxy's name for us"),
        pytest.param((), "10.0.0.5:8788", 401, id="another host, asked by anybody"),
        pytest.param((), HOST, 202, id="our own, asked by anybody"),
    ],
)
async def test_the_host_that_was_signed(
    tmp_path: Path, trusted: tuple[str, ...], host: str, expected: int
) -> None:
    """G19: it is the one of the configuration, whatever a proxy calls us; no header changes it."""
    async with serving(tmp_path, trusted=trusted) as public:
        public.at.hold(actor())
        message = public.at.signed(activity())
        text = raw(message, "X-Forwarded-Host: evil.example", "Connection: close")
        answer = await public.say(text.replace(f"host: {HOST}".encode(), f"host: {host}".encode()))

    assert status(answer) == expected
