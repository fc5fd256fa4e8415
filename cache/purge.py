"""What goes of a reference that is blocked or forgotten: body, past, place in the queue, name.

A transaction's work on one reference; which ones these are is `sweep`'s to find. What is blocked
stays known by its name, because a block can be lifted; what is forgotten loses its name, too.
Invariants: nothing of the content is left, neither as a version nor in an index; of what is
forgotten nothing is left but a number, and a salted hash in the place of the name.
"""

from __future__ import annotations

from math import nan
from typing import TYPE_CHECKING

from ..crawler.protocol.forgotten import PREFIX
from . import follows, marks, quota, sources, walks, wants
from .index import FOLLOW as LISTED
from .index import terms_of, unlist
from .layout import NO_HASH, NONE, STATE_NUMBER, U64, micros, time_key, uri_key
from .mail_layout import keys_under
from .queue_layout import KINDS, Row
from .records import State
from .ref_layout import Ref
from .thread_rows import SumRow, ThreadRow
from .unsorted import Unsorted

if TYPE_CHECKING:
    from .work import Work

# For so long the change log tells what a forgotten reference was called: readers of it look more
# often than that, and what was learnt to be gone is gone everywhere within an hour.
FAREWELL = 3_600.0
_UNKNOWN = STATE_NUMBER[State.UNKNOWN]
_REFUSED = STATE_NUMBER[State.REFUSED]


def block(work: Work, id: bytes, now: float) -> bool:
    """Purge what is held of a reference on a blocked host; whether there was a document."""
    ref = work.ref(id)
    held = ref.has_body
    call_off(work, id, ref)
    if held:
        marks.purge(work, id, ref, now, "blocked")
        ref.state = _REFUSED
        extra = work.extra(id)
        extra.pop("target", None)
        extra["reason"] = "blocked"
    return held


def lift(work: Work, id: bytes) -> None:
    """Its host is not blocked any more: it may be asked for as what nothing is known of."""
    ref = work.ref(id)
    extra = work.extra(id, change=False)
    if ref.state == _REFUSED and extra.get("reason") == "blocked":
        ref.state = _UNKNOWN
        del work.extra(id)["reason"]


def forget(work: Work, id: bytes, now: float) -> bool:
    """Purge a reference with its name; whether there was a document."""
    ref = work.ref(id)
    held, name = ref.has_body, ref.uri
    if name.startswith(PREFIX):
        return False
    call_off(work, id, ref)
    if held:
        marks.purge(work, id, ref, now, "forgotten")
        work.put(work.t.farewell, id, time_key(now + FAREWELL) + name.encode())
    terms = terms_of(work, id)
    terms.follows.clear()
    terms.answered = False
    work.extra(id).clear()
    work.extra(id)["reason"] = "forgotten"
    work.delete(work.t.notices, id)
    ref.state, ref.content_hash, ref.failures = _REFUSED, NO_HASH, 0
    ref.consent = 0
    ref.updated = ref.published = ref.fetched_at = ref.verified_at = nan
    _rename(work, id, ref)
    return held


def call_off(work: Work, id: bytes, ref: Ref) -> None:
    """Nothing asks for it any more."""
    for kind in KINDS:
        stored = work.txn.get(id + bytes((kind,)), None, work.t.want)
        if stored is not None:
            wants.remove(work, id, kind, Row.unpack(stored))
    walks.drop(work, id)
    sources.end(work, id, ref)


def _rename(work: Work, id: bytes, ref: Ref) -> None:
    work.delete(work.t.uri, uri_key(ref.uri))
    quota.renamed(work, id, ref.uri)
    known = work.memo.ids.pop(ref.uri, id)
    name = work.policy.forgotten.anonymous(ref.uri)
    key = uri_key(name)
    if known != id or work.txn.get(key, None, work.t.uri) is not None:
        # It was forgotten before, then taken back and met anew: two tombstones of one name.
        name = f"{name}.{id.hex()}"
        key = uri_key(name)
    work.put(work.t.uri, key, id)
    ref.uri = name


def members(work: Work, rows: list[tuple[bytes, bytes]]) -> None:
    """Take members out of their collections: keys and values of rows of `member`."""
    for key, row in rows:
        stored = work.txn.get(key, None, work.t.member)
        if stored == row:
            work.delete(work.t.member, key)
            work.delete(work.t.member_of, key[:8] + row[:8] + bytes((row[8] & 1,)))


def thread(work: Work, key: bytes) -> None:
    """Drop a thread with all its collections, or one collection of a thread."""
    stored = work.txn.get(key, None, work.t.thread)
    if stored is None:
        return
    work.delete(work.t.thread, key)
    if len(key) > 16:
        return
    for listing in list(keys_under(work.txn.cursor(work.t.thread), key)):
        work.delete(work.t.thread, listing)
    if key[:8] != NONE:
        sums = SumRow.load(work.txn, work.t, key[:8])
        sums.threads -= 1
        sums.fetched -= ThreadRow.unpack(stored).fetched
        work.put(work.t.thread, key[:8] + NONE, sums.pack())


def follow(work: Work, id: bytes, text: str, most: int) -> bool:
    """Drop a follow by the id of its key `text`, with what lists objects for it and the word
    itself; True: there is more of it than `most`, to be called again."""
    follows.drop(work, text[1:])
    listed = _listed(work, id, most)
    for object in listed:
        unlist(work, object, id)
    if len(listed) == most:
        return True
    work.delete(work.t.word, id)
    work.delete(work.t.uri, uri_key(f"\0{text}"))
    work.memo.words.clear()
    work.memo.texts.pop(id, None)
    return False


def _listed(work: Work, id: bytes, most: int) -> list[bytes]:
    """Objects that a follow's list shows."""
    cursor = work.txn.cursor(work.t.index)
    found = []
    if cursor.set_key(LISTED + id):
        for value in cursor.iternext_dup():
            found.append(value[8:])
            if len(found) == most:
                return found
    found += [value[8:] for value in Unsorted(work.txn, work.t).values(LISTED + id)]
    return list(dict.fromkeys(found))[:most]


def told(row: bytes, now: float) -> bool:
    """Whether a row of `farewell` has been there for long enough."""
    return bool(U64.unpack_from(row)[0] <= micros(now))
