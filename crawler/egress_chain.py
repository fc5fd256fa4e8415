"""One fetch on its way: what is asked, the hops that were made, and the time that is left.

It opens nothing and decides nothing; it keeps the books of a chain, and makes of them the Answer or
the FetchFailed at its end. Invariant: every request that was sent or tried is one hop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from .answer import Answer, Ask, FetchFailed, Hop, Lost
from .egress_response import ResponseReader
from .protocol.knock import Form, Known
from .protocol.record import record
from .protocol.uri import Uri

T = TypeVar("T")

# What a chain may wait, beside its own time, for what is found out for it: robots.txt of each host
# on its way at that host's pace, a ladder that another fetch climbs.
MOST_WAITING = 120.0


def longest(timeout: float) -> float:
    """After how long a chain has ended, whatever it waits for: leases and turns outlive it."""
    return timeout + MOST_WAITING


# Returns when a request to a host ("host:port") may go: is it for a page, and does an earlier hop
# of the chain hold a slot of the host?
Turn = Callable[[str, bool, bool], Awaitable[None]]


@record(frozen=True, slots=True)
class Reply:
    """The response to one URL, and the form in which it was asked for."""

    reader: ResponseReader
    form: Form = "unsigned"
    interrupted: bool = False  # a refusal; there was no time to knock in the forms that are left


@dataclass(slots=True)
class Chain:
    """`limit` ends `seconds` after the fetch began, but for what it waits for others meanwhile."""

    ask: Ask
    limit: asyncio.Timeout
    seconds: float
    waiting: float = MOST_WAITING
    hops: list[Hop] = field(default_factory=list)
    redirects: int = 0
    query: bool = False  # whether the URL that is asked for now has one
    outer: Chain | None = None  # that waits for this one, and holds its slots meanwhile
    paused: bool = False
    latest: float = field(init=False)  # of the loop's clock

    def __post_init__(self) -> None:
        self.latest = asyncio.get_running_loop().time() + self.seconds + self.waiting

    def begin(self, host: str, uri: Uri) -> None:
        self.hops.append(Hop(host))
        self.query = uri.query is not None

    def answered(self, reader: ResponseReader) -> None:
        host = self.hops[-1].host
        self.hops[-1] = Hop(host, reader.status, sent=reader.sent, headers=reader.headers)

    def learnt(self, known: Known) -> None:
        """What the latest answer taught of the forms that its host reads."""
        self.hops[-1] = replace(self.hops[-1], knock=known)

    def knock_failed(self) -> None:
        """The latest answer was about the form: it is no refusal of the host's, and no failure."""
        self.hops[-1] = replace(self.hops[-1], failed=True)

    def asked(self, host: str) -> bool:
        """Whether the chain holds a slot of `host` already."""
        if any(hop.host == host for hop in self.hops):
            return True
        return self.outer is not None and self.outer.asked(host)

    def pause(self) -> None:
        """Stop the clock: nothing was asked yet, and another fetch is finding out how to."""
        if not self.hops and self.ask.deadline is None:
            self.paused = True
            self.limit.reschedule(self.latest)

    def go_on(self) -> None:
        if self.paused:
            self.paused = False
            until = asyncio.get_running_loop().time() + self.seconds
            self.limit.reschedule(min(until, self.latest))

    async def outside(self, waited: Awaitable[T]) -> T:
        """What `waited` comes to, which takes none of this fetch's time."""
        until = self.limit.when()
        if until is None or self.paused or self.ask.deadline is not None:
            return await waited
        loop = asyncio.get_running_loop()
        begun = loop.time()
        self.limit.reschedule(self.latest)
        result = await waited
        self.limit.reschedule(min(until + loop.time() - begun, self.latest))
        return result

    async def waits(self, turn: Awaitable[None], reserve: float) -> bool:
        """Wait for `turn`, unless it leaves less than `reserve` for the request: then False."""
        until = self.limit.when()
        try:
            async with asyncio.timeout_at(None if until is None else until - reserve):
                await turn
        except TimeoutError:
            return False
        return True

    def answer(self, uri: Uri, reply: Reply, now: float, *, signs: bool) -> Answer:
        reader = reply.reader
        return Answer(
            url=self.ask.url,
            final_url=uri.url,
            status=reader.status,
            headers=reader.headers,
            body=reader.body,
            content_type=reader.headers.get("content-type"),
            at=now,
            hops=tuple(self.hops),
            form=reply.form,
            signs=signs,
            interrupted=reply.interrupted,
        )

    def lost(self, lost: Lost, now: float) -> FetchFailed:
        last = self.hops[-1]
        sent = last.sent or now
        status = last.status or lost.status
        self.hops[-1] = replace(last, status=status, error=lost.kind, sent=sent, failed=False)
        return FetchFailed(
            self.ask.url,
            lost.reason,
            kind=lost.kind,
            status=status,
            hops=tuple(self.hops),
            headers=lost.headers,
        )

    def timed_out(self, now: float) -> FetchFailed:
        hops = self.hops
        if hops and hops[-1].status is None:
            hops[-1] = Hop(hops[-1].host, error="timeout", sent=now)
        reason = f"no answer within {self.seconds:g} s"
        return FetchFailed(self.ask.url, reason, kind="timeout", hops=tuple(hops))
