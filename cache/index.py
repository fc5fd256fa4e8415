"""Which index entries an object has, from its terms; and writing the difference. It reads no body.

An entry is (key, inverted time + id): the key says the kind of the list and what it is a list of,
the many values under it are in the order in which a list shows them, newest first. Contexts and
tags stand in keys by their hash: they are looked up, never spelled out from here.
Invariant: after `flush` the index holds exactly the entries that `keys_of` gives for each row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .layout import NONE, TermsRow

if TYPE_CHECKING:  # readers use this module, too, and load no writer
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


def keys_of(row: TermsRow) -> list[bytes]:
    """The keys under which an object with these terms is listed, each once."""
    if not row.live:
        return []
    types, actor = row.types, row.actor
    keys = [ALL, *[TYPE + type for type in types], *[TAG + tag for tag in row.tags]]
    if actor != NONE:
        keys.append(ACTOR + actor)
        keys += [ACTOR_TYPE + actor + type for type in types]
    if row.in_reply_to != NONE:
        keys.append(REPLY + row.in_reply_to)
    if row.context != NONE:
        keys.append(CONTEXT + row.context)
    for follow in row.follows:
        keys.append(FOLLOW + follow)
        keys += [FOLLOW_TYPE + follow + type for type in types]
    return keys


def terms_of(work: Work, id: bytes) -> TermsRow:
    """An object's terms, to be changed in place; `flush` moves its index entries along."""
    row = work.terms.get(id)
    if row is None:
        stored = work.txn.get(id, None, work.t.terms)
        row = work.terms[id] = TermsRow() if stored is None else TermsRow.unpack(stored)
        work.terms_before[id] = None if stored is None else (row.when, keys_of(row))
    return row


def flush(work: Work) -> None:
    """Write the terms that were touched, and what changed in their index entries."""
    txn, table = work.txn, work.t.index
    for id, row in work.terms.items():
        before = work.terms_before[id]
        after = keys_of(row)
        if before is not None and before[1]:
            when, held = before
            if when == row.when:
                gone: list[bytes] = [key for key in held if key not in after]
                after = [key for key in after if key not in held]
            else:
                gone = held
            for key in gone:
                txn.delete(key, when + id, table)
        value = row.when + id
        for key in after:
            txn.put(key, value, True, True, False, table)
        if row.live or row.follows:
            work.put(work.t.terms, id, row.pack())
        elif before is not None:
            work.delete(work.t.terms, id)
    work.terms.clear()
    work.terms_before.clear()


def list_for(work: Work, id: bytes, follow: bytes, announced: bool) -> None:
    """Let a follow's list show an object, now or as soon as we hold it."""
    follows = terms_of(work, id).follows
    if follows.get(follow, True):
        follows[follow] = announced


def unlist(work: Work, id: bytes, follow: bytes) -> None:
    terms_of(work, id).follows.pop(follow, None)
