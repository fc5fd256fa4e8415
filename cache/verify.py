"""Whether a store's file can be read at all, found out by a process that may die of it.

LMDB maps its file into memory: a damaged page can end whoever reads it with a signal, which no
handler catches. So a child reads every page first. It does not look at what rows say; `check` does.
Invariant: whatever the file holds, who asks here is told, and lives.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from ..errors import FedpullError, StoreError
from .environment import read_through
from .lock import is_locked, was_closed

# Of a large store only a part is read within that time, from its first table on: it is for a file
# that was cut off, or is another one, and must not keep a daemon from starting.
PATIENCE = 0.7
_MENDED = "`fedpull check`, then `fedpull rebuild` or a backup"


def verify(path: str | os.PathLike[str], patience: float | None = None) -> str | None:
    """What is wrong with the file of the store at `path`; None: it was read to its end, or for
    `patience` seconds, and nothing was found."""
    command = [sys.executable, "-m", __name__, os.fspath(path)]
    child = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        told, _ = child.communicate(timeout=patience)
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()
        return None
    except BaseException:
        child.kill()
        raise
    if child.returncode < 0:
        name = signal.Signals(-child.returncode).name
        return f"is damaged: it cannot be read without {name}"
    return told.decode("utf-8", "replace").strip() or None


def look_before_opening(path: str | os.PathLike[str]) -> None:
    """Raise StoreError for a file that its last writer has not closed, and that cannot be read.
    Where another process writes it, that one has looked."""
    there = os.path.exists(os.path.join(path, "data.mdb"))
    if there and not was_closed(path) and not is_locked(path):
        problem = verify(path, PATIENCE)
        if problem is not None:
            raise StoreError(os.fspath(path), problem, _MENDED)


def _main(path: str) -> None:
    try:
        read_through(path)
    except FedpullError as error:
        sys.stdout.write(error.reason)


if __name__ == "__main__":
    _main(sys.argv[1])
