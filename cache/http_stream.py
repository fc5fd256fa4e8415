"""An answer that is written piece by piece, as fast as its reader takes it and no faster.

It makes no pieces but of a body that is there. Invariants: at most one piece beyond the socket's
buffer is in memory; a reader that takes nothing for `Limits.write_seconds` is cut off; a message
that could not be finished never looks finished (RFC 9112 section 8); whatever ends the connection
closes what makes the pieces.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from math import inf
from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from .api_http import Answer
from .http_channel import head_of

if TYPE_CHECKING:
    from .http_server import BoundedRequest

log = logging.getLogger(__name__)

PIECE = 64 * 1024


@implementer(IPushProducer)
class Stream:
    """One answer on its way to one request's connection; made on the loop's thread."""

    def __init__(self, request: BoundedRequest, answer: Answer) -> None:
        self._request = request
        self._channel: Any = request.channel
        self._answer = answer
        self._chunks = _pieces(answer.body) if answer.chunks is None else answer.chunks
        self._free = asyncio.Event()
        # Behind an answer that its reader has not taken yet.
        if self._channel._waitingForTransport:
            self.pauseProducing()
        else:
            self._free.set()

    def pauseProducing(self) -> None:  # noqa: N802 - Twisted's name
        self._free.clear()
        site = self._channel.site
        self._channel.deadline = site.seconds() + site.limits.write_seconds

    def resumeProducing(self) -> None:  # noqa: N802 - Twisted's name
        self._channel.deadline = inf
        self._free.set()

    def stopProducing(self) -> None:  # noqa: N802 - Twisted's name
        """The connection is gone; the request is told of it, too, and cancels `run`."""

    async def run(self) -> None:
        """Write all of it; cancelled when the connection ends before."""
        request, channel, chunks = self._request, self._channel, self._chunks
        # What reads HTTP/1.0 knows no chunks: for it the end of the connection is the end.
        chunked = self._answer.chunks is not None and request.clientproto == b"HTTP/1.1"
        channel.registerProducer(self, True)
        async with aclosing(chunks):
            request.write_head(
                head_of(self._answer, keep_alive=bool(channel.persistent), chunked=chunked)
            )
            try:
                if request.method != b"HEAD":
                    await self._write(chunked)
            except Exception:
                log.exception("an answer broke off: this is a bug")
                channel.transport.abortConnection()
                return
        channel.unregisterProducer()
        request.finish()  # type: ignore[no-untyped-call]

    async def _write(self, chunked: bool) -> None:
        channel, chunks = self._channel, self._chunks
        await self._free.wait()
        async for piece in chunks:
            if piece:
                channel.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
            await asyncio.sleep(0)  # whoever makes pieces without waiting must not stop the loop
            await self._free.wait()
        if chunked:
            channel.write(b"0\r\n\r\n")


async def _pieces(body: bytes) -> AsyncGenerator[bytes, None]:
    """A body that is there whole, for a reader that may be slow."""
    for begins in range(0, len(body), PIECE):
        yield body[begins : begins + PIECE]
