"""One visit to an outbox, from where it begins to what it taught: walk, poll, and what to check.

Pure. Which page comes next within a visit is `protocol.walk`'s affair, what its items are worth
`ingest_items`'; when the next visit is, the agenda's. Invariant: a visit that has ended leaves a
walk for the next one, and the row that leads to it parked.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..cache.records import Cause, Kind, Lease, Outcome, Poll, State, Want
from . import ingest_plan
from .ingest_base import DAY, HOUR, lease_of, parked, told
from .protocol import media
from .protocol.collection import Page
from .protocol.counted import at_head
from .protocol.walk import Step, Walk, begin
from .reading import Prior, Reading

# Where new items may stand anywhere, all of it is read again now and then: it costs a hundred times
# what a look at the head does, so that it is a small share of the polls, within these bounds.
_SCAN_EVERY = 24  # polls
_SCAN_SHORTEST, _SCAN_LONGEST = HOUR, 7 * DAY
# Visits in a row in which the cursor led to nothing, before the head is looked at once: there are
# servers whose first page names one before it, which stays empty for ever.
_MOST_IDLE = 24
# Tries of a page that fails, before its visit begins at the root instead: one that always fails
# must not hide what is new. A first sight has more patience, since it may have a target.
_TRIES, _FIRST_TRIES = 3, 6
# Whatever its validators say, once in so long it is asked for in full.
_WHOLE_EVERY = 30 * DAY
# A member that a page leaves out is asked whether it is still there; one that was asked itself is
# not asked again for a day, since a server may have reasons to list less than it has (Takahe).
_ABSENT_EVERY = DAY
_HASH = 18  # sixteen digits and two quotes


def starting(reading: Reading, prior: Prior, now: float) -> Walk:
    """The walk that this answer belongs to: the stored one, or a new one."""
    want = reading.lease.want
    walk = reading.walk
    if walk is None:
        target = prior.rules.backfill_limit if prior.rules else None
        return begin(want.uri, target)
    if walk.pages == 0 and walk.mode == "head" and walk.was_scattered:
        interval = prior.follow.interval if prior.follow else None
        wait = min(max(_SCAN_EVERY * (interval or 0.0), _SCAN_SHORTEST), _SCAN_LONGEST)
        # Who pulls wants to have all that is new, wherever it stands.
        if want.cause <= Cause.PUSH or not 0 <= now - walk.scanned_at < wait:
            return replace(walk, mode="rescan")
    return walk


def after_first_page(walk: Walk, found: Page, reading: Reading, now: float) -> Walk:
    """`walk` with what the answer that it began with says for the visits to come: which page is
    the first, and the validators, if it held items itself; those of a root that only names its
    pages say nothing of them, unless the first page shares its ETag."""
    form = reading.answer.form
    if walk.pages != 1:
        second = walk.pages == 2 and walk.root_etag is not None and form == walk.form
        if not second or reading.answer.headers.get("etag") != walk.root_etag:
            return walk
        return replace(walk, etag=walk.root_etag, whole_at=now)
    etag, modified = media.validators(reading.answer.headers)
    shared = etag if etag is not None and not found.items and _is_hash(etag) else None
    walk = replace(walk, root_etag=shared, form=form, whole_at=now)
    if found.items:
        walk = replace(walk, etag=etag, last_modified=modified)
    if not found.is_root:
        return walk
    head = None if found.items else found.first
    seen = walk.head_seen + 1 if head is not None and head == walk.head else 1
    return replace(walk, head=head, head_seen=seen)


def _is_hash(etag: str) -> bool:
    """Whether no two documents have it by chance, as they may have a counter's, or one that is
    always the same. A weak one too: a proxy that compresses makes them so."""
    return len(etag.removeprefix("W/")) >= _HASH


def _next(now_at: Step, now: float) -> Walk:
    """The walk of the next visit: from the cursor, or at the head."""
    after, cursor = now_at.walk, now_at.cursor
    scanned = now if after.mode in ("backfill", "rescan") else after.scanned_at
    idle = after.idle + 1 if after.mode == "prev" and not after.found else 0
    if after.scattered or idle >= _MOST_IDLE:
        cursor = None  # what is new may stand elsewhere than above it
    again = replace(_begin_again(replace(after, scanned_at=scanned), cursor), idle=idle)
    return again if cursor is not None else _at_head(again, after)


def _begin_again(after: Walk, cursor: str | None = None) -> Walk:
    """A walk that begins where nobody has been told of a first page: at the cursor or the root."""
    again = begin(
        after.collection,
        None,
        cursor,
        known=True,
        ordered=after.ordered if after.pages else after.was_ordered,
        horizon=after.horizon,
    )
    return replace(again, was_scattered=after.scattered, scanned_at=after.scanned_at)


def _at_head(again: Walk, after: Walk) -> Walk:
    """With the first page in place of the root, and the validators of the URL where this visit
    began, if the next one begins there too."""
    again = at_head(again, after)
    begun = after.head if after.skipped else after.collection
    if after.scattered or again.next != begun:
        return again
    return replace(
        again,
        etag=after.etag,
        last_modified=after.last_modified,
        form=after.form,
        whole_at=after.whole_at,
    )


def from_the_root(lease: Lease, now: float) -> Walk | None:
    """The walk to go on with in place of one whose page failed; None: that page is tried again.

    What lies beyond a page that goes on failing is left to a rescan.
    """
    walk = walk_of(lease)
    if walk is None or walk.at_head:
        return walk and _begin_again(walk)
    tries = _FIRST_TRIES if walk.mode == "backfill" else _TRIES
    if lease.want.attempts + 1 < tries or not walk.expects_page:
        return None
    if walk.mode == "prev":
        return _begin_again(walk)
    horizon = walk.horizon if walk.target is None else walk.horizon or 0.0
    again = _begin_again(replace(walk, horizon=horizon))
    return replace(again, was_scattered=True, scanned_at=now)


def ended(base: Outcome, reading: Reading, prior: Prior, now_at: Step) -> Outcome:
    """The visit is over: what it taught, and from where the next one goes on."""
    follow = prior.follow
    assert follow is not None
    follow = replace(
        follow,
        outbox_kind=now_at.kind,
        complete=True,
        last_success=base.at,
        last_error=now_at.refused,
    )
    poll = Poll(
        lease_of(base).want.uri,
        base.at - media.age(reading.answer.headers),
        now_at.walk.found,
        untold=max(now_at.walk.found - now_at.walk.held, 0),
        stamps=_stamps(now_at.walk.stamps, base.at),
        first=now_at.walk.mode == "backfill",
        since=_since(now_at, prior, base.at),
        plan=ingest_plan.of_page(reading.answer, prior, base.at),
    )
    return _parked(replace(base, follow=follow, polls=(poll,)), _next(now_at, base.at))


def _stamps(stamps: Iterable[float], now: float) -> tuple[float, ...]:
    """What is dated ahead says nothing of when it came."""
    return tuple(one for one in stamps if one <= now)


def _since(now_at: Step, prior: Prior, now: float) -> float | None:
    """First sight: from when on the stamps are all there are. None: they do not say."""
    walk = now_at.walk
    if walk.mode != "backfill":
        return None
    if now_at.complete and walk.found == len(walk.stamps):
        # All that the account ever posted: what came before the first of it counts as well.
        first = walk.stamps[0] if walk.stamps else now
        return min(prior.born, first) if prior.born is not None else None
    return min(walk.stamps[0], now) if walk.stamps else None


def not_modified(base: Outcome, reading: Reading, prior: Prior) -> Outcome:
    """304: the page that the visit begins with is as it was, and so is all that it holds."""
    lease, follow = lease_of(base), prior.follow
    walk = walk_of(lease)
    assert walk is not None
    if not 0 <= base.at - walk.whole_at < _WHOLE_EVERY:
        walk = replace(walk, etag=None, last_modified=None)
    if walk.at_head:
        # A page that is full stays as it is while new posts go to another one (onepage.pub).
        walk = _at_head(_begin_again(walk), walk)
    base = told(base, 304, "page 1: not modified")
    if follow is None:
        return base
    poll = Poll(
        lease.want.uri,
        base.at - media.age(reading.answer.headers),
        0,
        plan=ingest_plan.of_page(reading.answer, prior, base.at),
    )
    follow = replace(follow, last_success=base.at, last_error=None)
    return _parked(replace(base, follow=follow, polls=(poll,)), walk)


def walk_of(lease: Lease) -> Walk | None:
    return Walk.from_json(lease.walk) if lease.walk is not None else None


def _parked(base: Outcome, walk: Walk) -> Outcome:
    base = replace(base, walk=walk.to_json(), walk_url=walk.next)
    if base.follow is None or base.follow.once:
        return replace(base, polls=())  # pulled by name: nothing reads it again by itself
    return replace(base, wants=(*base.wants, parked(lease_of(base).want)))


def absent(walk: Walk, prior: Prior, follow: str, now: float) -> list[Want]:
    """Members that belong between those of a page and are not on it: they are asked whether they
    are gone, since most servers list no deletions."""
    unordered = walk.scattered and not walk.by_event
    if walk.mode not in ("head", "rescan") or unordered:
        return []
    return [
        Want(one.id, Kind.DOCUMENT, Cause.REFRESH, now, follow, "check")
        for one in prior.absent
        if one.state is State.RESOLVED
        and not one.failures
        and (one.verified_by == "embedded" or now - (one.verified_at or 0.0) >= _ABSENT_EVERY)
    ]
