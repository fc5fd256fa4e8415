"""What follows from a page of a thread's collection: which posts to ask for, and when to stop.

Pure. It reads the replies of one post and conversations alike; how much of a thread may be asked is
counted where it is queued. An item is no more than a hint that there is a post: it is asked for at
its own origin, unless this answer counts as its origin's word (`ingest_embedded`). Invariant: a
visit ends with the walk removed, so that the next one begins at the start, whatever this one met.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from ..cache.records import (
    Cause,
    Collection,
    Entry,
    Kind,
    Mark,
    Members,
    Outcome,
    Plan,
    Poll,
    Put,
    State,
    Want,
)
from . import ingest_plan
from .describe import stamp_of
from .ingest_base import asked_again, comes_back, lease_of, line, told
from .ingest_embedded import Enclosing, enclosing, fetched, objection, record
from .ingest_next import above_in_conversation, listing, next_wants
from .protocol import activitystreams as as2
from .protocol import media, thread
from .protocol.collection import Page
from .protocol.walk import Step, Walk, begin, step, step_missing
from .reading import Prior, Reading

# Relations under which a thread's collections are asked for.
LISTINGS = frozenset({"context", "replies"})
# What is new in a thread matters less than what a followed actor posts.
_WEIGHT = 0.1
# At most so often is a thread read that nobody adds to.
_LONGEST = 30 * thread.DAY


@dataclass(slots=True)
class _Taken:
    """What the items of one page come to."""

    room: int  # requests that the thread still has
    entries: list[Entry] = field(default_factory=list)
    puts: list[Put] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    wants: list[Want] = field(default_factory=list)


def page(base: Outcome, reading: Reading, prior: Prior) -> Outcome:
    """A page was read: ask for its posts, go on or stop."""
    lease, found = lease_of(base), reading.page
    assert found is not None
    walk = reading.walk or begin(lease.want.uri, None, max_pages=thread.MAX_PAGES)
    ids = (reply.id for item in found.items if (reply := thread.reply_of(item)) is not None)
    new = frozenset(id for id in ids if id not in prior.members)
    now_at = step(walk, found, new, lease.url)
    if lease.want.relation == "context" and lease.want.depth <= 0:
        return _above(base, found, now_at, prior)
    taken = _take(base, reading, prior, now_at)
    base = replace(
        base,
        puts=tuple(taken.puts),
        marks=tuple(taken.marks),
        wants=tuple(taken.wants),
        members=_members(lease.want.uri, walk, taken),
    )
    if now_at.next is not None and taken.room > 0:
        return _walk_on(base, now_at, len(new))
    if now_at.walk.is_newest and _is_no_thread(lease.want, now_at):
        base = replace(base, wants=instead(base, prior))
        return _over(base, now_at, f"is no thread: {now_at.kind}")
    said = f"page {now_at.walk.pages}: {len(new)} new, {now_at.stop or 'size'}"
    return _over(_polled(base, now_at, prior), now_at, said)


def _is_no_thread(want: Want, now_at: Step) -> bool:
    """Nothing at all was listed: a conversation holds its first post at least (FEP-f228), while a
    post may have no replies."""
    return want.relation == "context" or now_at.kind in ("stub", "unpageable")


def missing_page(base: Outcome, reading: Reading, prior: Prior) -> Outcome | None:
    """404, 400 or 410 beyond the last page is how some servers end; None: not within a walk."""
    lease = lease_of(base)
    if lease.walk is None:
        return None
    ended = step_missing(Walk.from_json(lease.walk), reading.answer.status)
    if ended is None:
        return None
    if ended.next is not None:
        return _walk_on(base, ended, 0)
    return _over(_polled(base, ended, prior), ended, f"no page beyond {ended.walk.pages}")


def instead(base: Outcome, prior: Prior) -> tuple[Want, ...]:
    """Where else the thread of the post can be read, or what it answers be found."""
    want = lease_of(base).want
    if prior.root is None or want.attempts:
        return ()
    if want.relation == "parent":
        return tuple(above_in_conversation(want, prior.root, want.root, base.at))
    if want.relation not in LISTINGS:
        return ()
    found = thread.places(prior.root, want.depth)
    urls = [place.url for place in found]
    after = found[urls.index(want.uri) + 1 :] if want.uri in urls else ()
    return tuple(listing(want, place, want.depth, base.at, want.root) for place in after[:1])


def given_up(base: Outcome, prior: Prior) -> Outcome | None:
    """A collection that cannot be read, where there is another one to try; None: there is none."""
    want = lease_of(base).want
    wants = instead(base, prior) if want.kind is Kind.PAGE else ()
    if not wants:
        return None
    none = Collection(want.uri, "none", None)
    return replace(base, wants=wants, collection=none, walk_done=True)


def _take(base: Outcome, reading: Reading, prior: Prior, now_at: Step) -> _Taken:
    want = lease_of(base).want
    spent = prior.thread.fetched if prior.thread is not None else 0
    taken = _Taken(room=thread.MAX_FETCHES - spent)
    around = enclosing(reading, as2.owner(prior.root), trusted=reading.trusted)
    current = base.at - media.age(reading.answer.headers)
    for item in now_at.take:
        reply = thread.reply_of(item)
        if taken.room <= 0:
            break
        if reply is None or reply.id == want.root:
            continue
        if prior.states.get(reply.id) is State.GONE and not comes_back(prior, reply.id, base.at):
            continue
        asks = _asks(want, reply.id, base.at)
        if around is not None and _embedded(asks, reply, around, current, prior, taken):
            continue
        taken.entries.append(Entry(reply.id, activity=item.activity_id))
        if want.relation == "asked" or asked_again(prior, reply.id, base.at):
            taken.wants.append(asks)
            taken.room -= 1
    return taken


def _asks(want: Want, id: str, now: float) -> Want:
    """What asks for a post that a collection lists. A conversation lists all of its posts, so that
    none of them has to be asked for its own replies."""
    cause = Cause.NEW if want.cause is Cause.REFRESH else want.cause
    relation = "asked" if want.relation == "asked" else "reply"
    depth = 0 if want.relation == "context" else max(want.depth - 1, 0)
    return Want(id, Kind.DOCUMENT, cause, now, want.follow, relation, depth, root=want.root)


def _embedded(
    asks: Want,
    reply: thread.Reply,
    around: Enclosing,
    current: float,
    prior: Prior,
    taken: _Taken,
) -> bool:
    """Take a post as it stands in the page, if it counts as fetched; whether nothing is left to
    be asked."""
    body = fetched(around, reply.object) if reply.object is not None else None
    if reply.object is None or body is None:
        return False
    doc, stamp = reply.object, stamp_of(reply.object, asks.due)
    if stamp.kind != "object" or as2.is_tombstone(doc):
        return False
    reason = objection(doc, stamp, reply.activity, prior.rules)
    if reason is not None:
        purge, owner = reason != "types", stamp.owner
        mark = Mark(reply.id, State.REFUSED, reason, purge=purge, type=stamp.type, owner=owner)
        taken.marks.append(mark)
        return True
    taken.entries.append(Entry(reply.id, activity=as2.id_of(reply.activity)))
    plan = ingest_plan.of_embedded(stamp.type, "reply", prior)
    taken.puts.append(record(around, reply.id, body, doc, stamp, "", asks.due, current, plan))
    deeper = next_wants(asks, doc, stamp, prior, asks.due)
    taken.wants += deeper
    taken.room -= len(deeper)
    return True


def _members(collection: str, walk: Walk, taken: _Taken) -> Members | None:
    if not taken.entries:
        return None
    first = walk.first_item is None
    return Members(collection, tuple(taken.entries), first=first, after=walk.last_object)


def _above(base: Outcome, found: Page, now_at: Step, prior: Prior) -> Outcome:
    """The conversation was asked for what stands above a post: its beginning, and what comes just
    before that post (conversations are in the order of time, FEP-f228)."""
    want = lease_of(base).want
    replies = (thread.reply_of(item) for item in found.items)
    ids = [reply.id for reply in replies if reply is not None]
    before = ids[: ids.index(want.root)] if want.root in ids else ids
    levels = prior.rules.parents if prior.rules is not None else 0
    chosen = dict.fromkeys((*before[:1], *before[1:][-max(levels - 1, 0) :])) if levels else {}
    wants = tuple(
        replace(_asks(want, id, base.at), relation="parent")
        for id in list(chosen)[:levels]
        if asked_again(prior, id, base.at)
    )
    return _over(replace(base, wants=wants), now_at, f"{len(wants)} above the post")


def _walk_on(base: Outcome, now_at: Step, new: int) -> Outcome:
    want = replace(lease_of(base).want, due=base.at, attempts=0)
    said = line(base, 200, f"page {now_at.walk.pages}: {new} new")
    wants = (*base.wants, want)
    walk = now_at.walk
    return replace(base, walk=walk.to_json(), walk_url=now_at.next, wants=wants, attempt=said)


def _polled(base: Outcome, now_at: Step, prior: Prior) -> Outcome:
    """With what the visit showed, for who decides when to read it again; nothing where it is not
    to be: on demand, and once the post is old."""
    want, known = lease_of(base).want, prior.thread
    if not want.follow or known is None or base.at - known.born > thread.QUIET_AGE:
        return base
    pause = thread.pause(base.at - known.born)
    poll = Poll(
        want.uri,
        base.at,
        now_at.walk.found,
        listing=True,
        stamps=now_at.walk.stamps,
        first=known.read is None,
        since=known.born,
        plan=Plan(shortest=pause, longest=_LONGEST, weight=_WEIGHT),
    )
    return replace(base, polls=(poll,))


def _over(base: Outcome, now_at: Step, said: str) -> Outcome:
    kind, total = now_at.kind, now_at.total_items
    collection = Collection(lease_of(base).want.uri, kind, now_at.complete, total)
    return told(replace(base, collection=collection, walk_done=True), 200, said)
