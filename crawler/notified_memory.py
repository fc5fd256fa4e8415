"""What is remembered between notifications: who has caused how much, what is deleted or decided.

It reads no clock. All of it may be lost with the process: what was deleted is read again from the
notifications that are kept, and the shares begin anew. Invariant: nothing outgrows its bound.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace

from ..cache.mail_records import Follower, Notification, Settlement
from ..cache.records import Follow
from .notified_case import Known

_HOUR = 3_600.0
# Requests an hour that one sender may cause, and that may be caused at one host: what the largest
# communities of Lemmy relay, and half of what a host is asked at most with a gap of two seconds.
PER_SENDER, PER_HOST = 1_000, 1_000
_MOST_SHARES = 20_000  # senders and hosts that are remembered, the latest ones
# Pushes overtake one another: a Delete that was here first is remembered for so long (Mastodon's
# `delete_upon_arrival` is).
REMEMBERED = 6 * _HOUR
_MOST_DELETED = 20_000


class Shares:
    """Requests that pushes may cause, refilled as time goes by."""

    def __init__(self, per_sender: int = PER_SENDER, per_host: int = PER_HOST) -> None:
        self._most = (float(per_sender), float(per_host))
        self._left: OrderedDict[tuple[int, str], tuple[float, float]] = OrderedDict()

    def room(self, sender: str, host: str, now: float) -> bool:
        """Whether this sender may cause another request to this host."""
        return min(self._now(0, sender, now), self._now(1, host, now)) >= 1.0

    def take(self, sender: str, host: str, now: float) -> None:
        """It did."""
        for kind, name in enumerate((sender, host)):
            left = max(self._now(kind, name, now) - 1.0, 0.0)
            self._left[kind, name] = (left, now)
            self._left.move_to_end((kind, name))
        while len(self._left) > _MOST_SHARES:
            self._left.popitem(last=False)

    def _now(self, kind: int, name: str, now: float) -> float:
        most = self._most[kind]
        left, at = self._left.get((kind, name), (most, now))
        passed = max(now - at, 0.0)  # a clock that was set back gives nothing
        return min(left + passed * most / _HOUR, most)


class Deleted:
    """Objects of which their owners have said that they are deleted."""

    def __init__(self) -> None:
        self._at: OrderedDict[str, float] = OrderedDict()

    def add(self, id: str, at: float) -> None:
        self._at[id] = at
        self._at.move_to_end(id)
        if len(self._at) > _MOST_DELETED:
            self._at.popitem(last=False)

    def drop(self, id: str) -> None:
        """It is there again, as its owner says."""
        self._at.pop(id, None)

    def holds(self, id: str, now: float) -> bool:
        at = self._at.get(id)
        return at is not None and 0.0 <= now - at < REMEMBERED


class Ahead:
    """What the earlier ones of a batch have come to, which the store does not say yet."""

    def __init__(self) -> None:
        self._followers: dict[str, Follower | None] = {}
        self._follows: dict[str, Follow] = {}
        self._wanted: set[str] = set()

    def add(self, known: Known, settled: Settlement) -> None:
        self._wanted.update(want.uri for want in settled.wants)
        if settled.drop_follower is not None:
            self._followers[settled.drop_follower] = None
        if settled.follower is not None:
            self._followers[settled.follower.actor] = settled.follower
        follow = known.follow
        if follow is not None and settled.subscription is not None:
            follow = replace(follow, subscribed=settled.subscription[1])
        if follow is not None and settled.block is not None:
            follow = replace(follow, blocked=settled.block[1])
        if follow is not None and follow is not known.follow:
            self._follows[follow.key] = follow

    def seen(self, note: Notification, known: Known) -> Known:
        """`known` as it will be once these are written."""
        follow, actor = known.follow, note.pushed.actor
        return replace(
            known,
            wanted=note.object in self._wanted,
            follower=self._followers.get(actor, known.follower),
            follow=self._follows.get(follow.key, follow) if follow is not None else None,
        )
