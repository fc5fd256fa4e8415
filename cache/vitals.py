"""What a store says of itself to whoever watches it: its map, its disk, and what its writer does.

It measures and decides nothing about what may be written (`health` is for that). Invariant: asking
costs a few system calls, whatever the store holds.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from .environment import Environment
from .histogram import Buckets


@dataclass(frozen=True, slots=True)
class Room:
    """Bytes: what the map is reserved for, how far it was ever used, what the file takes, and what
    the disk has left for us."""

    map_bytes: int
    map_used: int
    file_bytes: int
    disk_free: int


@dataclass(frozen=True, slots=True)
class Written:
    """What the writer has done since it began: commits by how long each took, and the jobs in
    them. `waiting`: jobs that it has not begun."""

    commits: Buckets = Buckets()  # noqa: RUF009 (frozen)
    jobs: int = 0
    waiting: int = 0


def room(environment: Environment) -> Room:
    """As it is now."""
    reserved, used = environment.map_use()
    disk = os.statvfs(environment.path)
    taken = os.stat(os.path.join(environment.path, "data.mdb")).st_blocks * 512
    return Room(reserved, used, taken, disk.f_bavail * disk.f_frsize)
