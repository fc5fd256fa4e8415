"""The Store port on LMDB: one outcome, one transaction, everything of it or nothing.

It decides nothing about documents: an Outcome is a list of consequences, applied in the order in
which they build on each other. Invariant: what `apply` acknowledged is on disk, whole.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace

from ..errors import StoreError
from . import (
    documents,
    follows,
    hosts,
    leases,
    marks,
    members,
    room,
    sources,
    threads,
    walks,
    wants,
)
from .environment import Environment
from .index import unlist
from .intern import FOLLOW, id_of, known_id, word_of
from .permission import permitted
from .records import Applied, Attempt, Change, Follow, Kind, Outcome
from .vitals import Written
from .work import Work
from .writer import Writer

_LOG = 8  # attempts kept of a reference: what `explain` shows


class LmdbStore:
    """See `ports.Store`."""

    def __init__(self, environment: Environment, writer: Writer, on_close: Callable[[], None]):
        self._environment = environment
        self._writer = writer
        self._on_close = on_close

    def apply(self, outcome: Outcome) -> Future[Applied]:
        return self._writer.submit(lambda work: self._apply(work, outcome))

    def put_follow(self, follow: Follow) -> Future[None]:
        return self._writer.submit(lambda work: follows.put(work, follow))

    def drop_follow(self, key: str, now: float) -> Future[bool]:
        def job(work: Work) -> bool:
            work.now = max(work.now, now)
            return follows.drop(work, key)

        return self._writer.submit(job)

    def on_change(self, listener: Callable[[Sequence[Change]], None]) -> None:
        self._writer.listen(listener)

    def ping(self) -> Future[None]:
        return self._writer.submit(lambda work: None)

    def written(self) -> Written:
        return self._writer.written()

    def close(self) -> None:
        self._on_close()

    def _apply(self, work: Work, outcome: Outcome) -> Applied:
        if self._writer.health.full and grows(outcome):
            reason = f"is full ({self._writer.health.bytes} bytes)"
            raise StoreError(self._environment.path, reason, "a larger store.max_bytes or a purge")
        return apply(work, outcome)


def grows(outcome: Outcome) -> bool:
    """Whether it needs more room than purge, states and hosts, which the reserve is for."""
    return bool(outcome.puts or outcome.members or outcome.wants or outcome.walk)


def apply(work: Work, outcome: Outcome) -> Applied:
    """Everything that follows from one answer."""
    outcome = permitted(work.policy, _of_its_follow(work, outcome))
    work.now = max(work.now, outcome.at)
    logged = len(work.changes)
    kept = [put for put in outcome.puts if room.takes(work, put)]
    verdicts = [(put, documents.put(work, put)) for put in kept]
    lease = outcome.lease
    if lease is not None and lease.want.root and kept:
        threads.took(work, lease.want, sum(len(put.body) for put in kept))
    for mark in outcome.marks:
        marks.mark(work, mark, outcome.at)
    if outcome.members is not None:
        members.add(work, replace(outcome.members, entries=room.entries(work, outcome.members)))
    if outcome.relink is not None:
        members.relink(work, outcome.relink)
    for uri, follow in outcome.unlisted:
        unlist(work, id_of(work, uri), word_of(work, FOLLOW, follow))
    if outcome.collection is not None:
        members.set_collection(work, outcome.collection)
    _keep_walk(work, outcome)
    if outcome.lease is not None:
        if outcome.walk_done and outcome.lease.want.root:
            threads.visited(work, outcome.lease, outcome.at)
        leases.release(work, outcome.lease)
    for want in outcome.wants:
        wants.add(work, want)
    if outcome.follow is not None and outcome.follow_was is not None:
        follows.change(work, outcome.follow_was, outcome.follow)
    for poll in outcome.polls:
        sources.polled(work, poll)
    # Only now it is known whether the queue tries again by itself.
    for mark in outcome.marks:
        if mark.failed or marks.leads_away(work, mark):
            sources.failed(work, mark.id, outcome.at, missing=mark.missing)
    for put, verdict in verdicts:
        if verdict in documents.NOT_TAKEN and put.verified_by == "get":
            sources.failed(work, put.id, outcome.at, missing=False)
    for report in outcome.hosts:
        hosts.learn(work, report, outcome.at)
    if outcome.attempt is not None:
        _note(work, outcome, outcome.attempt)
    unchanged = tuple(put.id for put, verdict in verdicts if verdict == "unchanged")
    return Applied(tuple(work.changes[logged:]), unchanged)


def _of_its_follow(work: Work, outcome: Outcome) -> Outcome:
    """What an outcome asks for on behalf of a follow that was dropped meanwhile, or whose actor has
    blocked us, is not asked."""
    was = outcome.follow_was
    if was is None or follows.is_read(work, was.key):
        return outcome
    return replace(outcome, wants=(), walk=None, walk_url=None, polls=())


def _keep_walk(work: Work, outcome: Outcome) -> None:
    if outcome.walk is None and not outcome.walk_done:
        return
    if outcome.lease is not None and outcome.lease.want.kind is Kind.PAGE:
        subject = outcome.lease.want.uri
    elif outcome.collection is not None:
        subject = outcome.collection.id
    else:
        raise StoreError("", "an outcome has a walk", "the lease of its page, or its collection")
    if outcome.walk_done:
        id = known_id(work, subject)
        if id is not None:
            walks.drop(work, id)
    elif outcome.walk is not None:
        walks.store(work, id_of(work, subject), outcome.walk, outcome.walk_url)


def _note(work: Work, outcome: Outcome, attempt: Attempt) -> None:
    """Add a line to the log of what was asked for."""
    if outcome.lease is not None:
        subject = outcome.lease.want.uri
    elif outcome.puts or outcome.marks:
        subject = (outcome.puts or outcome.marks)[0].id
    else:
        return
    extra = work.extra(id_of(work, subject))
    line = [attempt.at, attempt.cause, attempt.status, attempt.outcome]
    log = [line, *extra.get("log", ())]
    if len(log) > _LOG:
        # The first 404 of a row stays, since it says how long that has been so.
        del log[-2 if log[-1][2] == log[-2][2] == 404 else -1]
    extra["log"] = log
