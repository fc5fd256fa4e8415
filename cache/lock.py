"""The locks of a store: one process is its writer, and nobody opens it while its file is exchanged.

They guard no reading. Invariants: while a WriterLock is held, no other process (and no second store
object of this one) holds it; within `no_readers` no process has the store open or can open it; the
kernel gives every lock back however the holder ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import StoreError, StoreLocked


class WriterLock:
    """Held from construction to `release`. Raises StoreLocked naming the process that has it."""

    def __init__(self, folder: str) -> None:
        path = Path(folder, "writer.lock")
        self._folder = folder
        try:
            Path(folder).mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(folder, f"cannot be written to ({error.strerror})") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(self._file, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(self._file)
            raise StoreLocked(folder, f"is in use by process {holder}") from error
        self._found = os.pread(self._file, 64, 0)
        with contextlib.suppress(OSError):  # a full disk: it holds, whatever the file says
            self._note(b"%d\n" % os.getpid())

    def release(self, *, failed: bool = False) -> None:
        """Idempotent. The file stays: removing it would let two processes hold different ones. It
        tells how the store was left; of a process that was killed it has the number. `failed`: what
        it told before still holds, as who could not open a store cannot vouch for it."""
        if self._file >= 0:
            with contextlib.suppress(OSError):  # a full disk
                self._note(self._found if failed else _left_as(self._folder))
            os.close(self._file)
            self._file = -1

    def _note(self, text: bytes) -> None:
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, text, 0)


def was_closed(folder: str | os.PathLike[str]) -> bool:
    """Whether the store's file is as its last writer has left it, who was not killed."""
    try:
        return Path(folder, "writer.lock").read_bytes() == _left_as(os.fspath(folder))
    except OSError:
        return False


def _left_as(folder: str) -> bytes:
    try:
        file = Path(folder, "data.mdb").stat()
    except FileNotFoundError:
        return b""
    return b"closed %d %d\n" % (file.st_mtime_ns, file.st_size)


def is_locked(folder: str | os.PathLike[str]) -> bool:
    """Whether some process holds the writer's lock of this store now."""
    try:
        file = os.open(Path(folder, "writer.lock"), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        # Shared and not waiting: it fails only beside the writer's exclusive lock.
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(file)
    return False


# How long a command that happens to read at that moment is waited for.
_PATIENCE, _PAUSE = 5.0, 0.1


@contextmanager
def opening(folder: str) -> Iterator[None]:
    """Held while the files of a store are opened: data and readers' table belong together."""
    with _folder_lock(folder, fcntl.LOCK_SH):
        yield


# What LMDB's table takes on a machine of 64 bits: a head, and a line for each reader.
_HEAD, _LINE = 128, 64


def reserve_readers(folder: str, readers: int) -> None:
    """Have the readers' table on the disk before LMDB maps it: writing into a mapped hole on a full
    disk ends the process with a signal. OSError where there is no room for it.

    Not while this process has the store open, as for `no_readers`."""
    size = _HEAD + _LINE * readers
    table = os.open(os.path.join(folder, "lock.mdb"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if os.fstat(table).st_blocks * 512 < size:
            os.posix_fallocate(table, 0, size)
    finally:
        os.close(table)


@contextmanager
def no_readers(folder: str) -> Iterator[None]:
    """Nobody has the store open, and who opens it waits; StoreLocked where somebody has it open.

    Not for a process that has the store open itself: the kernel takes a process's locks back with
    the first file of that name that it closes. LMDB locks the first byte of its readers' table,
    shared, for as long as a process has it open.
    """
    path = os.path.join(folder, "lock.mdb")
    with _folder_lock(folder, fcntl.LOCK_EX):
        table = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if not _locked_in_time(table):
                raise StoreLocked(folder, "is open in another process, which reads it")
            yield
        finally:
            os.close(table)


def _locked_in_time(file: int) -> bool:
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1)
            return True
        except OSError:
            if time.monotonic() > until:
                return False
        time.sleep(_PAUSE)


@contextmanager
def _folder_lock(folder: str, kind: int) -> Iterator[None]:
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(file, kind)
        yield
    finally:
        os.close(file)
