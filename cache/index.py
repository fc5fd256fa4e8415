"""Which index entries an object has, from its terms; and writing the difference. It reads no body.

An entry is (key, inverted time + id): the key says the kind of the list and what it is a list of,
the many values under it are in the order in which a list shows them, newest first.
Invariant: after `store_terms` the index holds exactly `entries(id, row)` for the object.
"""

from __future__ import annotations

from .layout import NONE, TermsRow
from .work import Work

ALL = b"O"
ACTOR = b"A"
TYPE = b"T"
ACTOR_TYPE = b"B"
TAG = b"H"
REPLY = b"R"
CONTEXT = b"C"
FOLLOW = b"F"
FOLLOW_TYPE = b"G"


def entries(row: TermsRow) -> set[bytes]:
    """The keys under which an object with these terms is listed."""
    if not row.live:
        return set()
    keys = {ALL}
    keys.update(TYPE + type for type in row.types)
    keys.update(TAG + tag for tag in row.tags)
    if row.actor != NONE:
        keys.add(ACTOR + row.actor)
        keys.update(ACTOR_TYPE + row.actor + type for type in row.types)
    if row.in_reply_to != NONE:
        keys.add(REPLY + row.in_reply_to)
    if row.context != NONE:
        keys.add(CONTEXT + row.context)
    for follow in row.follows or ():
        keys.add(FOLLOW + follow)
        keys.update(FOLLOW_TYPE + follow + type for type in row.types)
    return keys


def load_terms(work: Work, id: bytes) -> TermsRow:
    stored = work.txn.get(id, None, work.t.terms)
    return TermsRow(follows={}) if stored is None else TermsRow.unpack(stored)


def store_terms(work: Work, id: bytes, old: TermsRow, new: TermsRow) -> None:
    """Replace an object's terms and move its index entries along."""
    before, after = entries(old), entries(new)
    txn, table = work.txn, work.t.index
    work.wrote = True
    if old.when != new.when:
        gone, come = before, after
    else:
        gone, come = before - after, after - before
    value = old.when + id
    for key in gone:
        txn.delete(key, value, table)
    value = new.when + id
    for key in come:
        txn.put(key, value, True, True, False, table)
    if new.live or new.follows:
        work.put(work.t.terms, id, new.pack())
    else:
        work.delete(work.t.terms, id)


def list_for(work: Work, id: bytes, follow: bytes, announced: bool) -> None:
    """Let a follow's list show an object, now or as soon as we hold it."""
    old = load_terms(work, id)
    follows = old.follows or {}
    held = follows.get(follow)
    if held is not None and (announced or not held):
        return
    new = TermsRow.unpack(old.pack())
    new.follows = {**follows, follow: announced}
    store_terms(work, id, old, new)


def unlist(work: Work, id: bytes, follow: bytes) -> None:
    old = load_terms(work, id)
    if follow in (old.follows or {}):
        new = TermsRow.unpack(old.pack())
        new.follows = {key: value for key, value in (old.follows or {}).items() if key != follow}
        store_terms(work, id, old, new)
