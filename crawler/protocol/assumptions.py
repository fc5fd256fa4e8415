"""What the refresh policy takes for granted about people and traffic: every such number, by name.

Constants only. They are assumptions, not measurements of your store: the estimates of each source
start from them and leave them behind as it is watched. Nothing here is a promise of politeness;
those are the configuration's. Invariant: no other module of the policy holds a number about people.
"""

from __future__ import annotations

from typing import Final

from .source import Kind

MINUTE: Final = 60.0 / 86_400.0  # in days, the policy's unit of time
HOUR: Final = 60.0 * MINUTE

# --- What a source is expected to do before it has been watched: Gamma(changes, exposure) ---------
# An account that nobody looked at yet is most likely dormant and may be a bot with 500 posts a day:
# a shape far below 1 says both. Actors: about one edit of the profile in ten days, most far fewer.
# Posts: edits per e-fold of age; half of all edits come within the first hour.
PRIOR: Final[dict[int, tuple[float, float]]] = {
    Kind.OUTBOX: (0.15, 0.05),
    Kind.ACTOR: (0.4, 4.0),
    Kind.POST: (0.4, 5.0),
    Kind.LISTING: (0.15, 0.25),
}
# What was seen so many days ago counts half: people start, stop and take holidays.
HALF_LIFE: Final[dict[int, float]] = {
    Kind.OUTBOX: 30.0,
    Kind.ACTOR: 90.0,
    Kind.POST: 90.0,
    Kind.LISTING: 30.0,
}

# --- Posts age ------------------------------------------------------------------------------------
# The hazard of an edit is theta / (age + FIRST_EDITS): typing mistakes are mended in minutes.
FIRST_EDITS: Final = 5.0 * MINUTE

# --- People post in bursts, and sleep -------------------------------------------------------------
BRANCHING: Final = 0.4  # posts that one post draws after it, on average
BURST_MEMORY: Final = 40.0 * MINUTE
BURST_CAP: Final = 5  # a page of 20 new items is a backlog, not a burst of 20
# One post says little about its author's time zone: so many posts are taken for evenly spread.
PROFILE_DOUBT: Final = 4.0
DEEPEST_NIGHT: Final = 0.95

# --- Notices (pushes) -----------------------------------------------------------------------------
# Four of five changes are notified and four of five notices are true, to begin with; the mean of
# what is seen takes the place of that, and weighs as much as four trials of each source's own.
NOTICE_TRUE: Final = 0.8
NOTICE_TRIALS: Final = 4.0
TRUST_MEMORY: Final = 200.0  # answers
NOTICE_HALF_LIFE: Final = 30.0
# A notice that belongs to a change comes so soon after it (before: by a clock that is wrong).
NOTICE_EARLY: Final = -2.0 * MINUTE
NOTICE_LATE: Final = 10.0 * MINUTE

# --- What it is worth -----------------------------------------------------------------------------
# A day's delay of one new post is 1. A profile that is out of date for a day matters to whoever
# opens it, an edit of an old post to fewer still.
VALUE: Final[dict[int, float]] = {
    Kind.OUTBOX: 1.0,
    Kind.ACTOR: 1.0 / 75.0,
    Kind.POST: 1.0 / 1500.0,
    Kind.LISTING: 0.1,
}
# Below this price of a request asking more often is not worth the other side's work, however large
# the budget: an account with a post a day is read every 15 minutes, not every second.
PRICE_FLOOR: Final = (15.0 * MINUTE) ** 2 / 2.0
# Somebody is looking at it: a copy that is out of date then costs as much as a post that comes
# seven minutes late. At the floor a copy is checked behind an answer from a chance of 1 in 90 on.
READER: Final = 0.005
