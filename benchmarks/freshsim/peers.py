"""What is usually shipped, as schedulers over the same traces: how others choose what to ask.

Each is the rule of its namesake and nothing more, with the budget as the only limit: what is most
overdue goes first. They know no rates, no price and no pushes.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush

HOUR, DAY = 3_600.0, 86_400.0
_WEEK = 7.0 * DAY


class Queue:
    """A queue by due time; subclasses say how long to wait."""

    conserving = False  # asks what comes next when nothing is due

    def __init__(self, budget_per_hour: float, host_cap_per_hour: float | None = None) -> None:
        self._queue: list[tuple[float, str]] = []
        self._kind: dict[str, str] = {}
        self._last: dict[str, float] = {}

    def first(self, id: str, kind: str, now: float, history: Sequence[float]) -> float:
        raise NotImplementedError

    def again(self, id: str, now: float, new: int, modified: float | None) -> float:
        raise NotImplementedError

    def add(
        self, id: str, now: float, host: str, kind: str, weight: float = 1.0,
        history: Sequence[float] = (), since: float | None = None,
    ) -> None:  # fmt: skip
        self._kind[id], self._last[id] = kind, now
        spread = len(self._kind) * 0.618 % 1.0
        heappush(self._queue, (now + spread * self.first(id, kind, now, history), id))

    def due(self, now: float, budget: int) -> list[str]:
        chosen: list[str] = []
        while self._queue and len(chosen) < budget:
            if self._queue[0][0] > now and not self.conserving:
                break
            chosen.append(heappop(self._queue)[1])
        return chosen

    def observe(
        self, id: str, now: float, changed: bool, new_items: int = 0,
        last_modified: float | None = None,
    ) -> None:  # fmt: skip
        seconds = self.again(id, now, new_items if changed else 0, last_modified)
        self._last[id] = now
        heappush(self._queue, (now + seconds, id))

    def signal(self, id: str, now: float) -> None:
        """None of them knows what a push is."""

    def backoff(self, id: str, now: float, until: float) -> None:
        heappush(self._queue, (until, id))


class Uniform(Queue):
    """Everything in turn."""

    conserving = True

    def first(self, id: str, kind: str, now: float, history: Sequence[float]) -> float:
        return DAY

    def again(self, id: str, now: float, new: int, modified: float | None) -> float:
        return DAY


class Ttl(Queue):
    """A fixed age: an hour for outboxes, three days for actors, a day for posts."""

    _AGE = {"outbox": HOUR, "actor": 3.0 * DAY, "post": DAY}  # noqa: RUF012

    def first(self, id: str, kind: str, now: float, history: Sequence[float]) -> float:
        return self._AGE[kind]

    def again(self, id: str, now: float, new: int, modified: float | None) -> float:
        return self._AGE[self._kind[id]]


class Miniflux(Queue):
    """`entry_frequency`: a week over the entries of the last week, 5 minutes to a day."""

    def __init__(self, budget_per_hour: float, host_cap_per_hour: float | None = None) -> None:
        super().__init__(budget_per_hour, host_cap_per_hour)
        self._entries: dict[str, list[float]] = {}

    def first(self, id: str, kind: str, now: float, history: Sequence[float]) -> float:
        self._entries[id] = list(history)
        return self._wait(id, now)

    def again(self, id: str, now: float, new: int, modified: float | None) -> float:
        gap = now - self._last[id]
        self._entries[id] += [now - gap * (n + 0.5) / new for n in range(new)]
        return self._wait(id, now)

    def _wait(self, id: str, now: float) -> float:
        self._entries[id] = entries = [t for t in self._entries[id] if t > now - _WEEK]
        return min(max(_WEEK / len(entries), 300.0), DAY) if entries else DAY


class Nutch(Queue):
    """`AdaptiveFetchSchedule`: longer by 0.4 when nothing changed, shorter by 0.2 when it did, and
    no longer than a third of the time since it was modified."""

    def __init__(self, budget_per_hour: float, host_cap_per_hour: float | None = None) -> None:
        super().__init__(budget_per_hour, host_cap_per_hour)
        self._wait: dict[str, float] = {}

    def first(self, id: str, kind: str, now: float, history: Sequence[float]) -> float:
        self._wait[id] = DAY
        return DAY

    def again(self, id: str, now: float, new: int, modified: float | None) -> float:
        wait = self._wait[id] * (0.8 if new else 1.4)
        if modified is not None:
            wait = min(wait, (now - modified) * 0.3)
        self._wait[id] = min(max(wait, 60.0), 365.0 * DAY)
        return self._wait[id]


class Fixed(Uniform):
    """One interval for everything, whatever its age: what a cache with a fixed TTL does."""

    def __init__(self, days: float) -> None:
        super().__init__(0.0)
        self._days = days

    conserving = False

    def first(self, id: str, kind: str, now: float, history: Sequence[float]) -> float:
        return self._days * DAY

    def again(self, id: str, now: float, new: int, modified: float | None) -> float:
        return self._days * DAY
