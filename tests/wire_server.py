"""A scripted server on a raw socket, and an Egress that leads to it.

An HTTP framework cannot send broken chunks or two lengths, so the script is bytes. What was asked
of the server is part of every assertion: `connections` counts, `requests` lists.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fedpull.crawler.egress import Clock, Egress, EgressRules
from fedpull.crawler.egress_chain import Turn
from fedpull.crawler.egress_knocks import Signer
from fedpull.crawler.egress_robots import Gate
from fedpull.crawler.protocol.knock import Known
from fedpull.crawler.protocol.uri import UrlRules
from fedpull.errors import Refused

ACTIVITY = "application/activity+json"


@dataclass(frozen=True)
class Seen:
    """One request as it arrived."""

    raw: bytes
    body: bytes = b""

    @property
    def line(self) -> str:
        return self.raw.split(b"\r\n", 1)[0].decode()

    @property
    def headers(self) -> dict[str, str]:
        lines = self.raw.decode("latin-1").split("\r\n")[1:-2]
        return {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}

    @property
    def url(self) -> str:
        """`host/path`, whatever the port."""
        return self.headers["host"] + self.line.split(" ")[1]


Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Reply = bytes | Script


@dataclass(frozen=True)
class Judge:
    """Answers each request by what it is."""

    reply: Callable[[Seen], Reply]


Replies = Reply | Mapping[str, Reply] | list[Reply] | Judge


def response(
    body: bytes = b'{"id":"https://a.example/1"}',
    *,
    status: str = "200 OK",
    kind: str | None = ACTIVITY,
    length: bool = True,
    **headers: str,
) -> bytes:
    """A well-formed response; header names in `headers` use _ for -."""
    lines = [f"HTTP/1.1 {status}"]
    if kind is not None:
        lines.append(f"Content-Type: {kind}")
    if length:
        lines.append(f"Content-Length: {len(body)}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def redirect(location: str, status: str = "302 Found") -> bytes:
    return response(b"", status=status, kind=None, Location=location)


async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Say nothing, until the other side gives up."""
    await reader.read()


async def slam(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Close, without a word."""
    writer.close()


def drip(head: bytes, piece: bytes) -> Script:
    """`head`, and then `piece` again and again, without an end."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while not writer.is_closing():
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)  # let the other side run

    return script


@dataclass
class WireServer:
    """Answers each request with the next reply, or with the one for its URL."""

    replies: Replies
    port: int = 0
    connections: int = 0
    requests: list[Seen] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def urls(self) -> list[str]:
        return [seen.url for seen in self.requests]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        with contextlib.suppress(
            ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError, ssl.SSLError
        ):
            await self._converse(reader, writer)
        writer.close()
        with contextlib.suppress(ConnectionError, asyncio.CancelledError, ssl.SSLError):
            await writer.wait_closed()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            seen = Seen(await reader.readuntil(b"\r\n\r\n"))
            if length := int(seen.headers.get("content-length", "0")):
                seen = replace(seen, body=await reader.readexactly(length))
            self.requests.append(seen)
            self.asked.set()
            reply = self._reply(seen)
            if not isinstance(reply, bytes):
                await reply(reader, writer)
                return
            writer.write(reply)
            await writer.drain()
            if b"Connection: close" in reply or reply.startswith(b"HTTP/1.0"):
                return

    def _reply(self, seen: Seen) -> Reply:
        if isinstance(self.replies, Judge):
            return self.replies.reply(seen)
        if isinstance(self.replies, list):
            return self.replies.pop(0)
        if isinstance(self.replies, Mapping):
            return self.replies[seen.url]
        return self.replies


@contextlib.asynccontextmanager
async def wire_server(
    replies: Replies, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[WireServer]:
    wire = WireServer(replies)
    server = await asyncio.start_server(wire.serve, host, 0, ssl=tls)
    wire.port = server.sockets[0].getsockname()[1]
    try:
        yield wire
    finally:
        server.close()
        for task in wire.tasks:
            task.cancel()
        await asyncio.gather(*wire.tasks, return_exceptions=True)


class RealClock:
    """The machine's clocks."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()


@dataclass
class Door:
    """An Egress, and the turns that it waited for."""

    egress: Egress
    turns: list[tuple[str, bool, bool]]


@contextlib.asynccontextmanager
async def door_to(
    wire: WireServer | None,
    *,
    ca_file: Path | None = None,
    url_rules: UrlRules | None = None,
    lookup: Callable[[str, int], list[str]] | None = None,
    signer: Signer | None = None,
    known: Callable[[str], Known | None] | None = None,
    clock: Clock | None = None,
    turn: Turn | None = None,
    robots: Gate | None = None,
    policy: Callable[[str], Refused | None] | None = None,
    **rules: Any,
) -> AsyncIterator[Door]:
    """A door whose every URL leads to `wire`, or, without one, only to where `lookup` says."""
    turns: list[tuple[str, bool, bool]] = []

    async def noted(host: str, page: bool, held: bool) -> None:
        turns.append((host, page, held))
        if turn is not None:
            await turn(host, page, held)

    def target(host: str, port: int) -> tuple[str, int] | None:
        return None if wire is None else ("127.0.0.1", wire.port)

    config = EgressRules(
        user_agent="Fedpull/test (+https://contact.example)",
        url_rules=url_rules or UrlRules(http=True),
        connect_target=target,
        ca_file=ca_file,
        **rules,
    )
    more: dict[str, Any] = {"lookup": lookup, "known": known, "robots": robots}
    more["policy"] = policy
    given = {name: value for name, value in more.items() if value is not None}
    door = Door(Egress(config, noted, clock or RealClock(), signer, **given), turns)
    try:
        yield door
    finally:
        await door.egress.close()
