"""The one writer thread: runs jobs in transactions that they share, and answers after the commit.

It knows no rows. A synced commit costs milliseconds whatever is in it, so all the jobs that wait go
into one; when one of them raises, the transaction is thrown away and each is run alone, so that a
bad one harms nobody else. Invariant: a future is done only when its job's writes are on disk or
when none of them is.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any, TypeVar

from ..crawler.protocol.policy import OPEN, Policy
from ..crawler.protocol.quotas import Limits
from ..errors import FedpullError, StoreError
from . import changes, documents, hosts, index, quota, relisting, shared, sources
from .agenda import Agenda
from .environment import Environment, Txn, errors
from .health import Health
from .histogram import Histogram
from .records import Change, Politeness
from .vitals import Written
from .work import Memo, Work

_log = logging.getLogger(__name__)

T = TypeVar("T")
Job = Callable[[Work], Any]
Listener = Callable[[Sequence[Change]], None]

_BATCH = 512  # enough to make the commit's share small; more would only make the first wait longer
# Jobs that come within so many seconds of a commit find a busy writer, which then waits a little
# for more of them. Somebody's single write is never held up, nor is who comes alone again and
# again: an outcome and the question for the next lease are one visitor.
_BUSY = 0.02
_LINGER = 0.003
_ALONE = 2
# Batches between looks at the store's size: while it is far from full, and once its file was ever
# used so far that it may not be.
_MEASURE_EVERY = 256
_MEASURE_OFTEN = 8
_NEARLY_FULL = 0.8


class Writer:
    """Give it jobs with `submit`; `close` finishes those that wait."""

    def __init__(
        self,
        environment: Environment,
        max_bytes: int,
        politeness: Politeness,
        history: int,
        agenda: Agenda,
        policy: Policy = OPEN,
        log_kept: int = changes.KEPT,
        limits: Limits | None = None,
    ) -> None:
        self.health = Health(max_bytes)
        self.ended: Counter[tuple[str, ...]] = Counter()
        self._commits = Histogram()
        self._done = 0  # jobs
        self._environment = environment
        self.politeness = politeness
        self._history = history
        self._agenda = agenda
        self._policy = policy
        self._log_kept = log_kept
        self._limits = limits or Limits.of(max_bytes)
        self._memo = Memo()
        self._relisting = True  # perhaps it was interrupted
        self._listeners: list[Listener] = []
        self._jobs: SimpleQueue[tuple[Job, Future[Any]] | None] = SimpleQueue()
        self._since_measured = _MEASURE_EVERY
        self._closed = False
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    def submit(self, job: Callable[[Work], T]) -> Future[T]:
        future: Future[T] = Future()
        with self._lock:
            if self._closed or self._environment.forked:
                future.set_exception(StoreError(self._environment.path, "is closed"))
            else:
                self._jobs.put((job, future))
        return future

    def enforce(self, policy: Policy) -> Future[None]:
        """Whom we have to do with, for all jobs from this one on."""

        def job(work: Work) -> None:
            self._policy = work.policy = policy
            self._memo.clear()  # what is forgotten now has another name

        return self.submit(job)

    def written(self) -> Written:
        """What was done so far; may be asked for by any thread."""
        return Written(self._commits.snapshot(), self._done, self._jobs.qsize())

    def listen(self, listener: Listener) -> None:
        self._listeners.append(listener)

    def close(self) -> None:
        with self._lock:
            if not self._closed:
                self._closed = True
                self._jobs.put(None)
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        going, rested, latest = True, 0.0, 0
        while going:
            batch: list[tuple[Job, Future[Any]]] = []
            item = self._jobs.get()
            # Under load it pays to wait for company: a commit costs as much as ten jobs.
            now = monotonic()
            until = now + _LINGER if latest > _ALONE and now - rested < _BUSY else 0.0
            while item is not None:
                # From here on it cannot be cancelled; what was cancelled earlier is not written.
                if item[1].set_running_or_notify_cancel():
                    batch.append(item)
                if len(batch) >= _BATCH:
                    break
                try:
                    item = self._next(until)
                except Empty:
                    break
            else:
                going = False
            if batch:
                self._apply(batch)
                rested, latest = monotonic(), len(batch)

    def _next(self, until: float) -> tuple[Job, Future[Any]] | None:
        """Another job that waits already, or comes before `until`; raises Empty."""
        try:
            return self._jobs.get_nowait()
        except Empty:
            left = until - monotonic()
            if left <= 0:
                raise
            return self._jobs.get(timeout=left)

    def _apply(self, batch: list[tuple[Job, Future[Any]]]) -> None:
        try:
            self._transact(batch)
            return
        except Exception as error:  # noqa: BLE001 - handed to whoever waits for the job
            if len(batch) == 1:
                self._fail(batch[0][1], error)
                return
        for item in batch:
            try:
                self._transact([item])
            except Exception as error:  # noqa: BLE001 - as above
                self._fail(item[1], error)

    def _transact(self, batch: list[tuple[Job, Future[Any]]]) -> None:
        """Run jobs in one transaction; raises, with nothing written, if any of them does."""
        environment = self._environment
        txn = environment.write()
        try:
            with errors(environment.path):
                work = self._work(txn)
                self._measure(work)
                results = [job(work) for job, _ in batch]
                documents.flush(work)
                sources.flush(work)
                hosts.settle(work)
                relists = bool(self._relisting or work.relists) and relisting.step(work)
                index.flush(work)
                shared.flush(work)
                changes.flush(work)
                quota.flush(work)
                work.flush()
                if work.wrote:
                    begun = monotonic()
                    txn.commit()
                    self._commits.observe(monotonic() - begun)
        except BaseException as error:
            self._memo.clear()
            self._agenda.look_anew()
            if isinstance(error, StoreError) and error.__cause__ is not None:
                self.health.failing = True  # LMDB or the disk, not the job
            raise
        finally:
            txn.abort()
        if work.wrote:
            self.health.failing = False
        self._done += len(batch)
        if work.ended:  # here, as what was thrown away is run again
            self.ended.update(work.ended)
        self._memo.trim()
        self._relisting = relists
        if relists:  # behind the jobs that wait
            self.submit(lambda work: None)
        for (_, future), result in zip(batch, results, strict=True):
            future.set_result(result)
        if work.changes:
            self._tell(work.changes)

    def _work(self, txn: Txn) -> Work:
        tables, memo = self._environment.t, self._memo
        politeness, history = self.politeness, self._history
        agenda, kept = self._agenda, self._log_kept
        policy, limits = self._policy, self._limits
        return Work(txn, tables, memo, politeness, history, agenda, kept, policy, limits)

    def _tell(self, changes: Sequence[Change]) -> None:
        for listener in self._listeners:
            try:
                listener(changes)
            except Exception:  # noqa: BLE001 - a listener's mistake must not stop the writer
                _log.exception("a listener for changes failed")

    def _measure(self, work: Work) -> None:
        health = self.health
        self._since_measured += 1
        since, nearly = self._since_measured, health.max_bytes * _NEARLY_FULL
        often = since >= _MEASURE_OFTEN and self._environment.map_use()[1] >= nearly
        if often or health.bytes >= nearly or since >= _MEASURE_EVERY:
            self._since_measured = 0
            health.bytes = self._environment.used_bytes(work.txn)
            health.full = health.bytes >= health.max_bytes

    def _fail(self, future: Future[Any], error: Exception) -> None:
        if not isinstance(error, FedpullError):
            failed = StoreError(self._environment.path, f"{type(error).__name__}: {error}")
            failed.__cause__ = error
            error = failed
        future.set_exception(error)
