"""The stored state of follows. Who is followed is the configuration's business, not ours.

`objects` is counted by the index, so it is never stored. Invariant: a follow's row exists from
`put` to `drop`; its objects, and what lists them, stay.
"""

from __future__ import annotations

from typing import Any

import orjson

from . import permission, relisting, threads, wants
from .follow_list import FOLLOW_FIELDS
from .intern import FOLLOW, word_of
from .queue_layout import Row
from .records import Follow
from .work import Work

# Looked for in the stored text: what a name holds of quotes is escaped there.
_BLOCKED = b'"blocked":"'


def put(work: Work, follow: Follow) -> None:
    """Write a follow's row; raises Refused for one whose key names somebody forgotten."""
    follow = permission.nameless(work.policy, follow)
    row = {name: getattr(follow, name) for name in FOLLOW_FIELDS}
    id = word_of(work, FOLLOW, follow.key)
    stored = work.txn.get(id, None, work.t.follow)
    _write(work, id, row, relisting.reads(orjson.loads(stored)) if stored is not None else None)


def _write(work: Work, id: bytes, row: dict[str, Any], read: str | None) -> None:
    """Write a follow's row, and at the actor that it is followed; `read`: who was until now."""
    work.put(work.t.follow, id, orjson.dumps(row))
    reads = relisting.reads(row)
    if reads != read:
        relisting.unfollowed(work, read)
    relisting.followed(work, reads, True)


def is_read(work: Work, key: str) -> bool:
    """Whether something may be asked for its sake: it was not dropped, and its actor lets us."""
    stored = work.txn.get(word_of(work, FOLLOW, key), None, work.t.follow)
    return stored is not None and _BLOCKED not in stored


def stands(work: Work, id: bytes) -> bool:
    """Whether there is a follow of that key; its key stays known when it is dropped."""
    return work.txn.get(id, None, work.t.follow) is not None


def change(work: Work, was: Follow, now: Follow) -> None:
    """Write what an answer changed of a follow. Another answer may have changed the rest of it
    meanwhile; a follow that was dropped meanwhile stays dropped."""
    id = word_of(work, FOLLOW, now.key)
    stored = work.txn.get(id, None, work.t.follow)
    if stored is None:
        return
    row = orjson.loads(stored)
    said, read = row.get("last_error"), relisting.reads(row)
    row.update(
        (name, getattr(now, name))
        for name in FOLLOW_FIELDS
        if getattr(now, name) != getattr(was, name)
    )
    if row.get("blocked") is not None:
        row["last_error"] = said
    _write(work, id, row, read)


def drop(work: Work, key: str) -> bool:
    """Forget a follow and what waits for it. What is under way ends by itself."""
    id = word_of(work, FOLLOW, key)
    stored = work.txn.get(id, None, work.t.follow)
    if stored is None:
        return False
    work.delete(work.t.follow, id)
    relisting.unfollowed(work, relisting.reads(orjson.loads(stored)))
    _drop_rows(work, id)
    threads.drop(work, id)
    return True


def block(work: Work, key: str, activity: str) -> None:
    """The actor of a follow blocks ours: nothing is asked for its sake until that is undone. What
    is held stays, and is looked at as what nobody follows, so that its end is seen."""
    id = word_of(work, FOLLOW, key)
    stored = work.txn.get(id, None, work.t.follow)
    if stored is None:
        return
    row = orjson.loads(stored)
    blocked = {"blocked": activity, "last_error": "blocks us: not read any more"}
    _write(work, id, row | blocked, relisting.reads(row))
    _drop_rows(work, id)


def unblock(work: Work, key: str) -> None:
    """It does not block us any more; whoever looks after follows queues what leads it on."""
    id = word_of(work, FOLLOW, key)
    stored = work.txn.get(id, None, work.t.follow)
    row = orjson.loads(stored) if stored is not None else {}
    if row.get("blocked") is not None:
        _write(work, id, row | {"blocked": None, "last_error": None}, None)


def _drop_rows(work: Work, id: bytes) -> None:
    """Take all that waits for a follow out of the queue."""
    for flag in (b"\0", b"\1"):
        cursor = work.txn.cursor(work.t.owed)
        rows = list(cursor.iternext_dup()) if cursor.set_key(id + flag) else []
        for row in rows:
            _drop_row(work, row[8:16], row[16])


def _drop_row(work: Work, id: bytes, kind: int) -> None:
    stored = work.txn.get(id + bytes((kind,)), None, work.t.want)
    if stored is not None:
        wants.remove(work, id, kind, Row.unpack(stored))
