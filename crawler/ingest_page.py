"""What follows from one page of an outbox: its members, its items, and the walk's next step.

Pure. Where to go and when to stop is the walk's business (`protocol.walk`), what the items are
worth is `ingest_items`', and what a visit comes to at its end `ingest_visit`'s.
"""

from __future__ import annotations

from ..cache.records import Attempt, Collection, Lease, Members, Outcome, State, Want
from . import ingest_visit
from .ingest_base import lease_of, line, told
from .ingest_items import Taken, cause_of, new_ids, take, visit
from .protocol.record import replace
from .protocol.walk import MAX_PAGES, Step, Walk, resume, step, step_missing
from .reading import Prior, Reading

# A walk that met its page cap goes on later, so that an endless outbox is not read without a pause.
_PAUSE_AT_CAP = 3600.0
# GoToSocial serves an outbox without its pages as long as it is still fetching our key.
_HANDSHAKE = 60.0


def page(base: Outcome, reading: Reading, prior: Prior) -> Outcome:
    """A page was read: take its items, go on or stop."""
    lease, found = lease_of(base), reading.page
    assert found is not None
    walk = ingest_visit.starting(reading, prior, base.at)
    new = new_ids(found, prior)
    now_at = step(walk, found, new, lease.url)
    began = ingest_visit.after_first_page(now_at.walk, found, reading, base.at)
    states, resolved = prior.states, State.RESOLVED
    held = sum([states.get(id) is resolved for id in new])
    now_at = replace(now_at, walk=replace(began, held=began.held + held))
    taken = take(visit(base, reading, prior, walk), walk, now_at, new)
    checks = ingest_visit.absent(now_at.walk, prior, lease.want.follow, base.at)
    base = replace(
        base,
        puts=tuple(taken.puts),
        marks=tuple(taken.marks),
        wants=(*taken.wants, *checks),
        members=_members(lease, walk, now_at, taken),
    )
    return _go_on(base, reading, prior, walk, now_at, len(new))


def missing_page(base: Outcome, reading: Reading, prior: Prior) -> Outcome | None:
    """404, 400 or 410 beyond the last page is how some servers end; None: not within a walk."""
    walk = ingest_visit.walk_of(lease_of(base))
    ended = step_missing(walk, reading.answer.status) if walk is not None else None
    if walk is None or ended is None:
        return None
    return _go_on(base, reading, prior, walk, ended, 0)


def _members(lease: Lease, walk: Walk, now_at: Step, taken: Taken) -> Members | None:
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
    base: Outcome, reading: Reading, prior: Prior, walk: Walk, now_at: Step, new: int
) -> Outcome:
    want, found = lease_of(base).want, reading.page
    status = 200 if found is not None else None
    if now_at.next is not None:
        more = replace(want, due=base.at, cause=cause_of(now_at.walk), attempts=0, scheduled=False)
        said = line(base, status, f"page {now_at.walk.pages}: {new} new")
        return _walk_on(base, now_at.walk, more, said)
    if _is_handshake(reading, walk, now_at):
        later = replace(want, due=base.at + _HANDSHAKE, attempts=0, scheduled=False)
        said = line(base, status, "names no pages, asked once more in a minute")
        return _walk_on(base, replace(walk, hidden=True), later, said)
    whole = now_at.complete if walk.mode in ("backfill", "rescan") else None
    base = replace(base, collection=Collection(want.uri, now_at.kind, whole, now_at.total_items))
    if now_at.stop == "page cap":
        later = replace(want, due=base.at + _PAUSE_AT_CAP, attempts=0, scheduled=True)
        base = _walk_on(base, resume(now_at.walk, MAX_PAGES), later)
    elif prior.follow is not None:
        base = ingest_visit.ended(base, reading, prior, now_at)
    return told(base, status, f"page {now_at.walk.pages}: {new} new, {now_at.stop}")


def _is_handshake(reading: Reading, walk: Walk, now_at: Step) -> bool:
    """Whether an outbox without pages may only be one that does not know us yet."""
    first_sight = walk.mode == "backfill" and walk.pages == 0 and not walk.hidden
    return first_sight and now_at.kind == "stub" and reading.answer.form != "unsigned"


def _walk_on(base: Outcome, walk: Walk, want: Want, said: Attempt | None = None) -> Outcome:
    wants = (*base.wants, want)
    return replace(base, walk=walk.to_json(), walk_url=walk.next, wants=wants, attempt=said)
