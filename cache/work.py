"""One write transaction in hand: its rows, counters and log, loaded once and written back once.

A Work is used by one batch of jobs on the writer's thread and thrown away with it, also when it
failed; it decides nothing. References, their rarely needed part and hosts are kept parsed while the
batch lasts, so a page of 20 objects by one author touches the author once. Invariant: inside a
transaction these rows are read through the Work, never from the table.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import orjson

from ..crawler.protocol.policy import OPEN, Policy
from ..crawler.protocol.quotas import Limits, Usage
from .agenda import Agenda
from .counters import Counters
from .environment import MIGRATING, Tables, Txn
from .layout import U64
from .queue_layout import HostRow
from .records import Change, Plan, Politeness
from .ref_layout import Ref, is_older
from .terms_layout import TermsRow, renewed

if TYPE_CHECKING:
    from .changes import Told
    from .quota_rows import Parties


class Memo:
    """Ids that never change once committed, across batches; emptied when a transaction failed.

    `watched`: what it has known since `watch` and knows no more. Whatever the writer points at from
    then on is in there or in `ids`, since it has looked up the name; see `unreferenced`."""

    __slots__ = ("ids", "tags", "texts", "watched", "words")
    _MOST = 100_000  # about 25 MB; the references of one busy hour

    def __init__(self) -> None:
        self.ids: dict[str, bytes] = {}
        self.words: dict[tuple[str, str], bytes] = {}
        self.texts: dict[bytes, str] = {}
        self.tags: dict[str, bytes] = {}  # hashes, so right whatever is committed
        self.watched: set[bytes] | None = None

    def watch(self, yes: bool) -> None:
        """Begin, or end, to keep what is looked up."""
        self._empty_ids()
        self.watched = set() if yes else None

    def was_named(self, id: bytes, uri: str) -> bool:
        """Whether the writer has looked up a reference since `watch`."""
        return uri in self.ids or id in (self.watched or ())

    def _empty_ids(self) -> None:
        if self.watched is not None:
            self.watched.update(self.ids.values())
        self.ids.clear()

    def clear(self) -> None:
        self._empty_ids()
        self.words.clear()
        self.texts.clear()

    def trim(self) -> None:
        if len(self.ids) > self._MOST:
            self._empty_ids()
        if len(self.words) > self._MOST:  # a hostile host mints types
            self.words.clear()
            self.texts.clear()
        if len(self.tags) > self._MOST:
            self.tags.clear()


NO_LIMITS = Limits.of(1 << 62)


class Work:
    """See the module."""

    def __init__(
        self,
        txn: Txn,
        t: Tables,
        memo: Memo,
        politeness: Politeness,
        history: int,
        agenda: Agenda,
        log_kept: int,
        policy: Policy = OPEN,
        limits: Limits = NO_LIMITS,
    ) -> None:
        self.txn = txn
        self.t = t
        self.memo = memo
        self.politeness = politeness
        self.history = history
        self.agenda = agenda
        self.policy = policy
        self.limits = limits
        self.log_kept = log_kept  # entries of the change log
        self.now = 0.0
        self.wrote = False
        self.changes: list[Change] = []
        self.ended: Counter[tuple[str, ...]] = Counter()  # see `Mailbox.ended`
        self.counters = Counters.read(txn, t)
        self.refs: dict[bytes, Ref] = {}
        self.extras: dict[bytes, dict[str, Any]] = {}
        self.terms: dict[bytes, TermsRow] = {}
        self.terms_before: dict[bytes, list[tuple[bytes, bytes]] | None] = {}  # as stored
        self.shares: dict[bytes, bytes] = {}
        self.share_counts: dict[bytes, int] = {}
        self.hosts: dict[bytes, HostRow] = {}
        self.host_rows: dict[bytes, bytes] = {}  # as stored
        self.unsettled: set[bytes] = set()  # hosts whose row in `ready` may be wrong
        self.new_uris: list[tuple[bytes, bytes]] = []  # rows of `uri`; until then the memo has them
        self.bodies: dict[bytes, tuple[bytes, bytes, bytes]] = {}  # see `documents.flush`
        self.beginnings: dict[bytes, Plan] = {}  # see `sources.flush`
        self.placings: dict[bytes, bool] = {}  # rows of `agenda`: to be there, or not
        self.relists: set[bytes] = set()  # actors of whom other things may be listed now
        self.change_rows: list[tuple[Told, bytes]] = []  # see `changes.flush`
        self.migrating = txn.get(MIGRATING, None, t.meta) is not None
        self.newcomers: list[bytes] = []  # references, to be counted: see `quota`
        self.counted: set[bytes] = set()  # of these, by the end of a migration
        self.kept: dict[bytes, tuple[bool, Parties]] = {}  # bodies that came: own, and whose
        self.parties: dict[str, Parties | None] = {}  # by origin
        self.usages: dict[bytes, Usage] = {}
        self.usages_before: dict[bytes, bytes | None] = {}  # as stored
        self.homes: dict[bytes, str | None] = {}  # hosts of the outboxes of follows
        self._newest = U64.pack(self.counters.last_id)
        self._dirty_refs: set[bytes] = set()
        self._dirty_extras: set[bytes] = set()

    def put(self, table: Any, key: bytes, value: bytes) -> None:
        self.wrote = True
        self.txn.put(key, value, True, True, False, table)

    def put_all(self, table: Any, rows: list[tuple[bytes, bytes]]) -> None:
        """Write rows that are sorted by key.

        In order LMDB finds most places without a search, and behind the table's last row it fills
        its pages, which it would otherwise split in halves.
        """
        if rows:
            self.wrote = True
            cursor = self.txn.cursor(table)
            last = cursor.key() if cursor.last() else b""
            behind = bisect_right(rows, last, key=itemgetter(0))
            cursor.putmulti(rows[:behind])
            cursor.putmulti(rows[behind:], append=True)

    def delete(self, table: Any, key: bytes) -> bool:
        self.wrote = True
        return self.txn.delete(key, b"", table)

    def new_id(self) -> bytes:
        self.counters.last_id += 1
        return U64.pack(self.counters.last_id)

    def is_new(self, id: bytes) -> bool:
        """It was made in this transaction: no table has a row of it yet."""
        return id > self._newest

    def ref(self, id: bytes, *, change: bool = True) -> Ref:
        """The reference's row; one that is changed must be loaded with `change`."""
        row = self.refs.get(id)
        if row is None:
            stored = self.txn.get(id, None, self.t.ref)
            if stored is None:
                raise LookupError(id)
            row = self.refs[id] = (
                self._renew(id, stored) if is_older(stored) else Ref.unpack(stored)
            )
        if change:
            self._dirty_refs.add(id)
        return row

    def _renew(self, id: bytes, stored: bytes) -> Ref:
        """What is of an older schema is written back as rows are now, whoever looks at it."""
        terms = self.txn.get(id, None, self.t.terms)
        if terms is not None:
            self.delete(self.t.terms, id)
        self._dirty_refs.add(id)
        return renewed(stored, terms)

    def add_ref(self, id: bytes, ref: Ref) -> None:
        self.refs[id] = ref
        self._dirty_refs.add(id)
        self.newcomers.append(id)
        self.counters.references += 1

    def extra(self, id: bytes, *, change: bool = True) -> dict[str, Any]:
        """The rarely needed part of a reference; without a key: nothing known."""
        values = self.extras.get(id)
        if values is None:
            stored = None if id > self._newest else self.txn.get(id, None, self.t.extra)
            values = self.extras[id] = {} if stored is None else orjson.loads(stored)
        if change:
            self._dirty_extras.add(id)
        return values

    def flush(self) -> None:
        """Write back what was loaded and changed. Hosts are the frontier's to write."""
        self.put_all(self.t.ref, [(id, self.refs[id].pack()) for id in sorted(self._dirty_refs)])
        self.put_all(self.t.uri, sorted(self.new_uris))
        self.flush_agenda()
        for id in self._dirty_extras:
            values = self.extras[id]
            if values:
                self.put(self.t.extra, id, orjson.dumps(values))
            else:
                self.delete(self.t.extra, id)
        if self.wrote:
            self.put(self.t.meta, b"counters", self.counters.pack())

    def flush_agenda(self) -> None:
        """Write where the sources that were planned stand now."""
        for key in sorted(self.placings):
            if not self.placings[key]:
                self.delete(self.t.agenda, key)
        there = [(key, b"") for key in sorted(self.placings) if self.placings[key]]
        self.put_all(self.t.agenda, there)
        self.placings.clear()
