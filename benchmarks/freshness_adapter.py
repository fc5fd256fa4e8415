"""A scheduler object over the shipped refresh policy, for traces: rows in memory instead of LMDB.

It adds no rule: ids to numbers, times as they come, and the calls that the refresh loop makes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from zlib import crc32

from memory_rows import MemoryRows, Names

from fedpull.cache.agenda import Agenda
from fedpull.cache.prices import Prices
from fedpull.crawler.protocol.source import Kind, Seen, Source

_KINDS = {"outbox": Kind.OUTBOX, "actor": Kind.ACTOR, "post": Kind.POST, "listing": Kind.LISTING}
# A trace states what a source is worth in full, and every request of its budget is the loop's.
_VALUES = {int(kind): 1.0 for kind in Kind}
_SWEEP = 43_200.0
_REST = 600.0  # with hosts to look through it costs more to find out that nothing has moved
_MONTH = 30.0 * 86_400.0


class Scheduler:
    """`pushes`: `judged` by what they were worth, as shipped; `ignored` or `followed` each, for
    comparison. `floor`: the least price of a request; a trace counts all of its budget."""

    def __init__(
        self,
        budget_per_hour: float,
        host_cap_per_hour: float | None = None,
        *,
        pushes: str = "judged",
        floor: float = 0.0,
    ) -> None:
        self._rows = MemoryRows(hosts=host_cap_per_hour is not None)
        self._names = Names()
        cap = None if host_cap_per_hour is None else lambda host, kind: host_cap_per_hour
        self._prices = Prices(
            budget_per_hour,
            cap,
            reserve=0.0,
            usable=1.0,
            floor=floor,
            values=_VALUES,
            apart=False,
        )
        self._agenda = Agenda(self._prices)
        self._pushes = pushes
        self._capped = cap is not None
        self._urgent: deque[int] = deque()
        self._sweep_at = 0
        self._sweep_owed = 0.0
        self._idle = 0.0  # seconds since the pass before
        self._asked: dict[str, int] = {}  # what was handed out and has not been answered
        self._now: float | None = None

    def add(
        self,
        id: str,
        now: float,
        host: str,
        kind: str,
        weight: float = 1.0,
        history: Sequence[float] = (),
        since: float | None = None,
    ) -> None:
        number = self._names.add(id)
        self._rows.new()
        source = Source(_KINDS[kind], crc32(host.encode()).to_bytes(4, "big"), now, weight=weight)
        if source.kind == Kind.POST:
            source.born = history[0] if history else now
            history = ()
        self._agenda.begin(
            self._rows, number, source, Seen(now, 0, None, tuple(history), since), now
        )

    def due(self, now: float, budget: int) -> list[str]:
        self._prices.retune(now)
        self._sweep(now)
        chosen: list[int] = []
        lanes = self._prices.lanes
        while self._urgent and len(chosen) < budget:
            number = self._urgent.popleft()
            source = self._rows.load(number)
            if source is None or lanes.admit(source.host, source.kind, now):
                chosen.append(number)
            else:
                turn = lanes.put_off(source.host, source.kind, now, waited=True)
                self._agenda.postpone(self._rows, number, turn)
        chosen += self._agenda.due(self._rows, now, budget - len(chosen))
        asked = {self._names.name(number): number for number in chosen}
        self._asked.update(asked)
        return list(asked)

    def observe(
        self,
        id: str,
        now: float,
        changed: bool,
        new_items: int = 0,
        last_modified: float | None = None,
    ) -> None:
        number = self._asked.pop(id, None)
        if number is None:
            number = self._names.find(id)
        new = new_items if changed else 0
        self._agenda.observe(self._rows, number, Seen(now, new, last_modified), now)

    def signal(self, id: str, now: float) -> None:
        if self._pushes == "ignored":
            return
        number = self._names.find(id)
        if self._agenda.signal(self._rows, number, now):
            self._urgent.append(number)
        elif self._pushes == "followed":  # overdue before all others
            self._agenda.postpone(self._rows, number, now - _MONTH)

    def backoff(self, id: str, now: float, until: float) -> None:
        self._agenda.backoff(self._rows, self._names.find(id), now, until)

    def _sweep(self, now: float) -> None:
        """A pass over all sources in half a day, when prices have moved since the one before.

        The store sweeps always, to find what lost its place; rows in memory lose nothing.
        """
        gap = 0.0 if self._now is None else min(max(now - self._now, 0.0), 600.0)
        self._now = now
        if not self._sweep_at:
            self._idle += gap
            rest = _REST if self._capped else 0.0
            if self._idle < rest or not self._prices.unsettled:
                return
        self._sweep_owed += len(self._rows) * gap / _SWEEP
        while self._sweep_owed >= 1.0:
            self._sweep_owed -= 1.0
            self._agenda.sweep_one(self._rows, self._sweep_at, now)
            self._sweep_at += 1
            if self._sweep_at == len(self._rows):
                self._sweep_at, self._idle = 0, 0.0
                return
