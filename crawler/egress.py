"""The door: every outward request goes through `Egress.fetch`, and nothing else opens a socket.

It asks, follows and bounds; it does not judge whose document came back (that is `ingest`), keeps
no politeness (it awaits `turn` before every further request), and knows no Scrapy (`handler` calls
it).
Invariants: every URL of a chain has passed `check_url`, every address the table; a chain has at
most `max_hops` further hops, `timeout` seconds and `max_bytes` decoded bytes; what is refused
sends nothing.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from ..errors import BadInput, Refused
from .answer import Answer, Ask, FetchFailed, Hop, Lost, Stopped
from .egress_connection import Connection
from .egress_dialer import ConnectTarget, Dialer
from .egress_hops import next_hop, plan, request_bytes
from .egress_pool import Key, Pool
from .egress_resolver import Lookup, Resolver, system_lookup
from .egress_response import ResponseReader
from .egress_tls import TlsContext
from .protocol.uri import Uri, UrlRules, check_url, host_port


class Clock(Protocol):
    """Wall and monotonic time, as the composition root gives it."""

    def now(self) -> float: ...

    def monotonic(self) -> float: ...


# Of a host ("host:port"): is it for a page, and does an earlier hop of the chain hold a slot of it?
Turn = Callable[[str, bool, bool], Awaitable[None]]


def _no_target(host: str, port: int) -> tuple[str, int] | None:
    return None


@dataclass(frozen=True, slots=True)
class EgressRules:
    """What the operator allows, and the limits of one chain of requests."""

    user_agent: str
    url_rules: UrlRules = UrlRules()  # noqa: RUF009 (frozen)
    connect_target: ConnectTarget = _no_target
    ca_file: Path | None = None
    timeout: float = 30.0  # Mastodon's CVE-2023-36461: the whole chain, not each read
    header_timeout: float = 10.0
    max_bytes: int = 1024 * 1024  # what Mastodon takes for a document
    max_hops: int = 3  # HTML alternates counted in
    # False: only what `connect_target` maps and the networks of `url_rules` name may be asked
    public: bool = True


class Egress:
    """One for the whole process; `turn(host, page, held)` returns when a further hop may go."""

    def __init__(
        self, config: EgressRules, turn: Turn, clock: Clock, *, lookup: Lookup = system_lookup
    ) -> None:
        self._rules = config
        self._turn = turn
        self._clock = clock
        self.counts: Counter[str] = Counter()
        self._pool = Pool()
        self._closed = False
        self._limits: set[asyncio.Timeout] = set()  # one for each fetch in flight
        self._resolver = Resolver(config.url_rules.networks, self.counts, lookup)
        self._dialer = Dialer(
            self._resolver,
            TlsContext(config.ca_file),
            config.connect_target,
            config.public,
            config.header_timeout,
            self.counts,
        )

    def __deepcopy__(self, memo: dict[int, object]) -> Egress:
        """Itself: Scrapy copies its settings, in which this travels, and there is one door."""
        return self

    async def fetch(self, ask: Ask) -> Answer:
        """The complete response at the end of the chain, whatever its status.

        Raises FetchFailed when there is none that can be used, with the hops that were made;
        Stopped when the door was closed meanwhile.
        """
        hops: list[Hop] = []
        seconds = self._rules.timeout
        if ask.deadline is not None:
            seconds = min(seconds, ask.deadline - self._clock.monotonic())
        limit = asyncio.timeout(seconds)
        try:
            async with limit:
                if self._closed:
                    raise Stopped(ask.url, "fetching has stopped")
                self._limits.add(limit)
                return await self._chain(ask, hops)
        except TimeoutError:
            if self._closed:
                raise Stopped(ask.url, "fetching has stopped") from None
            raise self._timed_out(ask, seconds, hops) from None
        finally:
            self._limits.discard(limit)

    async def close(self) -> None:
        """Cut what is in flight (its callers get Stopped), and close what is idle."""
        self._closed = True
        now = asyncio.get_running_loop().time()
        for limit in self._limits:
            if not limit.expired():
                limit.reschedule(now)
        self._pool.close()
        self._resolver.close()

    async def _chain(self, ask: Ask, hops: list[Hop]) -> Answer:
        uri = self._checked(ask)
        origin = uri.origin
        while True:
            host = host_port(uri.url)
            hops.append(Hop(host))
            conditional = ask.conditional and uri.origin == origin
            try:
                reader = await self._request(uri, ask, conditional=conditional)
                hops[-1] = Hop(host, reader.status, sent=reader.sent)
                following = self._next(ask, uri, reader, len(hops), conditional=conditional)
            except Lost as lost:
                raise self._failed(ask, lost, hops) from lost.__cause__
            if following is None:
                return self._answer(ask, uri, reader, hops)
            uri = following
            self.counts["redirects"] += 1
            towards = host_port(uri.url)
            await self._turn(towards, ask.page, any(hop.host == towards for hop in hops))

    def _checked(self, ask: Ask) -> Uri:
        try:
            return check_url(ask.url, self._rules.url_rules)
        except (BadInput, Refused) as error:
            self.counts["failed_url"] += 1
            raise FetchFailed(error.subject, error.reason, kind="url", cause=error) from error

    def _next(
        self, ask: Ask, uri: Uri, reader: ResponseReader, hops: int, *, conditional: bool
    ) -> Uri | None:
        """Where the chain goes on, checked as its first URL was; None: this response ends it."""
        url = next_hop(ask, uri, reader.status, reader.headers)
        if url is None:
            if reader.status == 304 and not conditional:
                raise Lost("status", "304, though nothing was said to be held")
            return None
        if hops > self._rules.max_hops:
            raise Lost("redirect", f"more than {self._rules.max_hops} redirects")
        try:
            following = check_url(url, self._rules.url_rules)
        except (BadInput, Refused) as error:
            raise Lost("redirect", f"it leads to what {error.reason}: {error.subject}") from error
        if uri.scheme == "https" and following.scheme != "https":
            raise Lost("redirect", "it leads from https to http")
        if reader.status == 200 and following.origin != uri.origin:
            raise Lost("type", "HTML whose ActivityPub form is on another origin")
        return following

    async def _request(self, uri: Uri, ask: Ask, *, conditional: bool) -> ResponseReader:
        """One request and its response; a connection that had gone stale is replaced once."""
        request = request_bytes(uri, ask, self._rules.user_agent, conditional=conditional)
        judge = partial(plan, ask, max_bytes=self._rules.max_bytes)
        key: Key = (uri.scheme, uri.host, uri.port)
        self.counts["requests"] += 1
        connection = self._pool.take(key)
        if connection is not None:
            reader = ResponseReader(judge)
            try:
                return await self._exchange(uri, key, connection, request, reader)
            except Lost as lost:
                if connection.answered or lost.kind == "timeout":
                    raise
            self.counts["retried"] += 1
            # The host may have seen the first one, so the second is a request like any other.
            await self._turn(host_port(uri.url), ask.page, True)
        reader = ResponseReader(judge)
        return await self._exchange(uri, key, await self._dialer.open(uri), request, reader)

    async def _exchange(
        self, uri: Uri, key: Key, connection: Connection, request: bytes, reader: ResponseReader
    ) -> ResponseReader:
        reader.sent = self._clock.now()
        await connection.ask(request, reader, self._rules.header_timeout)
        self._dialer.keep_session(uri, connection)
        self._pool.put(key, connection, asyncio.get_running_loop())
        return reader

    def _timed_out(self, ask: Ask, seconds: float, hops: list[Hop]) -> FetchFailed:
        self.counts["failed_timeout"] += 1
        if hops and hops[-1].status is None:
            hops[-1] = Hop(hops[-1].host, error="timeout", sent=self._clock.now())
        return FetchFailed(
            ask.url, f"no answer within {seconds:g} s", kind="timeout", hops=tuple(hops)
        )

    def _failed(self, ask: Ask, lost: Lost, hops: list[Hop]) -> FetchFailed:
        self.counts[f"failed_{lost.kind}"] += 1
        last = hops[-1]
        sent = last.sent or self._clock.now()
        hops[-1] = Hop(last.host, last.status or lost.status, lost.kind, sent)
        return FetchFailed(
            ask.url,
            lost.reason,
            kind=lost.kind,
            status=hops[-1].status,
            hops=tuple(hops),
            headers=lost.headers,
        )

    def _answer(self, ask: Ask, uri: Uri, reader: ResponseReader, hops: list[Hop]) -> Answer:
        headers = reader.headers
        return Answer(
            url=ask.url,
            final_url=uri.url,
            status=reader.status,
            headers=headers,
            body=reader.body,
            content_type=headers.get("content-type"),
            at=self._clock.now(),
            hops=tuple(hops),
        )
