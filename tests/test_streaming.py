"""Answers in pieces over real sockets: framing, back-pressure, and what becomes of slow readers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from math import inf
from typing import Any

import pytest
from public_cases import until
from twisted.internet.asyncioreactor import AsyncioSelectorReactor

from fedpull.cache.api_http import Answer, json
from fedpull.cache.http_server import BoundedRequest, BoundedSite, Limits
from fedpull.cache.listening import listen

PIECE = b"0123456789abcdef" * 4096  # 64 KiB


class Source:
    """What makes pieces, and how far it has come."""

    def __init__(self, *pieces: bytes, fails: bool = False, stays: bool = False) -> None:
        self.pieces = pieces
        self.fails = fails
        self.stays = stays
        self.taken = 0
        self.ended = asyncio.Event()
        self.site: BoundedSite

    def waits(self) -> bool:
        """Whether the only connection takes no more for now."""
        return all(channel.deadline < inf for channel in self.site._channels)

    async def run(self) -> AsyncGenerator[bytes, None]:
        try:
            for piece in self.pieces:
                self.taken += 1
                yield piece
            if self.fails:
                raise LookupError("a bug")
            if self.stays:
                await asyncio.Event().wait()
        finally:
            self.ended.set()


@asynccontextmanager
async def serving(source: Source, **limits: Any):  # type: ignore[no-untyped-def]
    class Asked(BoundedRequest):
        def respond(self) -> Answer:
            if self.path == b"/short":
                return json("short")
            return Answer(200, type="text/plain", chunks=source.run())

    reactor = AsyncioSelectorReactor(asyncio.get_running_loop())
    site = BoundedSite(Asked, Limits(1024, **limits), reactor)
    source.site = site
    port = await listen(reactor, "tcp:0:interface=127.0.0.1", site)
    try:
        yield int(port.address.rpartition(":")[2])
    finally:
        await port.close()


@asynccontextmanager
async def connected(port: int, request: bytes):  # type: ignore[no-untyped-def]
    """The reader of a connection on which a request was sent; 4 KiB are read ahead."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**12)
    writer.write(request)
    try:
        yield reader
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def rest(reader: asyncio.StreamReader) -> int:
    """Read to the end; how many bytes that were."""
    size = 0
    while more := await reader.read(2**20):
        size += len(more)
    return size


def asked(line: str = "GET / HTTP/1.1", *headers: str) -> bytes:
    return "\r\n".join([line, "Host: localhost", *headers, "", ""]).encode()


FRAMES = [
    (
        "chunks and their end where the connection goes on",
        asked() + asked("GET /short HTTP/1.1", "Connection: close"),
        (b"Transfer-Encoding: chunked", b"2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n", b'"short"'),
        (b"Connection: close\r\n\r\n2",),
    ),
    (
        "chunks where the connection is to end, too",
        asked("GET / HTTP/1.1", "Connection: close"),
        (b"Transfer-Encoding: chunked", b"Connection: close", b"3\r\ncde\r\n0\r\n\r\n"),
        (),
    ),
    (
        "the bare pieces for HTTP/1.0, ended by the connection's end",
        asked("GET / HTTP/1.0"),
        (b"Connection: close", b"\r\n\r\nabcde"),
        (b"Transfer-Encoding", b"Content-Length"),
    ),
    (
        "the head alone for HEAD, and the next answer behind it",
        asked("HEAD / HTTP/1.1") + asked("GET /short HTTP/1.1", "Connection: close"),
        (b"Transfer-Encoding: chunked\r\n\r\nHTTP/1.1 200 OK", b'"short"'),
        (b"abc", b"cde"),
    ),
]


@pytest.mark.parametrize(
    ("request_", "there", "absent"), [row[1:] for row in FRAMES], ids=[row[0] for row in FRAMES]
)
def test_pieces_are_framed(
    request_: bytes, there: tuple[bytes, ...], absent: tuple[bytes, ...]
) -> None:
    """Each reader is told in its own version of HTTP where the pieces end."""

    async def body() -> None:
        source = Source(b"ab", b"", b"cde")
        async with serving(source) as port, connected(port, request_) as reader:
            answer = await reader.read()

        assert [part for part in there if part not in answer] == []
        assert [part for part in absent if part in answer] == []

    asyncio.run(body())


def test_what_breaks_off_does_not_look_finished() -> None:
    """Where making the pieces fails, the connection ends without the last chunk."""

    async def body() -> None:
        async with (
            serving(Source(b"ab", fails=True)) as port,
            connected(port, asked()) as reader,
        ):
            with pytest.raises(ConnectionError):  # aborted: no end of file, either
                await rest(reader)

    asyncio.run(body())


def test_a_reader_that_does_not_read_has_nothing_made_for_it() -> None:
    """Beyond what the sockets' buffers hold no piece is made, and all of it comes in the end."""

    async def body() -> None:
        source = Source(*[PIECE] * 600)
        async with (
            serving(source) as port,
            connected(port, asked("GET / HTTP/1.1", "Connection: close")) as reader,
        ):
            await until(lambda: source.taken > 0 and source.waits())
            taken = source.taken
            size = await rest(reader)

        assert 0 < taken < 300
        assert source.taken == 600
        assert size > 600 * len(PIECE)

    asyncio.run(body())


def test_a_reader_that_stops_reading_is_cut_off() -> None:
    """Who takes nothing for as long as the limit says loses the connection."""

    async def body() -> None:
        source = Source(*[PIECE] * 600)
        async with (
            serving(source, write_seconds=0.1) as port,
            connected(port, asked()) as reader,
        ):
            await source.ended.wait()

            assert source.taken < 300
            with pytest.raises(ConnectionError):
                await rest(reader)

    asyncio.run(body())


def test_who_hangs_up_ends_what_makes_the_pieces() -> None:
    """The source of pieces is closed as soon as its reader is gone, also while it has none."""

    async def body() -> None:
        source = Source(b"first", stays=True)
        async with serving(source) as port:
            async with connected(port, asked()) as reader:
                await reader.readuntil(b"first")
                assert not source.ended.is_set()

            await source.ended.wait()

    asyncio.run(body())


def test_a_server_that_stops_ends_its_streams() -> None:
    """Closing the port ends what is being streamed."""

    async def body() -> None:
        source = Source(b"first", stays=True)
        async with serving(source) as port, connected(port, asked()) as reader:
            await reader.readuntil(b"first")
            source.site.hang_up()

            await source.ended.wait()

    asyncio.run(body())
