"""Rows of the frontier: adding, merging, removing. It does not lease and judges no politeness.

One row a reference and kind. Invariants: a row that is not leased is in `queue` under the host of
the URL that it asks for, a leased one is in `slot` instead; a row with a follow is in `owed`; one
that is parked counts neither for its host nor as due.
"""

from __future__ import annotations

from ..crawler.protocol.uri import host_port
from . import hosts, permission, quota_asks, threads
from .intern import FOLLOW, id_of, known_id, word_of
from .layout import NONE
from .queue_layout import Row
from .records import Cause, Kind, Want
from .walks import next_url
from .work import Work

# Relations without which a follow does not go on.
_LEADING = frozenset({b"handle", b"confirm", b"actor", b"outbox"})

# Relations of what an outbox lists.
_LISTED = frozenset({b"item", b"boost"})

# What its owner says is deleted: one 404 ends it.
_DELETED = b"deleted"

# Flags that hold for a row as soon as one want has them.
_EITHER = Row.REFETCH | Row.PROMOTED | Row.AGAIN


def add(work: Work, want: Want, *, promoted: bool = False) -> None:
    """Queue a want, or merge it into its row; what policy does not let be asked is passed over.
    `promoted`: it was paid for by the refresh loop."""
    if not permission.may_ask(work, want):
        return
    known = known_id(work, want.uri)
    url = want.uri
    if want.kind is Kind.PAGE and known is not None:
        url = next_url(work.txn, work.t, known) or url
    name = host_port(url)
    if not (known is not None and is_queued(work, known, want.kind)):
        if not quota_asks.may_ask(work, want, name, new=known is None):
            return
        want = quota_asks.rested(work, want, name)
    id = id_of(work, want.uri)
    key = id + bytes((want.kind,))
    host, _ = hosts.named(work, name)
    follow = word_of(work, FOLLOW, want.follow) if want.follow else NONE
    new = Row.of(want, host, follow, id_of(work, want.root) if want.root else NONE)
    new.flags |= Row.PROMOTED * promoted
    stored = work.txn.get(key, None, work.t.want)
    if stored is None:
        if new.root == NONE or threads.admit(work, id, want.kind, new):
            _insert(work, id, want.kind, new)
        return
    old = Row.unpack(stored)
    row = merged(old, new)
    if old.until and want.cause is Cause.PUSH and want.kind is Kind.DOCUMENT:
        row.flags |= Row.AGAIN
    if row == old:
        return
    _withdraw(work, id, want.kind, old)
    _insert(work, id, want.kind, row)


def is_queued(work: Work, id: bytes, kind: int) -> bool:
    return work.txn.get(id + bytes((kind,)), None, work.t.want) is not None


def merged(old: Row, new: Row) -> Row:
    """The one row that stands for both: the more urgent cause, the earlier time, the larger depth.

    A row that waits after a failure, or for a day that has room for it, keeps waiting, whatever
    page mentions it again; only a person or a push brings it forward.
    """
    urgent = new.cause <= Cause.PUSH
    waits = not urgent and (old.attempts > 0 or NONE not in (old.root, new.root))
    heir = new if _owns(old, new) else old
    return Row(
        host=old.host if old.until else new.host,
        cause=min(old.cause, new.cause),
        due=old.due if waits else min(old.due, new.due),
        follow=heir.follow,
        until=old.until,
        # What depth means depends on the relation.
        depth=max(old.depth, new.depth) if old.relation == new.relation else heir.depth,
        attempts=min(old.attempts, new.attempts) if urgent else old.attempts,
        flags=(old.flags | new.flags) & _EITHER | old.flags & new.flags & Row.SCHEDULED,
        relation=heir.relation,
        root=heir.root,
    )


def _owns(old: Row, new: Row) -> bool:
    """Whether the newcomer's follow takes the row over. What leads a follow on is never lost in
    what only resolves something; of two follows that it leads on, the first keeps it, unless that
    only looks at its actor once a day. What an outbox lists by the URL of an activity has to be
    opened in its place there."""
    if (old.relation in _LEADING) != (new.relation in _LEADING):
        return new.relation in _LEADING
    if new.relation in _LEADING and old.follow != new.follow:
        return new.relation == b"actor" and old.scheduled and not new.scheduled
    if _DELETED in (old.relation, new.relation):  # whatever else it is wanted for may be over
        return new.relation == _DELETED
    if (old.relation in _LISTED) != (new.relation in _LISTED):
        return new.relation in _LISTED
    if old.follow == new.follow and _reads_on(old) != _reads_on(new):
        return _reads_on(new)
    if old.follow == NONE or new.follow == NONE:
        return old.follow == NONE and (new.follow != NONE or new.cause < old.cause)
    return new.cause < old.cause or (old.scheduled and not new.scheduled)


def _reads_on(row: Row) -> bool:
    """Whether it is for a reply whose own replies are wanted: who needs no more than the post, as
    what another one answers, has it then as well."""
    return row.relation == b"reply" and row.depth > 0


def remove(work: Work, id: bytes, kind: int, row: Row) -> None:
    _withdraw(work, id, kind, row)
    work.delete(work.t.want, id + bytes((kind,)))


def requeue(work: Work, id: bytes, kind: int, row: Row, due: float) -> None:
    """Make a leased row one that waits; its slot is the caller's business."""
    row.until, row.due = 0.0, due
    row.flags &= ~Row.AGAIN
    _enqueue(work, id, kind, row)
    work.put(work.t.want, id + bytes((kind,)), row.pack())


def postpone(work: Work, id: bytes, kind: int, row: Row, due: float) -> None:
    """Give a waiting row another time."""
    _dequeue(work, id, kind, row)
    requeue(work, id, kind, row, due)


def add_check(work: Work, id: bytes, uri: str, host: bytes, cause: Cause, now: float) -> None:
    """Queue a reference that has no row for the refresh loop; `host` is the key of its host."""
    if hosts.load(work, host) is None:
        hosts.named(work, host_port(uri))
    flags = Row.SCHEDULED | Row.PROMOTED
    _insert(work, id, Kind.DOCUMENT, Row(host, cause, now, flags=flags, relation=b"check"))


def bring_forward(work: Work, id: bytes, kind: int, row: Row, cause: Cause, now: float) -> None:
    """Make a parked row one that is due."""
    _dequeue(work, id, kind, row)
    row.cause, row.flags = cause, row.flags | Row.PROMOTED
    requeue(work, id, kind, row, now)


def lease_out(work: Work, id: bytes, kind: int, row: Row, until: float) -> None:
    """Take a waiting row out of the queue until `until`."""
    _dequeue(work, id, kind, row)
    row.until = until
    work.put(work.t.slot, row.slot_key(id, kind), b"")
    work.put(work.t.want, id + bytes((kind,)), row.pack())


def _insert(work: Work, id: bytes, kind: int, row: Row) -> None:
    work.put(work.t.want, id + bytes((kind,)), row.pack())
    if not row.until:
        _enqueue(work, id, kind, row)
    if row.follow != NONE:
        value = row.host + id + bytes((kind,))
        work.txn.put(row.owed_key(), value, True, True, False, work.t.owed)


def _withdraw(work: Work, id: bytes, kind: int, row: Row) -> None:
    if not row.until:
        _dequeue(work, id, kind, row)
    if row.follow != NONE:
        work.txn.delete(row.owed_key(), row.host + id + bytes((kind,)), work.t.owed)


def _enqueue(work: Work, id: bytes, kind: int, row: Row) -> None:
    work.put(work.t.queue, row.queue_key(id, kind), b"")
    _count(work, row, 1)


def _dequeue(work: Work, id: bytes, kind: int, row: Row) -> None:
    work.delete(work.t.queue, row.queue_key(id, kind))
    _count(work, row, -1)


def _count(work: Work, row: Row, step: int) -> None:
    if not row.parked:  # it is not waiting for its host
        hosts.get(work, row.host).queued += step
        work.counters.due += step
    work.unsettled.add(row.host)
