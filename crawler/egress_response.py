"""One HTTP/1.1 response, read from bytes: framing, header limits, content coding, size.

It opens nothing and judges neither status nor content type; a `judge` that it is given decides,
once the header is complete, how much of the body is wanted. Invariant: what it keeps of a body,
decoded, is never more than the judge allowed, and never more is inflated than that.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import NamedTuple

import httptools

from .answer import Lost

# What Apache (8 KiB a line, 100 lines), nginx and Node (16 KiB) send at most lies far below.
MAX_HEADER_BYTES = 64 * 1024
# 100, 102 and 103 come alone or in twos; RFC 9110 section 15.2 sets no limit, so we do.
MAX_INTERIM = 8
# Chunk sizes, extensions and trailers may cost this much beyond the body itself.
_FRAMING_BYTES = 128 * 1024


class Plan(NamedTuple):
    """How much of a body to take. `cut`: be content with that much; else more is an error."""

    limit: int
    cut: bool


Judge = Callable[[int, dict[str, str]], Plan]


class ResponseReader:
    """Feed it what arrives; `complete` says when there is a response.

    `reusable` is whether the connection may carry another request. Raises Lost for whatever is
    not a response that we read (httptools' parser is strict: it refuses doubled lengths, a length
    beside chunks, bare line feeds and folded lines).
    """

    __slots__ = (
        "_body",
        "_inflate",
        "_interim",
        "_judge",
        "_names",
        "_parser",
        "_plan",
        "_size",
        "_until_close",
        "_wire",
        "complete",
        "head",
        "headers",
        "reusable",
        "sent",
        "status",
    )

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)
        self._plan = Plan(0, True)
        self._inflate: zlib._Decompress | None = None
        self._body: list[bytes] = []
        self._size = 0
        self._wire = 0
        self._names = 0
        self._interim = 0
        self._until_close = False
        self.headers: dict[str, str] = {}
        self.status = 0
        self.head = False  # the final header has been read
        self.complete = False
        self.reusable = False
        self.sent = 0.0  # when the request was, by whoever sends it

    @property
    def received(self) -> int:
        """Bytes of the response that came, as they were sent."""
        return self._wire

    @property
    def body(self) -> bytes:
        return self._body[0] if len(self._body) == 1 else b"".join(self._body)

    def feed(self, data: bytes) -> None:
        if self.complete or self._parser is None:
            self.reusable = False  # bytes beyond the end: nobody knows whose answer they are
            return
        self._wire += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            if self.complete:
                self.reusable = False
            elif isinstance(error.__context__, Lost):
                raise error.__context__ from None
            else:
                raise Lost("protocol", f"not HTTP/1.1: {error}") from None
        except httptools.HttpParserUpgrade:
            raise Lost("protocol", "the server changed the protocol") from None
        if self.complete:
            self._parser = None  # parser and reader hold each other
        elif not self.head and self._wire > MAX_HEADER_BYTES:
            raise Lost("size", f"the header is longer than {MAX_HEADER_BYTES} bytes")
        elif self.head and self._wire > 2 * self._plan.limit + _FRAMING_BYTES:
            raise Lost("size", "the response is longer than its body may be")

    def eof(self) -> None:
        """The peer closed: that ends a body without a length (RFC 9112 section 6.3, point 8)."""
        if self.complete:
            return
        if not (self.head and self._until_close):
            raise Lost("protocol", "the connection was closed before the end of the response")
        self._finish()
        self.reusable = False

    def discard(self) -> None:
        """Break the cycle with the parser when a response is given up."""
        self._parser = None

    # What httptools calls.

    def on_message_begin(self) -> None:
        if self.complete:
            raise Lost("protocol", "two responses to one request")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._names += len(name) + len(value) + 4
        if self._names > MAX_HEADER_BYTES:
            raise Lost("size", f"the header is longer than {MAX_HEADER_BYTES} bytes")
        if self.head:
            return  # a trailer field
        key = name.decode("latin-1").lower()
        text = value.decode("latin-1").strip()
        held = self.headers.get(key)
        self.headers[key] = text if held is None else f"{held}, {text}"

    def on_headers_complete(self) -> None:
        if self._parser is None:
            return
        status = self._parser.get_status_code()
        if status < 200:
            self._interim += 1
            if status < 100 or status == 101 or self._interim > MAX_INTERIM:
                raise Lost("protocol", f"status {status} has no place here")
            self.headers.clear()
            return
        headers = self.headers
        coding = headers.get("transfer-encoding")
        if coding is not None and coding.lower() != "chunked":
            raise Lost("protocol", f"the transfer coding {coding[:40]!r} was not offered")
        self.status = status
        self.head = True
        plan = self._plan = self._judge(status, headers)
        length = headers.get("content-length")
        self._until_close = coding is None and length is None
        if not plan.cut and length is not None and int(length) > plan.limit:
            raise Lost("size", f"{length[:20]} bytes, more than {plan.limit}")
        self._decode(headers.get("content-encoding", "").lower())

    def on_body(self, data: bytes) -> None:
        plan = self._plan
        if self.complete:
            return
        room = plan.limit - self._size
        if self._inflate is not None:
            data = self._inflated(data, room + 1)
        if len(data) > room:
            if not plan.cut:
                raise Lost("size", f"more than {plan.limit} bytes")
            data = data[:room]
            self._keep(data)
            self.complete = True  # and what follows is not read: not reusable
            return
        self._keep(data)

    def on_message_complete(self) -> None:
        if self.complete or not self.head or self._parser is None:
            return  # cut, or an interim response
        self._finish()
        self.reusable = self._parser.should_keep_alive()

    def _keep(self, data: bytes) -> None:
        if data:
            self._body.append(data)
            self._size += len(data)

    def _decode(self, coding: str) -> None:
        if coding in ("gzip", "x-gzip"):  # RFC 9110 section 8.4.1.3: the two are one
            self._inflate = zlib.decompressobj(wbits=31)
        elif coding not in ("", "identity"):
            if not self._plan.cut:
                raise Lost("encoding", f"the content coding {coding[:40]!r} was not offered")
            self._plan = Plan(0, True)

    def _inflated(self, data: bytes, most: int) -> bytes:
        inflate = self._inflate
        assert inflate is not None
        try:
            result = inflate.decompress(data, most)
        except zlib.error:
            raise Lost("encoding", "the body is not the gzip that it claims to be") from None
        if inflate.unused_data:
            raise Lost("encoding", "bytes follow the end of the gzip stream")
        return result

    def _finish(self) -> None:
        if self._inflate is not None and self._wire_body_expected() and not self._inflate.eof:
            raise Lost("encoding", "the gzip stream ends early")
        self.complete = True

    def _wire_body_expected(self) -> bool:
        return self.status not in (204, 304) and self.headers.get("content-length") != "0"
