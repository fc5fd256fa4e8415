"""On which kind of file system a folder lies, read from what the kernel says of its mounts.

LMDB shares memory between the processes that have a store open, and locks it: neither holds over a
network, and what is lost is the store. Invariant: where nothing is known nothing is refused.
"""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import StoreError

# lmdb.h: "Do not use LMDB databases on remote filesystems, even between processes on the same
# host. This breaks flock() on some OSes, possibly memory map sync".
REMOTE = frozenset({
    "nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "davfs", "fuse.davfs2", "fuse.sshfs",
    "fuse.smbnetfs", "fuse.rclone", "fuse.s3fs", "fuse.gcsfuse", "fuse.glusterfs",
})  # fmt: skip
_MOUNTS = Path("/proc/self/mountinfo")


def refuse_remote(folder: str | os.PathLike[str], mounts: Path = _MOUNTS) -> None:
    """Raise StoreError for a folder of another machine, whether it is there already or not."""
    try:
        text = mounts.read_text("utf-8", "surrogateescape")
    except OSError:
        return
    kind = kind_of(os.path.realpath(folder), text)
    if kind in REMOTE:
        reason = f"is on a file system of another machine ({kind})"
        raise StoreError(os.fspath(folder), reason, "`store.path` to lead to a disk of this one")


def kind_of(path: str, mounts: str) -> str | None:
    """The kind of the file system that a path lies on, by the text of `mountinfo` (proc(5))."""
    found, longest = None, -1
    for line in mounts.splitlines():
        fields, _, rest = line.partition(" - ")
        parts = fields.split(" ")
        if len(parts) < 5 or not rest:
            continue
        place = _plain(parts[4]).rstrip("/")
        inside = path == place or path.startswith(f"{place}/")
        if inside and len(place) >= longest:  # a later mount hides an earlier one
            found, longest = rest.split(" ")[0], len(place)
    return found


def _plain(text: str) -> str:
    """A path as the kernel writes it: what would break the line stands as an octal number."""
    for octal in ("\\040", "\\011", "\\012", "\\134"):
        text = text.replace(octal, chr(int(octal[1:], 8)))
    return text
