"""What the items of a page are worth: taken as they stand, fetched, only noted as members, or none.

Pure. Where the walk goes is not decided here. Identity is the object's id; an activity's id may be
new at every request (Lemmy, NodeBB) and decides nothing. Invariant: what is taken are bytes that
the object's own origin served under its owner's name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..cache.records import Cause, Entry, Kind, Mark, Outcome, Plan, Put, State, Want
from . import ingest_plan
from .describe import stamp_of
from .ingest_base import HOUR, asked_again, comes_back, lease_of, standing, unwanted
from .ingest_document import OFFERING
from .ingest_embedded import Enclosing, enclosing, fetched, objection, record
from .ingest_next import next_wants
from .protocol import activitystreams as as2
from .protocol import media
from .protocol.collection import Page
from .protocol.items import Item
from .protocol.uri import is_at, origin
from .protocol.version import believable
from .protocol.walk import Step, Walk
from .reading import Prior, Reading

# Other servers' posts that one page makes us look at again, and how long after the last look at the
# earliest: what a page shows of them may be made up, and their hosts have not asked for it.
_MOST_SHOWN, _SHOWN_EVERY = 20, HOUR
# Looked up for each item of each page: see `protocol.source` on members of enums.
_GONE, _REDIRECTED = State.GONE, State.REDIRECTED
_OVER = (State.REFUSED, _GONE, _REDIRECTED)


@dataclass(frozen=True, slots=True)
class Visit:
    """What all items of one page share."""

    prior: Prior
    now: float
    current: float  # when the page was current: now minus its Age
    follow: str
    origin: str  # of the page
    post: Want  # what leads to the objects that are its owner's own, but for their ids
    around: Enclosing | None
    plans: dict[str, Plan] = field(default_factory=dict)  # by type

    def plan(self, type: str) -> Plan:
        found = self.plans.get(type)
        if found is None:
            found = self.plans[type] = ingest_plan.of_embedded(type, "item", self.prior)
        return found


@dataclass(slots=True)
class Taken:
    """What the items of one page come to."""

    entries: list[Entry] = field(default_factory=list)
    puts: list[Put] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    wants: list[Want] = field(default_factory=list)
    shown: int = 0  # posts of others that are looked at again for what the page shows of them


def visit(base: Outcome, reading: Reading, prior: Prior, walk: Walk) -> Visit:
    owner = prior.follow.actor if prior.follow else None
    follow = lease_of(base).want.follow
    return Visit(
        prior,
        base.at,
        base.at - media.age(reading.answer.headers),
        follow,
        origin(lease_of(base).want.uri),
        Want("", Kind.DOCUMENT, cause_of(walk), base.at, follow, "item"),
        enclosing(reading, owner, trusted=reading.trusted, refetch=prior.ages.refetch_embedded),
    )


def cause_of(walk: Walk) -> Cause:
    return Cause.BACKFILL if walk.mode == "backfill" else Cause.NEW


def new_ids(found: Page, prior: Prior) -> frozenset[str]:
    """The items that no earlier pass has met; what was refused or is gone is not new."""
    boosts = prior.rules is None or prior.rules.boosts
    ids = (_identity(item) for item in found.items if boosts or item.verb != "Announce")
    return frozenset(
        id for id in ids if id and id not in prior.members and not _dealt_with(prior, id)
    )


def _identity(item: Item) -> str | None:
    return item.object_id or item.activity_id


def _dealt_with(prior: Prior, id: str) -> bool:
    return standing(prior, id) in _OVER or unwanted(prior, id)


def take(visit: Visit, walk: Walk, now_at: Step, new: frozenset[str]) -> Taken:
    """The items that the walk gives out, up to the number that a target leaves room for."""
    taken = Taken()
    room = None if walk.target is None else max(walk.target - walk.found, 0)
    uncounted, latest = set(new), _latest(now_at.take)
    deleted = {item.object_id for item in now_at.take if _is_deletion(item)}
    for item in now_at.take:
        id = _identity(item)
        if id is None or latest.get(id, item.object) is not item.object:
            continue
        if _left_out(visit.prior, id) or (id in deleted and _is_other(item)):
            continue
        if item.object_id in deleted and _is_deletion(item):
            _deleted(visit, item, id, taken)
            continue
        counted = _take_item(visit, item, id, taken, keep=room is None or room > 0)
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


def _take_item(visit: Visit, item: Item, id: str, taken: Taken, *, keep: bool) -> bool:
    """Add what one item comes to; whether it counts as a post of the backfill."""
    prior, announced = visit.prior, item.verb == "Announce"
    if unwanted(prior, id):
        return False
    if announced and prior.rules is not None and not prior.rules.boosts:
        return False
    if not item.is_post:
        return False
    entry = Entry(id, item.activity_id, announced)
    if prior.states.get(id) is _REDIRECTED:
        # An activity's URL, in whose place its object stands already; or another name of a post.
        target = prior.details[id].target if id in prior.details else None
        if item.verb != "Link" and id not in prior.members and target is not None:
            taken.entries.append(replace(entry, object=target))
        return False
    if not keep:
        taken.entries.append(entry)
        return False
    if item.object is not None and (body := _fetched(visit, item)) is not None:
        if prior.states.get(id) is _GONE and not comes_back(prior, id, visit.now):
            return False
        return _embedded(visit, item.object, body, item.activity, entry, taken)
    taken.entries.append(entry)
    if asked_again(prior, id, visit.now) or _to_open(prior, item, id):
        _fetch(visit, item, id, taken)
    elif item.object is not None and id in prior.details:
        _look_again(visit, item.object, id, taken)
    return True


def _fetch(visit: Visit, item: Item, id: str, taken: Taken) -> None:
    relation = "boost" if item.verb == "Announce" else "item"
    cause = visit.post.cause
    taken.wants.append(Want(id, Kind.DOCUMENT, cause, visit.now, visit.follow, relation))
    if item.object is None and _vouches(visit, item, id):
        taken.marks.append(Mark(id, vouched=True))


def _vouches(visit: Visit, item: Item, id: str) -> bool:
    """Whether the activity around an id speaks for the audience of what is behind it, should that
    state none: the page counts as its origin's word, and that is the object's origin too."""
    around, activity = visit.around, item.activity
    if around is None or not around.trusted or activity is None or item.verb not in OFFERING:
        return False
    if not (is_at(around.origin, id) and as2.id_of(activity.get("actor")) == around.owner):
        return False
    return as2.is_for_all(activity)


def _is_offered(activity: dict[str, Any]) -> bool:
    return as2.primary_type(activity) in OFFERING and as2.is_for_all(activity)


def _look_again(visit: Visit, shown: dict[str, Any], id: str, taken: Taken) -> None:
    """A boost shows what it boosts. An edit that we cannot have seen yet is a reason to look; what
    is shown is not believed."""
    known = visit.prior.details[id]
    updated, verified = believable(as2.updated(shown), visit.now), known.verified_at or 0.0
    if updated is None or known.state is not State.RESOLVED:
        return
    if updated <= max(known.updated or 0.0, verified):
        return
    want = Want(id, Kind.DOCUMENT, Cause.NEW, visit.now, visit.follow, "check")
    if not is_at(visit.origin, id):
        if taken.shown >= _MOST_SHOWN:
            return
        taken.shown += 1
        due = max(visit.now, min(verified, visit.now) + _SHOWN_EVERY)
        want = replace(want, due=due, scheduled=due > visit.now)
    taken.wants.append(want)


def _to_open(prior: Prior, item: Item, id: str) -> bool:
    """The URL of an activity that is held for its own sake: what it is about is still to come."""
    held = prior.details.get(id) if item.verb == "Link" else None
    return held is not None and held.state is State.RESOLVED and held.cls == "activity"


def _fetched(visit: Visit, item: Item) -> bytes | None:
    """The bytes of an embedded object that counts as fetched; what is shown again does not."""
    if item.object is None or item.verb == "Announce" or visit.around is None:
        return None
    return fetched(visit.around, item.object)


def _embedded(
    visit: Visit,
    doc: dict[str, Any],
    body: bytes,
    activity: dict[str, Any] | None,
    entry: Entry,
    taken: Taken,
) -> bool:
    assert visit.around is not None
    id, stamp = entry.object, stamp_of(doc, visit.now, visit.around.context)
    reason = objection(doc, stamp, activity, visit.prior.rules)
    if reason is not None:
        purge = reason != "types"
        mark = Mark(
            id, State.REFUSED, reason=reason, purge=purge, type=stamp.type, owner=stamp.owner
        )
        taken.marks.append(mark)
        return False
    taken.entries.append(entry)
    plan, vouched = visit.plan(stamp.type), activity is not None and _is_offered(activity)
    current, around = visit.current, visit.around
    taken.puts.append(
        record(
            *(around, id, body, doc, stamp, visit.follow, visit.now, current, plan, vouched),
            activity,
        )
    )
    taken.wants += next_wants(visit.post, doc, stamp, visit.prior, visit.now)
    return True


def _deleted(visit: Visit, item: Item, id: str, taken: Taken) -> None:
    """A Tombstone that counts as fetched says so. A Delete, or a Tombstone without owner, is a
    hint: the object is asked for, and answers for itself. Nobody deletes what is elsewhere."""
    states = visit.prior.states
    if item.verb != "Delete" and item.object is not None and _fetched(visit, item) is not None:
        if id in states:
            owner = as2.owner(item.object)
            taken.marks.append(Mark(id, State.GONE, reason="tombstone", purge=True, owner=owner))
    elif states.get(id) is State.RESOLVED and is_at(visit.origin, id):
        taken.wants.append(Want(id, Kind.DOCUMENT, Cause.NEW, visit.now, visit.follow, "check"))
