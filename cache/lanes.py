"""What hosts bear: the price of requests to a host that is asked as often as it may be, and turns.

In memory only; a sweep over all sources rebuilds it. It does not enforce politeness (`hosts` does)
but keeps the refresh loop from wanting more of a host than that will let through. Invariant: what
`admit` lets through stays within the lane's rate, but for half a request.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..crawler.protocol.source import Kind

HostCap = Callable[[bytes, Kind], float | None]

_PAGES = (Kind.OUTBOX, Kind.LISTING)
_SLACK = 0.45  # of a request: ticks are coarser than a host's rate
# A part of what a host may be asked is left for people, pushes and new posts.
USABLE = 0.9
_HOURS = 24.0


@dataclass(slots=True)
class Lane:
    """One host's requests of one sort: pages of collections, or documents."""

    strength: float = 0.0  # of its sources: at a price L they want strength / sqrt(L) a day
    fresh: float = 0.0  # the same, as the present sweep counts it
    admitted: float = 0.0  # when the requests that were let through are paid off
    promised: float = 0.0  # until when turns are given away


class Lanes:
    """All hosts with a cap. Hosts without one have no lane."""

    def __init__(self, cap: HostCap | None, usable: float = USABLE) -> None:
        self._cap = cap
        self._usable = usable
        self._lanes: dict[bytes, Lane] = {}

    @property
    def capped(self) -> bool:
        return self._cap is not None

    def rate(self, host: bytes, kind: int) -> float | None:
        """Requests a second that the loop may make."""
        if self._cap is None:
            return None
        cap = self._cap(host, Kind(kind))
        return None if cap is None else max(cap, 1e-3) * self._usable / 3_600.0

    def _lane(self, host: bytes, kind: int) -> Lane:
        key = host + (b"p" if kind in _PAGES else b"d")
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = Lane()
        return lane

    def move(self, host: bytes, kind: int, old: float, new: float, *, swept: bool) -> None:
        if self._cap is None or old == new:
            return
        lane = self._lane(host, kind)
        lane.strength = max(lane.strength - old + new, 0.0)
        if swept:
            lane.fresh = max(lane.fresh - old + new, 0.0)

    def swept(self, host: bytes, kind: int, strength: float) -> None:
        if self._cap is not None:
            self._lane(host, kind).fresh += strength

    def recount(self, *, complete: bool) -> None:
        """Begin a sweep; a complete one before it has counted everything anew."""
        for key, lane in list(self._lanes.items()):
            if complete:
                lane.strength = lane.fresh
                if not lane.strength:
                    del self._lanes[key]
            lane.fresh = 0.0

    def price(self, host: bytes, kind: int, stretch: float) -> float:
        """The price at which a host's sources want no more than it bears; 0 without a cap."""
        rate = self.rate(host, kind)
        if rate is None:
            return 0.0
        lane = self._lane(host, kind)
        wanted = max(lane.strength, lane.fresh) / stretch
        return float((wanted / (rate * 3_600.0 * _HOURS)) ** 2)

    def opens(self, host: bytes, kind: int, now: float) -> float:
        """When the next request may be made; not after now: at once."""
        rate = self.rate(host, kind)
        if rate is None:
            return now
        return min(self._lane(host, kind).admitted - _SLACK / rate, now + 86_400.0)

    def admit(self, host: bytes, kind: int, now: float) -> bool:
        """Take a turn now, if there is one."""
        rate = self.rate(host, kind)
        if rate is None:
            return True
        lane = self._lane(host, kind)
        paid = min(lane.admitted, now + 86_400.0)  # after a clock that was set back
        if now < paid - _SLACK / rate:
            return False
        lane.admitted = max(paid, now) + 1.0 / rate
        return True

    def ahead(self, host: bytes, kind: int, now: float) -> int:
        """How many turns of a host are given away."""
        rate = self.rate(host, kind)
        if rate is None:
            return 0
        return max(int((self._lane(host, kind).promised - now) * rate), 0)

    def promise(self, host: bytes, kind: int, now: float) -> float:
        """When a source that found no turn should come back: each gets one of its own."""
        rate = self.rate(host, kind)
        if rate is None:
            return now
        lane = self._lane(host, kind)
        turn = max(min(lane.promised, now + 86_400.0), lane.admitted, now)
        lane.promised = turn + 1.0 / rate
        return turn
