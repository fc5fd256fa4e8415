"""HTTP/1.1 over asyncio for the simulated hosts: bytes in, a reply out, in order.

It knows no host and no ActivityPub. Answers go out in the order of a connection's requests, each
in one write (with TCP_NODELAY, which asyncio sets), so that no answer waits for an acknowledgement.
Framework-free on purpose: a hostile host must be able to send wrong lengths and drips.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from typing import cast
from urllib.parse import parse_qsl

MAX_HEAD = 65_536
MAX_BODY = 4_194_304


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request as a host sees it; header names in lower case, of a repeated query key the last."""

    at: float
    host: str
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    peer: tuple[str, int]

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(self.target.partition("?")[2], keep_blank_values=True))


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. `Content-Length`, `Date` and the answer to HEAD are the wire's work."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Raw:
    """Bytes that go out exactly as they are, `pause` seconds between the pieces, then the end.

    For the traps that a well-formed answer cannot set. Pieces may be endless: writing stops when
    the other side hangs up, and never runs ahead of what it reads.
    """

    pieces: Iterable[bytes]
    pause: float = 0.0
    status: int = 200


Answer = Reply | Raw | None  # None: the connection is closed at once
Respond = Callable[[Incoming], Answer]
Hold = Callable[[str, Callable[[], None]], bool]  # host, resume -> is it held?


@functools.lru_cache(maxsize=2)
def _http_date(second: int) -> str:
    return formatdate(second, usegmt=True)


@functools.cache
def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Odd"


def render(reply: Reply, *, head_only: bool, second: int, close: bool) -> bytes:
    """The reply's bytes. A 304 or 204 has neither body nor length (RFC 9110, 8.6)."""
    lines = [f"HTTP/1.1 {reply.status} {_reason(reply.status)}", f"Date: {_http_date(second)}"]
    lines += [f"{name}: {value}" for name, value in reply.headers.items()]
    if reply.status not in (204, 304):
        lines.append(f"Content-Length: {len(reply.body)}")
    if close:
        lines.append("Connection: close")
    head = "\r\n".join([*lines, "", ""]).encode("utf-8")
    return head if head_only or reply.status in (204, 304) else head + reply.body


class Connection(asyncio.Protocol):
    """One client connection: reads requests, asks `respond`, writes answers."""

    def __init__(
        self,
        respond: Respond,
        hold: Hold,
        clock: Callable[[], float],
        connections: set[Connection],
    ) -> None:
        self._respond = respond
        self._hold = hold
        self._clock = clock
        self._connections = connections
        self._buffer = bytearray()
        self._busy = False
        self._writable = asyncio.Event()
        self._transport: asyncio.Transport | None = None
        self._streaming: asyncio.Task[None] | None = None
        self.closed = asyncio.Event()
        self._peer = ("", 0)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._peer = tuple(transport.get_extra_info("peername")[:2])
        self._writable.set()
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._connections.discard(self)
        self._writable.set()
        self.closed.set()
        if self._streaming is not None:
            self._streaming.cancel()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._work()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _work(self) -> None:
        while not self._busy and self._transport is not None:
            incoming = self._next_request()
            if incoming is None:
                return
            self._busy = True
            if self._hold(incoming.host, functools.partial(self._answer, incoming, resumed=True)):
                return
            self._answer(incoming)

    def _next_request(self) -> Incoming | None:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > MAX_HEAD:
                self.abort()
            return None
        try:
            request_line, *lines = self._buffer[:end].decode("latin-1").split("\r\n")
            method, target, _ = request_line.split(" ", 2)
            headers = {
                name.strip().lower(): value.strip()
                for name, _, value in (line.partition(":") for line in lines)
            }
            length = int(headers.get("content-length", "0"))
        except ValueError:
            self.abort()
            return None
        if length > MAX_BODY or "transfer-encoding" in headers:
            self.abort()
            return None
        if len(self._buffer) < end + 4 + length:
            return None
        body = bytes(self._buffer[end + 4 : end + 4 + length])
        del self._buffer[: end + 4 + length]
        host = headers.get("host", "").partition(":")[0].lower()
        return Incoming(self._clock(), host, method, target, headers, body, self._peer)

    def _answer(self, incoming: Incoming, *, resumed: bool = False) -> None:
        if self._transport is None:  # hung up while it was held
            return
        answer = self._respond(incoming)
        if answer is None:
            self._transport.abort()
            return
        if isinstance(answer, Raw):
            self._streaming = asyncio.ensure_future(self._stream(answer))
            return
        close = incoming.headers.get("connection", "").lower() == "close"
        self._transport.write(
            render(
                answer,
                head_only=incoming.method == "HEAD",
                second=int(incoming.at),
                close=close,
            )
        )
        if close:
            self._transport.close()
            return
        self._busy = False
        if resumed:
            self._work()

    async def _stream(self, raw: Raw) -> None:
        for piece in raw.pieces:
            if self._transport is None:
                return
            self._transport.write(piece)
            await self._writable.wait()
            await asyncio.sleep(raw.pause)  # also 0: endless pieces must let others have a turn
        if self._transport is not None:
            self._transport.close()
