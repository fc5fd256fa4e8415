"""A copy of a store in a folder of its own, made while the store is in use, and proven to be whole.

It holds what the store held at one moment, as rows: nothing that was purged before, no key of ours,
no configuration. Copying back is an operator's `cp`. Invariant: the folder holds the earlier backup
until the new one has all its rows and has passed the audit, and never half of one.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from ..errors import BadInput, StoreError
from .copying import Told, compare, copy, counts
from .counters import Counters
from .environment import SCHEMA, Environment, Tables, Txn, errors, open_environment
from .lock import WriterLock, no_readers

_NEW = "new"  # in the backup's folder: it is on the same file system
_MARK = "backup.json"  # what says that a folder is one of ours, and may be written over
_DATA = "data.mdb"
_OURS = frozenset((_NEW, _MARK, _DATA, "lock.mdb"))


@dataclass(frozen=True, slots=True)
class BackedUp:
    """What a backup holds. `at`: POSIX seconds; `bytes`: of its file."""

    at: float
    schema: int
    references: int
    documents: int
    bytes: int


def backup(
    store: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    now: float,
    max_bytes: int,
    told: Told = lambda done, rows: None,
) -> BackedUp:
    """Write what the store holds now into the folder `target`; `told` as in `copying`.

    Raises BadInput where that folder holds something else, StoreLocked beside another backup into
    it, StoreError where the copy cannot be made or does not pass the audit.
    """
    source, folder = os.path.realpath(store), os.path.realpath(target)
    _check_folder(source, folder)
    environment = open_environment(source, write=False)
    try:
        with _beside(folder) as beside:
            room = max(max_bytes, Path(source, _DATA).stat().st_size)
            copied = open_environment(beside, write=True, max_bytes=room)
            try:
                needed = environment.read(lambda txn, t: environment.used_bytes(txn))
                _check_room(folder, needed)
                found = environment.read(lambda txn, t: _copy(txn, t, folder, copied, told))
            finally:
                copied.close()
            size = Path(beside, _DATA).stat().st_size
            done = BackedUp(now, SCHEMA, found.references, found.documents, size)
            _put_in_place(beside, folder, done)
            return done
    finally:
        environment.close()


def _check_folder(source: str, folder: str) -> None:
    """Before the work: nothing is overwritten that is not an earlier backup."""
    if os.path.commonpath((source, folder)) == source:
        raise BadInput(folder, "is the store, or in it", "a folder elsewhere")
    if not os.path.exists(folder):
        return
    if not os.path.isdir(folder):
        raise BadInput(folder, "is not a folder")
    there = set(os.listdir(folder))
    if there and ((_MARK not in there and there != {_NEW}) or there - _OURS):
        raise BadInput(folder, "holds other things", "an empty folder, or an earlier backup")


@contextmanager
def _beside(folder: str) -> Iterator[str]:
    """Where the copy is made; what a run that was killed has left there goes."""
    beside = os.path.join(folder, _NEW)
    with errors(folder):
        os.makedirs(folder, mode=0o700, exist_ok=True)
    lock = WriterLock(beside)
    try:
        for name in (_DATA, "lock.mdb"):
            Path(beside, name).unlink(missing_ok=True)
        with errors(folder):
            yield beside
    finally:
        shutil.rmtree(beside, ignore_errors=True)
        lock.release()


def _check_room(folder: str, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise StoreError(folder, f"has {free} bytes free", f"about {needed}")


def _copy(txn: Txn, t: Tables, folder: str, copied: Environment, told: Told) -> Counters:
    """All of it from one transaction: a row of the log and what it is about belong together."""
    copy(txn, t, copied, told)
    compare(folder, counts(txn, t), copied)
    return Counters.read(txn, t)


def _put_in_place(beside: str, folder: str, done: BackedUp) -> None:
    mark = Path(beside, _MARK)
    mark.write_bytes(orjson.dumps(asdict(done), option=orjson.OPT_INDENT_2) + b"\n")
    with no_readers(folder):  # a program may be reading the earlier one
        for name in (_MARK, _DATA):  # first what makes the folder ours
            file = os.open(os.path.join(beside, name), os.O_RDONLY)
            os.fsync(file)
            os.close(file)
            os.replace(os.path.join(beside, name), os.path.join(folder, name))
        Path(folder, "lock.mdb").unlink(missing_ok=True)
        there = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(there)
        finally:
            os.close(there)
