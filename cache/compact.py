"""A store written anew, without what was deleted from it: offline, beside it, then in its place.

LMDB blanks nothing: what was purged stays in freed pages, and in the gaps of pages that are in use,
which its own compacting copy takes along. So every row is read and put into a new file. It changes
no row. Invariant: at every moment the store's folder holds one whole store, the old one until the
new one was found to have all its rows and to pass the audit.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import StoreError
from .check import check
from .environment import Environment, Tables, Txn, errors, is_open, open_environment
from .lock import WriterLock, no_readers
from .search import discard as discard_index

_BESIDE = "compacting"  # a folder in the store's own: it is on the same file system
_BATCH = 16 << 20  # bytes of rows in one transaction: some thousands of pages

Told = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Compacted:
    """Sizes of the file, in bytes."""

    before: int
    after: int


def compact(
    path: str | os.PathLike[str],
    *,
    max_bytes: int,
    group: str | None = None,
    told: Told = lambda done, rows: None,
) -> Compacted:
    """Write the store at `path` anew; `told` is called with the rows that are done, and all.

    Raises StoreLocked while any process has the store open, StoreError where the copy cannot be
    written or does not pass the audit: then the store is as it was.
    """
    folder = os.path.realpath(path)
    if not os.path.exists(os.path.join(folder, "data.mdb")):
        raise StoreError(folder, "there is no store here")
    lock = WriterLock(folder)
    try:
        discard(folder)
        _check_unread(folder)
        before = _size(folder)
        try:
            with errors(folder):
                _write(folder, max(max_bytes, before), group, told)
                _swap(folder)
                discard_index(Path(folder))  # the daemon makes it anew, of what is held now
        finally:
            discard(folder)
        return Compacted(before, _size(folder))
    finally:
        lock.release()


def discard(folder: str) -> None:
    """Remove the copy that a run which was killed has left: it may hold what is purged since."""
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(os.path.join(folder, _BESIDE))


def _check_unread(folder: str) -> None:
    """Before the work rather than after it."""
    if is_open(folder):
        raise StoreError(folder, "is open in this very process")
    with no_readers(folder):
        return


def _write(folder: str, max_bytes: int, group: str | None, told: Told) -> None:
    source = open_environment(folder, write=False)
    try:
        beside = os.path.join(folder, _BESIDE)
        target = open_environment(beside, write=True, max_bytes=max_bytes, group=group)
        try:
            source.read(lambda txn, t: _copy(txn, t, target, told))
            source.read(lambda txn, t: _compare(folder, _counts(txn, t), target))
        finally:
            target.close()
    finally:
        source.close()


def _copy(txn: Txn, t: Tables, target: Environment, told: Told) -> None:
    rows, done = sum(_counts(txn, t).values()), 0
    for name in Tables.__slots__:
        # In the order of their keys, each behind the last. A new store has rows of `meta` already.
        behind = name != "meta"
        for batch in _batches(txn.cursor(getattr(t, name)).iternext()):
            with target.write() as out:
                out.cursor(getattr(target.t, name)).putmulti(batch, append=behind)
            done += len(batch)
            told(done, rows)


def _batches(rows: Iterator[tuple[bytes, bytes]]) -> Iterator[list[tuple[bytes, bytes]]]:
    batch, size = [], 0
    for row in rows:
        batch.append(row)
        size += len(row[0]) + len(row[1])
        if size >= _BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _counts(txn: Txn, t: Tables) -> dict[str, int]:
    return {name: txn.stat(getattr(t, name))["entries"] for name in Tables.__slots__}


def _compare(folder: str, rows: dict[str, int], target: Environment) -> None:
    if target.read(_counts) != rows:
        raise StoreError(folder, "was not copied whole, and is as it was")
    if found := target.read(check).findings:
        reason = f"was left as it is: {len(found)} rows of the copy disagree, as its own may"
        raise StoreError(folder, reason, "a store that `fedpull check` has nothing against")


def _swap(folder: str) -> None:
    with no_readers(folder):
        os.replace(os.path.join(folder, _BESIDE, "data.mdb"), os.path.join(folder, "data.mdb"))
        there = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(there)
        finally:
            os.close(there)


def _size(folder: str) -> int:
    return Path(folder, "data.mdb").stat().st_size
