"""The public listener on a real socket: what it lets in, how much of it, and for how long."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from inbox_cases import INBOX, NOW, PULL, Scene, activity, actor, scene
from twisted.internet.asyncioreactor import AsyncioSelectorReactor

from fedpull.cache.http_server import Limits, listen
from fedpull.config.model import Identity
from fedpull.crawler import key_file
from fedpull.crawler.instance import Instance
from fedpull.crawler.public import PublicDocuments
from fedpull.crawler.public_server import MAX_BODY, PublicSite
from fedpull.tests.fediverse.signatures import Message

HOST = "pull.example"
ACTIVITY = "application/activity+json"
AS2 = "https://www.w3.org/ns/activitystreams"
BODY = b"12345"
HURRY = Limits(MAX_BODY, header_seconds=0.5, body_seconds=0.5, idle_seconds=0.5)


@dataclass
class Public:
    """A listener that runs, and the inbox behind it."""

    at: Scene
    site: PublicSite
    port: int

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def say(self, *parts: bytes) -> bytes:
        """All that is answered to raw bytes until the other side has nothing more to say."""
        reader, writer = await self.connect()
        try:
            for part in parts:
                writer.write(part)
            return await reader.read()
        finally:
            writer.close()

    async def send(self, message: Message, *more: str) -> bytes:
        """A signed request as a proxy of ours passes it on."""
        return await self.say(raw(message, *more, "Connection: close"))


def raw(message: Message, *more: str) -> bytes:
    lines = [f"{message.method} {message.target} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in message.headers.items()]
    return ("\r\n".join([*lines, *more]) + "\r\n\r\n").encode("latin-1") + message.body


def head(*lines: str, method: str = "POST", path: str = "/inbox") -> bytes:
    whole = [f"{method} {path} HTTP/1.1", f"Host: {HOST}", *lines]
    return ("\r\n".join(whole) + "\r\n\r\n").encode()


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer else 0


@asynccontextmanager
async def serving(
    folder: Path, limits: Limits | None = None, trusted: tuple[str, ...] = ("127.0.0.1",)
) -> AsyncIterator[Public]:
    at = scene(folder)
    key_file.create(folder / "actor.pem")
    instance = Instance(Identity(url=PULL, key_file=folder / "actor.pem"))
    reactor = AsyncioSelectorReactor(asyncio.get_running_loop())
    documents = PublicDocuments(instance, "1.2.3", lambda: 0, lambda: 0)
    site = PublicSite(
        at.inbox,
        {"/actor/inbox": INBOX, "/inbox": f"{PULL}/inbox"},
        documents,
        HOST,
        [ip_network(one) for one in trusted],
        at.clock.now,
        reactor,
        *([] if limits is None else [limits]),
    )
    port = await listen(reactor, "tcp:0:interface=127.0.0.1", site, "listen.inbox")
    try:
        yield Public(at, site, int(port.address.rpartition(":")[2]))
    finally:
        await port.close()
        for reader in reactor.removeAll():
            reader.connectionLost(None)
        reactor.waker.connectionLost(None)
        at.opened.close()


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
        ("GET", "https://pull.example/actor", 404),
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


# One reading of HTTP.

AMBIGUOUS: dict[str, bytes] = {
    "a length and chunks": head(
        f"Content-Type: {ACTIVITY}", "Content-Length: 5", "Transfer-Encoding: chunked"
    )
    + b"0\r\n\r\n",
    "chunks and a length": head(
        f"Content-Type: {ACTIVITY}", "Transfer-Encoding: chunked", "Content-Length: 5"
    )
    + b"0\r\n\r\n",
    "two lengths": head(f"Content-Type: {ACTIVITY}", "Content-Length: 5", "Content-Length: 6")
    + BODY,
    "two equal lengths": head(f"Content-Type: {ACTIVITY}", "Content-Length: 5", "Content-Length: 5")
    + BODY,
    "a length with a sign": head(f"Content-Type: {ACTIVITY}", "Content-Length: +5") + BODY,
    "a length in hexadecimal": head(f"Content-Type: {ACTIVITY}", "Content-Length: 0x5") + BODY,
    "a list of lengths": head(f"Content-Type: {ACTIVITY}", "Content-Length: 5, 5") + BODY,
    "a length below nothing": head(f"Content-Type: {ACTIVITY}", "Content-Length: -1") + BODY,
    "a coding before chunks": head(f"Content-Type: {ACTIVITY}", "Transfer-Encoding: gzip, chunked"),
    "identity as a coding": head(
        f"Content-Type: {ACTIVITY}", "Transfer-Encoding: identity", "Content-Length: 5"
    )
    + BODY,
    "chunked twice": head(
        f"Content-Type: {ACTIVITY}", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"
    ),
    "a chunk with an extension": head(f"Content-Type: {ACTIVITY}", "Transfer-Encoding: chunked")
    + b"5;a=b\r\n12345\r\n0\r\n\r\n",
    "an extension that does not end": head(
        f"Content-Type: {ACTIVITY}", "Transfer-Encoding: chunked"
    )
    + b"5;"
    + b"a" * 100,
    "a chunk size with a sign": head(f"Content-Type: {ACTIVITY}", "Transfer-Encoding: chunked")
    + b"+5\r\n12345\r\n0\r\n\r\n",
    "a chunk that ends with a line feed": head(
        f"Content-Type: {ACTIVITY}", "Transfer-Encoding: chunked"
    )
    + b"5\r\n12345\n0\r\n\r\n",
    "lines that end with a line feed": b"GET /actor HTTP/1.1\nHost: pull.example\n\n",
    "one line that ends with a line feed": b"GET /actor HTTP/1.1\r\nHost: x\nX: y\r\n\r\n",
    "a line feed at the end": b"GET /actor HTTP/1.1\r\nHost: pull.example\r\n\n",
    "a carriage return in a value": b"GET /actor HTTP/1.1\r\nHost: pull.example\rX: y\r\n\r\n",
    "a continued line": b"GET /actor HTTP/1.1\r\nHost: pull.example\r\n X: y\r\n\r\n",
    "a space before the colon": b"GET /actor HTTP/1.1\r\nHost : pull.example\r\n\r\n",
    "a header without a name": b"GET /actor HTTP/1.1\r\n: pull.example\r\n\r\n",
    "a header without a colon": b"GET /actor HTTP/1.1\r\nHost pull.example\r\n\r\n",
    "another version": b"GET /actor HTTP/3.0\r\nHost: pull.example\r\n\r\n",
    "no version": b"GET /actor\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "16 KiB of headers": head("X: " + "x" * 17_000, method="GET", path="/actor"),
    "a line without end": b"GET /" + b"x" * 17_000,
    "600 headers": head(*["X: y"] * 600, method="GET", path="/actor"),
}


@pytest.mark.parametrize("said", AMBIGUOUS.values(), ids=AMBIGUOUS.keys())
async def test_what_two_readers_could_take_for_two_things(tmp_path: Path, said: bytes) -> None:
    """I24: 400, and what stands behind it is not read as another request."""
    async with serving(tmp_path) as public:
        answer = await public.say(said, head("Connection: close", method="GET", path="/actor"))

    assert status(answer) == 400
    assert answer.count(b"Server: fedpull") == 1


async def test_pipelined_requests(tmp_path: Path) -> None:
    """Answers stay in the order of their requests, also behind one that waits for a key."""
    async with serving(tmp_path) as public:
        at = public.at
        at.origins.serve(actor())
        at.origins.gate, at.origins.reached = asyncio.Event(), asyncio.Event()
        reader, writer = await public.connect()
        writer.write(raw(at.signed(activity())))
        writer.write(head(method="GET", path="/nothing"))
        writer.write(head("Connection: close", method="GET", path="/actor"))
        await at.origins.reached.wait()
        at.origins.gate.set()
        answer = await reader.read()
        writer.close()

    said = [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]]
    assert said == [202, 404, 200]


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
