"""The Publisher port on LMDB: writes go to the writer's thread, reads see the last commit.

The rules are in `publications` and `fanouts`. Invariant: what a future has acknowledged is on disk,
with all that follows from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING

from ..errors import StoreError
from . import fanouts, publications
from .environment import Environment, Tables, Txn
from .layout import U64
from .mail_layout import digest
from .publication_records import Entry, Found, Publication, Sought
from .publication_rows import Seeking, unpack_publication
from .records import Put
from .work import Work
from .writer import Writer

if TYPE_CHECKING:
    from ..crawler.protocol.uri import UrlRules


class LmdbPublisher:
    """See `publishing_port.Publisher`."""

    def __init__(self, environment: Environment, writer: Writer) -> None:
        self._environment = environment
        self._writer = writer

    def publish(self, entry: Entry, now: float) -> Future[Publication]:
        def job(work: Work) -> Publication:
            self._check_room()
            work.now = max(work.now, now)
            return publications.publish(work, entry, now)

        return self._writer.submit(job)

    def show(self, put: Put) -> Future[None]:
        def job(work: Work) -> None:
            self._check_room()
            publications.show(work, put)

        return self._writer.submit(job)

    def repeated(self, key: str, asked: bytes, now: float) -> Publication | None:
        return self._environment.read(lambda txn, t: publications.repeated(txn, t, key, asked, now))

    def fan_out(self, rules: UrlRules, now: float) -> Future[bool]:
        def job(work: Work) -> bool:
            self._check_room()
            return fanouts.step(work, rules, now)

        return self._writer.submit(job)

    def waits(self) -> bool:
        return self._environment.read(lambda txn, t: txn.stat(t.fanout)["entries"] > 0)

    def sought(self, now: float, limit: int) -> list[Sought]:
        return self._environment.read(lambda txn, t: _sought(txn, t, now, limit))

    def next_sought(self) -> float | None:
        def reader(txn: Txn, t: Tables) -> float | None:
            cursor = txn.cursor(t.sought)
            return U64.unpack(cursor.key()[:8])[0] / 1e6 if cursor.first() else None

        return self._environment.read(reader)

    def found(
        self, found: Sequence[Found], rules: UrlRules, now: float, ttl: float
    ) -> Future[None]:
        listed = tuple(found)

        def job(work: Work) -> None:
            self._check_room()
            fanouts.found(work, listed, rules, now, ttl)

        return self._writer.submit(job)

    def _check_room(self) -> None:
        """What goes out needs room; the reserve is for purges and states."""
        if self._writer.health.full:
            raise StoreError(self._environment.path, "is full")


def _sought(txn: Txn, t: Tables, now: float, limit: int) -> list[Sought]:
    results: list[Sought] = []
    for key in txn.cursor(t.sought).iternext(values=False):
        if len(results) >= limit or U64.unpack(key[:8])[0] / 1e6 > now:
            break
        row = Seeking.unpack(txn.get(key[8:], b"", t.seeking) or b"")
        oldest = txn.get(digest(row.activities[0]), b"", t.publication) or b""
        results.append(Sought(row.actor, row.tries, unpack_publication(oldest)[0].at))
    return results
