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
from dataclasses import dataclass
from pathlib import Path

from ..errors import StoreError
from .copying import Told, compare, copy, counts
from .environment import errors, is_open, open_environment
from .lock import WriterLock, no_readers
from .permissions import give_to_owner, refuse_unreadable
from .search import discard as discard_index
from .verify import look_before_opening

_BESIDE = "compacting"  # a folder in the store's own: it is on the same file system
REBUILDING = "rebuilding"  # the same, of `rebuild`
DAMAGED = "data.mdb.damaged"  # what `rebuild` has put aside


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
    refuse_unreadable(folder)
    if not os.path.exists(os.path.join(folder, "data.mdb")):
        raise StoreError(folder, "there is no store here")
    look_before_opening(folder)
    lock = WriterLock(folder)
    try:
        discard(folder)
        _check_unread(folder)
        before = _size(folder)
        try:
            with errors(folder):
                _write(folder, max(max_bytes, before), group, told)
                swap(folder, _BESIDE)
                Path(folder, DAMAGED).unlink(missing_ok=True)
                discard_index(Path(folder))  # the daemon makes it anew, of what is held now
        finally:
            discard(folder)
        return Compacted(before, _size(folder))
    except BaseException:
        lock.release(failed=True)
        raise
    finally:
        lock.release()


def discard(folder: str) -> None:
    """Remove the copy that a run which was killed has left: it may hold what is purged since."""
    for name in (_BESIDE, REBUILDING):
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(os.path.join(folder, name))


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
            source.read(lambda txn, t: copy(txn, t, target, told))
            source.read(lambda txn, t: compare(folder, counts(txn, t), target))
        finally:
            target.close()
    finally:
        source.close()


def swap(folder: str, beside: str, *, aside: str | None = None) -> None:
    """Put the file that was made in the folder `beside` in the store's place; the one that was
    there stays as `aside`."""
    with no_readers(folder):
        if aside is not None:
            linked = os.path.join(folder, beside, aside)
            os.link(os.path.join(folder, "data.mdb"), linked)
            os.replace(linked, os.path.join(folder, aside))
        give_to_owner(os.path.join(folder, beside), os.stat(folder).st_uid)
        os.replace(os.path.join(folder, beside, "data.mdb"), os.path.join(folder, "data.mdb"))
        there = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(there)
        finally:
            os.close(there)


def _size(folder: str) -> int:
    return Path(folder, "data.mdb").stat().st_size
