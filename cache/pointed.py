"""Which references the rows of a store point at: read from whole tables, a slice at a time.

It deletes nothing. What stands in a row under a reference's own key is no pointer: that goes with
it. Two kinds of pointers do not count, since they go with what they lead to: members of collections
that are no follow's outbox, and threads that are over. Invariant: what is not in here was pointed
at by no row when its table was read; what was written since is told by `Memo.watched`, which sees
each name that the writer looks up, and by the end of the change log.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import orjson

from . import changes
from .environment import Tables, Txn
from .intern import find_id
from .layout import NONE, U64
from .queue_layout import Row
from .ref_layout import Ref
from .terms_layout import TermsRow
from .thread_rows import ThreadRow

if TYPE_CHECKING:
    from .slices import Slices
    from .work import Work

# From then on nothing more is asked for the sake of a thread, and that it was asked is of no use.
_FORGOTTEN_THREAD = 90 * 86_400.0


class Ids:
    """A set of references up to `last`, a bit each: a hundred million of them take 12 MB."""

    def __init__(self, last: int) -> None:
        self._last = last
        self._bits = bytearray(last // 8 + 1)

    def add(self, id: bytes) -> None:
        number = int.from_bytes(id, "big")
        if number <= self._last:
            self._bits[number >> 3] |= 1 << (number & 7)

    def __contains__(self, id: bytes) -> bool:
        number = int.from_bytes(id, "big")
        return number <= self._last and bool(self._bits[number >> 3] & 1 << (number & 7))


class Pointed:
    """What is pointed at, as far as `read` and `go_on` have come; `last` and `seq`: the latest
    reference and entry of the change log when it began."""

    def __init__(self, last: int, seq: int, now: float) -> None:
        self.ids = Ids(last)
        self.last = last
        self._after = U64.pack(last)
        self._seq = seq
        self._now = now
        self._lists: set[bytes] = set()

    def has(self, id: bytes) -> bool:
        """What came later counts as pointed at: somebody has just named it."""
        return id > self._after or id in self.ids

    def is_list(self, collection: bytes) -> bool:
        """Whether it is the outbox of a follow: what it lists is kept for that."""
        return collection in self._lists

    def read(self, slices: Slices) -> None:
        """Look through all tables in which references stand."""
        for outbox in slices.find("follow", _outbox):
            self._lists.add(outbox)
            self.ids.add(outbox)
        for name, see in (
            ("ref", self._in_ref),
            ("member", self._in_member),
            ("want", self._in_want),
            ("thread", self._in_thread),
            ("change", self._in_change),
        ):
            deque(slices.find(name, see), maxlen=0)

    def go_on(self, work: Work) -> None:
        """See what the change log has told since, and what this transaction will write there."""
        cursor = work.txn.cursor(work.t.change)
        more = cursor.set_range(U64.pack(self._seq + 1))
        while more:
            key, row = cursor.item()
            self._in_change(work.txn, work.t, key, row)
            self._seq = int(U64.unpack(key)[0])
            more = cursor.next()
        for (_, actor, _, _, _), id in work.change_rows:
            self.ids.add(id)
            self.ids.add(actor)

    def _in_ref(self, txn: Txn, t: Tables, id: bytes, row: bytes) -> None:
        ref = Ref.unpack(row)
        if ref.owner not in (NONE, id):
            self.ids.add(ref.owner)
        if ref.terms:
            terms = TermsRow.unpack(ref)
            for named in (terms.actor, terms.in_reply_to):
                if named not in (NONE, id):
                    self.ids.add(named)

    def _in_member(self, txn: Txn, t: Tables, key: bytes, row: bytes) -> None:
        if key[:8] in self._lists:
            self.ids.add(row[:8])

    def _in_want(self, txn: Txn, t: Tables, key: bytes, row: bytes) -> None:
        self.ids.add(key[:8])
        root = Row.unpack(row).root
        if root != NONE:
            self.ids.add(root)

    def _in_thread(self, txn: Txn, t: Tables, key: bytes, row: bytes) -> None:
        if key[8:16] == NONE:
            return
        thread = txn.get(key[:16], None, t.thread)
        if thread is not None and ThreadRow.unpack(thread).age(self._now) <= _FORGOTTEN_THREAD:
            self.ids.add(key[8:16])
            self.ids.add(key[16:24])

    def _in_change(self, txn: Txn, t: Tables, key: bytes, row: bytes) -> None:
        for id in changes.named_in(row):
            self.ids.add(id)


def _outbox(txn: Txn, t: Tables, id: bytes, row: bytes) -> bytes | None:
    outbox = orjson.loads(row).get("outbox")
    return find_id(txn, t, outbox) if outbox else None
