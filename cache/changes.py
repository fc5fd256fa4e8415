"""The numbered change log: appending inside a transaction, reading after it.

It does not decide what is a change. Invariant: sequence numbers have no gaps, and a change is
durable exactly when what it tells of is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .environment import Tables, Txn
from .intern import text_of, uri_of, word_text
from .layout import CHANGE, CHANGE_KINDS, NONE, U64
from .views import Change

if TYPE_CHECKING:  # readers use this module, too, and load no writer
    from .work import Work

_KIND_NUMBER = {kind: number for number, kind in enumerate(CHANGE_KINDS)}


def log(
    work: Work, kind: str, id: bytes, actor: bytes, type: bytes, at: float, reason: str = ""
) -> Change:
    work.counters.last_seq += 1
    seq = work.counters.last_seq
    row = CHANGE.pack(_KIND_NUMBER[kind], id, actor, type, at) + reason.encode()
    work.change_rows.append((U64.pack(seq), row))
    name = work.ref(id, change=False).uri
    owner = work.ref(actor, change=False).uri if actor != NONE else None
    change = Change(seq, kind, name, owner, text_of(work, type) or None, at, reason or None)
    work.changes.append(change)
    return change


def read(txn: Txn, t: Tables, since: int, limit: int) -> list[Change]:
    found: list[Change] = []
    cursor = txn.cursor(t.change)
    more = cursor.set_range(U64.pack(max(since, 0) + 1)) if limit > 0 else False
    while more and len(found) < limit:
        key, row = cursor.item()
        found.append(_unpack(txn, t, U64.unpack(key)[0], row))
        more = cursor.next()
    return found


def _unpack(txn: Txn, t: Tables, seq: int, row: bytes) -> Change:
    kind, id, actor, type, at = CHANGE.unpack_from(row)
    return Change(
        seq=seq,
        kind=CHANGE_KINDS[kind],
        id=uri_of(txn, t, id) or "",
        actor=uri_of(txn, t, actor),
        type=word_text(txn, t, type) or None,
        at=at,
        reason=row[CHANGE.size :].decode() or None,
    )
