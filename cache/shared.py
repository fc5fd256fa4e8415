"""Bytes that many bodies share (the URL and @context of the page they were embedded in), counted.

It keeps no documents. One page gives 20 objects the same context of two kilobytes, so it is kept
once. Invariant: a row's count is the number of stored bodies that name it; at zero it is gone, so
that nothing of what was forgotten stays behind.
"""

from __future__ import annotations

from hashlib import blake2b
from struct import Struct

from .codec import pack, unpack
from .environment import Tables, Txn
from .layout import NONE, U64
from .work import Work

_HEAD = Struct(">IB")  # count, form


def acquire(work: Work, data: bytes | None) -> bytes:
    """The key of `data`, counted once more."""
    if not data:
        return NONE
    key = blake2b(data, digest_size=8).digest()
    form, stored = pack(data)
    while True:
        row = work.txn.get(key, None, work.t.shared)
        if row is None:
            work.put(work.t.shared, key, _HEAD.pack(1, form) + stored)
            return key
        count, found = _HEAD.unpack_from(row)
        rest = row[_HEAD.size :]
        if rest == stored or unpack(found, rest) == data:
            work.put(work.t.shared, key, _HEAD.pack(count + 1, found) + rest)
            return key
        key = U64.pack((U64.unpack(key)[0] + 1) % (1 << 64) or 1)


def release(work: Work, key: bytes) -> None:
    if key == NONE:
        return
    row = work.txn.get(key, None, work.t.shared)
    if row is None:
        return
    count, form = _HEAD.unpack_from(row)
    if count > 1:
        work.put(work.t.shared, key, _HEAD.pack(count - 1, form) + row[_HEAD.size :])
    else:
        work.delete(work.t.shared, key)


def read(txn: Txn, t: Tables, key: bytes) -> bytes | None:
    row = txn.get(key, None, t.shared) if key != NONE else None
    return None if row is None else unpack(row[4], row[_HEAD.size :])


def count_of(row: bytes) -> int:
    return int(_HEAD.unpack_from(row)[0])
