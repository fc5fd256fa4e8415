"""How often something changes, and so is asked again: in numbers, and in words for a person.

Pure: functions of a record and `now`; the estimate behind them is `protocol.estimate`'s, the
interval the agenda's. Invariant: what was never watched has no pace, rather than a guessed one.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf, log

from ..crawler.protocol import interval
from ..crawler.protocol.assumptions import FIRST_EDITS, VALUE
from ..crawler.protocol.source import DAY, Kind
from .records import Reference
from .spans import every

# What decided how long something waits, after "every 6 hours".
BECAUSE: Mapping[str, str] = {
    "price": "as often as the budget allows",
    "floor": "more often would hardly be worth a request",
    "every": "a bound that its follow sets",
    "type": "as is set for its type",
    "shortest": "nothing is asked more often",
    "longest": "nothing is left alone for longer",
    "max-age": "its origin says that it stays as it is until then",
    "host": "as often as its host may be asked",
    "failures": "later each time it fails",
}
_NOUNS: Mapping[str, str] = {"outbox": "new post", "listing": "new item"}
# Unit, its days, and from which count on it is the one that people would use.
_UNITS = (
    ("an hour", 1 / 24, 3.0),
    ("a day", 1.0, 0.95),
    ("a week", 7.0, 0.95),
    ("a month", 30.0, 0.95),
    ("a year", 365.0, 0.95),
)


def fresh_until(known: Reference) -> float | None:
    """Until when a copy counts as fresh: its next check, but never beyond an attempt to ask its
    origin that failed. What waits for an origin that is down is not the fresher for it."""
    if known.verified_by == "local":
        return inf  # it changes when we say so
    due, last = known.next_check, known.log[0].at if known.log else None
    if due is None or last is None or not known.failures or last <= (known.verified_at or 0.0):
        return due
    return min(due, last)


def changes_a_day(known: Reference, now: float) -> float | None:
    """Changes, or new items, that are to be expected within the next day; of a post, which is
    edited less and less, that is far less than what the next minute would make in a day."""
    if known.rate is None or known.kind != "post" or known.published is None:
        return known.rate
    age = _age(known.published, now)
    return known.rate * log((age + 1.0) / age)


def pace(known: Reference, now: float) -> str | None:
    """`about 3 changes a month`."""
    rate = changes_a_day(known, now)
    if rate is None:
        return None
    noun = _NOUNS.get(known.kind or "", "change")
    for unit, days, least in _UNITS:
        if (count := rate * days) >= least:
            return f"about {round(count)} {noun}{'s' * (round(count) != 1)} {unit}"
    return f"less than one {noun} a year"


def overdue(known: Reference, now: float) -> float | None:
    """The time since it was last known to be current, in intervals: from 1 on it is due."""
    if known.verified_at is None or not known.interval:
        return None
    return max(now - known.verified_at, 0.0) / known.interval


def price_in_words(price: float, *, scarce: bool) -> str:
    """What a price of a request means for an account that posts once a day."""
    often = every(interval.append_only(1.0, VALUE[Kind.OUTBOX], price) * DAY)
    because = BECAUSE["price" if scarce else "floor"]
    return f"an account with a post a day is read {often} ({because})"


def doubtful(known: Reference | None, price: float | None, now: float) -> bool:
    """Whether somebody who is given the copy now makes it worth a request to look again."""
    if known is None or price is None or known.rate is None or known.exposure is None:
        return False
    if known.kind not in ("actor", "post") or (known.not_before or 0.0) > now:
        return False
    if known.bound == "type":
        return False  # the operator has said from when on it is outdated
    verified = known.verified_at or 0.0
    days = max(now - verified, 0.0) / DAY
    kind = Kind.ACTOR
    if known.kind == "post" and known.published is not None:
        kind = Kind.POST
        days = log(_age(known.published, now) / _age(known.published, min(verified, now)))
    chance = interval.stale_chance(kind, known.rate, known.exposure, days)
    return interval.worth_on_access(chance, price)


def _age(published: float, at: float) -> float:
    """In days, on the scale on which the edits of a post become fewer."""
    return max(at - published, 0.0) / DAY + FIRST_EDITS
