"""Who may look into a store: its folder and files on disk. It opens none of them.

Invariant: nobody but the owner and, when one is named, a group can read what is stored.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

from ..errors import BadInput, StoreError


def make_folder(path: str, group: str | None) -> None:
    """Private, unless a group is named: what people posted is not every local user's business."""
    folder = Path(path)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if group is not None:
        try:
            shutil.chown(folder, group=group)
        except LookupError:
            reason = f"there is no group '{group}'"
            raise BadInput("store.group", reason, "a group of this machine") from None
        folder.chmod(0o750)


def share_files(path: str, group: str | None) -> None:
    # A reader registers itself in lock.mdb, so a group that may read must be able to write that;
    # from writer.lock it learns whether the file is being written.
    for name, alone, shared in (
        ("data.mdb", 0o600, 0o640),
        ("lock.mdb", 0o600, 0o660),
        ("writer.lock", 0o600, 0o640),
    ):
        file = Path(path, name)
        if name == "writer.lock" and not file.exists():  # of a copy
            continue
        if group is not None:
            shutil.chown(file, group=group)
        file.chmod(alone if group is None else shared)


def give_to_owner(path: str | os.PathLike[str], owner: int) -> None:
    """What root has made in somebody's store is that user's: else no daemon of theirs opens it
    again. For all others nothing happens."""
    if os.geteuid() != 0 or owner == 0:
        return
    for name in ("data.mdb", "lock.mdb", "writer.lock"):
        with contextlib.suppress(FileNotFoundError):
            os.chown(Path(path, name), owner, -1)


def refuse_unreadable(path: str | os.PathLike[str]) -> None:
    """Raise StoreError where this process's user may not read what is there: that is no damage."""
    for name, needed in (
        ("", os.R_OK | os.X_OK),
        ("data.mdb", os.R_OK),
        ("lock.mdb", os.R_OK | os.W_OK),
    ):
        file = Path(path, name)
        if os.path.exists(file) and not os.access(file, needed, effective_ids=True):
            allowed = "the user whose store it is, or one of `store.group`"
            raise StoreError(str(file), "this user may not read it", allowed)
