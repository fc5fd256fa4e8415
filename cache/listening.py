"""A port that is open: a site where an endpoint description says, and the address that it has.

It answers nothing. Invariant: what cannot be listened on is one line for the operator.
"""

from __future__ import annotations

import asyncio
from typing import Any

from twisted.internet.defer import maybeDeferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort

from ..config.endpoint import Endpoint, parse_endpoint
from ..errors import StoreError
from .http_server import BoundedSite


class Listening:
    """An open port. `address` is what a client connects to: http://127.0.0.1:8787, unix:/path."""

    def __init__(self, port: IListeningPort, site: BoundedSite, address: str) -> None:
        self._port = port
        self._site = site
        self.address = address

    async def close(self) -> None:
        """Accept no more, and close what is open."""
        closing = maybeDeferred(self._port.stopListening)
        self._site.hang_up()
        await closing.asFuture(asyncio.get_running_loop())


async def listen(
    reactor: Any, description: str, site: BoundedSite, name: str = "listen.api"
) -> Listening:
    """Open the port that a Twisted endpoint description names; `name` is the setting's."""
    endpoint = _private_socket(parse_endpoint(description))
    try:
        opened = serverFromString(reactor, str(endpoint)).listen(site)
        port = await opened.asFuture(asyncio.get_running_loop())
    except (CannotListenError, OSError) as error:
        cause = getattr(error, "socketError", error)
        reason = f"{description} cannot be listened on: {getattr(cause, 'strerror', '') or cause}"
        raise StoreError(name, reason, "a port that is free") from error
    return Listening(port, site, _address(port))


def _private_socket(endpoint: Endpoint) -> Endpoint:
    """A unix socket is for its owner alone unless the description says otherwise; Twisted's own
    default lets everybody on the machine in."""
    if endpoint.kind != "unix" or endpoint.get("mode"):
        return endpoint
    return Endpoint("unix", (*endpoint.arguments, ("mode", "600")))


def _address(port: IListeningPort) -> str:
    bound: Any = port.getHost()
    path = getattr(bound, "name", None)
    if path is not None:
        return f"unix:{path.decode() if isinstance(path, bytes) else path}"
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(bound.host, bound.host)
    return f"http://[{host}]:{bound.port}" if ":" in host else f"http://{host}:{bound.port}"
