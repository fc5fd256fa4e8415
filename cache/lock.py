"""The lock that makes one process the writer of a store; it does not guard readers.

Invariant: while a WriterLock is held, no other process (and no second store object of this one)
holds it, and the kernel gives it back however the holder ends.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from ..errors import StoreError, StoreLocked


class WriterLock:
    """Held from construction to `release`. Raises StoreLocked naming the process that has it."""

    def __init__(self, folder: str) -> None:
        path = Path(folder, "writer.lock")
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
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, b"%d\n" % os.getpid(), 0)

    def release(self) -> None:
        """Idempotent. The file stays: removing it would let two processes hold different ones."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


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
