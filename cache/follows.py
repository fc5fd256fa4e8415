"""The stored state of follows. Who is followed is the configuration's business, not ours.

`objects` is counted by the index, so it is never stored. Invariant: a follow's row exists from
`put` to `drop`; its objects, and what lists them, stay.
"""

from __future__ import annotations

import orjson

from . import threads, wants
from .follow_list import FOLLOW_FIELDS
from .intern import FOLLOW, word_of
from .queue_layout import Row
from .records import Follow
from .work import Work


def put(work: Work, follow: Follow) -> None:
    row = {name: getattr(follow, name) for name in FOLLOW_FIELDS}
    work.put(work.t.follow, word_of(work, FOLLOW, follow.key), orjson.dumps(row))


def exists(work: Work, key: str) -> bool:
    return work.txn.get(word_of(work, FOLLOW, key), None, work.t.follow) is not None


def change(work: Work, was: Follow, now: Follow) -> None:
    """Write what an answer changed of a follow. Another answer may have changed the rest of it
    meanwhile; a follow that was dropped meanwhile stays dropped."""
    id = word_of(work, FOLLOW, now.key)
    stored = work.txn.get(id, None, work.t.follow)
    if stored is None:
        return
    row = orjson.loads(stored)
    row.update(
        (name, getattr(now, name))
        for name in FOLLOW_FIELDS
        if getattr(now, name) != getattr(was, name)
    )
    work.put(work.t.follow, id, orjson.dumps(row))


def drop(work: Work, key: str) -> bool:
    """Forget a follow and what waits for it. What is under way ends by itself."""
    id = word_of(work, FOLLOW, key)
    if not work.delete(work.t.follow, id):
        return False
    for flag in (b"\0", b"\1"):
        cursor = work.txn.cursor(work.t.owed)
        rows = list(cursor.iternext_dup()) if cursor.set_key(id + flag) else []
        for row in rows:
            _drop_row(work, row[8:16], row[16])
    threads.drop(work, id)
    return True


def _drop_row(work: Work, id: bytes, kind: int) -> None:
    stored = work.txn.get(id + bytes((kind,)), None, work.t.want)
    if stored is not None:
        wants.remove(work, id, kind, Row.unpack(stored))
