"""How long to wait before asking a source again, at a given price of a request.

Pure: from a Source as it stands after its last answer to seconds. A request is made when what
waiting longer costs exceeds the price; the price itself is `price`'s business, the order of those
that are due `cache/agenda.py`'s. Invariant: an interval lies within the source's bounds, is never
NaN, and does not shrink when the price grows.
"""

from __future__ import annotations

from math import exp, expm1, inf, isfinite, log1p, sqrt

from .assumptions import READER, VALUE
from .estimate import age, notified, precision, rate, recall
from .rhythm import with_rhythm
from .source import ACTOR, DAY, POST, Notices, Source

_LONGEST = 365.0  # days; whoever would wait longer waits for the source's own bound
# Rows hold whole seconds.
SHORTEST = 1.0


def seconds(source: Source, worth: float, price: float, notices: Notices | None = None) -> float:
    """Seconds from the last answer to the next request. `worth`: weight times value of the kind."""
    days = _days(source, worth, price, notices)
    wanted = days * DAY if isfinite(days) else source.longest
    bounded = min(max(wanted, source.shortest, SHORTEST), max(source.longest, SHORTEST))
    return float(round(bounded))


def _days(source: Source, worth: float, price: float, notices: Notices | None) -> float:
    changes = rate(source)
    if source.kind == ACTOR:
        return steady(changes, worth, price)
    if source.kind == POST:
        return ageing(changes, age(source, source.last), worth, price)
    if notices is not None:
        left, heard = unnoticed(changes, notices)
        if notices.direct:
            days = append_only(left, worth, price)
        else:
            days = noticed(left, heard, worth, price, precision(notices))
        return with_rhythm(source, left, days, left / changes)
    return with_rhythm(source, changes, append_only(changes, worth, price))


def append_only(changes: float, worth: float, price: float) -> float:
    """Days between two reads of what only grows: every item waits, so the delay grows with the
    square of the interval."""
    return sqrt(2.0 * price / (worth * changes))


def unnoticed(changes: float, notices: Notices) -> tuple[float, float]:
    """Of a source that pushes: changes a day that it does not tell, and notices a day."""
    return changes * (1.0 - recall(notices)), notified(notices, changes)


def noticed(left: float, heard: float, worth: float, price: float, true: float) -> float:
    """Days between two reads when notices make us read in between: y - 1 + e^-y = z, T = y/gamma.

    Only when one notice is worth a request; else the notices wait for the next read.
    """
    if price * heard > true * worth:
        return append_only(left + heard * true, worth, price)
    z = price * heard * heard / (worth * left)
    if z < 1e-6:
        return append_only(left, worth, price)
    y = sqrt(2.0 * z) + z / 3.0 if z < 1.0 else z + 1.0
    for _ in range(4):
        y = max(y - (y - 1.0 + exp(-y) - z) / -expm1(-y), 1e-9)
    return y / heard


def mean_noticed(worth_left: float, heard: float, price: float, true: float) -> float:
    """The mean of what `noticed` leads to: its interval, or a notice that comes before.

    `worth_left` is worth times what is not told, `true` the worth of one notice.
    """
    if price * heard > true:
        return sqrt(2.0 * price / (worth_left + heard * true))
    days = noticed(worth_left, heard, 1.0, price, true)
    return -expm1(-heard * days) / heard


def steady(changes: float, worth: float, price: float) -> float:
    """Days between two reads of what is replaced: being twice out of date is no worse than once,
    so a source that changes faster than it can be followed is given up: 1 - e^-v (1 + v) = y."""
    y = price * changes / worth
    if y >= _GIVEN_UP:
        return inf
    if y < 1e-4:
        return (sqrt(2.0 * y) + 2.0 * y / 3.0) / changes
    at = -log1p(-sqrt(y)) * _PER_UNIT  # a scale on which v is nearly straight
    i = int(at)
    low = _STEADY[i]
    return (low + (_STEADY[i + 1] - low) * (at - i)) / changes


_GIVEN_UP = 0.9999  # whoever changes eleven times an interval is not followed, only looked at
_PER_UNIT = 20.0


def _steady(y: float) -> float:
    v = sqrt(2.0 * y) + 2.0 * y / 3.0 if y < 0.3 else 1.2 - log1p(-y)
    for _ in range(30):
        e = exp(-v)
        step = (1.0 - e * (1.0 + v) - y) / max(v * e, 1e-300)
        v = max(v - min(max(step, -1.0), 0.5 * v), 1e-12)
    return v


_STEADY = tuple(_steady(expm1(-n / _PER_UNIT) ** 2) for n in range(int(_PER_UNIT * 10.0) + 2))


def ageing(edits: float, age: float, worth: float, price: float) -> float:
    """Days until a post of this age is read again: its hazard falls as edits/age.

    The plain index of renewal compares with a rate that is about to fall and waits 5 days where 8
    hours are right; this one compares with the rate that will hold afterwards.
    """
    level = sqrt(2.0 * price / (worth * edits * age))
    r = level
    for _ in range(5):  # the left side is concave: from below, without overshooting
        root = sqrt(1.0 + r)
        grown = log1p(r)
        r += (level - grown * root) * root / (1.0 + 0.5 * grown)
        if r > _LONGEST / age:
            return inf
    return r * age


def worth_asking(source: Source, notices: Notices, worth: float, price: float, now: float) -> bool:
    """Whether what a notice promises, with what has come together since, is worth a request."""
    gap = min(max(now - source.last, 0.0) / DAY, _LONGEST)
    changes, true = rate(source), precision(notices)
    if source.kind in (ACTOR, POST):
        fresh = (1.0 - true) ** notices.pending
        v = steady(changes, worth, price) * changes
        return 1.0 - fresh >= -expm1(-min(v, 3.0))
    left, heard = unnoticed(changes, notices)
    told = true * notices.pending
    if price * heard <= true * worth:
        return told + left * gap >= price * heard / worth
    # One notice is not worth a request; several may be, before the next read comes anyway.
    return told >= sqrt(2.0 * price * changes / worth)


def stale_chance(kind: int, changes: float, exposure: float, days: float) -> float:
    """The chance that a copy that was current `days` ago is not any more: 1 - (b / (b + t))^a.

    `exposure` with the prior's; of a POST both times are in e-folds of its age.
    """
    if kind not in VALUE or not days > 0.0:
        return 0.0
    exposure = max(exposure, 1e-9)
    return -expm1(-changes * exposure * log1p(days / exposure))


def worth_on_access(chance: float, price: float) -> bool:
    """Whether somebody who asks for a copy just now should be given a newer one."""
    return chance * READER >= price


def value(kind: int, weight: float) -> float:
    """What a day's delay, or a day out of date, of a source costs."""
    return VALUE[kind] * weight
