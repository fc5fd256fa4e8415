"""Opening a store: the environment, the lock, the writer, and the ports on them.

Composition only. Invariant: whoever holds an Opened that is not read-only holds `writer.lock`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from ..crawler.protocol.policy import OPEN, Policy
from ..crawler.protocol.quotas import Limits
from . import changes, compact, migration
from .agenda import Agenda
from .environment import open_environment
from .frontier import LmdbFrontier
from .lock import WriterLock
from .mailbox import LmdbMailbox
from .moderator import LmdbModerator
from .mounts import refuse_remote
from .prices import Prices
from .publisher import LmdbPublisher
from .query import LmdbQuery
from .records import Politeness
from .refresh import Refresh, host_cap, remembered
from .store import LmdbStore
from .verify import discard, look_before_opening
from .writer import Writer

MAX_BYTES = 64 << 30
BUDGET = 20_000.0
KEEP_UNVERIFIED = 30 * 86_400.0


@dataclass(frozen=True, slots=True)
class Opened:
    """A store's ports. `close` finishes what is waiting; it may be called twice."""

    store: LmdbStore
    frontier: LmdbFrontier
    mailbox: LmdbMailbox
    moderator: LmdbModerator
    publisher: LmdbPublisher
    query: LmdbQuery
    close: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Readable:
    """A store that is only read. `close` may be called twice."""

    query: LmdbQuery
    close: Callable[[], None]


def open_store(
    path: str | os.PathLike[str],
    *,
    max_bytes: int = MAX_BYTES,
    history: int = 3,
    politeness: Politeness | None = None,
    group: str | None = None,
    budget: float = BUDGET,
    keep_unverified: float = KEEP_UNVERIFIED,
    policy: Policy = OPEN,
    log_kept: int | None = None,
    limits: Limits | None = None,
) -> Opened:
    """Open a store as its one writer, making it if need be. `budget`: requests an hour that the
    refresh loop may use; `keep_unverified`: seconds for which a copy outlives its verification;
    `policy`: what is in force from the first job on; `log_kept`: entries of the change log,
    `limits`: what one host or domain may come to; None: by the size of the store.

    Raises StoreLocked when another process writes it, StoreError when it cannot be opened or read.
    """
    polite = politeness or Politeness()
    refuse_remote(path)
    look_before_opening(path)
    lock = WriterLock(os.fspath(path))
    try:
        compact.discard(os.fspath(path))
        discard(path)
        environment = open_environment(path, write=True, max_bytes=max_bytes, group=group)
    except BaseException:
        lock.release(failed=True)
        raise
    agenda = remembered(environment, Agenda(Prices(budget, host_cap(polite))))
    refresh = Refresh(agenda, keep_unverified)
    limits = limits or Limits.of(max_bytes)
    kept = changes.kept(max_bytes) if log_kept is None else log_kept
    writer = Writer(environment, max_bytes, polite, history, agenda, policy, kept, limits)
    migration.go_on(writer.submit)

    def close() -> None:
        writer.submit(lambda work: refresh.save(work, work.counters.clock))
        writer.close()
        environment.close()
        lock.release()

    closing = _once(close)
    return Opened(
        LmdbStore(environment, writer, closing),
        LmdbFrontier(environment, writer, polite, refresh),
        LmdbMailbox(environment, writer),
        LmdbModerator(environment, writer, limits),
        LmdbPublisher(environment, writer),
        LmdbQuery(environment, writer.health, refresh.figures),
        closing,
    )


def open_reader(path: str | os.PathLike[str]) -> Readable:
    """Open a store that exists for reading; another process may be writing it."""
    environment = open_environment(path, write=False)
    return Readable(LmdbQuery(environment), _once(environment.close))


def _once(action: Callable[[], None]) -> Callable[[], None]:
    done: list[bool] = []

    def run() -> None:
        if not done:
            done.append(True)
            action()

    return run
