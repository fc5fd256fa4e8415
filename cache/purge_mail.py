"""What goes of mail that comes from, goes to, or names what is blocked or forgotten.

A transaction's work; which rows these are is `sweep`'s to find. Invariant: what waits to be sent to
a host that is refused ends at once, and of what is forgotten no row of mail is left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import outbound
from .layout import U64, time_key
from .mail_layout import (
    WAITING,
    age_of,
    unpack_follower,
    unpack_notification,
)
from .settling import drop_follower

if TYPE_CHECKING:
    from .work import Work

_BLOCKED = "blocked: its domain is on a blocklist"


def notification(work: Work, key: bytes) -> None:
    row = work.txn.get(key, None, work.t.notification)
    if row is not None:
        due = unpack_notification(U64.unpack(key)[0], row).due
        work.delete(work.t.waiting, time_key(due) + key)
        work.delete(work.t.notification, key)


def follower(work: Work, key: bytes) -> None:
    row = work.txn.get(key, None, work.t.follower)
    if row is not None:
        drop_follower(work, unpack_follower(row).actor)


def call_off(work: Work, key: bytes, now: float) -> None:
    """End a delivery that waits; its row says why."""
    outbound.call_off(work, U64.unpack(key)[0], _BLOCKED, now)


def delivery(work: Work, key: bytes, now: float) -> None:
    """End a delivery that waits, and drop its row."""
    call_off(work, key, now)
    outbound.drop(work, U64.unpack(key)[0])


def public_key(work: Work, key: bytes) -> None:
    row = work.txn.get(key, None, work.t.key)
    if row is not None:
        work.delete(work.t.key_age, age_of(row))
        work.delete(work.t.key, key)


def waits(row: bytes) -> bool:
    """Whether a delivery is still to be sent."""
    return row[0] == WAITING
