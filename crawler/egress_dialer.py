"""Opens connections: from a checked URL to a socket that leads where the URL says.

It sends no request. Invariants: it connects to addresses that the resolver has checked, or to the
target that the operator named for this host and port (`connect_to`), and to nothing else; TLS
always checks the URL's name.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

from .answer import Lost
from .egress_connection import Connection
from .egress_resolver import Resolver
from .egress_tls import TlsContext
from .protocol.uri import Uri

# One address that drops packets must not eat the time of the others.
CONNECT_SECONDS = 5.0

ConnectTarget = Callable[[str, int], tuple[str, int] | None]


class Dialer:
    def __init__(
        self,
        resolver: Resolver,
        tls: TlsContext,
        connect_target: ConnectTarget,
        public: bool,
        handshake_timeout: float,
        counts: Counter[str],
    ) -> None:
        self._resolver = resolver
        self._tls = tls
        self._connect_target = connect_target
        self._public = public
        self._handshake_timeout = handshake_timeout
        self._counts = counts

    async def open(self, uri: Uri) -> Connection:
        """A connection that is ready for a request; raises Lost."""
        target = self._connect_target(uri.host, uri.port)
        if target is not None:
            return await self._connect(uri, target[0], target[1], checked=False)
        if not self._public:
            # Administrators must be able to find out who asks, all day long.
            raise Lost("url", "`contact` is not set, and without it nothing public is fetched")
        addresses = await self._resolver.addresses(uri.host, uri.port)
        lost = Lost("connect", "there is no address to connect to")
        for address in addresses:
            try:
                return await self._connect(uri, address, uri.port, checked=True)
            except Lost as error:
                if error.kind not in ("connect", "timeout"):
                    raise  # it answered: another address of the same host would say the same
                lost = error
        raise lost

    def keep_session(self, uri: Uri, connection: Connection) -> None:
        """Remember the TLS session of a connection that has carried its first response."""
        if connection.tls is not None and connection.used == 1:
            now = asyncio.get_running_loop().time()
            self._tls.remember(uri.host, uri.port, connection.tls, now)

    async def _connect(self, uri: Uri, host: str, port: int, *, checked: bool) -> Connection:
        loop = asyncio.get_running_loop()
        channel = None
        if uri.scheme == "https":
            channel = self._tls.channel(uri.host, uri.port, loop.time())
        self._counts["connections"] += 1
        connection = Connection(loop, channel, host if checked else None)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await loop.create_connection(lambda: connection, host, port)
        except TimeoutError:
            connection.abort()
            raise Lost("timeout", "the host did not accept the connection in time") from None
        except OSError as error:
            raise Lost("connect", f"cannot connect: {error.strerror or error}") from None
        if connection.opened.done():
            connection.opened.result()
            return connection
        timer = loop.call_later(self._handshake_timeout, connection.give_up)
        try:
            await connection.opened
        except BaseException as error:
            connection.abort()
            if isinstance(error, Lost) and error.kind == "tls":
                self._tls.forget(uri.host, uri.port)
            raise
        finally:
            timer.cancel()
        return connection
