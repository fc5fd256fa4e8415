"""Bytes that many bodies share (the URL and @context of the page they were embedded in), counted.

It keeps no documents. One page gives 20 objects the same context of two kilobytes, so it is kept
once. Invariant: a row's count is the number of stored bodies that name it; at zero it is gone, so
that nothing of what was forgotten stays behind.
"""

from __future__ import annotations

from hashlib import blake2b
from struct import Struct
from typing import TYPE_CHECKING

from .codec import pack, unpack
from .environment import Tables, Txn
from .layout import NONE, U64

if TYPE_CHECKING:  # readers use this module, too, and load no writer
    from .work import Work

_HEAD = Struct(">I16sB")  # count, hash, form


def acquire(work: Work, data: bytes | None) -> bytes:
    """The key of `data`, counted once more."""
    if not data:
        return NONE
    key = work.shares.get(data)
    if key is None:
        key = work.shares[data] = _find(work, data)
    work.share_counts[key] = work.share_counts.get(key, 0) + 1
    return key


def release(work: Work, key: bytes) -> None:
    if key != NONE:
        work.share_counts[key] = work.share_counts.get(key, 0) - 1


def flush(work: Work) -> None:
    """Bring the counts in line with what was acquired and released."""
    for key, change in work.share_counts.items():
        row = work.txn.get(key, None, work.t.shared)
        if row is None:
            continue
        count, digest, form = _HEAD.unpack_from(row)
        if count + change > 0:
            head = _HEAD.pack(count + change, digest, form)
            work.put(work.t.shared, key, head + row[_HEAD.size :])
        else:
            work.delete(work.t.shared, key)
    work.shares.clear()
    work.share_counts.clear()


def _find(work: Work, data: bytes) -> bytes:
    """The key under which `data` is; a new row counts nobody yet."""
    digest = blake2b(data, digest_size=16).digest()
    key = digest[:8]
    while True:
        row = work.txn.get(key, None, work.t.shared)
        if row is None:
            form, stored = pack(data)
            work.put(work.t.shared, key, _HEAD.pack(0, digest, form) + stored)
            return key
        if row[4:20] == digest:
            return key
        key = U64.pack((U64.unpack(key)[0] + 1) % (1 << 64) or 1)


def read(txn: Txn, t: Tables, key: bytes) -> bytes | None:
    row = txn.get(key, None, t.shared) if key != NONE else None
    return None if row is None else unpack(row[20], row[_HEAD.size :])


def count_of(row: bytes) -> int:
    return int(_HEAD.unpack_from(row)[0])
