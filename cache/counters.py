"""The counters of the store: what the status shows without a scan. No decisions.

Invariant: the counters are written in the transaction that changes what they count.
"""

from __future__ import annotations

from struct import Struct

from .environment import Tables, Txn

_COUNTERS = Struct(">QQQQQQd")


class Counters:
    """What would otherwise need a scan; `check` compares them with one."""

    __slots__ = ("clock", "documents", "due", "in_flight", "last_id", "last_seq", "references")

    def __init__(self, row: bytes | None) -> None:
        values = _COUNTERS.unpack(row) if row is not None else (0, 0, 0, 0, 0, 0, 0.0)
        self.last_id: int = values[0]
        self.last_seq: int = values[1]
        self.references: int = values[2]
        self.documents: int = values[3]
        self.due: int = values[4]
        self.in_flight: int = values[5]
        self.clock: float = values[6]  # the latest time at which anything was leased

    def pack(self) -> bytes:
        return _COUNTERS.pack(
            self.last_id,
            self.last_seq,
            self.references,
            self.documents,
            self.due,
            self.in_flight,
            self.clock,
        )

    @classmethod
    def read(cls, txn: Txn, t: Tables) -> Counters:
        return cls(txn.get(b"counters", None, t.meta))
