"""Lists of objects from the indexes, newest first: which index to read, and what it must filter.

It parses no body. What is followed is read, so its lists show all that is held; every other list
shows what may be listed across actors (`relisting`), which most are indexed by. Invariant: a list
is complete and without duplicates over its pages for all that was there when the first was read.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import merge

from ..crawler.protocol import listable
from . import index, is_read
from .cursors import decode, encode
from .document import Document
from .environment import Cursor, Tables, Txn
from .intern import FOLLOW, TYPE, find_id, find_word, fold_tag
from .layout import NONE, inverted, short_hash
from .reading import document
from .terms_layout import terms_in
from .unsorted import Unsorted
from .views import ObjectFilter

_ACROSS = (index.ALL, index.TYPE, index.TAG)
_FIRST, _LAST = b"\0" * 8, b"\xff" * 8
# Entries looked at in one read transaction: it pins old pages while it lasts (20 ms).
_MOST_SEEN = 10_000


class _UnknownError(Exception):
    """The filter names something that was never seen, so nothing matches."""


def objects(
    txn: Txn, t: Tables, wanted: ObjectFilter, limit: int, cursor: str | None
) -> tuple[list[Document], str | None]:
    """One page of documents and the cursor of the next; a page may be short of `limit`."""
    try:
        keys = _keys(txn, t, wanted)
    except _UnknownError:
        return [], None
    if wanted.unasked or _is_reading(txn, t, wanted):
        across = False
        usable = [key for key in keys if key[:1] not in _ACROSS] or keys
    elif _says_no(txn, t, wanted):
        return [], None
    else:
        across, usable = True, keys
    place = decode(cursor, 16) if cursor else None
    entries, waiting = txn.cursor(t.index), Unsorted(txn, t)
    key = _shortest(entries, waiting, usable)
    if key is None or limit <= 0:
        return [], None
    oldest = inverted(wanted.since) if wanted.since is not None else _LAST
    others = [other for other in keys if other != key]
    across = across and key[:1] not in _ACROSS  # these show nothing else
    found: list[Document] = []
    for seen, value in enumerate(values_of(entries, waiting, key, _start(wanted, place))):
        if value[:8] > oldest:
            break
        if len(found) >= limit or seen >= _MOST_SEEN:
            return found, encode(place or value)
        place = value
        id = value[8:]
        row = txn.get(id, None, t.ref)
        if row is not None and (
            not (others or across) or _matches(txn, t, id, row, others, across)
        ):
            held = document(txn, t, id, row)
            if held is not None:
                found.append(held)
    return found, None


def _keys(txn: Txn, t: Tables, wanted: ObjectFilter) -> list[bytes]:
    """The index keys under all of which a match is listed."""

    def uri(value: str | None) -> bytes:
        id = find_id(txn, t, value) if value is not None else NONE
        if id is None:
            raise _UnknownError
        return id

    def word(kind: str, value: str | None) -> bytes:
        id = find_word(txn, t, kind, value) if value is not None else NONE
        if id is None:
            raise _UnknownError
        return id

    actor, type = uri(wanted.actor), word(TYPE, wanted.type)
    follow = word(FOLLOW, wanted.follow)
    keys = [
        kind + id
        for kind, id in (
            (index.REPLY, uri(wanted.in_reply_to)),
            (index.CONTEXT, short_hash(wanted.context) if wanted.context else NONE),
            (index.TAG, short_hash(fold_tag(wanted.tag)) if wanted.tag else NONE),
            (index.FOLLOW, follow),
            (index.ACTOR, actor),
            (index.TYPE, type),
        )
        if id != NONE
    ]
    if type != NONE:  # of these, the list across actors may not have what the others have
        keys += [
            kind + id + type
            for kind, id in ((index.FOLLOW_TYPE, follow), (index.ACTOR_TYPE, actor))
            if id != NONE
        ]
    return keys or [index.ALL]


def _shortest(entries: Cursor, waiting: Unsorted, keys: list[bytes]) -> bytes | None:
    """The key with the fewest entries: LMDB keeps the number, so the best index costs one seek."""
    best, fewest = None, -1
    for key in keys:
        count = (entries.count() if entries.set_key(key) else 0) + len(waiting.values(key))
        if not count:
            return None
        if best is None or count < fewest:
            best, fewest = key, count
    return best


def _start(wanted: ObjectFilter, place: bytes | None) -> bytes:
    """What the first entry of a page is behind."""
    start = _FIRST * 2
    if wanted.until is not None:  # exclusive, so whatever was published at that time is skipped
        start = inverted(wanted.until) + _LAST
    return start if place is None else max(place, start)


def values_of(
    entries: Cursor, waiting: Unsorted, key: bytes, start: bytes = _FIRST * 2
) -> Iterator[bytes]:
    """The entries of a list behind `start`, those that wait in their places among them."""
    there = entries.iternext_dup() if entries.set_range_dup(key, start) else iter(())
    later = (value for value in waiting.values(key) if value > start)
    return merge((value for value in there if value > start), later)


def _matches(txn: Txn, t: Tables, id: bytes, row: bytes, keys: list[bytes], across: bool) -> bool:
    terms = terms_in(txn, t, id, row)
    if across and terms.quiet:
        return False
    return not keys or index.all_keys_of(terms).issuperset(keys)


def _is_reading(txn: Txn, t: Tables, wanted: ObjectFilter) -> bool:
    """Whether a list is of what somebody is followed for: its own, what it announced, or what
    answers it. Hashtags are looked for across actors, whatever else is named."""
    if wanted.tag is not None:
        return False
    if wanted.follow is not None and is_read.by_follow(txn, t, wanted.follow):
        return True
    if wanted.actor is not None:
        return bool(is_read.flags(txn, t, wanted.actor) & listable.FOLLOWED)
    return wanted.in_reply_to is not None and is_read.post_named(txn, t, wanted.in_reply_to)


def _says_no(txn: Txn, t: Tables, wanted: ObjectFilter) -> bool:
    """Whether nothing of an actor may be listed: its own list would be looked through in vain."""
    return wanted.actor is not None and not listable.scope(is_read.flags(txn, t, wanted.actor))
