"""What became of each activity of ours, inside a transaction: counted, and found by its id.

It sends nothing. Invariants: every delivery that was ever called for is counted in one state; a
body stays while one of its deliveries waits, and the account while a row of them is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .environment import Tables, Txn
from .layout import U64
from .mail_layout import DELIVERY_STATES, WAITING, digest
from .mail_records import Account
from .outbound_layout import AccountRow, DeliveryRow

if TYPE_CHECKING:
    from .work import Work


def began(work: Work, number: int, row: DeliveryRow, body: bytes | None) -> None:
    """A row was written, in the state that it has. What is sent again has the body that was given
    last; None: nothing is to be sent."""
    key = digest(row.activity)
    account = _load(work, key)
    account.rows += 1
    _move(account, row.state, 1)
    work.put(work.t.account, key, account.pack())
    work.put(work.t.posted, key + U64.pack(number), b"")
    if body is not None:
        work.put(work.t.activity, key, body)


def ended(work: Work, row: DeliveryRow) -> None:
    """A row that waited has come to another state."""
    key = digest(row.activity)
    account = _load(work, key)
    _move(account, WAITING, -1)
    _move(account, row.state, 1)
    work.put(work.t.account, key, account.pack())
    if not account.waiting:
        work.delete(work.t.activity, key)


def undone(work: Work, number: int, row: DeliveryRow) -> None:
    """A row that is over stands for nothing: another one is counted in its place."""
    key = digest(row.activity)
    account = _load(work, key)
    _move(account, row.state, -1)
    work.put(work.t.account, key, account.pack())
    dropped(work, number, row)


def dropped(work: Work, number: int, row: DeliveryRow) -> None:
    """A row that is over is not kept any more; the count of it is, while others are."""
    key = digest(row.activity)
    account = _load(work, key)
    account.rows -= 1
    work.delete(work.t.posted, key + U64.pack(number))
    if account.rows > 0:
        work.put(work.t.account, key, account.pack())
    else:
        work.delete(work.t.account, key)


def account(txn: Txn, t: Tables, activity: str) -> Account | None:
    row = txn.get(digest(activity), None, t.account)
    return None if row is None else AccountRow.unpack(row).view()


def _load(work: Work, key: bytes) -> AccountRow:
    return AccountRow.unpack(work.txn.get(key, None, work.t.account))


def _move(account: AccountRow, state: int, step: int) -> None:
    name = DELIVERY_STATES[state]
    setattr(account, name, getattr(account, name) + step)
