"""A store made anew from what can be believed of it: offline, beside it, then in its place.

    rows that can be read -> those that make sense -> what they are found by -> counted -> audited

Documents are kept where they are what their content hash was made from; what cannot be believed is
left out, and asked of its origin again. Nothing is invented. Invariant: at every moment the store's
folder holds one file as it was or one that the audit has nothing against; the one that was damaged
stays beside it, for whoever wants to look.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import orjson

from ..crawler.protocol.policy import OPEN, Policy
from ..crawler.protocol.quotas import Limits
from ..errors import StoreError
from . import (
    changes,
    check_outbound,
    documents,
    follower_parts,
    migration,
    rebuild_mail,
    relisting,
    wants,
)
from .agenda import Agenda
from .check import check
from .compact import DAMAGED, REBUILDING, discard, swap
from .copying import batches
from .counters import Counters
from .environment import (
    MIGRATING,
    MIGRATING_FROM,
    SCHEMA,
    Environment,
    Tables,
    Txn,
    errors,
    open_environment,
)
from .intern import known_id
from .layout import LOCAL, NONE, U64
from .lock import WriterLock, no_readers
from .permissions import refuse_unreadable
from .prices import Prices
from .publication_rows import unpack_local
from .rebuild_index import Indexer
from .rebuild_rows import DERIVED, Sieve
from .records import Cause, Kind, Politeness, Put, Want
from .ref_layout import Ref
from .salvage import Row, Salvage
from .search import discard as discard_index
from .verify import damages_of
from .work import Work
from .writer import Writer

_ASKED = 500  # in one transaction
_COUNTED_ANEW = ("meta", "quota")
_COUNTED = 4  # the schema behind which the migration counts what is held
Told = Callable[[str], None]
Ours = Callable[[bytes, float], Put]
"""An object that we have published, as the document that it was; and when it last changed."""


@dataclass(slots=True)
class Rebuilt:
    """What came of it: rows that were left out, by table; documents to be asked for again; places
    that could not be read; where the damaged file lies, if it was."""

    references: int = 0
    documents: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    asked: int = 0
    gaps: int = 0
    damaged: str | None = None


def rebuild(
    path: str | os.PathLike[str],
    *,
    now: float,
    max_bytes: int,
    history: int = 3,
    group: str | None = None,
    politeness: Politeness | None = None,
    policy: Policy = OPEN,
    ours: Ours | None = None,
    told: Told = lambda doing: None,
) -> Rebuilt:
    """Make the store at `path` anew; `told` is called with what is being done. Without `ours` it
    cannot be done where a document of our own was lost.

    Raises StoreLocked while any process has the store open, StoreError where too little can be
    read, or what came of it does not pass the audit: then the store is as it was.
    """
    folder = os.path.realpath(path)
    refuse_unreadable(folder)
    if not os.path.exists(os.path.join(folder, "data.mdb")):
        raise StoreError(folder, "there is no store here")
    lock = WriterLock(folder)
    try:
        discard(folder)
        with no_readers(folder):
            told("verifying")
        damaged = bool(damages_of(folder))
        work = _Rebuild(folder, Salvage(folder), ours, told)
        try:
            work.refuse_newer()
            with errors(folder):
                done = work.run(now, max_bytes, history, group, politeness or Politeness(), policy)
                aside = DAMAGED if damaged or done.left_out else None
                swap(folder, REBUILDING, aside=aside)
                done.damaged = None if aside is None else os.path.join(folder, aside)
                discard_index(Path(folder))  # the daemon makes it anew, of what is held now
        finally:
            work.salvage.close()
            discard(folder)
        return done
    except BaseException:
        lock.release(failed=True)
        raise
    finally:
        lock.release()


@dataclass(slots=True)
class _Rebuild:
    folder: str
    salvage: Salvage
    ours: Ours | None
    told: Told
    done: Rebuilt = field(default_factory=Rebuilt)
    sieve: Sieve = field(default_factory=Sieve)

    def run(
        self,
        now: float,
        max_bytes: int,
        history: int,
        group: str | None,
        politeness: Politeness,
        policy: Policy,
    ) -> Rebuilt:
        beside = os.path.join(self.folder, REBUILDING)
        room = max(max_bytes, Path(self.folder, "data.mdb").stat().st_size)
        target = open_environment(beside, write=True, max_bytes=room, group=group)
        try:
            indexer = self._fill(target)
            self.told("counting")
            agenda = Agenda(Prices(1.0))
            limits = Limits.of(room)
            log_kept = changes.kept(room)
            writer = Writer(target, room, politeness, history, agenda, policy, log_kept, limits)
            try:
                self._finish(target, writer, indexer, now)
            finally:
                writer.close()
            self.told("checking")
            report = target.read(check)
        finally:
            target.close()
        if report.findings:
            found = report.findings[0]
            reason = f"was left as it is: made anew, {len(report.findings)} rows disagree"
            first = f"{found.table}: {found.subject}: {found.problem}"
            raise StoreError(self.folder, f"{reason} ({first})", "a backup, restored")
        self.done.references, self.done.documents = report.references, report.documents
        self.done.gaps = self.salvage.gaps
        return self.done

    def refuse_newer(self) -> None:
        """What this version does not know would be lost."""
        said = dict(self.salvage.rows("meta")).get(b"schema", b"")
        if said.isdigit() and int(said) > SCHEMA:
            reason = f"was written by a newer version (schema {int(said)})"
            raise StoreError(self.folder, reason, f"schema {SCHEMA} or older")

    def _fill(self, target: Environment) -> Indexer:
        """Rows, and what they are found by, in the order in which they build on each other."""
        indexer = Indexer(target, self.sieve.lost)
        names = [name for name in Tables.__slots__ if name not in DERIVED]
        first = (*Sieve.first, "follow", "host")
        names.sort(key=lambda name: first.index(name) if name in first else len(first))
        for name in names:
            self.told(name)
            self._keep(target, name)
            if name == "body":
                self._adopt(target)
                self.told("index")
                indexer.words()
                indexer.references()
                indexer.shared()
        self._cut_log(target)
        for step in (indexer.members, indexer.threads, indexer.queue, indexer.reactions):
            step()
        indexer.mail()
        if indexer.dropped:
            self.done.left_out["ref"] += indexer.dropped
        self._count(target, indexer)
        return indexer

    def _keep(self, target: Environment, name: str) -> None:
        table = getattr(target.t, name)
        for batch in batches(self.salvage.rows(name)):
            txn = target.begin()
            try:
                kept = list(self._believed(target, txn, name, batch))
            finally:
                txn.abort()
            with target.write() as out:
                out.cursor(table).putmulti(kept)

    def _believed(
        self, target: Environment, txn: Txn, name: str, batch: list[Row]
    ) -> Iterator[Row]:
        verdict = self.sieve.verdict(name)
        for key, row in batch:
            try:
                kept = verdict(txn, target.t, key, row)
            except Exception:  # noqa: BLE001 - whatever a row of garbage leads to
                kept = None
            if kept is not None:
                yield key, kept
            elif name not in _COUNTED_ANEW:
                self.done.left_out[name] += 1

    def _adopt(self, target: Environment) -> None:
        """References that are gone, of bodies that say what they were: to be asked for again."""
        with target.write() as txn:
            for id, uri in self.sieve.orphans.items():
                txn.put(id, Ref(uri).pack(), db=target.t.ref)
                self.sieve.lost.add(id)

    def _cut_log(self, target: Environment) -> None:
        with target.write() as txn:
            cursor = txn.cursor(target.t.change)
            more = cursor.first()
            while more and cursor.key() <= self.sieve.broken_after:
                self.done.left_out["change"] += 1
                more = cursor.delete() and bool(cursor.key())

    def _count(self, target: Environment, indexer: Indexer) -> None:
        """What the writer begins with, and that it is to count what each host has."""
        t = target.t
        kept = dict(self._meta())
        with target.write() as txn:
            counters = Counters(kept.get(b"counters"))
            for table in (t.ref, t.word):
                cursor = txn.cursor(table)
                if cursor.last():
                    counters.last_id = max(counters.last_id, U64.unpack(cursor.key())[0])
            log = txn.cursor(t.change)
            counters.last_seq = U64.unpack(log.key())[0] if log.last() else 0
            counters.references = txn.stat(t.ref)["entries"]
            counters.documents = txn.stat(t.body)["entries"]
            counters.due, counters.in_flight = indexer.due, 0
            txn.put(b"counters", counters.pack(), db=t.meta)
            older = min(int(kept.get(MIGRATING_FROM, b"%d" % _COUNTED)), _COUNTED)
            txn.put(MIGRATING_FROM, b"%d" % older, db=t.meta)
            txn.put(MIGRATING, NONE, db=t.meta)  # from the first reference on

    def _meta(self) -> Iterator[Row]:
        for key, row in self.salvage.rows("meta"):
            if key != b"counters" or len(row) == len(Counters(None).pack()):
                yield key, row

    def _finish(self, target: Environment, writer: Writer, indexer: Indexer, now: float) -> None:
        """What needs a transaction's own hand."""
        if target.read(_disagrees):
            lost_bodies = writer.submit(lambda work: rebuild_mail.outbound(work, now)).result()
            self.done.left_out += Counter(delivery=lost_bodies)
        writer.submit(partial(_follow_again, indexer.followed)).result()
        writer.submit(follower_parts.build).result()
        while writer.submit(migration.step).result():
            pass
        if self.ours is not None:
            ids = target.read(lambda txn, t: list(txn.cursor(t.local).iternext(values=False)))
            for at in range(0, len(ids), _ASKED):
                writer.submit(partial(_stand_again, ids[at : at + _ASKED], self.ours)).result()
        hosts = target.read(lambda txn, t: list(txn.cursor(t.host).iternext(values=False)))
        for at in range(0, len(hosts), _ASKED):
            writer.submit(partial(_settle, hosts[at : at + _ASKED], now)).result()
        asked = [
            want for id in sorted(indexer.lost) if (want := target.read(partial(_want, id, now)))
        ]
        for at in range(0, len(asked), _ASKED):
            writer.submit(partial(_ask, asked[at : at + _ASKED], now)).result()
        self.done.asked = len(asked)


def _stand_again(keys: list[bytes], ours: Ours, work: Work) -> None:
    """Objects of ours are documents, too: those that were lost are made from what was published."""
    for key in keys:
        one = unpack_local(work.txn.get(key, b"", work.t.local) or b"")
        id = known_id(work, one.id)
        held = id is not None and work.ref(id, change=False).has_body
        if one.public and not one.deleted and not held:
            documents.put(work, ours(one.body, one.changed))


def _want(id: bytes, now: float, txn: Txn, t: Tables) -> Want | None:
    """To have a document again that was lost; forgotten ones have no URI any more, and our own are
    nobody's to serve but ours."""
    stored = txn.get(id, None, t.ref)
    ref = None if stored is None else Ref.unpack(stored)
    if ref is None or ref.verified_by == LOCAL or not ref.uri.startswith("http"):
        return None
    return Want(ref.uri, Kind.DOCUMENT, Cause.REFRESH, now)


def _disagrees(txn: Txn, t: Tables) -> bool:
    """Whether what goes out does not find its way."""
    try:
        return any(True for _ in check_outbound.check(txn, t))
    except Exception:  # noqa: BLE001 - whatever a row of garbage leads to
        return True


def _follow_again(followed: list[str], work: Work) -> None:
    """Who is followed is known where it is asked for, and nobody else is."""
    for actor in followed:
        relisting.unfollowed(work, actor)
    for _, row in list(work.txn.cursor(work.t.follow)):
        relisting.followed(work, relisting.reads(orjson.loads(row)), True)


def _settle(keys: list[bytes], now: float, work: Work) -> None:
    work.now = max(work.now, now)
    work.unsettled.update(keys)


def _ask(part: list[Want], now: float, work: Work) -> None:
    work.now = max(work.now, now)
    for want in part:
        wants.add(work, want)
