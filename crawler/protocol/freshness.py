"""How long a copy is taken to be fresh, and when an outbox is read again.

Pure, and deliberately plain: a tenth of an object's age (the heuristic of RFC 9111 section 4.2.2),
a day for an actor, and an outbox interval that halves when something new came and grows by half
when nothing did. It estimates no rates and knows no budget.
"""

from __future__ import annotations

MINUTE = 60.0
DAY = 86_400.0
# Mastodon calls an account stale after a day, GoToSocial after six hours.
ACTOR_INTERVAL = DAY
OBJECT_MIN = 5 * MINUTE
OBJECT_MAX = 30 * DAY
FIRST_POLL = 10 * MINUTE


def document_interval(kind: str, published: float | None, now: float) -> float:
    """Seconds for which a document of this class, fetched `now`, is fresh."""
    if kind == "actor":
        return ACTOR_INTERVAL
    age = now - published if published is not None else 0.0
    return min(max(age / 10, OBJECT_MIN), OBJECT_MAX)


def poll_interval(last: float | None, new_items: int, shortest: float, longest: float) -> float:
    """Seconds until an outbox is read again; `last` is the interval before, None at first sight."""
    if last is None:
        wanted = FIRST_POLL
    elif new_items:
        wanted = last / 2
    else:
        wanted = last * 1.5
    return min(max(wanted, shortest), longest)
