"""Asks a host's robots.txt before anything that it binds, and sends nothing that it disallows.

It reads no rules (`protocol.robots` does), decides not whom they bind (`robots_scope`) and opens
nothing: the door gives it the way to ask. Invariants: of one host one robots.txt is asked for at a
time, at the host's own pace, and none for what needs no verdict; where it cannot be had, nothing
that it would bind is asked for.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from functools import partial

from ..errors import Refused
from .answer import Answer, Ask, FailureKind, FetchFailed, Hop
from .egress_chain import Chain, Turn
from .one_each import OneEach
from .protocol import robots_memory
from .protocol.robots_memory import Robots
from .protocol.uri import Uri, host_port, shown, split

# Beside the store's rows, which are slower to read: hosts, and rules of all of them together.
_HELD = 10_000
_HELD_RULES = 100_000
# Rules of a file that is larger take longer to read than the loop may be held.
_LARGE = 32 * 1024
# What the door inflates, or need not; of another coding it gives no body.
_CODINGS = ("", "identity", "gzip", "x-gzip")
_TOO_LATE = "no answer in time"
_UNUSABLE = "no usable answer"

Fetch = Callable[[Ask, Chain | None], Awaitable[Answer]]


class Gate:
    """`remembered` is what the store knows of a host ("host:port"), `keep` writes what was learnt;
    `exempt` are the hosts that the operator exempts, with a port that is not the usual."""

    def __init__(
        self,
        remembered: Callable[[str], Robots | None],
        keep: Callable[[str, Robots], None],
        now: Callable[[], float],
        exempt: Collection[str] = (),
    ) -> None:
        self._remembered = remembered
        self._keep = keep
        self._now = now
        self.exempt(exempt)
        self.counts: Counter[str] = Counter()
        self._known: dict[str, Robots] = {}
        self._rules = 0
        self._asking = OneEach()

    def exempt(self, hosts: Collection[str]) -> None:
        """Which hosts the operator exempts, from now on."""
        self._exempt = frozenset(hosts)

    def is_open(self, url: str) -> bool:
        """Whether it is known already that a URL may be asked for."""
        uri = split(url)
        known = self._recall(host_port(url))
        return known is not None and known.judge(uri.target).allowed

    def check(self, uri: Uri, chain: Chain, *, own: bool) -> None:
        """Raise what `permit` would, if it is known already."""
        if self._binds(uri, chain.ask, own):
            known = self._recall(host_port(uri.url))
            if known is not None:
                self._judge(uri, known, chain)

    async def permit(self, uri: Uri, chain: Chain, fetch: Fetch, turn: Turn, *, own: bool) -> None:
        """Return when `uri` may be asked for; the chain has its host's turn.

        Raises FetchFailed where it may not: Refused by what robots.txt says, unreachable where
        there was no answer.
        """
        if not self._binds(uri, chain.ask, own):
            return
        host = host_port(uri.url)
        known = self._recall(host)
        if known is None:
            known = await chain.outside(self._find_out(uri, host, chain, fetch, turn))
        try:
            self._judge(uri, known, chain)
        except FetchFailed as failed:
            if chain.hops and not chain.asked(host):  # it has taken a turn that it does not use
                chain.hops.append(Hop(host, failed=True))
                failed.hops = tuple(chain.hops)
            raise

    def _binds(self, uri: Uri, ask: Ask, own: bool) -> bool:
        if ask.method != "GET" or ask.robots == "exempt" or uri.netloc in self._exempt:
            return False
        return ask.robots == "obey" or not own

    async def _find_out(
        self, uri: Uri, host: str, chain: Chain, fetch: Fetch, turn: Turn
    ) -> Robots:
        async with self._asking.alone(host):
            known = self._recall(host)
            if known is None:
                known = await self._ask(uri, host, chain, fetch)
        if known.judge(uri.target).allowed:
            # The turn that the chain had was for robots.txt, or has passed while others asked.
            await turn(host, False, True)
        return known

    async def _ask(self, uri: Uri, host: str, chain: Chain, fetch: Fetch) -> Robots:
        before = self._known.get(host) or self._remembered(host)
        self.counts["robots_asked"] += 1
        ask = Ask(f"{uri.origin}/robots.txt", accept="robots", robots="exempt")
        try:
            answer = await fetch(ask, chain)
        except FetchFailed as failed:
            hops, now = failed.hops, self._now()
            said = _TOO_LATE if failed.timed_out else f"{_UNUSABLE}: {shown(failed.reason)}"
            redirects = len(hops) if failed.kind == "redirect" else 0
            known = robots_memory.lost(said, redirects, before, now)
        else:
            hops = answer.hops
            known = await _read(answer, before, self._now())
        chain.hops += (_for_the_books(hop) for hop in hops)
        self._hold(host, known)
        self._keep(host, known)
        return known

    def _judge(self, uri: Uri, known: Robots, chain: Chain) -> None:
        ruling = known.judge(uri.target)
        if ruling.allowed:
            return
        reason, hops = f"robots: robots.txt of {uri.netloc}: {ruling.line}", tuple(chain.hops)
        url = chain.ask.url
        self.counts["robots_refused"] += 1
        if known.silent:
            kind: FailureKind = "timeout" if known.said == _TOO_LATE else "connect"
            raise FetchFailed(url, reason, kind=kind, hops=hops)
        refused = Refused(url, reason)
        raise FetchFailed(url, reason, kind="refused", hops=hops, cause=refused, again=known.until)

    def _recall(self, host: str) -> Robots | None:
        known = self._known.get(host)
        if known is None:
            known = self._remembered(host)
            if known is not None:
                self._hold(host, known)
        return robots_memory.fresh(known, self._now())

    def _hold(self, host: str, known: Robots) -> None:
        self._drop(host)
        self._known[host] = known
        self._rules += len(known.rules.lines)
        while len(self._known) > _HELD or (self._rules > _HELD_RULES and len(self._known) > 1):
            self._drop(next(iter(self._known)))

    def _drop(self, host: str) -> None:
        dropped = self._known.pop(host, None)
        if dropped is not None:
            self._rules -= len(dropped.rules.lines)


async def _read(answer: Answer, before: Robots | None, now: float) -> Robots:
    if answer.headers.get("content-encoding", "").lower() not in _CODINGS:
        return robots_memory.lost(_UNUSABLE, 0, before, now)
    read = partial(robots_memory.answered, answer.status, answer.body, before, now)
    return await asyncio.to_thread(read) if len(answer.body) > _LARGE else read()


def _for_the_books(hop: Hop) -> Hop:
    """That robots.txt is locked says nothing of what else the host gives."""
    return replace(hop, failed=True) if hop.status in (401, 403) else hop
