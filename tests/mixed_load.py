"""Limiting hosts on a stepping clock, and the real frontier between them and a mix of wants.

No network: a request is seen by its host at once and answered after the script's latency. Reports
are made as the crawler makes them, chains wait for their turns as the dispatcher lets them wait.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from limiting_hosts import Limiter
from polite_log import Seen
from store_cases import NOW, store_at

from fedpull.cache.open import Opened
from fedpull.cache.records import Cause, HostReport, Kind, Lease, Outcome, Politeness, Want
from fedpull.crawler.answer import Answer, Hop
from fedpull.crawler.host_reports import reports
from fedpull.crawler.protocol.rate_limits import announced

CHAIN_SECONDS = 30.0  # the door's time-out: what has not got its next turn by then is given up


@dataclass(frozen=True, slots=True)
class Wish:
    """Somebody wants something of a host: through the queue, or beside it as a key is."""

    at: float
    host: int
    cause: Cause = Cause.NEW
    page: bool = False
    beside: bool = False
    redirect: int | None = None  # the host to which the answer leads


@dataclass(slots=True)
class Host:
    name: str
    limiter: Limiter | None
    latency: float
    seen: list[Seen] = field(default_factory=list)

    def ask(self, now: float, page: bool) -> tuple[int, dict[str, str]]:
        """The host's answer, which comes after its latency."""
        status, headers, wait = self.limiter.take(now) if self.limiter else (200, {}, 0.0)
        self.seen.append(Seen(now, now + self.latency, page, status, wait))
        return status, dict(headers)


class MixedLoad:
    """Lives through a script; then `hosts` have seen what they have seen."""

    def __init__(self, folder: Path, politeness: Politeness, hosts: list[Host]) -> None:
        self.now = NOW
        self.hosts = hosts
        self._folder, self._politeness = folder, politeness
        self._opened: Opened
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._names = itertools.count()
        self._redirects: dict[str, int] = {}
        self._life = 0  # what was under way in an earlier one is heard of by nobody

    def at(self, when: float, call: Callable[[], None]) -> None:
        heapq.heappush(self._events, (max(when, self.now), next(self._order), call))

    def run(self, script: list[Wish], restarts: list[float], until: float) -> None:
        for wish in script:
            self.at(NOW + wish.at, lambda wish=wish: self._wish(wish))  # type: ignore[misc]
        for restart in restarts:
            self.at(NOW + restart, self._end)
        while self.now < NOW + until:
            with store_at(self._folder, politeness=self._politeness) as self._opened:
                self._opened.frontier.recover(self.now).result()
                self._live(NOW + until)
                assert self._opened.query.check().findings == ()

    def _end(self) -> None:
        """The process is killed, and its connections with it."""
        self._life += 1
        for host in self.hosts:
            host.seen = [
                Seen(one.at, self.now, one.page, 0) if one.answered > self.now else one
                for one in host.seen
            ]

    def _live(self, until: float) -> None:
        life = self._life
        while life == self._life:
            for lease in self._opened.frontier.lease(self.now, 50, 600.0).result():
                self._begin(lease)
            due = self._opened.frontier.next_due(self.now)
            soon = self._events[0][0] if self._events else until
            wake = min(until if due is None else max(due, self.now + 0.01), soon)
            if wake >= until:
                self.now = until
                return
            self.now = max(self.now, wake)
            while self._events and self._events[0][0] <= self.now and life == self._life:
                heapq.heappop(self._events)[2]()

    def _wish(self, wish: Wish) -> None:
        host = self.hosts[wish.host].name
        url = f"https://{host}/{next(self._names)}"
        if wish.redirect is not None:
            self._redirects[url] = wish.redirect
        if wish.beside:
            self._turn(url, wish.host, [], None, False, self.now + CHAIN_SECONDS)
            return
        kind = Kind.PAGE if wish.page else Kind.DOCUMENT
        self._opened.frontier.want([Want(url, kind, wish.cause, self.now)]).result()

    def _begin(self, lease: Lease) -> None:
        number = next(n for n, one in enumerate(self.hosts) if f"{one.name}:443" == lease.host)
        page = lease.want.kind is Kind.PAGE
        self._ask(lease.url, number, [], lease, page, self.now + CHAIN_SECONDS)

    def _ask(
        self, url: str, number: int, hops: list[Hop], lease: Lease | None, page: bool, ends: float
    ) -> None:
        """One request, whose turn has come."""
        host, life, sent = self.hosts[number], self._life, self.now
        status, headers = host.ask(self.now, page)
        leads_to = self._redirects.get(url) if status == 200 else None
        if leads_to is not None and not hops:
            status = 302

        def answered() -> None:
            if life != self._life:
                return
            hop = Hop(f"{host.name}:443", status, sent=sent, headers=headers)
            if status == 302:
                assert leads_to is not None
                self._turn(url, leads_to, [*hops, hop], lease, page, ends)
            else:
                self._report(url, [*hops, hop], headers, status, lease, page)

        self.at(self.now + host.latency, answered)

    def _turn(
        self, url: str, number: int, hops: list[Hop], lease: Lease | None, page: bool, ends: float
    ) -> None:
        """As `Dispatcher.turn`: ask until it is given, or the chain's time is over."""
        life, name = self._life, f"{self.hosts[number].name}:443"
        held = any(hop.host == name for hop in hops)
        since = self.now if held else 0.0
        for hop in hops[-1:]:  # as the door tells it before the turn
            limits = announced(hop.headers, self.now)
            told = HostReport(hop.host, ok=True, sent=hop.sent, limits=limits)
            self._opened.frontier.report([told], self.now).result()

        def ask() -> None:
            if life != self._life:
                return
            if self.now > ends:
                if hops:
                    self._report(url, hops, {}, 302, lease, page)
                return
            asked = self._opened.frontier.turn(name, self.now, page, held, since).result()
            if asked is None:
                self._ask(url, number, hops, lease, page, ends)
            else:
                self.at(max(asked, self.now + 0.01), ask)

        ask()

    def _report(
        self,
        url: str,
        hops: list[Hop],
        headers: dict[str, str],
        status: int,
        lease: Lease | None,
        page: bool,
    ) -> None:
        answer = Answer(url, url, status, headers, b"", None, self.now, tuple(hops))
        found: tuple[HostReport, ...] = reports(
            answer, self.now, page=page, leased=lease is not None
        )
        if lease is None:
            self._opened.frontier.report(found, self.now).result()
        else:
            self._opened.store.apply(Outcome(at=self.now, lease=lease, hosts=found)).result()
