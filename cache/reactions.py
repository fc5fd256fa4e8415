"""Who has reacted to what is held: counted once an actor and kind, told in the change log later.

An actor is kept as eight bytes of a hash, enough to know it again and nothing more. Invariants:
`count` says how many rows `reaction` has; neither has a row for what is not held; `moved` names
what has other counts than the change log told last.
"""

from __future__ import annotations

from dataclasses import astuple
from itertools import islice
from typing import TYPE_CHECKING

from . import changes
from .intern import known_id
from .layout import short_hash
from .mail_layout import REACTION_KINDS, keys_under, pack_counts, unpack_counts
from .mail_records import Reaction
from .views import Counts

if TYPE_CHECKING:
    from .work import Work

# Of a kind, for each object: a post that more people like than that is not told to more exactly.
MOST = 10_000
_TOLD_AT_ONCE = 1_000  # changes in one transaction; the rest comes with the next call


def react(work: Work, reaction: Reaction) -> bool:
    """Count a reaction, or take it back; whether it changed anything."""
    id = known_id(work, reaction.object)
    if id is None or not work.ref(id, change=False).has_body:
        return False
    kind = REACTION_KINDS.index(reaction.kind)
    now, told = unpack_counts(work.txn.get(id, None, work.t.count))
    values = list(astuple(now))
    key = id + bytes((kind,)) + short_hash(reaction.actor)
    there = work.txn.get(key, None, work.t.reaction) is not None
    if there != reaction.undone or (not there and values[kind] >= MOST):
        return False
    if reaction.undone:
        work.delete(work.t.reaction, key)
    else:
        work.put(work.t.reaction, key, b"")
    values[kind] += -1 if reaction.undone else 1
    _write(work, id, Counts(*values), told)
    return True


def take_back(work: Work, key: bytes) -> None:
    """Count no more what stands in one row: its actor is to be forgotten."""
    if work.txn.get(key, None, work.t.reaction) is None:
        return
    id, kind = key[:8], key[8]
    now, told = unpack_counts(work.txn.get(id, None, work.t.count))
    values = list(astuple(now))
    values[kind] -= 1
    work.delete(work.t.reaction, key)
    _write(work, id, Counts(*values), told)


def _write(work: Work, id: bytes, now: Counts, told: Counts) -> None:
    if now == told == Counts():
        work.delete(work.t.count, id)
    else:
        work.put(work.t.count, id, pack_counts(now, told))
    if now == told:
        work.delete(work.t.moved, id)
    else:
        work.put(work.t.moved, id, b"")


def flush(work: Work, at: float) -> int:
    """Log the counts that have moved, one change an object; how many."""
    moved = list(islice(keys_under(work.txn.cursor(work.t.moved), b""), _TOLD_AT_ONCE))
    for id in moved:
        now, _ = unpack_counts(work.txn.get(id, None, work.t.count))
        ref = work.ref(id, change=False)
        reason = f"likes={now.likes} reacts={now.reacts} shares={now.shares}"
        changes.log(work, "counted", id, ref.owner, ref.type, at, reason)
        _write(work, id, now, now)
    return len(moved)


def forget(work: Work, id: bytes) -> None:
    """An object is purged, and with it who reacted to it."""
    if work.txn.get(id, None, work.t.count) is None:
        return
    for key in list(keys_under(work.txn.cursor(work.t.reaction), id)):
        work.delete(work.t.reaction, key)
    work.delete(work.t.count, id)
    work.delete(work.t.moved, id)
