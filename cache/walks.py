"""The stored state of a walk over a collection and its next URL. Bytes, not their sense.

Invariant: as long as a collection has a walk, its page row waits at the host of the walk's URL.
"""

from __future__ import annotations

from .environment import Tables, Txn
from .work import Work


def store(work: Work, id: bytes, walk: bytes, url: str | None) -> None:
    text = (url or "").encode()
    work.put(work.t.walk, id, len(text).to_bytes(2, "big") + text + walk)


def drop(work: Work, id: bytes) -> None:
    work.delete(work.t.walk, id)


def load(txn: Txn, t: Tables, id: bytes) -> tuple[bytes, str | None] | None:
    """The walk and its next URL; None when no walk has begun."""
    row = txn.get(id, None, t.walk)
    if row is None:
        return None
    end = 2 + int.from_bytes(row[:2], "big")
    return row[end:], row[2:end].decode() or None


def next_url(txn: Txn, t: Tables, id: bytes) -> str | None:
    found = load(txn, t, id)
    return found[1] if found is not None else None
