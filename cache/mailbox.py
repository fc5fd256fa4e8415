"""The Mailbox port on LMDB: writes go to the writer's thread, reads see the last commit.

The rules are in `receipts`, `settling`, `reactions` and `outbound`. Invariant: what a future has
acknowledged is on disk, and a notification is acted upon in the transaction that settles it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING

from ..errors import StoreError
from . import destinations, follower_parts, mail_reading, outbound, reactions, receipts, settling
from .environment import Environment, Table, Txn
from .layout import U64
from .mail_layout import MailCounters
from .mail_records import (
    Errand,
    Follower,
    Notification,
    Received,
    Send,
    Sent,
    Settlement,
    Subscribed,
)
from .work import Work
from .writer import Writer

if TYPE_CHECKING:
    from ..crawler.protocol.keys import PublicKey


class LmdbMailbox:
    """See `ports.Mailbox`."""

    def __init__(self, environment: Environment, writer: Writer) -> None:
        self._environment = environment
        self._writer = writer

    def receive(self, received: Sequence[Received], now: float) -> Future[list[int | None]]:
        listed = tuple(received)

        def job(work: Work) -> list[int | None]:
            self._check_room()
            return receipts.receive(work, listed, now)

        return self._writer.submit(job)

    def seen(self, fingerprint: bytes, now: float) -> bool:
        return self._environment.read(
            lambda txn, t: receipts.signature_seen(txn, t, fingerprint, now)
        )

    def waiting(self, now: float, limit: int) -> list[Notification]:
        return self._environment.read(lambda txn, t: mail_reading.waiting(txn, t, now, limit))

    def next_waiting(self) -> float | None:
        return self._environment.read(lambda txn, t: _first_time(txn, t.waiting))

    def settle(self, settlements: Sequence[Settlement], now: float) -> Future[int]:
        listed = tuple(settlements)

        def job(work: Work) -> int:
            if any(one.wants or one.sends for one in listed):
                self._check_room()
            work.now = max(work.now, now)
            return settling.settle(work, listed, now)

        return self._writer.submit(job)

    def flush_counts(self, now: float) -> Future[int]:
        return self._writer.submit(lambda work: reactions.flush(work, now))

    def ended(self) -> Mapping[tuple[str, ...], int]:
        return dict(self._writer.ended)

    def key(self, id: str, now: float) -> PublicKey | None:
        return self._environment.read(lambda txn, t: mail_reading.key(txn, t, id, now))

    def drop_key(self, id: str) -> Future[None]:
        return self._writer.submit(lambda work: receipts.drop_key(work, id))

    def follower(self, actor: str) -> Follower | None:
        return self._environment.read(lambda txn, t: mail_reading.follower(txn, t, actor))

    def followed_by(self) -> int:
        return self._environment.read(lambda txn, t: MailCounters.read(txn, t).accepted)

    def part_digest(self, origin: str) -> bytes:
        return self._environment.read(lambda txn, t: follower_parts.part_digest(txn, t, origin))

    def part(self, origin: str, limit: int, after: str | None = None) -> list[str]:
        return self._environment.read(
            lambda txn, t: follower_parts.part(txn, t, origin, limit, after)
        )

    def part_size(self, origin: str) -> int:
        return self._environment.read(lambda txn, t: follower_parts.part_size(txn, t, origin))

    def put_follower(self, follower: Follower, sends: Sequence[Send], now: float) -> Future[None]:
        listed = tuple(sends)

        def job(work: Work) -> None:
            self._check_room()
            settling.put_follower(work, follower)
            outbound.send(work, listed, now)

        return self._writer.submit(job)

    def move_follower(self, actor: str, inbox: str, shared: str | None) -> Future[None]:
        return self._writer.submit(lambda work: settling.move_follower(work, actor, inbox, shared))

    def drop_follower(self, actor: str) -> Future[None]:
        return self._writer.submit(lambda work: settling.drop_follower(work, actor))

    def subscribe(
        self, key: str, id: str | None, state: Subscribed, sends: Sequence[Send], now: float
    ) -> Future[bool]:
        listed = tuple(sends)

        def job(work: Work) -> bool:
            if listed:
                self._check_room()
            if not settling.subscribe(work, key, state, {"subscription": id}):
                return False
            outbound.send(work, listed, now)
            return True

        return self._writer.submit(job)

    def send(self, sends: Sequence[Send], now: float) -> Future[None]:
        listed = tuple(sends)

        def job(work: Work) -> None:
            self._check_room()
            outbound.send(work, listed, now)

        return self._writer.submit(job)

    def errands(
        self, now: float, limit: int, seconds: float, ttl: float, probes: int | None = None
    ) -> Future[list[Errand]]:
        most = limit if probes is None else probes
        return self._writer.submit(
            lambda work: outbound.lease(work, now, limit, seconds, ttl, most)
        )

    def next_errand(self) -> float | None:
        return self._environment.read(destinations.next_ready)

    def sent(self, reports: Sequence[Sent], now: float) -> Future[None]:
        listed = tuple(reports)
        return self._writer.submit(lambda work: outbound.report(work, listed, now))

    def expire(self, after: bytes, now: float, ttl: float) -> Future[bytes | None]:
        return self._writer.submit(lambda work: outbound.expire(work, after, now, ttl))

    def recover(self) -> Future[int]:
        return self._writer.submit(destinations.release)

    def _check_room(self) -> None:
        """What comes in or goes out needs room; the reserve is for purges and states."""
        if self._writer.health.full:
            raise StoreError(self._environment.path, "is full")


def _first_time(txn: Txn, table: Table) -> float | None:
    cursor = txn.cursor(table)
    return U64.unpack(cursor.key()[:8])[0] / 1e6 if cursor.first() else None
