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
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from ..cache.histogram import Buckets
from ..errors import BadInput, Refused
from .answer import Answer, Ask, FetchFailed, Hop, Lost, Stopped
from .egress_chain import MOST_WAITING, Chain, Reply, Turn
from .egress_dialer import ConnectTarget, Dialer
from .egress_hops import next_hop, request_bytes
from .egress_knocks import Fields, Knocks, Signer
from .egress_lookups import Lookup
from .egress_resolver import Resolver, system_lookup
from .egress_response import ResponseReader
from .egress_robots import Gate
from .egress_tls import TlsContext
from .egress_wire import Wire
from .protocol.knock import Form, Known, opening
from .protocol.robots_memory import MAX_HOPS
from .protocol.uri import Uri, UrlRules, check_url, host_port
from .trail import hopped, on_debug


class Clock(Protocol):
    """Wall and monotonic time, as the composition root gives it."""

    def now(self) -> float: ...

    def monotonic(self) -> float: ...


def _stranger(host: str) -> Known | None:
    return None


def _anybody(url: str) -> Refused | None:
    return None


def _nothing(hop: Hop) -> None:
    pass


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
    waiting: float = MOST_WAITING
    max_bytes: int = 1024 * 1024  # what Mastodon takes for a document
    max_hops: int = 3  # HTML alternates counted in
    # False: only what `connect_target` maps and the networks of `url_rules` name may be asked
    public: bool = True


class Egress:
    """One for the whole process; `turn(host, page, held)` returns when a further request may go.

    With a `signer` hosts that demand a signature get one; `known` is what was learnt of a host's
    forms before, and what is learnt now stands in the hops of the answer. With `robots` a host's
    robots.txt is asked before anything that it binds. `policy` says with whom the operator wants
    nothing to do: it is asked before all else, for every hop.
    """

    def __init__(
        self,
        config: EgressRules,
        turn: Turn,
        clock: Clock,
        signer: Signer | None = None,
        known: Callable[[str], Known | None] = _stranger,
        robots: Gate | None = None,
        policy: Callable[[str], Refused | None] = _anybody,
        heard: Callable[[Hop], None] = _nothing,
        *,
        lookup: Lookup = system_lookup,
    ) -> None:
        self._rules = config
        self._turn = turn
        self._clock = clock
        self._signer = signer
        self._knocks = None if signer is None else Knocks(signer, known, clock.now)
        self._gate = robots
        self._policy = policy
        self._heard = heard
        self.counts: Counter[str] = Counter()
        self._closed = False
        self._limits: set[asyncio.Timeout] = set()  # one for each fetch in flight
        self._resolver = Resolver(config.url_rules.networks, self.counts, lookup)
        dialer = Dialer(
            self._resolver,
            TlsContext(config.ca_file),
            config.connect_target,
            config.public,
            config.header_timeout,
            self.counts,
        )
        self._wire = Wire(
            dialer,
            turn,
            clock.now,
            self.counts,
            header_timeout=config.header_timeout,
            max_bytes=config.max_bytes,
        )

    def __deepcopy__(self, memo: dict[int, object]) -> Egress:
        """Itself: Scrapy copies its settings, in which this travels, and there is one door."""
        return self

    async def fetch(self, ask: Ask) -> Answer:
        """The complete response at the end of the chain, whatever its status.

        Raises FetchFailed when there is none that can be used, with the hops that were made;
        Stopped when the door was closed meanwhile.
        """
        return await self._fetch(ask, None)

    async def _fetch(self, ask: Ask, outer: Chain | None) -> Answer:
        seconds = self._rules.timeout
        if ask.deadline is not None:
            seconds = min(seconds, ask.deadline - self._clock.monotonic())
        limit = asyncio.timeout(seconds)
        chain = Chain(ask, limit, seconds, self._rules.waiting, outer=outer)
        try:
            async with limit:
                if self._closed:
                    raise Stopped(ask.url, "fetching has stopped")
                self._limits.add(limit)
                return await self._follow(chain)
        except TimeoutError:
            if self._closed:
                raise Stopped(ask.url, "fetching has stopped") from None
            self.counts["failed_timeout"] += 1
            raise chain.timed_out(self._clock.now()) from None
        finally:
            self._limits.discard(limit)

    @property
    def signs(self) -> bool:
        """Whether requests are signed where that is asked for."""
        return self._signer is not None

    def sign_nothing(self) -> None:
        """Ask as anybody from now on: nobody could verify a signature of ours."""
        self._signer = self._knocks = None

    async def close(self) -> None:
        """Cut what is in flight (its callers get Stopped), and close what is idle."""
        self._closed = True
        now = asyncio.get_running_loop().time()
        for limit in self._limits:
            if not limit.expired():
                limit.reschedule(now)
        self._wire.close()
        self._resolver.close()

    async def _follow(self, chain: Chain) -> Answer:
        ask = chain.ask
        uri = self._checked(ask)
        self._allow(uri, chain)
        origin, own = uri.origin, True
        gate = self._gate
        while True:
            if gate is not None:
                await gate.permit(
                    uri, chain, self._fetch, partial(self._turn_behind, chain), own=own
                )
            try:
                reply = await self._knock(uri, chain, own=own)
                following = self._next(uri, chain, reply, own=own)
            except Lost as lost:
                self.counts[f"failed_{lost.kind}"] += 1
                raise chain.lost(lost, self._clock.now()) from lost.__cause__
            if following is None:
                self._count(ask, reply)
                signs = self._knocks is not None
                return chain.answer(uri, reply, self._clock.now(), signs=signs)
            uri, own = following, following.origin == origin
            chain.redirects += 1
            self.counts["redirects"] += 1
            towards = host_port(uri.url)
            self._allow(uri, chain)
            if gate is not None:
                gate.check(uri, chain, own=own)
            await self._turn_behind(chain, towards, ask.page, chain.asked(towards))

    def _count(self, ask: Ask, reply: Reply) -> None:
        """Whether what was said to be held has spared us the rest."""
        if ask.conditional and reply.reader.status in (200, 304):
            self.counts["conditional"] += 1
            self.counts["not_modified"] += reply.reader.status == 304

    @property
    def answers(self) -> Buckets:
        """How long the answers to our requests took."""
        return self._wire.answers.snapshot()

    async def _turn_behind(self, chain: Chain, host: str, page: bool, held: bool) -> None:
        """The turn of a chain's next request, once what the one before has announced is told."""
        if chain.hops:
            self._heard(chain.hops[-1])
        await self._turn(host, page, held)

    def _checked(self, ask: Ask) -> Uri:
        if ask.method == "POST" and self._knocks is None:
            raise FetchFailed(ask.url, "nothing can be delivered without `identity`", kind="url")
        try:
            return check_url(ask.url, self._rules.url_rules)
        except (BadInput, Refused) as error:
            self.counts["failed_url"] += 1
            raise FetchFailed(error.subject, error.reason, kind="url", cause=error) from error

    def _allow(self, uri: Uri, chain: Chain) -> None:
        refused = self._policy(uri.url)
        if refused is not None:
            self.counts["failed_refused"] += 1
            hops = tuple(chain.hops)
            raise FetchFailed(
                chain.ask.url, refused.reason, kind="refused", hops=hops, cause=refused
            ) from refused

    async def _knock(self, uri: Uri, chain: Chain, *, own: bool) -> Reply:
        """The response to one URL, in the form of signature that its host reads. `own`: of the
        origin that the chain began with."""
        ask, host = chain.ask, host_port(uri.url)

        knocks, first = self._knocks, None
        if knocks is None or ask.accept != "activity":
            return Reply(await self._once(uri, chain, host, own, "unsigned"))
        if ask.method == "GET" and (known := knocks.settled(host)) is not None:
            form = opening(known)
            first = Reply(await self._once(uri, chain, host, own, form, known.challenge), form)
            if knocks.ends(host, chain, first, known):
                return first

        async def wait() -> bool:
            self.counts["knocks"] += 1
            reserve = min(self._rules.header_timeout, chain.seconds / 3)
            return await chain.waits(self._turn_behind(chain, host, ask.page, True), reserve)

        once = partial(self._once, uri, chain, host, own)
        if ask.method == "POST":
            return await knocks.post(host, chain, once)
        return await knocks.get(host, chain, first, once, wait)

    async def _once(
        self, uri: Uri, chain: Chain, host: str, own: bool, form: Form, challenge: str = ""
    ) -> ResponseReader:
        chain.begin(host, uri)
        request = self._bytes(uri, chain.ask, form, challenge, own)
        reader = await self._wire.request(uri, chain.ask, request)
        chain.answered(reader)
        if on_debug():
            seconds = self._clock.now() - reader.sent
            asked = (chain.ask.number, chain.ask.method, uri.url)
            hopped(*asked, reader.status, reader.received, seconds)
        return reader

    def _bytes(self, uri: Uri, ask: Ask, form: Form, challenge: str, own: bool) -> bytes:
        signature: Fields = ()
        if form != "unsigned" and self._signer is not None:
            asked = (form, ask.method, uri, ask.body, ask.content_type, self._clock.now())
            challenge = challenge if form == "rfc9421" else ""
            signature = self._signer.sign(*asked, challenge, ask.headers)
        conditional = own and form == ask.form
        return request_bytes(uri, ask, self._rules.user_agent, signature, conditional=conditional)

    def _next(self, uri: Uri, chain: Chain, reply: Reply, *, own: bool) -> Uri | None:
        """Where the chain goes on, checked as its first URL was; None: this response ends it."""
        ask, reader = chain.ask, reply.reader
        if ask.method == "POST":
            return None
        url = next_hop(ask, uri, reader.status, reader.headers)
        if url is None:
            asked = ask.conditional and own and reply.form == ask.form
            if reader.status == 304 and not asked:
                raise Lost("status", "304, though nothing was said to be held")
            return None
        most = MAX_HOPS if ask.accept == "robots" else self._rules.max_hops
        if chain.redirects >= most:
            raise Lost("redirect", f"more than {most} redirects")
        try:
            following = check_url(url, self._rules.url_rules)
        except (BadInput, Refused) as error:
            raise Lost("redirect", f"it leads to what {error.reason}: {error.subject}") from error
        if uri.scheme == "https" and following.scheme != "https":
            raise Lost("redirect", "it leads from https to http")
        if reader.status == 200 and following.origin != uri.origin:
            raise Lost("type", "HTML whose ActivityPub form is on another origin")
        return following
