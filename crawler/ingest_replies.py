"""What the items of a thread's collection come to: posts to ask for, or taken as they stand.

Pure. Where the visit goes on is not decided here. Invariant: an item is no more than a hint that
there is a post, which is asked for at its own origin, unless this answer counts as its origin's
word (`ingest_embedded`); and no more is asked for than its thread has left.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ..cache.records import Entry, Kind, Mark, Members, Outcome, Put, State, Want
from . import ingest_plan
from .describe import stamp_of, states_no_audience
from .ingest_base import asked_again, comes_back, lease_of, standing
from .ingest_embedded import Enclosing, enclosing, fetched, objection, record
from .ingest_next import below, next_wants
from .protocol import activitystreams as as2
from .protocol import media, thread
from .protocol.items import Item
from .protocol.walk import Walk
from .reading import Prior, Reading


@dataclass(slots=True)
class Taken:
    """What the items of one page come to."""

    room: int  # requests that the thread still has
    entries: list[Entry] = field(default_factory=list)
    puts: list[Put] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    wants: list[Want] = field(default_factory=list)


def levels_of(want: Want, prior: Prior) -> int:
    """How many levels of replies a collection may bring: no more than its follow wants by now."""
    wanted = prior.rules.replies if want.follow and prior.rules is not None else want.depth
    return min(want.depth, wanted)


def take(base: Outcome, reading: Reading, prior: Prior, items: Iterable[Item]) -> Taken:
    """What a visit takes of a page, within what its thread has left."""
    want = lease_of(base).want
    levels = levels_of(want, prior)
    spent = prior.thread.fetched if prior.thread is not None else 0
    taken = Taken(room=thread.MAX_FETCHES - spent)
    owner, refetch = _owner(want, prior), prior.ages.refetch_embedded
    around = enclosing(reading, owner, trusted=reading.trusted, refetch=refetch)
    current = base.at - media.age(reading.answer.headers)
    for item in items:
        reply = thread.reply_of(item)
        if taken.room <= 0:
            break
        if reply is None or reply.id == want.root:
            continue
        if prior.states.get(reply.id) is State.GONE and not comes_back(prior, reply.id, base.at):
            continue
        asks = _asks(want, reply.id, levels, base.at)
        if around is not None and _embedded(asks, reply, around, current, prior, taken):
            continue
        taken.entries.append(Entry(reply.id, activity=item.activity_id))
        if want.relation == "asked" or _leads_on(asks, prior, base.at):
            taken.wants.append(asks)
            taken.room -= 1
    return taken


def _owner(want: Want, prior: Prior) -> str | None:
    """Whose embedded posts count as fetched: those of who named the collection. Another author on
    the same server does not speak for him (FEP-fe34), whatever stands in his replies."""
    if prior.root is None or want.uri not in {place.url for place in thread.places(prior.root, 1)}:
        return None
    return as2.owner(prior.root)


def _leads_on(asks: Want, prior: Prior, now: float) -> bool:
    """Whether a listed post is asked for. One that is held for another reason (a parent, somebody
    else's post) has yet to say where its own replies are, once."""
    if asks.depth > 0 and asks.uri not in prior.members:
        return standing(prior, asks.uri) is State.RESOLVED or asked_again(prior, asks.uri, now)
    return asked_again(prior, asks.uri, now)


def _asks(want: Want, id: str, levels: int, now: float) -> Want:
    """What asks for a post that a collection lists. A conversation lists all of its posts, so that
    none of them has to be asked for its own replies."""
    relation = "asked" if want.relation == "asked" else "reply"
    depth = 0 if want.relation == "context" else max(levels - 1, 0)
    return Want(id, Kind.DOCUMENT, below(want), now, want.follow, relation, depth, root=want.root)


def _embedded(
    asks: Want,
    reply: thread.Reply,
    around: Enclosing,
    current: float,
    prior: Prior,
    taken: Taken,
) -> bool:
    """Take a post as it stands in the page, if it counts as fetched; whether nothing is left to
    be asked."""
    body = fetched(around, reply.object) if reply.object is not None else None
    if reply.object is None or body is None:
        return False
    doc, stamp = reply.object, stamp_of(reply.object, asks.due, around.context)
    if stamp.kind != "object" or as2.is_tombstone(doc):
        return False
    if states_no_audience(doc) and states_no_audience(reply.activity or {}):
        return False  # it was shortened: that nobody is named here does not make it private
    reason = objection(doc, stamp, reply.activity, prior.rules)
    if reason is not None:
        purge, owner = reason != "types", stamp.owner
        mark = Mark(reply.id, State.REFUSED, reason, purge=purge, type=stamp.type, owner=owner)
        taken.marks.append(mark)
        return True
    taken.entries.append(Entry(reply.id, activity=as2.id_of(reply.activity)))
    plan = ingest_plan.of_embedded(stamp.type, "reply", prior)
    kept = record(
        around, reply.id, body, doc, stamp, "", asks.due, current, plan, activity=reply.activity
    )
    taken.puts.append(kept)
    deeper = next_wants(asks, doc, stamp, prior, asks.due)
    taken.wants += deeper
    taken.room -= len(deeper)
    return True


def members_of(collection: str, walk: Walk, taken: Taken) -> Members | None:
    """The place of what was taken in its collection, after what the walk has met before."""
    if not taken.entries:
        return None
    first = walk.first_item is None
    return Members(collection, tuple(taken.entries), first=first, after=walk.last_object)
