"""What an answer means for the agenda: which sources begin, are observed, back off, or end.

It decides no time; `agenda` does, and keeps its rows through `agenda_rows`. What is queued for
another try is left to the queue. Invariant: a reference is a source exactly while it has a body or
is a collection that is read again, and it is placed unless it is being asked.
"""

from __future__ import annotations

from math import isnan

from ..crawler.protocol.source import ACTOR, COLLECTIONS, OUTBOX, POST, Kind, Seen
from . import negative, wants
from .agenda_rows import WorkRows, born_of, bound, host_of, source_of
from .environment import Tables, Txn
from .intern import id_of, known_id
from .layout import CLASS_NUMBER
from .queue_layout import Row
from .records import Kind as Wanted
from .records import Plan, Poll, Put
from .ref_layout import Ref, half
from .work import Work

_OBJECT = CLASS_NUMBER["object"]
# How long a failure is believed: doubling, and four times as long for a 404, which rarely mends.
_FIRST_BACKOFF = 3_600.0
_LONGEST_BACKOFF = 7 * 86_400.0
# Three 404s over a week are a deletion: what seems to be gone is not left in doubt for longer.
_LONGEST_DOUBT = 3.5 * 86_400.0
# For so long a page that shows what is held stands for a look at it. A server may list what it has
# sent and never what became of it, so after that its own URL is asked in its turn.
_SHOWN_ONLY = 30 * 86_400.0
# What a follow waits for is asked again in so long when it is no source any more.
_LOOK_AGAIN = 86_400.0


def observe(work: Work, id: bytes, ref: Ref, item: Put, *, changed: bool) -> None:
    """An answer to what is a source already, before its record is changed by it."""
    if ref.is_source and ref.kind not in COLLECTIONS:
        old = item.fetched_at - ref.fetched_at > _SHOWN_ONLY
        if old and not changed and item.verified_by == "embedded":
            return
        _plan(ref, item.plan)
        stamp = item.changed if changed else None
        seen = Seen(validity(item), int(changed), stamp, cost=item.plan.cost)
        work.agenda.observe(WorkRows(work), id, seen, work.now)


def begin(work: Work, id: bytes, ref: Ref, item: Put) -> None:
    """A body that was not held, or not as a source, once its record is complete."""
    if not ref.is_source:
        work.beginnings[id] = item.plan


def flush(work: Work) -> None:
    """Plan what has begun in this transaction: what came with one page in one go, which takes a
    third of the time."""
    pages: dict[tuple[int, int, bytes, float], list[bytes]] = {}
    for key, plan in work.beginnings.items():
        ref = work.ref(key)
        if ref.has_body and not ref.is_source:  # as it is now, after all that came behind
            if work.is_new(key):  # without a history: it is what its plan says
                like = (id(plan), _kind(ref), host_of(ref.uri), ref.verified_at)
                pages.setdefault(like, []).append(key)
            else:
                _begin_page(work, [key], plan)
    for page in pages.values():
        _begin_page(work, page, work.beginnings[page[0]])
    work.beginnings.clear()


def _begin_page(work: Work, page: list[bytes], plan: Plan) -> None:
    first = work.ref(page[0])
    first.set_source(_kind(first), 0, placed=False)
    _plan(first, plan)
    born: list[tuple[bytes, float]] = []
    for key in page:
        ref = work.ref(key)
        ref.shortest, ref.longest = first.shortest, first.longest
        ref.not_before, ref.weight = first.not_before, first.weight
        born.append((key, born_of(ref)))
    seen = Seen(first.verified_at, cost=plan.cost)
    work.agenda.begin_page(WorkRows(work), source_of(first), born, seen, work.now)


def confirm(work: Work, id: bytes, ref: Ref, at: float, plan: Plan | None) -> None:
    """What is held is still right, or at least is kept."""
    if ref.is_source and ref.kind not in COLLECTIONS:
        if plan is not None:
            _plan(ref, plan)
        seen = Seen(at, cost=plan.cost if plan is not None else 1.0)
        work.agenda.observe(WorkRows(work), id, seen, work.now)


def polled(work: Work, poll: Poll) -> None:
    """A visit of a collection has ended."""
    id = id_of(work, poll.collection)
    ref, rows = work.ref(id), WorkRows(work)
    kind = Kind.LISTING if poll.listing else OUTBOX
    seen = Seen(
        at=poll.at,
        new=poll.new,
        stamp=poll.stamps[-1] if poll.stamps else None,
        history=poll.stamps if poll.first else (),
        since=poll.since,
        cost=poll.plan.cost,
    )
    if ref.is_source and ref.kind == kind and not poll.first:
        _plan(ref, poll.plan)
        work.agenda.observe(rows, id, seen, work.now)
        return
    end(work, id, ref)  # a document until now, or seen for the first time once more
    ref.set_source(kind, 0, placed=False)
    ref.verified_at, ref.failures = poll.at, 0
    _plan(ref, poll.plan)
    work.agenda.begin(rows, id, source_of(ref), seen, work.now)


def noted(work: Work, uri: str, now: float) -> None:
    """A push told of something that belongs to a source and that is asked for by itself."""
    id = known_id(work, uri)
    if id is not None and work.ref(id, change=False).is_source:
        work.agenda.note(WorkRows(work), id, now)


def adopt(work: Work, id: bytes, ref: Ref) -> None:
    """A body that an older version kept without making it a source."""
    ref.set_source(_kind(ref), 0, placed=False)
    _plan(ref, Plan())
    work.agenda.begin(WorkRows(work), id, source_of(ref), Seen(ref.verified_at), work.now)


def failed(work: Work, uri: str, now: float, *, missing: bool) -> None:
    """A request for it failed; what the queue tries again by itself is left to the queue."""
    id = id_of(work, uri)
    ref = work.ref(id)
    before = min(ref.failures, 16)
    if ref.is_source and not is_asked(work, id, ref.kind):
        if ref.kind == OUTBOX:
            return  # it was read as a document, in vain; what becomes of its visits they see
        wait = max(_FIRST_BACKOFF, ref.interval) * (4.0 if missing else 2.0) ** before
        until = now + min(wait, _LONGEST_DOUBT if missing else _LONGEST_BACKOFF)
        work.agenda.backoff(WorkRows(work), id, now, until)
        return
    ref.failures += 1
    if not ref.is_source and not ref.has_body:
        wait = negative.lifetime(ref.failures)  # only the answer is remembered
        ref.due, ref.interval = int(now + wait), wait


def end_document(work: Work, id: bytes, ref: Ref) -> None:
    """A document is not asked again by itself. Of a collection that is read, whoever asks for it
    as a document learns nothing: its visits see for themselves what has become of it."""
    if ref.is_source and ref.kind in COLLECTIONS:
        return
    end(work, id, ref)
    row = row_of(work, id, ACTOR)
    if row is not None and row.parked:  # a followed actor's: nobody would bring it forward
        wants.postpone(work, id, Wanted.DOCUMENT, row, work.now + _LOOK_AGAIN)


def end(work: Work, id: bytes, ref: Ref) -> None:
    """It is gone, refused, or another's name: it is not asked again by itself."""
    if ref.is_source:
        work.agenda.drop(WorkRows(work), id)
    ref.no_source()


def is_asked(work: Work, id: bytes, kind: int) -> bool:
    """Whether the queue holds a request for a source that will be made by itself."""
    row = row_of(work, id, kind)
    return row is not None and not row.parked


def row_of(work: Work, id: bytes, kind: int) -> Row | None:
    """The queue's row that asks for a source."""
    return queued_for(work.txn, work.t, id, kind)


def queued_for(txn: Txn, t: Tables, id: bytes, kind: int) -> Row | None:
    """The same for readers."""
    wanted = Wanted.PAGE if kind in COLLECTIONS else Wanted.DOCUMENT
    stored = txn.get(id + bytes((wanted,)), None, t.want)
    return None if stored is None else Row.unpack(stored)


def _kind(ref: Ref) -> Kind:
    # What does not say since when it is there has no age to judge it by.
    return POST if ref.cls == _OBJECT and not isnan(ref.published) else ACTOR


def _plan(ref: Ref, plan: Plan) -> None:
    bound(ref, plan.shortest, plan.longest, plan.not_before)
    if plan.weight is not None:
        ref.weight = half(plan.weight)


def validity(item: Put) -> float:
    """When the answer that brought it was current."""
    return item.fetched_at if item.verified_at is None else item.verified_at
