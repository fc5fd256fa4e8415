"""What a store finds its rows by, made anew from the rows themselves; a part of `rebuild`.

    references -> uri, index, agenda; members, wants, mail, reactions -> their lines and counts

Everything is written in batches of their own into a file that nobody else has. Invariant: what the
audit of a table compares is made here from that which it is compared with.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from math import nan

from ..crawler.protocol import listable
from . import index
from .agenda_rows import agenda_key
from .calendar_lines import line_of
from .environment import Environment, Table, Txn
from .layout import BODY, NONE, STATE_NUMBER, U64, time_key, uri_key
from .mail_layout import (
    FOLLOWER_STATES,
    WAITING,
    MailCounters,
    age_of,
    pack_counts,
    unpack_counts,
    unpack_follower,
    unpack_notification,
)
from .queue_layout import HostRow, Row
from .records import Counts, State
from .ref_layout import HAS_BODY, Ref
from .salvage import Row as Found
from .terms_layout import TermsRow, terms_in
from .thread_rows import SumRow, ThreadRow

_BATCH = 5_000
_UNKNOWN = STATE_NUMBER[State.UNKNOWN]


@dataclass(slots=True)
class Indexer:
    """One file that is being made. `lost`: references whose bodies are not there any more, and
    were not believed; `dropped`: references that others stand in the place of."""

    target: Environment
    lost: set[bytes]
    followed: list[str] = field(default_factory=list)  # actors that say that they are
    dropped: int = 0
    due: int = 0

    def words(self) -> None:
        t = self.target.t
        for batch in self._batches(t.word):
            with self.target.write() as txn:
                for id, text in batch:
                    spelled = "\0" + text.decode("utf-8", "surrogatepass")
                    txn.put(uri_key(spelled), id, db=t.uri)

    def references(self) -> None:
        """Their places, and those of their documents."""
        for batch in self._batches(self.target.t.ref):
            with self.target.write() as txn:
                for id, row in batch:
                    self._reference(txn, id, row)

    def _reference(self, txn: Txn, id: bytes, row: bytes) -> None:
        t = self.target.t
        ref = Ref.unpack(row)
        if not txn.put(uri_key(ref.uri), id, overwrite=False, db=t.uri):
            self.dropped += 1
            txn.delete(id, db=t.ref)
            txn.delete(id, db=t.body)
            return
        if ref.consent & listable.FOLLOWED:
            self.followed.append(ref.uri)
        held = txn.get(id, None, t.body) is not None
        if ref.has_body and not held:
            self.lost.add(id)
        if id in self.lost:
            row = _without_body(ref, terms_in(txn, t, id, row))
            txn.put(id, row, db=t.ref)
            txn.delete(id, db=t.body)
        elif ref.placed:
            txn.put(agenda_key(line_of(ref.interval, ref.bound), ref.due, id), b"", db=t.agenda)
        for key, value in index.entries_of(terms_in(txn, t, id, row), id):
            txn.put(key, value, db=t.index)

    def shared(self) -> None:
        """How many bodies use what they share; what none uses goes."""
        t, uses = self.target.t, Counter[bytes]()
        for batch in self._batches(t.body):
            for _, row in batch:
                uses.update(key for key in BODY.unpack_from(row)[1:] if key != NONE)
        for batch in self._batches(t.shared):
            with self.target.write() as txn:
                for key, row in batch:
                    if uses[key]:
                        txn.put(key, uses[key].to_bytes(4, "big") + row[4:], db=t.shared)
                    else:
                        txn.delete(key, db=t.shared)

    def members(self) -> None:
        t = self.target.t
        for batch in self._batches(t.member):
            with self.target.write() as txn:
                for key, row in batch:
                    place = key[:8] + row[:8] + bytes((row[8] & 1,))
                    if not txn.put(place, key[8:], overwrite=False, db=t.member_of):
                        txn.delete(key, db=t.member)  # it stands there twice

    def threads(self) -> None:
        """What each follow's threads came to."""
        t = self.target.t
        threads, fetched = Counter[bytes](), Counter[bytes]()
        for batch in self._batches(t.thread):
            for key, row in batch:
                if key[:8] != NONE and key[8:16] != NONE and len(key) == 16:
                    threads[key[:8]] += 1
                    fetched[key[:8]] += ThreadRow.unpack(row).fetched
        with self.target.write() as txn:
            for follow, _ in list(txn.cursor(t.follow)):
                sums = SumRow.load(txn, t, follow)
                sums.threads, sums.fetched = threads[follow], fetched[follow]
                if sums != SumRow():
                    txn.put(follow + NONE, sums.pack(), db=t.thread)

    def queue(self) -> None:
        """Whose turn it is, is for the writer to say: see `rebuild`."""
        t, queued = self.target.t, Counter[bytes]()
        for batch in self._batches(t.want):
            with self.target.write() as txn:
                for key, stored in batch:
                    row = Row.unpack(stored)
                    queued[row.host] += not row.parked
                    txn.put(row.queue_key(key[:8], key[8]), b"", db=t.queue)
                    if row.follow != NONE:
                        txn.put(row.owed_key(), row.host + key, db=t.owed)
        self.due = queued.total()
        for batch in self._batches(t.host):
            with self.target.write() as txn:
                for key, stored in batch:
                    host = HostRow.unpack(stored)
                    host.queued = queued[key]
                    txn.put(key, host.pack(), db=t.host)

    def reactions(self) -> None:
        """How many there are, and of which the change log has still to tell."""
        t, counts = self.target.t, Counter[tuple[bytes, int]]()
        for batch in self._batches(t.reaction):
            counts.update((key[:8], key[8]) for key, _ in batch)
        with self.target.write() as txn:
            known = {id: unpack_counts(row)[1] for id, row in txn.cursor(t.count)}
            for id in known.keys() | {id for id, _ in counts}:
                there = Counts(*(counts[id, kind] for kind in range(3)))
                told = known.get(id, Counts())
                txn.put(id, pack_counts(there, told), db=t.count)
                if there != told:
                    txn.put(id, b"", db=t.moved)

    def mail(self) -> None:
        """What came in; of what goes out see `rebuild_mail`."""
        t, last, keys, accepted = self.target.t, 0, 0, 0
        for batch in self._batches(t.notification):
            with self.target.write() as txn:
                for key, row in batch:
                    last = U64.unpack(key)[0]
                    if row[0] == WAITING:
                        due = unpack_notification(last, row).due
                        txn.put(time_key(due) + key, b"", db=t.waiting)
        for batch in self._batches(t.key):
            with self.target.write() as txn:
                for place, row in batch:
                    txn.put(age_of(row), place, db=t.key_age)
                    keys = max(keys, U64.unpack(age_of(row))[0])
        for batch in self._batches(t.follower):
            accepted += sum(unpack_follower(row).state == FOLLOWER_STATES[1] for _, row in batch)
        with self.target.write() as txn:
            known = MailCounters.read(txn, t)
            cursor = txn.cursor(t.delivery)
            sent = U64.unpack(cursor.key())[0] if cursor.last() else 0
            known.notifications = max(known.notifications, last)
            known.deliveries = max(known.deliveries, sent)
            known.keys, known.accepted = max(known.keys, keys), accepted
            txn.put(b"mail", known.pack(), db=t.meta)

    def _batches(self, table: Table) -> Iterator[list[Found]]:
        """All rows, each batch read as the one before has left the table."""
        start: bytes | None = b""
        while start is not None:
            txn = self.target.begin()
            try:
                cursor = txn.cursor(table)
                rows = list(islice(cursor, _BATCH)) if cursor.set_range(start) else []
            finally:
                txn.abort()
            yield rows
            start = rows[-1][0] + b"\0" if len(rows) == _BATCH else None


def _without_body(ref: Ref, terms: TermsRow) -> bytes:
    """The row of what is to be asked for again; it stays in the lists of those who offered it."""
    terms.live = terms.quiet = terms.answered = False
    ref.flags &= ~HAS_BODY
    ref.no_source()
    ref.state, ref.consent = _UNKNOWN, ref.consent & listable.STANDING
    ref.updated = ref.published = nan
    ref.terms = terms.pack(ref)
    return ref.pack()
