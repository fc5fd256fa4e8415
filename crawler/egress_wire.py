"""One request and its response, over a connection that was kept or a new one.

It follows nothing and knows no forms: it is given the bytes to send. Invariant: a request is sent
again only where its connection had gone stale, once, and a GET not before its host's next turn.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from functools import partial

from ..cache.histogram import Histogram
from .answer import Ask, Lost
from .egress_chain import Turn
from .egress_connection import Connection
from .egress_dialer import Dialer
from .egress_hops import plan
from .egress_pool import Key, Pool
from .egress_response import ResponseReader
from .protocol.uri import Uri, host_port

# A delivery; a host that takes longer may accept it as well, and the next is not kept waiting.
POST_SECONDS = 10.0


class Wire:
    """`turn(host, page, held)` returns when a further request may go."""

    def __init__(
        self,
        dialer: Dialer,
        turn: Turn,
        now: Callable[[], float],
        counts: Counter[str],
        *,
        header_timeout: float,
        max_bytes: int,
    ) -> None:
        self._dialer = dialer
        self._turn = turn
        self._now = now
        self._counts = counts
        self._header_timeout = header_timeout
        self._max_bytes = max_bytes
        self._pool = Pool()
        self.answers = Histogram()  # seconds from a request to the end of its response

    def close(self) -> None:
        self._pool.close()

    async def request(self, uri: Uri, ask: Ask, request: bytes) -> ResponseReader:
        """One request and its response; a connection that had gone stale is replaced once."""
        judge = partial(plan, ask, max_bytes=self._max_bytes)
        self._counts["requests"] += 1
        connection = self._pool.take(_key(uri))
        if connection is not None:
            reader = ResponseReader(judge)
            try:
                return await self._exchange(uri, ask, connection, request, reader)
            except Lost as lost:
                if connection.answered or lost.kind == "timeout":
                    raise
            self._counts["retried"] += 1
            if ask.method == "GET":
                # The host may have seen the first one, so the second is a request like any other.
                await self._turn(host_port(uri.url), ask.page, True)
        connection = await self._dialer.open(uri)
        return await self._exchange(uri, ask, connection, request, ResponseReader(judge))

    async def _exchange(
        self,
        uri: Uri,
        ask: Ask,
        connection: Connection,
        request: bytes,
        reader: ResponseReader,
    ) -> ResponseReader:
        reader.sent = self._now()
        loop = asyncio.get_running_loop()
        begun = loop.time()
        try:
            if ask.method == "POST":
                await self._deliver(connection, request, reader)
            else:
                await connection.ask(request, reader, self._header_timeout)
        finally:
            self._counts["bytes_sent"] += len(request)
            self._counts["bytes_received"] += reader.received
        self.answers.observe(loop.time() - begun)
        self._dialer.keep_session(uri, connection)
        self._pool.put(_key(uri), connection, loop)
        return reader

    async def _deliver(
        self, connection: Connection, request: bytes, reader: ResponseReader
    ) -> None:
        """A delivery is over once its status is known, whatever becomes of the body."""
        try:
            async with asyncio.timeout(POST_SECONDS):
                await connection.ask(request, reader, self._header_timeout)
        except (Lost, TimeoutError) as error:
            if reader.head:
                return
            if isinstance(error, Lost):
                raise
            raise Lost("timeout", f"no answer within {POST_SECONDS:g} s") from None


def _key(uri: Uri) -> Key:
    return uri.scheme, uri.host, uri.port
