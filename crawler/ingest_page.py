"""What follows from one page of an outbox: members, embedded bodies, and the walk's next step.

Pure. Where to go and when to stop is the walk's business (`protocol.walk`); this decides what the
items are worth: taken as they stand, fetched, only noted as members, or nothing. Identity is the
object's id; an activity's id may be new at every request (Lemmy, NodeBB) and decides nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..cache.records import (
    Attempt,
    Cause,
    Collection,
    Entry,
    Follow,
    Kind,
    Lease,
    Mark,
    Members,
    Outcome,
    Put,
    State,
    Want,
)
from ..config.model import Every
from .describe import stamp_of
from .ingest_base import lease_of, line, settled, standing, told, unwanted
from .ingest_document import OFFERING, next_wants
from .ingest_embedded import Enclosing, enclosing, fetched, objection, record
from .protocol import activitystreams as as2
from .protocol.collection import Page
from .protocol.freshness import poll_interval
from .protocol.items import Item
from .protocol.walk import MAX_PAGES, Step, Walk, begin, resume, step, step_missing
from .reading import Prior, Reading

# A walk that met its page cap goes on later, so that an endless outbox is not read without a pause.
_PAUSE_AT_CAP = 3600.0
# Reading everything again costs a hundred times what a look at the head does.
_RESCAN_EVERY = 3600.0


@dataclass(frozen=True, slots=True)
class _Visit:
    """What all items of one page share."""

    prior: Prior
    now: float
    follow: str
    post: Want  # what leads to the objects that are its owner's own, but for their ids
    around: Enclosing | None


@dataclass(slots=True)
class _Taken:
    """What the items of one page come to."""

    entries: list[Entry] = field(default_factory=list)
    puts: list[Put] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    wants: list[Want] = field(default_factory=list)


def page(base: Outcome, reading: Reading, prior: Prior) -> Outcome:
    """A page was read: take its items, go on or stop."""
    lease, found = lease_of(base), reading.page
    assert found is not None
    walk = reading.walk or _begin(lease.want.uri, prior)
    new = _new_ids(found, prior)
    now_at = step(walk, found, new, lease.url)
    taken = _take(_visit(base, reading, prior, walk), walk, now_at, new)
    base = replace(
        base,
        puts=tuple(taken.puts),
        marks=tuple(taken.marks),
        wants=tuple(taken.wants),
        members=_members(lease, walk, now_at, taken, prior),
    )
    return _go_on(base, now_at, walk, found, prior, len(new))


def missing_page(base: Outcome, prior: Prior, status: int) -> Outcome | None:
    """404, 400 or 410 beyond the last page is how some servers end; None: not within a walk."""
    lease = lease_of(base)
    if lease.walk is None:
        return None
    walk = Walk.from_json(lease.walk)
    ended = step_missing(walk, status)
    return _go_on(base, ended, walk, None, prior, 0) if ended is not None else None


def _begin(collection: str, prior: Prior) -> Walk:
    """The first walk over an outbox: to the configured number of posts, or to its end."""
    target = prior.rules.backfill_limit if prior.rules else None
    return begin(collection, target)


def _next_visit(walk: Walk, now_at: Step) -> Walk:
    """The walk of the next visit: from the cursor, at the head, or, where new items may stand
    anywhere (Gancio and Mobilizon order by when events take place), over everything again."""
    return begin(
        walk.collection,
        None,
        now_at.cursor,
        known=True,
        ordered=now_at.walk.ordered,
        horizon=now_at.walk.horizon,
        rescan=now_at.cursor is None and now_at.walk.scattered,
    )


def _identity(item: Item) -> str | None:
    return item.object_id or item.activity_id


def _new_ids(found: Page, prior: Prior) -> frozenset[str]:
    """The items that no earlier pass has met; what was refused or is gone is not new."""
    boosts = prior.rules is None or prior.rules.boosts
    ids = (_identity(item) for item in found.items if boosts or item.verb != "Announce")
    return frozenset(
        id for id in ids if id and id not in prior.members and not _dealt_with(prior, id)
    )


def _dealt_with(prior: Prior, id: str) -> bool:
    over = (State.REFUSED, State.GONE, State.REDIRECTED)
    return standing(prior, id) in over or unwanted(prior, id)


def _visit(base: Outcome, reading: Reading, prior: Prior, walk: Walk) -> _Visit:
    owner = prior.follow.actor if prior.follow else None
    follow = lease_of(base).want.follow
    return _Visit(
        prior,
        base.at,
        follow,
        Want("", Kind.DOCUMENT, _cause(walk), base.at, follow, "item"),
        enclosing(reading, owner, trusted=reading.trusted),
    )


def _take(visit: _Visit, walk: Walk, now_at: Step, new: frozenset[str]) -> _Taken:
    taken = _Taken()
    room = None if walk.target is None else max(walk.target - walk.found, 0)
    uncounted, latest = set(new), _latest(now_at.take)
    deleted = {item.object_id for item in now_at.take if _is_deletion(item)}
    for item in now_at.take:
        id = _identity(item)
        if id is None or latest.get(id, item.object) is not item.object:
            continue
        if _left_out(visit.prior, id) or (id in deleted and _is_other(item)):
            continue
        keep = room is None or room > 0
        counted = _take_item(visit, item, id, taken, keep=keep)
        if counted and room is not None and id in uncounted:
            uncounted.discard(id)  # an edit and what it edits are one post
            room -= 1
    held = {put.id for put in taken.puts}  # what a boost above its post asks for in vain
    taken.wants = [want for want in taken.wants if want.uri not in held]
    return taken


def _is_other(item: Item) -> bool:
    """Not the deletion itself, but what it took back."""
    return item.verb in OFFERING and not _is_deletion(item)


def _is_deletion(item: Item) -> bool:
    return item.verb == "Delete" or (item.object is not None and as2.is_tombstone(item.object))


def _latest(items: Sequence[Item]) -> dict[str, dict[str, Any] | None]:
    """Of objects that a page embeds more than once, as an edit and as what it edits: the version
    that was changed last, or else the first."""
    latest: dict[str, dict[str, Any] | None] = {}
    several: dict[str, dict[str, Any] | None] = {}
    for item in items:
        id, doc = item.object_id, item.object
        if id is None or doc is None or item.verb == "Announce":
            continue
        held = latest.setdefault(id, doc)
        if held is not doc:
            newer = (as2.updated(doc) or 0.0) > (as2.updated(held) or 0.0)
            latest[id] = several[id] = doc if newer else held
    return several


def _left_out(prior: Prior, id: str) -> bool:
    """Known, but never asked for: the backfill stopped above it, or its turn is still to come."""
    return id in prior.members and prior.states.get(id, State.UNKNOWN) is State.UNKNOWN


def _take_item(visit: _Visit, item: Item, id: str, taken: _Taken, *, keep: bool) -> bool:
    """Add what one item comes to; whether it counts as a post of the backfill."""
    prior, announced = visit.prior, item.verb == "Announce"
    if _is_deletion(item):
        _deleted(visit, item, id, taken)
        return False
    if unwanted(prior, id):
        return False
    if announced and prior.rules is not None and not prior.rules.boosts:
        return False
    if not item.is_post:
        return False
    entry = Entry(id, activity=item.activity_id, announced=announced)
    if prior.states.get(id) is State.REDIRECTED:
        # An activity's URL, in whose place its object stands already; or another name of a post.
        target = prior.details[id].target if id in prior.details else None
        if item.verb != "Link" and id not in prior.members and target is not None:
            taken.entries.append(replace(entry, object=target))
        return False
    if not keep:
        taken.entries.append(entry)
        return False
    if item.object is not None and (body := _fetched(visit, item)) is not None:
        return _embedded(visit, item.object, body, item.activity, entry, taken)
    taken.entries.append(entry)
    if not settled(prior, id) or _to_open(prior, item, id):
        relation = "boost" if announced else "item"
        want = Want(id, Kind.DOCUMENT, visit.post.cause, visit.now, visit.follow, relation)
        taken.wants.append(want)
    return True


def _to_open(prior: Prior, item: Item, id: str) -> bool:
    """The URL of an activity that is held for its own sake: what it is about is still to come."""
    held = prior.details.get(id) if item.verb == "Link" else None
    return held is not None and held.cls == "activity"


def _cause(walk: Walk) -> Cause:
    return Cause.BACKFILL if walk.mode == "backfill" else Cause.NEW


def _fetched(visit: _Visit, item: Item) -> bytes | None:
    """The bytes of an embedded object that counts as fetched; what is shown again does not."""
    if item.object is None or item.verb == "Announce" or visit.around is None:
        return None
    return fetched(visit.around, item.object)


def _embedded(
    visit: _Visit,
    doc: dict[str, Any],
    body: bytes,
    activity: dict[str, Any] | None,
    entry: Entry,
    taken: _Taken,
) -> bool:
    assert visit.around is not None
    id, stamp = entry.object, stamp_of(doc)
    reason = objection(doc, stamp, activity, visit.prior.rules)
    if reason is not None:
        purge = reason != "types"
        mark = Mark(
            id, State.REFUSED, reason=reason, purge=purge, type=stamp.type, owner=stamp.owner
        )
        taken.marks.append(mark)
        return False
    taken.entries.append(entry)
    taken.puts.append(record(visit.around, id, body, doc, stamp, visit.follow, visit.now))
    taken.wants += next_wants(visit.post, doc, stamp, visit.prior, visit.now)
    return True


def _deleted(visit: _Visit, item: Item, id: str, taken: _Taken) -> None:
    """A Tombstone that counts as fetched says so. A Delete, or a Tombstone without owner or of
    another origin, is a hint: the object is asked for, and answers for itself."""
    states = visit.prior.states
    if item.verb != "Delete" and item.object is not None and _fetched(visit, item) is not None:
        if id in states:
            owner = as2.owner(item.object)
            taken.marks.append(Mark(id, State.GONE, reason="tombstone", purge=True, owner=owner))
    elif states.get(id) is State.RESOLVED:
        taken.wants.append(Want(id, Kind.DOCUMENT, Cause.NEW, visit.now, visit.follow, "check"))


def _members(lease: Lease, walk: Walk, now_at: Step, taken: _Taken, prior: Prior) -> Members | None:
    if not taken.entries:
        return None
    return Members(
        collection=lease.want.uri,
        entries=tuple(taken.entries),
        first=walk.first_item is None,  # the first that holds any, be it the root or its `first`
        upward=walk.mode == "prev",
        after=walk.last_object,
        follow=lease.want.follow,
    )


def _go_on(
    base: Outcome, now_at: Step, walk: Walk, found: Page | None, prior: Prior, new: int
) -> Outcome:
    want = lease_of(base).want
    status = 200 if found is not None else None
    if now_at.next is not None:
        cause = _cause(now_at.walk)
        more = replace(want, due=base.at, cause=cause, attempts=0, scheduled=False)
        said = line(base, status, f"page {now_at.walk.pages}: {new} new")
        return _walk_on(base, now_at.walk, more, said)
    whole = now_at.complete if walk.mode in ("backfill", "rescan") else None
    base = replace(base, collection=Collection(want.uri, now_at.kind, whole, now_at.total_items))
    if now_at.stop == "page cap":
        later = replace(want, due=base.at + _PAUSE_AT_CAP, attempts=0, scheduled=True)
        base = _walk_on(base, resume(now_at.walk, MAX_PAGES), later)
    elif prior.follow is not None:
        base = _visited(base, now_at, _next_visit(walk, now_at), prior.follow, prior)
    return told(base, status, f"page {now_at.walk.pages}: {new} new, {now_at.stop}")


def _walk_on(base: Outcome, walk: Walk, want: Want, said: Attempt | None = None) -> Outcome:
    wants = (*base.wants, want)
    return replace(base, walk=walk.to_json(), walk_url=walk.next, wants=wants, attempt=said)


def _visited(base: Outcome, now_at: Step, next_walk: Walk, follow: Follow, prior: Prior) -> Outcome:
    """The visit is over: when the next one is, and from where."""
    every = prior.rules.every if prior.rules else Every()
    interval = poll_interval(follow.interval, now_at.walk.found, every.min, every.max)
    if next_walk.mode == "rescan":
        interval = min(max(interval, _RESCAN_EVERY), every.max)
    due = base.at + interval
    visited = replace(
        follow,
        outbox_kind=now_at.kind,
        complete=True,
        last_success=base.at,
        last_error=now_at.refused,
        next_check=None if follow.once else due,
        interval=interval,
    )
    want = replace(lease_of(base).want, due=due, cause=Cause.NEW, attempts=0, scheduled=True)
    if follow.once:
        return replace(base, follow=visited, walk=next_walk.to_json(), walk_url=next_walk.next)
    return replace(_walk_on(base, next_walk, want), follow=visited)
