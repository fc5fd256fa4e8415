"""What publishing writes, inside a transaction: the activity, its place in the outbox, our object.

It judges nothing; what is to be published was made before. Invariants: what is public has a place
in the outbox, for ever and after all that was there before; an object that is public as it stands
is a document of the store, as our actor is, and no other object of ours is; of what was edited or
deleted no body here shows the former words, nor does what still waits to be delivered.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..errors import BadInput
from . import documents, fanouts, marks, outbound
from .intern import known_id
from .layout import U64
from .mail_layout import digest
from .publication_records import Entry, LocalObject, Publication
from .publication_rows import (
    PUBLISHED,
    REPEATED,
    Published,
    pack_local,
    pack_publication,
    unpack_local,
    unpack_publication,
)
from .records import Mark, Put, State

if TYPE_CHECKING:
    from .environment import Tables, Txn
    from .work import Work

# For how long a caller may repeat a request that it has not seen the answer of; Stripe's day, which
# has become the custom for this header.
_REPEATED_FOR = 86_400.0
_MOST_REPEATED = 10_000  # keys that are remembered; one a second would be a day's


def publish(work: Work, entry: Entry, now: float) -> Publication:
    """Write it all."""
    counters, whom = Published.read(work.txn, work.t), entry.recipients
    counters.publications += 1
    counters.outbox += whom.public
    one = Publication(
        counters.publications, entry.activity, entry.type, entry.object, now,
        whom.public, whom.followers, entry.body, whom.named, now,
        counters.outbox if whom.public else None,
    )  # fmt: skip
    key = digest(one.activity)
    work.put(work.t.publication, key, pack_publication(one))
    if one.position is not None:
        work.put(work.t.outbox, U64.pack(one.position), key)
    if entry.us is not None:
        documents.put(work, entry.us)
    if entry.local is not None:
        _stand(work, entry, entry.local, now)
    if whom.followers or whom.named:
        fanouts.begin(work, one)
    if entry.key is not None:
        _remember(work, entry.key, entry.digest, key, now)
    work.put(work.t.meta, PUBLISHED, counters.pack())
    return one


def _stand(work: Work, entry: Entry, local: LocalObject, now: float) -> None:
    """The object of ours is from now on as `local` says."""
    key = digest(local.id)
    row = work.txn.get(key, None, work.t.local)
    held = None if row is None else unpack_local(row)
    if held is not None and entry.before is not None:
        _reword(work, held.activity, entry.before, now)
        _show_again(work, entry.shown, now, deleted=local.deleted)
    work.put(work.t.local, key, pack_local(local))
    if entry.put is not None:
        documents.put(work, entry.put)
    elif held is not None and held.public:
        state, reason = State.REFUSED, "audience"  # from now on it is for some only
        if local.deleted:
            state, reason = State.GONE, "tombstone"
        marks.mark(work, Mark(local.id, state, reason=reason, purge=True), now)


def _reword(work: Work, activity: str, body: bytes, now: float) -> None:
    """What embeds an object shows something else from now on, wherever it is kept."""
    key = digest(activity)
    row = work.txn.get(key, None, work.t.publication)
    if row is not None:
        one, sought = unpack_publication(row)
        one = replace(one, body=body, changed=now)
        work.put(work.t.publication, key, pack_publication(one, sought))
        outbound.reword(work, activity, body)


def show(work: Work, put: Put) -> None:
    """Have an activity of ours as a document, too: somebody asks for it by its id."""
    documents.put(work, put)


def _show_again(work: Work, put: Put | None, now: float, *, deleted: bool) -> None:
    """The same where it was asked for before, and shows something else now."""
    id = None if put is None else known_id(work, put.id)
    if put is None or id is None or not work.ref(id, change=False).has_body:
        return
    if deleted:  # with its earlier versions, which have the former words
        marks.mark(work, Mark(put.id, State.UNKNOWN, reason="tombstone", purge=True), now)
    else:
        documents.put(work, put)


def repeated(txn: Txn, t: Tables, key: str, asked: bytes, now: float) -> Publication | None:
    """What a caller's request came to before, where it was made under this key within a day."""
    row = txn.get(digest(key), None, t.repeated)
    if row is None:
        return None
    at, before, activity = REPEATED.unpack(row)
    if not 0 <= now - at < _REPEATED_FOR:
        return None
    if asked != before:
        reason = "was given with another request before"
        raise BadInput("Idempotency-Key", reason, "a new one for each publication")
    found = txn.get(activity, None, t.publication)
    return None if found is None else unpack_publication(found)[0]


def _remember(work: Work, key: str, asked: bytes, activity: bytes, now: float) -> None:
    table = work.t.repeated
    if work.txn.stat(table)["entries"] >= _MOST_REPEATED:
        rows = sorted((REPEATED.unpack(row)[0], name) for name, row in work.txn.cursor(table))
        # Half of them at once, so that the next five thousand cost nothing.
        for _, name in rows[: _MOST_REPEATED // 2]:
            work.delete(table, name)
    work.put(table, digest(key), REPEATED.pack(now, asked, activity))
