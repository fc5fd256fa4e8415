"""The audit of what we publish: the outbox, our objects, and whom it still goes to; as `check`.

The same rules: every row that a row calls for is looked up, and nothing is there beside them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from .environment import Tables, Txn
from .intern import find_id
from .layout import LOCAL, U64, time_key
from .mail_layout import digest
from .publication_records import LocalObject
from .publication_rows import Fanout, Published, Seeking, unpack_local, unpack_publication
from .records import Finding
from .ref_layout import Ref

_OF_OURS = ("Create", "Update", "Delete")  # activities that are about an object of ours


def check(txn: Txn, t: Tables) -> Iterator[Finding]:
    """Compare everything that publishing keeps."""
    yield from _outbox(txn, t)
    yield from _publications(txn, t)
    yield from _objects(txn, t)
    for number, row in txn.cursor(t.fanout):
        if txn.get(digest(Fanout.unpack(row).activity), None, t.publication) is None:
            yield Finding("fanout", str(U64.unpack(number)[0]), "is about no publication")
    for key in txn.cursor(t.addressed).iternext(values=False):
        if txn.get(key[:16], None, t.publication) is None:
            yield Finding("addressed", key.hex(), "is about no publication")
    for key, row in txn.cursor(t.seeking):
        one = Seeking.unpack(row)
        if digest(one.actor) != key:
            yield Finding("seeking", one.actor, "is kept under another actor's key")
        if txn.get(time_key(one.due) + key, None, t.sought) is None:
            yield Finding("seeking", one.actor, "is looked for at no time")
    if txn.stat(t.sought)["entries"] != txn.stat(t.seeking)["entries"]:
        yield Finding("sought", "", "has others in line than are looked for")


def _outbox(txn: Txn, t: Tables) -> Iterator[Finding]:
    position = 0
    for key, publication in txn.cursor(t.outbox):
        position += 1
        row = txn.get(publication, None, t.publication)
        if U64.unpack(key)[0] != position:
            yield Finding("outbox", str(position), "is a place with nothing in it")
            return
        if row is None or unpack_publication(row)[0].position != position:
            yield Finding("outbox", str(position), "holds what does not know its place")
    counters = Published.read(txn, t)
    if counters.outbox != position:
        yield Finding("outbox", "", f"the counter says {counters.outbox}, there are {position}")
    publications = txn.stat(t.publication)["entries"]
    if counters.publications != publications:
        problem = f"the counter says {counters.publications}, there are {publications}"
        yield Finding("publication", "", problem)


def _publications(txn: Txn, t: Tables) -> Iterator[Finding]:
    waiting = Counter(
        activity for _, row in txn.cursor(t.seeking) for activity in Seeking.unpack(row).activities
    )
    places = 0
    for key, row in txn.cursor(t.publication):
        one, sought = unpack_publication(row)
        places += one.position is not None
        if digest(one.activity) != key:
            yield Finding("publication", one.activity, "is kept under another's key")
        if one.public != (one.position is not None):
            yield Finding(
                "publication", one.activity, "is in the outbox and not for all, or the reverse"
            )
        if one.type in _OF_OURS and txn.get(digest(one.object), None, t.local) is None:
            yield Finding("local", one.object, "is not there, and was published")
        if waiting[one.activity] != sought:
            problem = f"counts {sought} that are looked for, there are {waiting[one.activity]}"
            yield Finding("publication", one.activity, problem)
    if places != txn.stat(t.outbox)["entries"]:
        yield Finding("outbox", "", f"has other places than the {places} that are called for")


def _objects(txn: Txn, t: Tables) -> Iterator[Finding]:
    for key, row in txn.cursor(t.local):
        one = unpack_local(row)
        if digest(one.id) != key:
            yield Finding("local", one.id, "is kept under another's key")
        if txn.get(digest(one.activity), None, t.publication) is None:
            yield Finding("local", one.id, "was published by nothing")
        wanted = one.public and not one.deleted
        if _is_held(txn, t, one) != wanted:
            yield Finding("local", one.id, "is a document and should not be, or the reverse")


def _is_held(txn: Txn, t: Tables, one: LocalObject) -> bool:
    id = find_id(txn, t, one.id)
    row = None if id is None else txn.get(id, None, t.ref)
    ref = None if row is None else Ref.unpack(row)
    return ref is not None and ref.has_body and ref.verified_by == LOCAL
