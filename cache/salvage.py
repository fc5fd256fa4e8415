"""The rows of a store's file, as many as can be read, whatever has become of it.

LMDB maps the file, and a damaged page may end the process. So the pages are read here as bytes, the
way down from the roots, and what is not a page of a tree is passed over. Only what the roots lead
to is looked at: freed pages hold what was purged. It judges no row. Invariant: rows of a table come
in the order of their keys, each once, and no byte of the file makes it raise but that it has no
root.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from struct import Struct, error

from ..errors import StoreError

# liblmdb 0.9 on a machine of 64 bits, whose byte order it writes: mdb.c, MDB_page, MDB_node,
# MDB_db, MDB_meta.
_PAGE = Struct("=QHHHH")  # number, pad, flags, lower, upper
_NODE = Struct("=HHHH")  # low and high half of a size or page number, flags, size of the key
_DB = Struct("=IHHQQQQQ")  # pad, flags, depth, pages of three kinds, entries, root
_META = Struct("=IIQQ48s48sQQ")  # magic, version, address, size, free pages, main, last page, txn
_MAGIC, _VERSION = 0xBEEFC0DE, 1
_BRANCH, _LEAF, _OVERFLOW = 1, 2, 4
_BIG, _TABLE = 1, 2
_NOTHING = (1 << 64) - 1
_DEEPEST = 32

Row = tuple[bytes, bytes]


class Salvage:
    """One file that nobody writes. `gaps`: pages and rows that are none."""

    def __init__(self, folder: str) -> None:
        self.gaps = 0
        self._file = os.open(Path(folder, "data.mdb"), os.O_RDONLY | os.O_CLOEXEC)
        self._size = 4096
        self._roots: dict[bytes, int] = {}
        for main in self._mains():
            self._roots = {
                key: _DB.unpack(row)[-1] for key, row in self._tree(main) if len(row) == _DB.size
            }
            if self._roots:
                self.gaps = 0  # an older state that lost less would be another store
                return
        os.close(self._file)
        raise StoreError(folder, "cannot be read: its file has no root", "a backup, restored")

    def close(self) -> None:
        os.close(self._file)

    def rows(self, name: str) -> Iterator[Row]:
        """What there is in a table without duplicates."""
        root = self._roots.get(name.encode(), _NOTHING)
        last: bytes | None = None
        for key, row in self._tree(root):
            if last is not None and key <= last:
                self.gaps += 1
                continue
            last = key
            yield key, row

    def _mains(self) -> Iterator[int]:
        """The roots of the latest state, and of the one before it."""
        found = []
        for at in (0, self._page_size()):
            raw = self._read(at + _PAGE.size, _META.size)
            try:
                magic, version, _, _, _, main, _, txn = _META.unpack(raw)
            except error:
                continue
            if magic == _MAGIC and version & 0xFFFF == _VERSION:
                found.append((txn, _DB.unpack(main)[-1]))
        yield from (main for _, main in sorted(found, reverse=True))

    def _page_size(self) -> int:
        """As the first page says; where that is gone, as it usually is."""
        raw = self._read(_PAGE.size + 24, 4)
        said = int.from_bytes(raw, "little")
        if 512 <= said <= 32_768 and not said & (said - 1):
            self._size = said
        return self._size

    def _tree(self, root: int) -> Iterator[Row]:
        seen: set[int] = set()
        pages = [(root, 0)] if root != _NOTHING else []
        while pages:
            number, depth = pages.pop()
            page = self._page(number, _BRANCH | _LEAF) if number not in seen else b""
            seen.add(number)
            if not page or depth > _DEEPEST:
                self.gaps += 1
            elif page[10] & _BRANCH:
                pages += [(below, depth + 1) for below in reversed(self._below(page))]
            else:
                yield from self._leaf(page)

    def _page(self, number: int, kinds: int) -> bytes:
        """A page that says what it is; empty for one that does not."""
        page = self._read(number * self._size, self._size)
        if len(page) < self._size:
            return b""
        said, _, flags, lower, upper = _PAGE.unpack_from(page)
        kind = flags & (_BRANCH | _LEAF | _OVERFLOW)
        fits = kind & _OVERFLOW or _PAGE.size <= lower <= upper <= self._size
        return page if said == number and kind in (1, 2, 4) and kind & kinds and fits else b""

    def _nodes(self, page: bytes) -> Iterator[tuple[int, int, int, bytes]]:
        """Where its data begin, its size or the low part of its page, its flags, and its key."""
        lower = _PAGE.unpack_from(page)[3]
        for place in range(_PAGE.size, lower - 1, 2):
            at = int.from_bytes(page[place : place + 2], "little")
            if not lower <= at <= self._size - _NODE.size:
                self.gaps += 1
                continue
            low, high, flags, size = _NODE.unpack_from(page, at)
            data = at + _NODE.size + size
            if data > self._size:
                self.gaps += 1
                continue
            yield data, low | high << 16, flags, page[at + _NODE.size : data]

    def _below(self, page: bytes) -> list[int]:
        return [number | flags << 32 for _, number, flags, _ in self._nodes(page)]

    def _leaf(self, page: bytes) -> Iterator[Row]:
        for data, size, flags, key in self._nodes(page):
            row = self._big(page, data, size) if flags & _BIG else page[data : data + size]
            if len(row) == size and flags in (0, _BIG, _TABLE):
                yield key, row
            else:
                self.gaps += 1

    def _big(self, page: bytes, data: int, size: int) -> bytes:
        """A value on pages of its own."""
        number = int.from_bytes(page[data : data + 8], "little")
        if not self._page(number, _OVERFLOW):
            return b""
        return self._read(number * self._size + _PAGE.size, size)

    def _read(self, at: int, size: int) -> bytes:
        try:
            return os.pread(self._file, size, at)
        except (OSError, OverflowError):  # beyond what a file can have
            return b""
