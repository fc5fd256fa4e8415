"""The Frontier port on LMDB: writes go to the writer's thread, reads see the last commit.

The rules are in `leases`, `hosts` and `wants`. Invariant: nothing about who may be asked is kept
in memory, so it is the same after a restart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import Future

from ..errors import StoreError
from . import hosts, leases, stalls, wants
from .environment import Environment, Tables, Txn
from .intern import FOLLOW, find_word
from .layout import U64
from .queue_layout import CAUSES
from .records import Cause, HostReport, Lease, Politeness, Want
from .refresh import Refresh
from .work import Work
from .writer import Writer


class LmdbFrontier:
    """See `ports.Frontier`."""

    def __init__(
        self, environment: Environment, writer: Writer, politeness: Politeness, refresh: Refresh
    ) -> None:
        self._refresh = refresh
        self._environment = environment
        self._writer = writer
        self._politeness = politeness

    def want(self, items: Iterable[Want]) -> Future[None]:
        listed = tuple(items)

        def job(work: Work) -> None:
            if listed and self._writer.health.full:
                raise StoreError(self._environment.path, "is full")
            for item in listed:
                wants.add(work, item)

        return self._writer.submit(job)

    def lease(
        self, now: float, limit: int, seconds: float, *, last: Cause = Cause.BACKFILL
    ) -> Future[list[Lease]]:
        def job(work: Work) -> list[Lease]:
            if self._writer.health.full:
                return []  # there is no room for what would be fetched
            work.now = max(work.now, now)
            return leases.lease(work, now, limit, seconds, last)

        return self._writer.submit(job)

    def turn(
        self, host: str, now: float, page: bool, held: bool = False, since: float = 0.0
    ) -> Future[float | None]:
        def job(work: Work) -> float | None:
            work.now = max(work.now, now)
            return leases.turn(work, host, now, page, held, since)

        return self._writer.submit(job)

    def report(self, reports: Sequence[HostReport], now: float) -> Future[None]:
        listed = tuple(reports)

        def job(work: Work) -> None:
            work.now = max(work.now, now)
            for report in listed:
                hosts.learn(work, report, now)

        return self._writer.submit(job)

    def be_polite(self, politeness: Politeness) -> Future[None]:
        def job(work: Work) -> None:
            self._politeness = work.politeness = politeness
            self._writer.politeness = politeness
            self._refresh.be_polite(politeness)

        return self._writer.submit(job)

    def refresh(self, now: float) -> Future[int]:
        def job(work: Work) -> int:
            if self._writer.health.full:
                return 0  # there is no room for what would be fetched
            work.now = max(work.now, now)
            return self._refresh.tick(work, now)

        return self._writer.submit(job)

    def signal(self, uri: str, now: float) -> Future[bool]:
        def job(work: Work) -> bool:
            work.now = max(work.now, now)
            return self._refresh.signal(work, uri, now)

        return self._writer.submit(job)

    def recover(self, now: float) -> Future[int]:
        def job(work: Work) -> int:
            work.now = max(work.now, now)
            if now < work.counters.clock:
                self._refresh.set_back(work)
            return leases.recover(work, now)

        return self._writer.submit(job)

    def next_due(self, now: float, *, last: Cause = Cause.BACKFILL) -> float | None:
        last = min(last, leases.least_urgent(self._refresh.account, now))

        def reader(txn: Txn, t: Tables) -> float | None:
            cursor = txn.cursor(t.ready)
            causes = CAUSES[: last + 1]
            heads = (cursor.key() for cause in causes if cursor.set_range(bytes((cause,))))
            # A cause with no host in its line finds the head of the next one.
            times = [U64.unpack_from(key, 1)[0] for key in heads if key[0] <= last]
            return min(times) / 1e6 if times else None

        return self._environment.read(reader)

    def pending(self, follow: str) -> int:
        def reader(txn: Txn, t: Tables) -> int:
            id = find_word(txn, t, FOLLOW, follow)
            if id is None:
                return 0
            cursor = txn.cursor(t.owed)
            return cursor.count() if cursor.set_key(id + b"\0") else 0

        return self._environment.read(reader)

    def waits(self, follow: str) -> bool:
        def reader(txn: Txn, t: Tables) -> bool:
            id = find_word(txn, t, FOLLOW, follow)
            cursor = txn.cursor(t.owed)
            return id is not None and any(cursor.set_key(id + flag) for flag in (b"\0", b"\1"))

        return self._environment.read(reader)

    def stalled_until(self, follow: str, now: float) -> float | None:
        return self._environment.read(
            lambda txn, t: stalls.stalled_until(txn, t, self._politeness, follow, now)
        )
