"""What follows from a page of a thread's collection: which posts to ask for, and when to stop.

Pure. It reads the replies of one post and conversations alike; how much of a thread may be asked is
counted where it is queued, and what its items come to is `ingest_replies`' affair. Invariant: a
visit ends with the walk removed, so that the next one begins at the start, whatever this one met.
"""

from __future__ import annotations

from dataclasses import replace

from ..cache.records import (
    Cause,
    Collection,
    Kind,
    Outcome,
    Plan,
    Poll,
    Want,
)
from .ingest_base import asked_again, lease_of, line, told
from .ingest_next import above_in_conversation, listing
from .ingest_replies import levels_of, members_of, take
from .protocol import thread
from .protocol.collection import Page
from .protocol.walk import Step, Walk, begin, step, step_missing
from .reading import Prior, Reading

# Relations under which a thread's collections are asked for.
LISTINGS = frozenset({"context", "replies"})
# What is new in a thread matters less than what a followed actor posts.
_WEIGHT = 0.1
# At most so often is a thread read that nobody adds to.
_LONGEST = 30 * thread.DAY


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
    if levels_of(lease.want, prior) <= 0:
        put_off = _polled(base, now_at.walk, prior, shortest=_LONGEST)
        return _over(put_off, now_at, "no replies are wanted any more")
    taken = take(base, reading, prior, now_at.take)
    base = replace(
        base,
        puts=tuple(taken.puts),
        marks=tuple(taken.marks),
        wants=tuple(taken.wants),
        members=members_of(lease.want.uri, walk, taken),
    )
    if now_at.next is not None and taken.room > 0:
        return _walk_on(base, now_at, len(new))
    if now_at.walk.is_newest and _is_no_thread(lease.want, now_at):
        base = replace(base, wants=instead(base, prior))
        return _over(base, now_at, f"is no thread: {now_at.kind}")
    said = f"page {now_at.walk.pages}: {len(new)} new, {now_at.stop or 'size'}"
    return _over(_polled(base, now_at.walk, prior), now_at, said)


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
    return _over(_polled(base, ended.walk, prior), ended, f"no page beyond {ended.walk.pages}")


def cut_short(base: Outcome, prior: Prior) -> Outcome:
    """No try is left for a page within a walk: the visit has brought what came before."""
    lease = lease_of(base)
    if lease.walk is None or lease.want.relation == "outbox":
        return base
    if not lease.want.scheduled:  # else the agenda is told that it failed
        base = _polled(base, Walk.from_json(lease.walk), prior)
    return replace(base, walk_done=True)


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
    lease = lease_of(base)
    want = lease.want
    # What was a collection when it was asked before is one that fails now.
    if want.kind is not Kind.PAGE or want.scheduled or lease.walk is not None:
        return None
    wants = instead(base, prior)
    if not wants:
        return None
    none = Collection(want.uri, "none", None)
    return replace(base, wants=wants, collection=none, walk_done=True)


def _above(base: Outcome, found: Page, now_at: Step, prior: Prior) -> Outcome:
    """The conversation was asked for what stands above a post: its beginning, and what comes just
    before that post (conversations are in the order of time, FEP-f228)."""
    want = lease_of(base).want
    replies = (thread.reply_of(item) for item in found.items)
    ids = [reply.id for reply in replies if reply is not None]
    before = ids[: ids.index(want.root)] if want.root in ids else ids
    levels = prior.rules.parents if prior.rules is not None else 0
    cause = Cause.NEW if want.cause is Cause.REFRESH else want.cause
    chosen = dict.fromkeys((*before[:1], *before[1:][-max(levels - 1, 0) :])) if levels else {}
    wants = tuple(
        Want(id, Kind.DOCUMENT, cause, base.at, want.follow, "parent", root=want.root)
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


def _polled(base: Outcome, walk: Walk, prior: Prior, *, shortest: float = 0.0) -> Outcome:
    """With what the visit showed, for who decides when to read it again; nothing where it is not
    to be: on demand, and once the post is old."""
    want, known = lease_of(base).want, prior.thread
    if not want.follow or known is None or base.at - known.born > thread.QUIET_AGE:
        return base
    shortest = max(thread.pause(base.at - known.born), shortest)
    poll = Poll(
        want.uri,
        base.at,
        walk.found,
        listing=True,
        stamps=walk.stamps,
        first=known.read is None,
        since=known.born,
        plan=Plan(shortest=shortest, longest=_LONGEST, weight=_WEIGHT),
    )
    return replace(base, polls=(poll,))


def _over(base: Outcome, now_at: Step, said: str) -> Outcome:
    kind, total = now_at.kind, now_at.total_items
    collection = Collection(lease_of(base).want.uri, kind, now_at.complete, total)
    return told(replace(base, collection=collection, walk_done=True), 200, said)
