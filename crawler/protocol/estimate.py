"""How often a source changes: what each answer adds to the estimate. It decides no interval.

Changes are counted over the time watched, both forgotten by halves; the rate is the mean of a
Gamma posterior. Pure but for the row it is given, which it updates. Invariant: whatever the
answers claimed, counts and exposures stay finite and not negative, and no single answer adds more
exposure than LONGEST_GAP.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import cos, exp, expm1, isfinite, log, pi, sin
from typing import NamedTuple

from .assumptions import (
    BURST_CAP,
    BURST_MEMORY,
    FIRST_EDITS,
    HALF_LIFE,
    NOTICE_EARLY,
    NOTICE_HALF_LIFE,
    NOTICE_LATE,
    NOTICE_TRIALS,
    NOTICE_TRUE,
    PRIOR,
    TRUST_MEMORY,
)
from .source import COLLECTIONS, DAY, POST, Notices, Seen, Source

_LN2 = log(2.0)
_TURN = 2.0 * pi
# A source is asked at least once in 30 days, so a longer gap is a clock that was set or a computer
# that was off: it tells no more than that.
LONGEST_GAP = 30.0
MOST_CHANGES = 1_000_000  # between two answers: a made-up count changes nothing beyond it
HISTORY = 20  # items of a first page that are counted: a page of Mastodon's
_OLDEST = 3_650.0  # days: nobody's account is watched from before there was the Fediverse


def rate(source: Source) -> float:
    """Expected changes a day; of a POST the edits per e-fold of age."""
    a, b = PRIOR[source.kind]
    return (a + source.changes) / (b + source.exposure)


def age(source: Source, at: float) -> float:
    """Days since a post was published, on the scale on which its hazard falls as 1 / age."""
    return max(at - source.born, 0.0) / DAY + FIRST_EDITS


def begin(source: Source, seen: Seen) -> None:
    """First sight: what the items of a first page tell of the time before it."""
    source.last = seen.at
    if source.kind not in COLLECTIONS:
        return
    half = HALF_LIFE[source.kind]
    oldest = seen.at - _OLDEST * DAY
    stamps = [t for t in seen.history[-HISTORY:] if oldest <= t <= seen.at]
    since = seen.since if seen.since is not None else min(stamps, default=seen.at)
    since = min(max(since, oldest), seen.at) if isfinite(since) else seen.at
    span = (seen.at - since) / DAY
    # The item that marks the beginning of the span is no change within it.
    within = [(seen.at - t) / DAY for t in stamps if t > since]
    source.changes = sum(2.0 ** (-ago / half) for ago in within)
    source.exposure = -half / _LN2 * expm1(-_LN2 * span / half)
    source.burst = sum(exp(-ago / BURST_MEMORY) for ago in within[-BURST_CAP:])
    _turn_profile(source, stamps, 0.0)


def observe(source: Source, seen: Seen) -> None:
    """Take in what an answer showed of the time since the one before."""
    gap = (seen.at - source.last) / DAY
    gap = min(gap, LONGEST_GAP) if gap > 0.0 else 0.0
    kept = 2.0 ** (-gap / HALF_LIFE[source.kind])
    new = min(max(seen.new, 0), MOST_CHANGES)
    if source.kind in COLLECTIONS:
        _more_items(source, seen, new, gap, kept)
    else:
        _changed_or_not(source, seen, new > 0, gap, kept)
    source.last = seen.at


def _more_items(source: Source, seen: Seen, new: int, gap: float, kept: float) -> None:
    before = source.changes * kept
    source.changes = before + new
    source.exposure = source.exposure * kept + gap
    source.burst *= exp(-gap / BURST_MEMORY)
    if new:
        stamp = seen.stamp if seen.stamp is not None and isfinite(seen.stamp) else seen.at
        ago = min(max((seen.at - stamp) / DAY, 0.0), gap)
        source.burst += min(new, BURST_CAP) * exp(-ago / BURST_MEMORY)
        if seen.history or seen.stamp is not None:
            _turn_profile(source, seen.history or (stamp,), before)


def _changed_or_not(source: Source, seen: Seen, changed: bool, gap: float, kept: float) -> None:
    """Unchanged: exposure `gap`. Changed: the time since the latest change, which is exactly
    exponential and censored at `gap`, so the posterior stays a Gamma."""
    watched = _exposure(source, source.last, seen.at, gap)
    if changed:
        before = rate(source)
        source.changes = source.changes * kept + 1.0
        if seen.stamp is not None and isfinite(seen.stamp):
            since = min(max(seen.stamp, source.last), seen.at)
            watched = min(_exposure(source, since, seen.at, gap), watched)
        else:
            watched = _expected_since(before, watched)
    else:
        source.changes *= kept
    source.exposure = source.exposure * kept + watched


def _exposure(source: Source, start: float, end: float, most: float) -> float:
    """Days between two times; of a POST the e-folds of its age."""
    if source.kind == POST:
        return max(log(age(source, end) / age(source, start)), 0.0)
    return min(max(end - start, 0.0) / DAY, most)


def _expected_since(rate: float, gap: float) -> float:
    """The mean time since the latest change, given that there was one within `gap`; with it the
    fixed point of the estimate is that of Cho and Garcia-Molina (2003)."""
    x = rate * gap
    if x < 1e-4:
        return gap / 2.0
    return 1.0 / rate - (gap / expm1(x) if x < 500.0 else 0.0)


def _turn_profile(source: Source, stamps: Iterable[float], before: float) -> None:
    """The mean of unit vectors on the clock's face, weighted as the changes are."""
    x, y, count = source.profile_x * before, source.profile_y * before, before
    for stamp in stamps:
        if isfinite(stamp):
            angle = _TURN * (stamp % DAY) / DAY
            x += cos(angle)
            y += sin(angle)
            count += 1.0
    if count:
        source.profile_x, source.profile_y = x / count, y / count


def heard(notices: Notices, now: float, *, direct: bool = False) -> None:
    """A push came. It says that something may have changed, no more. `direct`: what it tells of is
    asked for by itself."""
    notices.direct = direct
    notices.signals += 1.0
    notices.pending = min(notices.pending + 1, 255)
    notices.heard = now


def answered(notices: Notices, seen: Seen, last: float) -> Answered:
    """An answer, with the one before it at `last`, shows what the notices in between were worth."""
    gap = min(max(seen.at - last, 0.0) / DAY, LONGEST_GAP)
    kept = 2.0 ** (-gap / NOTICE_HALF_LIFE)
    new = min(max(seen.new, 0), MOST_CHANGES)
    result = Answered(_told(notices, seen.stamp, new), new, notices.pending)
    notices.hits = notices.hits * kept + result.hits
    notices.observed = notices.observed * kept + new
    notices.signals *= kept
    notices.exposure = notices.exposure * kept + gap
    notices.pending = 0
    return result


class Answered(NamedTuple):
    """Of one answer: new items that were notified, new items, and notices."""

    hits: float
    new: int
    pending: int


@dataclass(slots=True)
class Trust:
    """What pushes are worth in general: where the judgement of each source begins.

    Every answer weighs the same, so that no source that pushes all day decides for the others.
    """

    true: float = NOTICE_TRUE
    told: float = NOTICE_TRUE

    def learn(self, answered: Answered) -> None:
        if answered.pending:
            share = min(answered.hits / answered.pending, 1.0)
            self.true += (share - self.true) / TRUST_MEMORY
        if answered.new:
            share = min(answered.hits / answered.new, 1.0)
            self.told += (share - self.told) / TRUST_MEMORY

    def apply(self, notices: Notices) -> Notices:
        notices.true, notices.told = self.true, self.told
        return notices


def _told(notices: Notices, stamp: float | None, new: int) -> float:
    """How many of the new items had been notified. A notice is no hit because something else was
    there as well: that of the latest item must have come soon after it, and where many notices
    meet few items only their share counts."""
    pending = notices.pending
    if not new or not pending:
        return 0.0
    if stamp is not None and isfinite(stamp):
        if NOTICE_EARLY <= (notices.heard - stamp) / DAY <= NOTICE_LATE:
            return float(min(new, pending))
        new -= 1
    return min(new, pending) * min(1.0, new / pending)


def recall(notices: Notices) -> float:
    """The share of changes that are notified."""
    hits = NOTICE_TRIALS * notices.told + notices.hits
    return min(hits / (NOTICE_TRIALS + notices.observed), 0.999)


def notified(notices: Notices, changes: float) -> float:
    """Notices a day, true or not; as many as changes until they have been counted for a while."""
    return (NOTICE_TRIALS + notices.signals) / (NOTICE_TRIALS / changes + notices.exposure)


def precision(notices: Notices) -> float:
    """The share of notices that are true."""
    hits = NOTICE_TRIALS * notices.true + notices.hits
    return min(max(hits / (NOTICE_TRIALS + notices.signals), 1e-6), 0.999)
