"""How long rows of mail stay once they are over: notifications and deliveries that wait no more.

Invariant: what waits is never dropped, and one transaction drops hardly more than it has settled.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .mail_layout import WAITING

if TYPE_CHECKING:
    from .environment import Table
    from .work import Work

_SPARE = 16
_PASSED = 256  # rows that still wait may stand before what is over; that many are passed


def trim(
    work: Work,
    table: Table,
    waiting: int,
    most: int,
    old: Callable[[bytes], bool],
    count: int,
    dropped: Callable[[bytes, bytes], None] | None = None,
) -> None:
    """Drop from the beginning of a numbered table what is `old`, and what is over beyond `most`
    rows. `count` rows were settled just now; `waiting` wait, which the first byte of a row says.
    `dropped` is told the key and row of each."""
    settled = work.txn.stat(table)["entries"] - waiting
    left, passed = 2 * count + _SPARE, _PASSED
    cursor = work.txn.cursor(table)
    more = cursor.first()
    while more and left and passed:
        row = cursor.value()
        if row[0] == WAITING:
            passed -= 1
            more = cursor.next()
        elif settled > most or old(row):
            work.wrote = True
            if dropped is not None:
                dropped(cursor.key(), row)
            more = cursor.delete() and bool(cursor.key())
            left, settled = left - 1, settled - 1
        else:
            return
