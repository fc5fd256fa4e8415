"""Lists of objects from the indexes: which of them a match stands in, and what else it must be.

Every filter is a list of the index, and these have one order: newest first, or soonest first where
a calendar asks. What stands in several is found by leaping from list to list (`entries`). It parses
no body. What is followed is read, so its lists show all that is held; every other list shows what
may be listed across actors (`relisting`), which most are indexed by. Invariants: a list is complete
and without duplicates over its pages for all that was there when the first was read; a page costs a
bounded number of steps, and is short where they are used up.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..crawler.protocol import listable
from . import index, is_read
from .cursors import decode, encode
from .document import Document
from .entries import FIRST, LAST, SIZE, List, Walk, behind
from .environment import Tables, Txn
from .intern import FOLLOW, TYPE, find_id, find_word, fold_tag
from .layout import NONE, from_inverted, inverted, short_hash, time_key
from .reading import document
from .terms_layout import TermsRow, terms_in
from .unsorted import Unsorted
from .views import ObjectFilter

_ACROSS = (index.ALL, index.TYPE, index.TAG)
# Of a page, whose read transaction pins old pages while it lasts: some 20 ms. To look at an object
# for what the lists do not say costs as much as a few steps.
MOST_STEPS = 10_000
_A_LOOK = 4
_ANY = b"\xff" * 8  # behind every id


class Unknown(Exception):
    """The filter names something that was never seen, so nothing matches."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """A match stands in all of `lists`. Of `others` it is looked at for itself, since those lists
    do not have all that is shown here; `across`: what is quiet is left out, and no list does so."""

    lists: list[bytes]
    others: frozenset[bytes]
    across: bool


def objects(
    txn: Txn, t: Tables, wanted: ObjectFilter, limit: int, cursor: str | None
) -> tuple[list[Document], str | None]:
    """One page of documents and the cursor of the next; a page may be short of `limit`."""
    place = decode(cursor, SIZE) if cursor else FIRST
    plan = _plan(txn, t, wanted)
    if plan is None or limit <= 0:
        return [], None
    waiting = Unsorted(txn, t)
    lists = [List(txn, t, waiting, key) for key in plan.lists]
    if not all(one.count for one in lists):
        return [], None
    first, end = _bounds(wanted)
    looks = bool(plan.others) or plan.across or (wanted.by_start and wanted.is_dated)
    walk = Walk(lists, max(place, first), MOST_STEPS)
    found: list[Document] = []
    for value in walk:
        if value > end:
            return found, None
        if len(found) >= limit:
            return found, encode(behind(place))  # what comes between is told on the next page
        place, id = value, value[8:]
        row = txn.get(id, None, t.ref)
        if row is None:
            continue
        if looks:
            walk.steps += _A_LOOK
            if not _matches(terms_in(txn, t, id, row), plan, wanted):
                continue
        held = document(txn, t, id, row)
        if held is not None:
            found.append(held)
    return found, None if walk.over else encode(walk.place)


def _plan(txn: Txn, t: Tables, wanted: ObjectFilter) -> _Plan | None:
    """How to find what matches; None: nothing does."""
    try:
        keys = keys_of(txn, t, wanted)
    except Unknown:
        return None
    own = [key for key in keys if key[:1] not in _ACROSS]
    others, across = frozenset[bytes](), not wanted.unasked
    if wanted.unasked or _is_reading(txn, t, wanted):
        others, keys = frozenset(keys).difference(own) if own else others, own or keys
        across = False
    elif _says_no(txn, t, wanted):
        return None
    else:
        across = own == keys  # the others show nothing else
    lists = [index.by_start(key) for key in keys] if wanted.by_start else keys
    return _Plan(lists, others, across)


def keys_of(txn: Txn, t: Tables, wanted: ObjectFilter) -> list[bytes]:
    """The index keys under all of which a match is listed."""

    def uri(value: str | None) -> bytes:
        id = find_id(txn, t, value) if value is not None else NONE
        if id is None:
            raise Unknown
        return id

    def word(kind: str, value: str | None) -> bytes:
        id = find_word(txn, t, kind, value) if value is not None else NONE
        if id is None:
            raise Unknown
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
    if type != NONE and (follow != NONE or actor != NONE):
        # Two at a time have a list of their own, in which there is no need to leap; and where a
        # follow is read, the list across actors may not have what the others have.
        pairs = ((index.FOLLOW, index.FOLLOW_TYPE, follow), (index.ACTOR, index.ACTOR_TYPE, actor))
        for single, double, id in pairs:
            if id != NONE:
                keys[keys.index(single + id)] = double + id + type
        keys.remove(index.TYPE + type)
    return keys or [index.ALL]


def _bounds(wanted: ObjectFilter) -> tuple[bytes, bytes]:
    """The first and the last value that there may be."""
    first, end = FIRST, LAST
    if wanted.by_start:
        if wanted.starts_since is not None:
            first = time_key(wanted.starts_since) + NONE
        if wanted.starts_until is not None:
            end = time_key(wanted.starts_until) + NONE  # no object has the number 0
        return first, end
    if wanted.until is not None:  # exclusive, so whatever was published at that time is skipped
        first = behind(inverted(wanted.until) + _ANY)
    if wanted.since is not None:
        end = inverted(wanted.since) + _ANY
    return first, end


def _matches(terms: TermsRow, plan: _Plan, wanted: ObjectFilter) -> bool:
    if plan.across and terms.quiet:
        return False
    if wanted.by_start and wanted.is_dated:
        at = from_inverted(terms.when)
        if wanted.since is not None and at < wanted.since:
            return False
        if wanted.until is not None and at >= wanted.until:
            return False
    return not plan.others or index.all_keys_of(terms).issuperset(plan.others)


def _is_reading(txn: Txn, t: Tables, wanted: ObjectFilter) -> bool:
    """Whether a list is of what somebody is followed for: its own, what it announced, or what
    answers it. Hashtags are looked for across actors, whatever else is named, and what is handed on
    to others is for whoever comes by it."""
    if wanted.tag is not None or wanted.republished:
        return False
    if wanted.follow is not None and is_read.by_follow(txn, t, wanted.follow):
        return True
    if wanted.actor is not None:
        return bool(is_read.flags(txn, t, wanted.actor) & listable.READ)
    return wanted.in_reply_to is not None and is_read.post_named(txn, t, wanted.in_reply_to)


def _says_no(txn: Txn, t: Tables, wanted: ObjectFilter) -> bool:
    """Whether nothing of an actor may be listed: its own list would be looked through in vain."""
    return wanted.actor is not None and not listable.scope(is_read.flags(txn, t, wanted.actor))
