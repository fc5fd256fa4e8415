"""One HTTP/1.1 connection: a socket, its TLS channel, and one request at a time.

It resolves no name, chooses no address and follows nothing. Invariant: when it cannot say where a
response ends, or anything comes that was not asked for, it aborts itself; what is alive and idle
may carry another request.
"""

from __future__ import annotations

import asyncio
from typing import cast

from .answer import Lost
from .egress_response import ResponseReader
from .egress_tls import TlsChannel
from .protocol.addresses import parse_address


class Connection(asyncio.Protocol):
    """Made by the event loop. `opened` is done when TCP and TLS are up, or fails with Lost."""

    __slots__ = (
        "_done",
        "_loop",
        "_peer",
        "_reader",
        "_transport",
        "alive",
        "answered",
        "idle_since",
        "opened",
        "tls",
        "used",
    )

    def __init__(
        self, loop: asyncio.AbstractEventLoop, tls: TlsChannel | None, peer: str | None
    ) -> None:
        self._loop = loop
        self.tls = tls
        self._peer = peer  # the address that was checked; None: the operator named the target
        self._transport: asyncio.Transport | None = None
        self._reader: ResponseReader | None = None
        self._done: asyncio.Future[None] | None = None
        self.opened: asyncio.Future[None] = loop.create_future()
        self.alive = False
        self.answered = False  # a byte of a response to the current request has come
        self.used = 0
        self.idle_since = 0.0

    async def ask(self, request: bytes, reader: ResponseReader, header_timeout: float) -> None:
        """Send a request and read its response into `reader`; raises Lost."""
        transport = self._transport
        if transport is None or not self.alive:
            raise Lost("connect", "the connection was closed")
        self._reader = reader
        self._done = done = self._loop.create_future()
        self.answered = False
        self.used += 1
        timer = self._loop.call_later(header_timeout, self._late, done)
        try:
            if self.tls is None:
                transport.write(request)
            else:
                self.tls.encrypt(request)
                # With the first request goes the end of the handshake, in one packet.
                transport.write(self.tls.outgoing())
            await done
        except BaseException as error:
            self.abort()
            if isinstance(error, Lost) and reader.head:
                error.status, error.headers = reader.status, reader.headers
            raise
        finally:
            timer.cancel()
            self._reader = self._done = None
            reader.discard()
        if not reader.reusable:
            self.abort()

    def abort(self) -> None:
        """Close at once: nothing more is read, nothing that is queued is sent."""
        self.alive = False
        if self.tls is not None:
            self.tls.end()
        if self._transport is not None:
            self._transport.abort()

    def give_up(self) -> None:
        """The handshake took too long."""
        self._fail(Lost("timeout", "the TLS handshake was not completed in time"))

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        try:
            self._check_peer()
            if self.tls is None:
                self._open()
            else:
                self.tls.handshake(b"")
                self._transport.write(self.tls.outgoing())
        except Lost as lost:
            self._fail(lost)

    def data_received(self, data: bytes) -> None:
        try:
            tls = self.tls
            if tls is not None:
                if not tls.established:
                    self._handshake(tls, data)
                    return
                data = tls.decrypt(data)
            reader = self._reader
            if reader is None:
                if data:
                    self.abort()  # an answer that nobody asked for
            elif data:
                self.answered = True
                reader.feed(data)
            if reader is not None and not reader.complete and tls is not None and tls.closed:
                reader.eof()
            if tls is not None and tls.closed:
                self.alive = False
        except Lost as lost:
            self._fail(lost)
            return
        if reader is not None and reader.complete:
            self._finish()

    def eof_received(self) -> bool:
        return False  # close our side too; connection_lost follows

    def connection_lost(self, exc: Exception | None) -> None:
        self.alive = False
        if self.tls is not None:
            self.tls.end()
        reader = self._reader
        try:
            if exc is not None:
                raise Lost("protocol", f"the connection broke: {exc}")
            if reader is not None:
                reader.eof()
        except Lost as lost:
            self._fail(lost)
        else:
            self._finish()
        if not self.opened.done():  # plain connections are open at once
            self._fail(Lost("tls", "the server closed the connection during the handshake"))
        self._transport = None

    def _check_peer(self) -> None:
        """The address that we are connected to must be the one that was checked."""
        if self._peer is None or self._transport is None:
            return
        name = self._transport.get_extra_info("peername")
        if not name or parse_address(str(name[0])) != parse_address(self._peer):
            raise Lost("address", "connected to another address than the one that was checked")

    def _handshake(self, tls: TlsChannel, data: bytes) -> None:
        try:
            done = tls.handshake(data)
        except Lost:
            if self._transport is not None and (alert := tls.outgoing()):
                self._transport.write(alert)
            raise
        if done:
            self._open()
        elif self._transport is not None and (flight := tls.outgoing()):
            self._transport.write(flight)

    def _open(self) -> None:
        self.alive = True
        if not self.opened.done():
            self.opened.set_result(None)

    def _late(self, done: asyncio.Future[None]) -> None:
        reader = self._reader
        if done is self._done and reader is not None and not reader.head:
            self._fail(Lost("timeout", "the header of the response did not come in time"))

    def _finish(self) -> None:
        if self._done is not None and not self._done.done():
            self._done.set_result(None)

    def _fail(self, lost: Lost) -> None:
        self.alive = False
        for waiter in (self.opened, self._done):
            if waiter is not None and not waiter.done():
                waiter.set_exception(lost)
                waiter.exception()  # nobody may be waiting any more
        if self._transport is not None:
            self._transport.abort()
