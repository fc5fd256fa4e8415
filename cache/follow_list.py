"""From the stored rows of follows to what readers get, counted by the index. It writes nothing."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import orjson

from .environment import Tables, Txn
from .index import FOLLOW as LISTED
from .intern import FOLLOW, find_id, find_word
from .queue_layout import Row
from .records import Follow, Kind
from .ref_layout import Ref
from .thread_rows import SumRow
from .unsorted import Unsorted

# What is counted or planned elsewhere, so it is never stored.
_ELSEWHERE = ("objects", "thread_fetches", "next_check", "interval")
FOLLOW_FIELDS = tuple(field.name for field in fields(Follow) if field.name not in _ELSEWHERE)
_ONCE = b'"once":true'


def follow(txn: Txn, t: Tables, key: str) -> Follow | None:
    id = find_word(txn, t, FOLLOW, key)
    row = txn.get(id, None, t.follow) if id is not None else None
    if id is None or row is None:
        return None
    return _follow(txn, t, id, row, len(Unsorted(txn, t).values(LISTED + id)))


def follows(txn: Txn, t: Tables) -> list[Follow]:
    waiting = Unsorted(txn, t).counts()
    found = [_follow(txn, t, id, row, waiting[LISTED + id]) for id, row in txn.cursor(t.follow)]
    return sorted(found, key=lambda one: one.key)


def count(txn: Txn, t: Tables) -> int:
    """How many are followed, without those that were only pulled by name.

    The mark is looked for in the stored text: what a name holds of quotes is escaped there, and to
    parse thousands of rows at every look at the status would cost more than all the rest of it.
    """
    return sum(1 for _, row in txn.cursor(t.follow) if _ONCE not in row)


def _follow(txn: Txn, t: Tables, id: bytes, row: bytes, waiting: int) -> Follow:
    """`waiting`: how many of its objects are not in the index yet."""
    values: dict[str, Any] = {
        name: value for name, value in orjson.loads(row).items() if name in FOLLOW_FIELDS
    }
    cursor = txn.cursor(t.index)
    objects = waiting + (cursor.count() if cursor.set_key(LISTED + id) else 0)
    found = Follow(**values, objects=objects, thread_fetches=SumRow.load(txn, t, id).fetched)
    if found.once:
        return found
    next_check, interval = _planned(txn, t, found)
    return replace(found, next_check=next_check, interval=interval)


def _planned(txn: Txn, t: Tables, found: Follow) -> tuple[float | None, float | None]:
    """When what leads a follow on is asked next: as the queue says where it waits there (after a
    failure), else as the agenda says."""
    for uri, kind in ((found.outbox, Kind.PAGE), (found.actor, Kind.DOCUMENT)):
        id = find_id(txn, t, uri) if uri is not None else None
        if id is None:
            continue
        ref = Ref.unpack(txn.get(id, b"", t.ref) or b"")
        stored = txn.get(id + bytes((kind,)), None, t.want)
        row = Row.unpack(stored) if stored is not None else None
        waiting = row is not None and not row.parked
        due = row.due if row is not None and waiting else ref.next_check
        return due, ref.interval or None
    return None, None
