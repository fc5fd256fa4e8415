"""The private API on a socket: twisted.web around the routes, and nothing more.

It knows no route and no rule. Invariants: at most MAX_BODY bytes of a body are ever kept, whatever
its length was said to be; no access log is written (ids are what people read); and nothing that
fails here is told to the caller in Twisted's words.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from io import BytesIO
from typing import Any
from weakref import WeakSet

from twisted.internet.defer import maybeDeferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort
from twisted.web.http import RESPONSES, HTTPChannel, Request, datetimeToString
from twisted.web.resource import Resource
from twisted.web.server import Site

from ..config.endpoint import Endpoint, parse_endpoint
from ..errors import StoreError
from .api_gate import ApiSettings, settings_for, too_large
from .api_http import MAX_BODY, Answer, Call, problem
from .api_routes import Api
from .ports import Query
from .verbs import Verbs

__all__ = ["ApiSettings", "ApiSite", "Listening", "build_site", "listen", "settings_for"]

# A client that neither asks nor goes away is dropped; keep-alive clients poll more often than this.
IDLE_SECONDS = 60.0

_ASCII = "latin-1"  # what header bytes decode to without ever failing


class ApiRequest(Request):
    """One request, from its bytes to a Call and from an Answer to its bytes."""

    channel: Any
    content: Any

    def __init__(self, channel: HTTPChannel, queued: object = False) -> None:
        super().__init__(channel, queued, parsePOSTFormSubmission=False)
        self._size = 0

    def gotLength(self, length: int | None) -> None:  # noqa: N802 - Twisted's name
        self.content = BytesIO()
        if length is not None and length > MAX_BODY:
            self._cut()

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        if self._size > MAX_BODY:
            return
        self._size += len(data)
        if self._size > MAX_BODY:
            self._cut()
        else:
            self.content.write(data)

    def _cut(self) -> None:
        """Answer at once and hang up: the rest of the body may never end."""
        self._size = MAX_BODY + 1
        answer = too_large()
        self.channel.transport.write(head_of(answer, keep_alive=False) + answer.body)
        self.channel.loseConnection()

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:  # noqa: N802
        if self._size <= MAX_BODY:
            super().requestReceived(command, path, version)  # type: ignore[no-untyped-call]

    def process(self) -> None:
        call = self._call()
        api: Api = self.channel.site.api
        result = call if isinstance(call, Answer) else api.answer(call)
        if isinstance(result, Answer):
            self._send(result)
        else:
            self.channel.site.wait(result, self._send)

    def _call(self) -> Call | Answer:
        args: dict[str, str] = {}
        try:
            for name, values in self.args.items():
                if len(values) > 1:
                    detail = f"the parameter {name.decode()[:80]!r} stands there twice"
                    return problem(400, "bad-input", detail)
                args[name.decode()] = values[0].decode()
            path = self.path.decode("ascii")
        except UnicodeDecodeError:
            return problem(400, "bad-input", "the URL is not UTF-8")
        headers = {
            name.decode(_ASCII).lower(): values[0].decode(_ASCII)
            if len(values) == 1
            else b", ".join(values).decode(_ASCII)
            for name, values in self.requestHeaders.getAllRawHeaders()
        }
        return Call(self.method.decode(_ASCII), path, args, headers, self.content.read())

    def _send(self, answer: Answer) -> None:
        if self._disconnected:
            return
        head = head_of(answer, keep_alive=bool(self.channel.persistent))
        # Past Twisted's header objects, which take a quarter of the time of a whole call.
        self.startedWriting = 1
        self.channel.write(head if self.method == b"HEAD" else head + answer.body)
        self.finish()  # type: ignore[no-untyped-call]


def head_of(answer: Answer, *, keep_alive: bool) -> bytes:
    """Status line and headers. A line break in a value would be another header: it is dropped."""
    reason = RESPONSES.get(answer.status, b"").decode("ascii")
    lines = [f"HTTP/1.1 {answer.status} {reason}", "Server: fedpull"]
    lines.append(f"Date: {datetimeToString().decode('ascii')}")
    if answer.status not in (204, 304):
        lines += [f"Content-Type: {answer.type}", f"Content-Length: {len(answer.body)}"]
    lines += [f"{name}: {value}" for name, value in answer.headers if value.isprintable()]
    if not keep_alive:
        lines.append("Connection: close")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii", "replace")


class ApiSite(Site):
    """The factory of connections; it holds what their requests share."""

    noisy = False
    # Twisted's own choice wraps it to negotiate HTTP/2, and hides the transport that we abort.
    protocol: Any = HTTPChannel

    def __init__(self, api: Api, reactor: Any = None) -> None:
        super().__init__(  # type: ignore[no-untyped-call]
            Resource(), ApiRequest, timeout=IDLE_SECONDS, reactor=reactor
        )
        self.api = api
        self._tasks: set[asyncio.Future[None]] = set()
        self._channels: WeakSet[Any] = WeakSet()

    def buildProtocol(self, addr: Any) -> Any:  # noqa: N802 - Twisted's name
        channel = super().buildProtocol(addr)  # type: ignore[no-untyped-call]
        self._channels.add(channel)
        return channel

    def wait(self, result: Any, send: Callable[[Answer], None]) -> None:
        """Send an answer when it has come."""

        async def later() -> None:
            send(await result)

        task = asyncio.ensure_future(later())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def startFactory(self) -> None:  # noqa: N802 - Twisted's name
        """No access log, hence none of Twisted's once-a-second timer for its time stamps."""

    def stopFactory(self) -> None:  # noqa: N802 - Twisted's name
        for task in self._tasks:
            task.cancel()

    def log(self, request: Any) -> None:
        """No access log."""

    def hang_up(self) -> None:
        """Close the connections that are open."""
        for channel in list(self._channels):
            if channel.transport is not None:
                channel.transport.abortConnection()


def build_site(
    query: Query,
    verbs: Verbs,
    settings: ApiSettings,
    now: Callable[[], float],
    reactor: Any = None,
) -> ApiSite:
    """The API over a store, ready to listen."""
    return ApiSite(Api(query, verbs, settings, now), reactor)


class Listening:
    """An open port. `address` is what a client connects to: http://127.0.0.1:8787, unix:/path."""

    def __init__(self, port: IListeningPort, site: ApiSite, address: str) -> None:
        self._port = port
        self._site = site
        self.address = address

    async def close(self) -> None:
        """Accept no more, and close what is open."""
        closing = maybeDeferred(self._port.stopListening)
        self._site.hang_up()
        await closing.asFuture(asyncio.get_running_loop())


async def listen(reactor: Any, description: str, site: ApiSite) -> Listening:
    """Open the port that a Twisted endpoint description names."""
    endpoint = _private_socket(parse_endpoint(description))
    try:
        opened = serverFromString(reactor, str(endpoint)).listen(site)
        port = await opened.asFuture(asyncio.get_running_loop())
    except (CannotListenError, OSError) as error:
        cause = getattr(error, "socketError", error)
        reason = f"{description} cannot be listened on: {getattr(cause, 'strerror', '') or cause}"
        raise StoreError("listen.api", reason, "a port that is free") from error
    return Listening(port, site, _address(port))


def _private_socket(endpoint: Endpoint) -> Endpoint:
    """A unix socket is for its owner alone unless the description says otherwise; Twisted's own
    default lets everybody on the machine in."""
    if endpoint.kind != "unix" or endpoint.get("mode"):
        return endpoint
    return Endpoint("unix", (*endpoint.arguments, ("mode", "600")))


def _address(port: IListeningPort) -> str:
    bound: Any = port.getHost()
    name = getattr(bound, "name", None)
    if name is not None:
        return f"unix:{name.decode() if isinstance(name, bytes) else name}"
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(bound.host, bound.host)
    return f"http://[{host}]:{bound.port}" if ":" in host else f"http://{host}:{bound.port}"
