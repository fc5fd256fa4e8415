"""One HTTP/1.1 connection to us, read so strictly that no two readers could disagree about it.

It answers nothing but what cannot be a request; a `BoundedRequest` does the rest. Invariants: a
request that two readers could take for different ones is 400, and nothing behind it is read;
`deadline` is when the connection's present state has lasted long enough; what was hung up on is
never parsed on.
"""

from __future__ import annotations

import re
from functools import lru_cache
from math import inf
from time import time
from typing import Any

from twisted.internet.interfaces import IHalfCloseableDescriptor, ISSLTransport
from twisted.internet.protocol import connectionDone
from twisted.web.http import (
    RESPONSES,
    HTTPChannel,
    _ChunkedTransferDecoder,
    _MalformedChunkedDataError,
    datetimeToString,
)

from .api_http import Answer, problem

# Who was told that we read no more may still read the answer: closing at once would have the
# kernel reset the connection under it (RFC 9112 section 9.6).
_LINGER = 2.0
_ABSOLUTE = re.compile(rb"(?i:https?)://(?P<host>[^/?#@]+)(?P<path>[/?].*)?", re.DOTALL)


class BoundedChannel(HTTPChannel):
    """One connection. `deadline` is when its present state has lasted long enough."""

    site: Any
    transport: Any
    _networkProducer: Any  # noqa: N815 - Twisted's name
    deaf = False  # answered for the last time: what still comes is thrown away
    deadline = inf
    _idle = True
    _held = 0  # bytes of the present request's body
    _host: Any = None

    def getHost(self) -> Any:  # noqa: N802 - Twisted's name
        """Our address, which stays what it is: Twisted asks the kernel for it with each request."""
        if self._host is None:
            self._host = super().getHost()  # type: ignore[no-untyped-call]
        return self._host

    def connectionMade(self) -> None:  # noqa: N802 - Twisted's name
        super().connectionMade()  # type: ignore[no-untyped-call]
        self.deadline = self.site.seconds() + self.site.limits.idle_seconds

    def connectionLost(self, reason: Any = connectionDone) -> None:  # noqa: N802 - Twisted's name
        self.site.gone(self)
        self._release()
        super().connectionLost(reason)  # type: ignore[no-untyped-call]

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        if self.deaf:
            return
        if self._idle:
            self._idle = False
            self.deadline = self.site.seconds() + self.site.limits.header_seconds
        super().dataReceived(data)  # type: ignore[no-untyped-call]
        # What is left is the beginning of a line, and a line ends with CR LF (RFC 9112 section
        # 2.2 allows a reader to take less, and every reader that does is one to smuggle past).
        if self._buffer and self.line_mode and b"\n" in self._buffer:
            self._respondToBadRequestAndDisconnect()

    def lineReceived(self, line: bytes) -> None:  # noqa: N802 - Twisted's name
        if self.deaf:
            return
        # Continued header lines: RFC 9112 section 5.2.
        if line[:1] in (b" ", b"\t") or b"\n" in line:
            self._respondToBadRequestAndDisconnect()
        else:
            super().lineReceived(line)  # type: ignore[no-untyped-call]

    def lineLengthExceeded(self, line: bytes) -> None:  # noqa: N802 - Twisted's name
        self._respondToBadRequestAndDisconnect()

    def allHeadersReceived(self) -> None:  # noqa: N802 - Twisted's name
        if self.deaf:
            return
        self.deadline = self.site.seconds() + self.site.limits.body_seconds
        self._to_origin_form()
        if isinstance(self._transferDecoder, _ChunkedTransferDecoder):
            self._transferDecoder.__class__ = _Chunks
        super().allHeadersReceived()  # type: ignore[no-untyped-call]

    def _to_origin_form(self) -> None:
        """A target that names its host counts as one with that Host (RFC 9112 section 3.2.2)."""
        named = _ABSOLUTE.fullmatch(self._path)
        if named is not None:
            path = named["path"] or b""
            self._path = path if path[:1] == b"/" else b"/" + path
            self.requests[-1].requestHeaders.setRawHeaders(b"host", [named["host"]])

    def allContentReceived(self) -> None:  # noqa: N802 - Twisted's name
        if not self.deaf:
            self.deadline = inf
            super().allContentReceived()  # type: ignore[no-untyped-call]

    def rawDataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        if not self.deaf:
            super().rawDataReceived(data)

    def requestDone(self, request: Any) -> None:  # noqa: N802 - Twisted's name
        self._idle = True
        self._release()
        self.deadline = self.site.seconds() + self.site.limits.idle_seconds
        super().requestDone(request)  # type: ignore[no-untyped-call]

    def holds(self, size: int) -> bool:
        """Whether there is room for so many bytes more of a body; they are counted if so."""
        most = self.site.limits.bodies
        if most is not None and self.site.held + size > most:
            return False
        self.site.held += size
        self._held += size
        return True

    def _release(self) -> None:
        self.site.held -= self._held
        self._held = 0

    def refuse(self, answer: Answer) -> None:
        """Answer at once and hang up: the rest of the request may never end."""
        if self.deaf:
            return
        self.deaf = True
        self._release()
        self.deadline = self.site.seconds() + _LINGER
        self.transport.write(head_of(answer, keep_alive=False) + answer.body)
        self._networkProducer.unregisterProducer()
        half = IHalfCloseableDescriptor.providedBy(self.transport)
        if half and not ISSLTransport.providedBy(self.transport):
            self.transport.loseWriteConnection()
        else:
            self.transport.loseConnection()

    def end(self) -> None:
        """The deadline has passed: who is silent between requests is let go, others are cut."""
        if self._idle and not self.deaf:
            self.deaf = True
            self.deadline = self.site.seconds() + _LINGER
            self.loseConnection()  # type: ignore[no-untyped-call]
        else:
            self.transport.abortConnection()

    def _respondToBadRequestAndDisconnect(self) -> None:  # noqa: N802 - Twisted's name
        self.refuse(problem(400, "bad-input", "this is not HTTP/1.1 that can be read in one way"))

    def _send100Continue(self) -> None:  # noqa: N802 - Twisted's name
        if not self.deaf:
            super()._send100Continue()  # type: ignore[no-untyped-call]


class _Chunks(_ChunkedTransferDecoder):
    """Chunks without extensions, which nobody sends and readers disagree about."""

    def _dataReceived_CHUNK_LENGTH(self) -> bool:  # noqa: N802 - Twisted's name
        end = self._buffer.find(b"\r\n")
        if self._buffer.find(b";", 0, end if end >= 0 else len(self._buffer)) >= 0:
            raise _MalformedChunkedDataError("a chunk has an extension")
        return super()._dataReceived_CHUNK_LENGTH()


@lru_cache(2)
def _date(second: int) -> str:
    return str(datetimeToString(second), "ascii")


def head_of(answer: Answer, *, keep_alive: bool, chunked: bool = False) -> bytes:
    """Status line and headers. A line break in a value would be another header: it is dropped.

    `chunked`: how the pieces of an answer that comes in some are told apart; where they are not,
    the connection's end is the end of them."""
    reason = RESPONSES.get(answer.status, b"").decode("ascii")
    lines = [f"HTTP/1.1 {answer.status} {reason}", "Server: fedpull"]
    lines.append(f"Date: {_date(int(time()))}")
    if answer.status not in (204, 304):
        lines.append(f"Content-Type: {answer.type}")
        if answer.chunks is None:
            lines.append(f"Content-Length: {len(answer.body)}")
        elif chunked:
            lines.append("Transfer-Encoding: chunked")
    lines += [f"{name}: {value}" for name, value in answer.headers if value.isprintable()]
    if not keep_alive:
        lines.append("Connection: close")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii", "replace")
