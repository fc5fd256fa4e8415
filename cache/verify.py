"""Whether a store's file can be read at all, found out by processes that may die of it.

LMDB maps its file into memory: a damaged page can end whoever reads it with a signal, which no
handler catches. So a child reads every row first, and LMDB's own verifier, which only looks at
bytes, every page. What rows say is `check`'s business. Invariant: whatever the file holds, who asks
here is told, and lives.
"""

from __future__ import annotations

import os
import re
import runpy
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from ..errors import FedpullError, StoreError
from .environment import errors, open_environment, read_through
from .lock import is_locked, was_closed
from .permissions import refuse_unreadable

# Seconds. Of a large store only a part is read in them, from its first table on: it is for a file
# that was cut off, or is another one, and must not keep a daemon from starting.
PATIENCE = 0.5
_MENDED = "`fedpull check`, then `fedpull rebuild` or a backup"
_COPY = "checking-"  # a folder in the store's own, with the number of the process that made it
_SOUND = "verify: OK"
_PYTHON = (sys.executable, "-P", "-m")  # with nothing from the folder that we happen to be in
# How many pages a table of duplicates has is bookkeeping that LMDB itself loses count of.
_MISCOUNTED = re.compile(
    r"main/(\w+ DB: walked \d+ (leaf|branch) pages \("
    r"|(index|owed) DB: walked \d+ (leaf|branch) pages,)"  # the same where no list is long any more
)


def damages(store: str | os.PathLike[str]) -> list[str]:
    """What is wrong with the pages of a store's file; of a copy where a process writes it."""
    folder = os.path.realpath(store)
    if not is_locked(folder):
        return damages_of(folder)
    copy = Path(folder, f"{_COPY}{os.getpid()}")
    _check_room(folder)
    environment = open_environment(folder, write=False)
    try:
        with errors(folder):
            copy.mkdir(mode=0o700)
        environment.copy_pages(os.fspath(copy))
        return damages_of(os.fspath(copy))
    finally:
        environment.close()
        shutil.rmtree(copy, ignore_errors=True)


def discard(store: str | os.PathLike[str]) -> None:
    """Remove the copies of checks that were killed: they may hold what is purged since."""
    for copy in Path(store).glob(f"{_COPY}*"):
        shutil.rmtree(copy, ignore_errors=True)


def look_before_opening(path: str | os.PathLike[str]) -> None:
    """Raise StoreError for a file that its last writer has not closed, and that cannot be read.
    Where another process writes it, that one has looked."""
    refuse_unreadable(path)
    there = os.path.exists(os.path.join(path, "data.mdb"))
    if there and not was_closed(path) and not is_locked(path):
        found = _run([*_PYTHON, __name__, os.fspath(path)], PATIENCE)
        if found:
            reason = found[0] if found[0].startswith("is damaged") else f"is damaged ({found[0]})"
            raise StoreError(os.fspath(path), reason, _MENDED)


def _check_room(folder: str) -> None:
    free, needed = shutil.disk_usage(folder).free, Path(folder, "data.mdb").stat().st_size
    if free < needed:
        reason = f"has {free} bytes free, and a copy is checked while it is written"
        raise StoreError(folder, reason, f"{needed}, or no daemon")


def damages_of(folder: str) -> list[str]:
    """The same of a store that nobody writes."""
    return _run(_verifier(folder), None)


def _verifier(folder: str) -> list[str]:
    return [*_PYTHON, "lmdb", "verify", "-e", folder]


def _run(command: list[str], patience: float | None) -> list[str]:
    """What a child tells, a line for each problem; nothing where it took too long."""
    child = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        if patience is not None and child.stdout is not None:
            child.stdout.readline()  # until it begins to read: a busy machine must not be the end
        told, last = child.communicate(timeout=patience)
    except subprocess.TimeoutExpired:
        return []
    finally:
        child.kill()
        child.communicate()
    if child.returncode < 0:
        return [f"it cannot be read without {signal.Signals(-child.returncode).name}"]
    lines = _lines(told)
    found = [line for line in lines if line != _SOUND and not _MISCOUNTED.match(line)]
    if child.returncode and not lines:
        return _lines(last)[-1:] or ["it cannot be read"]
    return found


def _lines(text: bytes) -> list[str]:
    return text.decode("utf-8", "replace").splitlines()


def _main(folder: str) -> None:
    print("reading", flush=True)
    try:
        read_through(folder)
    except FedpullError as error:
        sys.exit(error.reason)
    sys.argv = ["lmdb", "verify", "-e", folder]
    runpy.run_module("lmdb", run_name="__main__")


if __name__ == "__main__":
    _main(sys.argv[1])
