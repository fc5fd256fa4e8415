"""Index entries that wait to be sorted in: a short log of what is scattered over the index.

It does not know what an entry is for. The tags of a page, or one new post of each of many actors,
would each change a leaf of the index of their own, 4 KB a commit; here they lie together, and go
into the index some thousands at a time, when a leaf takes several of them. Readers look here as
well. Invariants: an entry is here or in the index, never in both; the last row's key is the number
of entries; there are never so many of them that looking through them is felt.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from struct import Struct
from typing import TYPE_CHECKING

from .environment import Tables, Txn
from .layout import U64

if TYPE_CHECKING:  # readers use this module, too, and load no writer
    from .work import Work

Entry = tuple[bytes, bytes]  # key and value of the index

MOST = 4_096  # of 34 bytes: to look for one key among all of them takes some 30 us
_ENTRY = Struct(">18p16s")  # the key's length and the key, filled up with zeros; then the value
_HEAD, _SIZE = 18, 34
# A row is made longer until it has this size: larger ones would lie on pages of their own.
_ROW = 1_600


def add(work: Work, entries: list[Entry]) -> int:
    """Append entries; how many there are now."""
    added = b"".join([_ENTRY.pack(key, value) for key, value in entries])
    table = work.t.unsorted
    cursor = work.txn.cursor(table)
    count = len(entries)
    if cursor.last():
        last, row = cursor.item()
        count += U64.unpack(last)[0]
        if len(row) + len(added) <= _ROW:
            work.delete(table, last)
            added = row + added
    work.put(table, U64.pack(count), added)
    return count


def take_all(work: Work) -> list[Entry]:
    """All entries; they are not here any more."""
    taken = list(Unsorted(work.txn, work.t).entries())
    if taken:
        work.wrote = True
        work.txn.drop(work.t.unsorted, delete=False)
    return taken


class Unsorted:
    """What waits, as one transaction sees it."""

    def __init__(self, txn: Txn, t: Tables) -> None:
        self._rows = [row for _, row in txn.cursor(t.unsorted)]

    def values(self, key: bytes) -> list[bytes]:
        """Those of one key, sorted."""
        head = _head(key)
        return sorted(value for row in self._rows for value in _found(row, head))

    def entries(self) -> Iterator[Entry]:
        for row in self._rows:
            yield from _ENTRY.iter_unpack(row)

    def counts(self) -> Counter[bytes]:
        """How many wait under each key, for who asks for many keys."""
        return Counter(key for key, _ in self.entries())


def _head(key: bytes) -> bytes:
    return (bytes((len(key),)) + key).ljust(_HEAD, b"\0")


def _found(row: bytes, head: bytes) -> Iterator[bytes]:
    at = row.find(head)
    while at >= 0:
        entry, inside = divmod(at, _SIZE)
        if not inside:
            yield row[at + _HEAD : at + _SIZE]
        at = row.find(head, (entry + 1) * _SIZE)
