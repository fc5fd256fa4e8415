"""What the writer knows of the store's fitness to be written. It measures nothing itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Health:
    """What the writer found out about the store, for the status. Written by its thread only."""

    max_bytes: int
    bytes: int = 0
    full: bool = False
    failing: bool = False

    @property
    def read_only(self) -> bool:
        return self.full or self.failing
