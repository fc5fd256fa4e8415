"""What both of our listeners share: twisted.web with a bound on everything that a client can send.

It knows no route: a request's subclass says what to answer. Invariants: never more than
`Limits.body` bytes of a body are kept, whatever its length was said to be; no request and no
silence lasts longer than the limits; answers leave in the order of their requests; nothing that
fails is told in Twisted's words, and no access log is written.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from io import BytesIO
from typing import Any, TypeVar

from twisted.web.http import HTTPChannel, Request
from twisted.web.resource import Resource
from twisted.web.server import Site

from ..errors import FedpullError
from .api_http import Answer, problem, problem_of
from .http_channel import BoundedChannel, head_of
from .http_stream import PIECE, Stream

T = TypeVar("T")
log = logging.getLogger(__name__)

_ASCII = "latin-1"  # what header bytes decode to without ever failing
_SWEEP = 1.0  # seconds between two looks for connections whose time is over


@dataclass(frozen=True, slots=True)
class Limits:
    """What one client, and all of them, may take. Headers end at 16 KiB and 500 lines: Twisted's
    own limits, and twice what nginx passes on."""

    body: int
    header_seconds: float = 10.0
    body_seconds: float = 30.0
    idle_seconds: float = 60.0  # keep-alive clients poll more often than this
    write_seconds: float = 30.0  # for what the socket's buffer holds of an answer in pieces
    connections: int | None = None
    per_client: int | None = None
    bodies: int | None = None  # bytes of all bodies that are being read or answered
    answers: int | None = None  # bytes of all answers that are larger than a piece, until they left


class BoundedRequest(Request):
    """One request; a subclass says in `respond` what it is answered."""

    channel: Any
    content: Any
    parseCookies: Any = staticmethod(lambda: None)  # noqa: N815 - Twisted's name; we read none

    def __init__(self, channel: HTTPChannel, queued: object = False) -> None:
        super().__init__(channel, queued, parsePOSTFormSubmission=False)
        self._size = 0
        self._most = 0
        self._stream: asyncio.Future[None] | None = None

    def early(self, method: bytes, target: bytes) -> Answer | None:
        """The answer to a request whose body is not wanted; None: read it."""
        return None

    def most(self, method: bytes, target: bytes) -> int:
        """How large the body may be; never more than the site's limit."""
        return int(self.channel.site.limits.body)

    def too_large(self) -> Answer:
        most = self._most
        return problem(413, "size", f"a body must not be larger than {most} bytes")

    def gotLength(self, length: int | None) -> None:  # noqa: N802 - Twisted's name
        self.content = BytesIO()
        channel = self.channel
        self._most = self.most(channel._command, channel._path)
        coding = self.requestHeaders.getRawHeaders(b"transfer-encoding")
        if coding is not None and [one.lower() for one in coding] != [b"chunked"]:
            channel.refuse(problem(400, "bad-input", "this transfer coding is not read"))
        elif length is not None and length > self._most:
            channel.refuse(self.too_large())
        elif (answer := _guarded(self.early, channel._command, channel._path)) is not None:
            channel.refuse(answer)

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        if self.channel.deaf:
            return
        self._size += len(data)
        if self._size > self._most:
            self.channel.refuse(self.too_large())
        elif self.channel.holds(len(data)):
            self.content.write(data)
        else:
            detail = "too much is being sent at once"
            self.channel.refuse(problem(503, "busy", detail, (("Retry-After", "30"),)))

    def respond(self) -> Answer | Awaitable[Answer]:
        """The answer to a request that was read whole."""
        raise NotImplementedError

    def process(self) -> None:
        result = _guarded(self.respond)
        if isinstance(result, Answer):
            self.send(result)
        else:
            self.channel.site.wait(result, self.send)

    def header_texts(self) -> dict[str, str]:
        """Lower-case names; what stands there several times is joined as RFC 9110 allows."""
        return {
            name.decode(_ASCII).lower(): b", ".join(values).decode(_ASCII)
            for name, values in self.requestHeaders.getAllRawHeaders()
        }

    def send(self, answer: Answer) -> None:
        if self._disconnected:
            return
        site, size = self.channel.site, len(answer.body)
        if answer.chunks is None and size > PIECE and self.method != b"HEAD":
            if site.has_room(size):
                self._stream = site.keep(Stream(self, answer).run(), size)
                return
            detail = "too many large answers are on their way to readers that are slow"
            answer = problem(503, "busy", detail, (("Retry-After", "30"),))
        if answer.chunks is not None:
            self._stream = site.keep(Stream(self, answer).run())
            return
        head = head_of(answer, keep_alive=bool(self.channel.persistent))
        self.write_head(head if self.method == b"HEAD" else head + answer.body)
        self.finish()  # type: ignore[no-untyped-call]

    def write_head(self, head: bytes) -> None:
        """Past Twisted's header objects, which take a quarter of the time of a whole call."""
        self.startedWriting = 1
        self.channel.write(head)

    def connectionLost(self, reason: Any) -> None:  # noqa: N802 - Twisted's name
        if self._stream is not None:
            self._stream.cancel()
        super().connectionLost(reason)  # type: ignore[no-untyped-call]


class BoundedSite(Site):
    """The factory of connections; it holds what their requests share.

    `counted`: whether an address is one client's own; a proxy's stands for many.
    """

    noisy = False
    # Twisted's own choice wraps it to negotiate HTTP/2, and hides the transport that we abort.
    protocol: Any = BoundedChannel

    def __init__(
        self,
        request: type[BoundedRequest],
        limits: Limits,
        reactor: Any = None,
        counted: Callable[[str], bool] = lambda address: True,
    ) -> None:
        super().__init__(Resource(), request, timeout=None, reactor=reactor)  # type: ignore[no-untyped-call]
        self.limits = limits
        self.held = 0  # bytes of bodies, see `Limits.bodies`
        self._leaving = 0  # bytes of answers, see `Limits.answers`
        self._counted = counted
        self._tasks: set[asyncio.Future[None]] = set()
        self._channels: dict[Any, str] = {}
        self._clients: Counter[str] = Counter()
        self._sweeping: Any = None

    def seconds(self) -> float:
        return float(self.reactor.seconds())

    def buildProtocol(self, addr: Any) -> Any:  # noqa: N802 - Twisted's name
        client = str(getattr(addr, "host", ""))
        if not self._admits(client):
            return None
        channel = super().buildProtocol(addr)  # type: ignore[no-untyped-call]
        self._channels[channel] = client
        self._clients[client] += 1
        if self._sweeping is None:
            self._sweeping = self.reactor.callLater(_SWEEP, self._sweep)
        return channel

    def _admits(self, client: str) -> bool:
        limits = self.limits
        if limits.connections is not None and len(self._channels) >= limits.connections:
            return False
        own = limits.per_client is not None and bool(client) and self._counted(client)
        return not own or self._clients[client] < (limits.per_client or 0)

    def gone(self, channel: Any) -> None:
        """A connection has ended."""
        client = self._channels.pop(channel, None)
        if client is not None:
            self._clients[client] -= 1
            if not self._clients[client]:
                del self._clients[client]

    def _sweep(self) -> None:
        now = self.seconds()
        for channel in [one for one in self._channels if one.deadline < now]:
            channel.end()
        again = bool(self._channels)
        self._sweeping = self.reactor.callLater(_SWEEP, self._sweep) if again else None

    def wait(self, result: Awaitable[Answer], send: Callable[[Answer], None]) -> None:
        """Send an answer when it has come."""

        async def later() -> None:
            try:
                answer = await result
            except Exception as error:  # noqa: BLE001 - told and logged
                answer = _failure(error)
            send(answer)

        self.keep(later())

    def has_room(self, size: int) -> bool:
        """Whether so large an answer may be kept until its reader has taken it."""
        most = self.limits.answers
        return most is None or self._leaving + size <= most

    def keep(self, work: Coroutine[Any, Any, None], size: int = 0) -> asyncio.Future[None]:
        """Have it done, until the site is closed; `size`: of the answer that it holds meanwhile."""

        def ended(task: asyncio.Future[None]) -> None:
            self._tasks.discard(task)
            self._leaving -= size

        self._leaving += size
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(ended)
        return task

    def startFactory(self) -> None:  # noqa: N802 - Twisted's name
        """No access log, hence none of Twisted's once-a-second timer for its time stamps."""

    def stopFactory(self) -> None:  # noqa: N802 - Twisted's name
        for task in self._tasks:
            task.cancel()
        if self._sweeping is not None:
            self._sweeping.cancel()
            self._sweeping = None

    def log(self, request: Any) -> None:
        """No access log."""

    def hang_up(self) -> None:
        """Close the connections that are open."""
        for channel in list(self._channels):
            if channel.transport is not None:
                channel.transport.abortConnection()


def _guarded(call: Callable[..., T], *arguments: Any) -> T | Answer:
    """What a call gives, or what its caller is told where it fails: never nothing."""
    try:
        return call(*arguments)
    except Exception as error:  # noqa: BLE001 - told and logged
        return _failure(error)


def _failure(error: Exception) -> Answer:
    if isinstance(error, FedpullError):
        return problem_of(error)
    log.error("a request failed: this is a bug", exc_info=error)
    return problem(500, "error", "an error of ours; the log says more")
