"""Which index entries an object has, from its terms; and writing the difference. It reads no body.

An entry is (key, inverted time + id): the key says the kind of the list and what it is a list of,
the many values under it are in the order in which a list shows them, newest first. Contexts and
tags stand in keys by their hash: they are looked up, never spelled out from here. What is quiet
stands in no list across actors (all, by type, by tag): those need no look at what may be shown.
What has a start stands in each of its lists a second time, under the kind in small letters, in the
order of these starts: a calendar is a list like others. Invariant: after `flush` the index, with
what waits in `unsorted`, holds exactly the entries that `entries_of` gives for each row.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from . import unsorted
from .layout import NONE
from .terms_layout import TermsRow
from .unsorted import Unsorted

if TYPE_CHECKING:  # readers use this module, too, and load no writer
    from .environment import Cursor
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
LOST = b"L"  # answers that were deleted, where they are answered themselves
# Fewer new entries of one list than this are not worth the leaf that they would change.
_FEW = 8


def keys_of(row: TermsRow) -> list[bytes]:
    """The keys under which an object with these terms is listed, each once."""
    if not row.live:
        return [LOST + row.in_reply_to] if row.answered else []
    keys = [*_common_keys(row.types, row.actor, tuple(row.follows))]
    if not row.quiet:
        keys += _across_keys(row.types)
        keys += [TAG + tag for tag in row.tags]
    if row.in_reply_to != NONE:
        keys.append(REPLY + row.in_reply_to)
    if row.context != NONE:
        keys.append(CONTEXT + row.context)
    return keys


def by_start(key: bytes) -> bytes:
    """The list of the same objects in the order in which they begin."""
    return key[:1].lower() + key[1:]


def entries_of(row: TermsRow, id: bytes) -> list[unsorted.Entry]:
    """All entries of an object."""
    keys = keys_of(row)
    entries = [(key, row.when + id) for key in keys]
    if row.start != NONE:
        entries += [(by_start(key), row.start + id) for key in keys]
    return entries


def all_keys_of(row: TermsRow) -> set[bytes]:
    """What an object is found by, whether or not lists across actors may show it."""
    return {*keys_of(row), *_across_keys(row.types), *[TAG + tag for tag in row.tags]}


@lru_cache(64)
def _across_keys(types: tuple[bytes, ...]) -> tuple[bytes, ...]:
    return (ALL, *[TYPE + type for type in types])


@lru_cache(256)  # what one actor posts differs in none of these
def _common_keys(
    types: tuple[bytes, ...], actor: bytes, follows: tuple[bytes, ...]
) -> tuple[bytes, ...]:
    keys = []
    if actor != NONE:
        keys.append(ACTOR + actor)
        keys += [ACTOR_TYPE + actor + type for type in types]
    for follow in follows:
        keys.append(FOLLOW + follow)
        keys += [FOLLOW_TYPE + follow + type for type in types]
    return tuple(keys)


def terms_of(work: Work, id: bytes) -> TermsRow:
    """An object's terms, to be changed in place; `flush` moves its index entries along."""
    row = work.terms.get(id)
    if row is None:
        ref = work.ref(id, change=False)
        row = work.terms[id] = TermsRow.unpack(ref)
        work.terms_before[id] = entries_of(row, id) if row.live or row.answered else None
    return row


def is_answered(work: Work, id: bytes) -> bool:
    """Whether something that is held answers an object."""
    key = REPLY + id
    return work.txn.cursor(work.t.index).set_key(key) or bool(
        Unsorted(work.txn, work.t).values(key)
    )


def flush(work: Work) -> None:
    """Write the terms that were touched, and what changed in their index entries."""
    txn, table = work.txn, work.t.index
    lists: defaultdict[bytes, list[bytes]] = defaultdict(list)
    for id, row in work.terms.items():
        held = work.terms_before[id]
        if held is None and row.start == NONE:  # new, as nearly all that comes by the page
            value = row.when + id
            for key in keys_of(row):
                lists[key].append(value)
        else:
            _note_change(work, held or [], entries_of(row, id), lists)
        ref = work.ref(id, change=False)
        terms = row.pack(ref)
        if terms != ref.terms:
            work.ref(id).terms = terms
    scattered = _insert(txn.cursor(table), lists, _FEW)
    if scattered and unsorted.add(work, scattered) >= unsorted.MOST:
        _sort_in(work)
    work.terms.clear()
    work.terms_before.clear()


def _note_change(
    work: Work,
    held: list[unsorted.Entry],
    after: list[unsorted.Entry],
    lists: defaultdict[bytes, list[bytes]],
) -> None:
    """Take away the entries that an object has lost, and note those that it has gained."""
    txn, table = work.txn, work.t.index
    for key, value in held:
        if (key, value) not in after and not txn.delete(key, value, table):
            _sort_in(work)  # it has not been moved to the index yet
            txn.delete(key, value, table)
    for key, value in after:
        if (key, value) not in held:
            lists[key].append(value)


def _sort_in(work: Work) -> None:
    """Move what waits to its places in the index."""
    lists: dict[bytes, list[bytes]] = {}
    for key, value in unsorted.take_all(work):
        lists.setdefault(key, []).append(value)
    _insert(work.txn.cursor(work.t.index), lists, 0)


def _insert(cursor: Cursor, lists: Mapping[bytes, list[bytes]], few: int) -> list[unsorted.Entry]:
    """Write entries by list, but not those of lists that get fewer than `few`: these are returned.

    A walk goes from new to old and so makes its lists longer at their ends; LMDB would split each
    full page in halves and leave the one behind half empty for ever, so what comes behind all that
    is there is written in the way that fills its pages.
    """
    left: list[unsorted.Entry] = []
    between: list[unsorted.Entry] = []
    for key in sorted(lists):
        values = lists[key]
        if len(values) < few:
            left += [(key, value) for value in values]
            continue
        values.sort()
        run = [(key, value) for value in values]
        if len(run) < _FEW or _goes_on(cursor, key, values[0]):
            between += run
        else:
            cursor.putmulti(run, True, True, True)
    cursor.putmulti(between)
    return left


def _goes_on(cursor: Cursor, key: bytes, value: bytes) -> bool:
    """Whether the list goes on behind `value`."""
    return cursor.set_key(key) and cursor.last_dup() and cursor.value() > value


def list_for(work: Work, id: bytes, follow: bytes, announced: bool) -> None:
    """Let a follow's list show an object, now or as soon as we hold it."""
    follows = terms_of(work, id).follows
    if follows.get(follow, True):
        follows[follow] = announced


def unlist(work: Work, id: bytes, follow: bytes) -> None:
    terms_of(work, id).follows.pop(follow, None)
