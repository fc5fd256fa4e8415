"""What is remembered between notifications: who has caused how much, what is deleted or decided.

It reads no clock. All of it may be lost with the process: what was deleted is read again from the
notifications that are kept, and the shares begin anew. Invariant: nothing outgrows its bound.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field, replace

from ..cache.mail_records import Follower, Notification, Settlement
from ..cache.records import Follow
from .notified_case import Known
from .protocol.domains import domain

_HOUR = 3_600.0
# Requests an hour that one sender may cause, and that may be caused at the hosts of one registrable
# domain: what the largest communities of Lemmy relay, and half of what a host is asked at most with
# a gap of two seconds.
PER_SENDER, PER_HOST = 1_000, 1_000
_MOST_SHARES = 20_000  # senders and hosts that are remembered, the latest ones
# Pushes overtake one another: a Delete that was here first is remembered for so long (Mastodon's
# `delete_upon_arrival` is).
REMEMBERED = 6 * _HOUR
_MOST_DELETED = 20_000
# Answers to Follows: one whose inbox is slow would else have them pile up here for a week. Of one
# host no more actors can be read in an hour with a gap of two seconds.
ANSWERS_PER_SENDER, ANSWERS_PER_HOST = 20, 2_000
# What cannot be settled yet, and what came behind it. The inbox is closed to all when 10,000
# notifications wait, so one sender gets little of that, and all of them together half.
MOST_BEHIND, MOST_PUT_OFF = 100, 5_000
_LATE = 60.0


class Shares:
    """Requests that pushes may cause, refilled as time goes by."""

    def __init__(self, per_sender: int = PER_SENDER, per_host: int = PER_HOST) -> None:
        self._most = (float(per_sender), float(per_host))
        self._left: OrderedDict[tuple[int, str], tuple[float, float]] = OrderedDict()

    def room(self, sender: str, host: str, now: float) -> bool:
        """Whether this sender may cause another request to this host."""
        return min(self._now(0, sender, now), self._now(1, domain(host), now)) >= 1.0

    def take(self, sender: str, host: str, now: float) -> None:
        """It did."""
        for kind, name in enumerate((sender, domain(host))):
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


@dataclass(slots=True)
class _Line:
    """What one sender has waiting: the number and the time of the first, the numbers behind it."""

    first: int
    due: float
    behind: set[int] = field(default_factory=set)


class PutOff:
    """Notifications that wait for a later try, with those of the same sender behind them."""

    def __init__(self, most: int = MOST_PUT_OFF, most_behind: int = MOST_BEHIND) -> None:
        self._most, self._most_behind = most, most_behind
        self._lines: dict[str, _Line] = {}
        self._count = 0

    def before(self, sender: str, number: int) -> tuple[int, float] | None:
        """The number and the time of the one before which this one is not looked at."""
        line = self._lines.get(sender)
        return (line.first, line.due) if line is not None and line.first < number else None

    def add(self, sender: str, number: int, due: float) -> bool:
        """It waits; False where too much does, and it is not to wait."""
        line = self._lines.get(sender)
        if line is not None and line.first == number:
            line.due = due
            return True
        if line is not None and number in line.behind:
            return True
        full = line is not None and len(line.behind) >= self._most_behind
        if full or self._count >= self._most:
            return False
        if line is None:
            self._lines[sender] = _Line(number, due)
        else:
            line.behind.add(number)
        self._count += 1
        return True

    def end(self, sender: str, number: int) -> list[int]:
        """It waits no more; the numbers of those that were behind it, to be looked at anew."""
        line = self._lines.get(sender)
        if line is not None and line.first == number:
            del self._lines[sender]
            self._count -= 1 + len(line.behind)
            return sorted(line.behind)
        if line is not None and number in line.behind:
            line.behind.discard(number)
            self._count -= 1
        return []

    def forget(self, now: float) -> None:
        """Who should have been looked at again some time ago waits no more: it was purged."""
        late = [name for name, line in self._lines.items() if line.due < now - _LATE]
        for sender in late:
            self.end(sender, self._lines[sender].first)


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
