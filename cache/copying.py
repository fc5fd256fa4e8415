"""Every row of a store put into another file, and the proof that they are all there.

LMDB's own copies take freed pages along, or the gaps of pages that are in use, and with them what
was purged; rows alone do not. It opens nothing and knows no rows. Invariant: what is copied is one
consistent state, that of the transaction which is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..errors import StoreError
from .check import check
from .environment import Environment, Tables, Txn

_BATCH = 16 << 20  # bytes of rows in one transaction: some thousands of pages

Told = Callable[[int, int], None]
"""Called with the rows that are done, and all."""


def copy(txn: Txn, t: Tables, target: Environment, told: Told) -> None:
    """Put every row into `target`, which was just made."""
    rows, done = sum(counts(txn, t).values()), 0
    for name in Tables.__slots__:
        # In the order of their keys, each behind the last. A new store has rows of `meta` already.
        behind = name != "meta"
        for batch in batches(txn.cursor(getattr(t, name)).iternext()):
            with target.write() as out:
                out.cursor(getattr(target.t, name)).putmulti(batch, append=behind)
            done += len(batch)
            told(done, rows)


def batches(rows: Iterator[tuple[bytes, bytes]]) -> Iterator[list[tuple[bytes, bytes]]]:
    """Rows by some thousands, so that no transaction outgrows its memory."""
    batch, size = [], 0
    for row in rows:
        batch.append(row)
        size += len(row[0]) + len(row[1])
        if size >= _BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def counts(txn: Txn, t: Tables) -> dict[str, int]:
    """How many rows each table has."""
    return {name: txn.stat(getattr(t, name))["entries"] for name in Tables.__slots__}


def compare(subject: str, rows: dict[str, int], target: Environment) -> None:
    """Raise StoreError unless `target` has so many rows and passes the audit."""
    if target.read(counts) != rows:
        raise StoreError(subject, "was not copied whole, and is as it was")
    if found := target.read(check).findings:
        reason = f"was left as it is: {len(found)} rows of the copy disagree, as its own may"
        raise StoreError(subject, reason, "a store that `fedpull check` has nothing against")
