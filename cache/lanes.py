"""What hosts bear: the price of requests to a host that is asked as often as it may be, and turns.

In memory only; a sweep over all sources rebuilds it. It does not enforce politeness (`hosts` does)
but keeps the refresh loop from wanting more of a host than that will let through. Invariant: what
`admit` lets through stays within the lane's rate, but for half a request.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..crawler.protocol.source import COLLECTIONS, Kind

HostCap = Callable[[bytes, Kind], float | None]

_KINDS = tuple(Kind)
_SLACK = 0.45  # of a request: ticks are coarser than a host's rate
# A part of what a host may be asked is left for people, pushes and new posts.
USABLE = 0.9
# At full load the line of those that wait has no bound.
_LOAD = 0.99
_USED = 86_400.0 * _LOAD
# By how much a price must move before what was planned at it is worth planning anew: an interval
# that is off by a fifteenth costs a quarter of a percent.
MOVED = 1.15
# An announced limit ends, and what is learnt of it with its last request is no pace.
_LONGEST_GAP = 120.0
_SAME = 0.2  # of a gap: so much is not worth planning anew
_MOST_SLOW = 10_000  # hosts whose pace is kept here; who mints them pushes out the oldest
_FARTHEST = 8 * 86_400.0  # a turn further ahead than this is a clock's mistake


@dataclass(slots=True)
class Lane:
    """One host's requests of one sort: pages of collections, or documents."""

    rate: float  # requests a second that the loop may make
    strength: float = 0.0  # of its sources: at a price L they want strength / sqrt(L) a day
    fresh: float = 0.0  # the same, as the present sweep counts it
    admitted: float = 0.0  # when the requests that were let through are paid off
    promised: float = 0.0  # until when turns are promised
    waiting: int = 0  # sources that are due and found no turn
    stretch: float = 1.0  # mean of its sources' intervals over what their rates alone would ask
    swept_at: float = 0.0  # the price at which its sources stood when the sweep began
    # The price at which its sources want no more than it bears. Kept, because it is asked for much
    # more often than it changes.
    price: float = 0.0

    def _reckon(self) -> None:
        strength = self.strength if self.strength > self.fresh else self.fresh
        wanted = strength / (self.stretch * self.rate * _USED)
        self.price = wanted * wanted

    def move(self, old: float, new: float, *, swept: bool) -> None:
        """A source's strength has changed. `swept`: the present sweep has counted it."""
        self.strength = max(self.strength - old + new, 0.0)
        if swept:
            self.fresh = max(self.fresh - old + new, 0.0)
        self._reckon()

    def change(self, rate: float) -> None:
        """The host bears more or less than it did. What was promised stays in its order."""
        self.rate = rate
        self._reckon()

    def come_by(self, strength: float) -> None:
        """The present sweep counts a source."""
        self.fresh += strength
        self._reckon()

    def recount(self, price: float, *, complete: bool) -> None:
        """Begin a sweep at a price; a complete one before it has counted everything anew."""
        if complete:
            self.strength = self.fresh
        self.fresh, self.waiting = 0.0, 0
        self._reckon()
        self.swept_at = max(self.price, price)

    def stretched(self, ratio: float) -> None:
        """An interval was planned at its price, `ratio` times what the rate alone asks."""
        self.stretch += (ratio - self.stretch) / 30.0
        self._reckon()

    def moved(self, price: float) -> bool:
        """Whether what holds here has moved since the sweep before."""
        now = (self.price if self.price > price else price) * MOVED
        return not self.swept_at < now < self.swept_at * MOVED * MOVED


class Lanes:
    """All hosts with a cap. Hosts without one have no lane."""

    def __init__(self, cap: HostCap | None, usable: float = USABLE, *, apart: bool = True) -> None:
        self._cap = cap
        self._apart = apart  # pages and documents have each a cap of their own
        self._usable = usable
        self._lanes: dict[bytes, Lane] = {}
        self._gaps: dict[bytes, float] = {}  # of hosts that bear less than is stated

    def lane(self, host: bytes, kind: int) -> Lane | None:
        """The lane of a host's requests of this kind; None where they have no cap."""
        if self._cap is None:
            return None
        key = host + b"p" if self._apart and kind in COLLECTIONS else host
        lane = self._lanes.get(key)
        if lane is None:
            rate = self._rate(host, _KINDS[kind])
            if rate is None:
                return None
            lane = self._lanes[key] = Lane(rate)
        return lane

    def _rate(self, host: bytes, kind: Kind) -> float | None:
        cap = None if self._cap is None else self._cap(host, kind)
        if (gap := self._gaps.get(host)) is not None:
            borne = 3_600.0 / gap / (2.0 if self._apart else 1.0)
            cap = borne if cap is None else min(cap, borne)
        return None if cap is None else max(cap, 1e-3) * self._usable / 3_600.0

    def slow_down(self, host: bytes, gap: float) -> None:
        """The host bears a request every `gap` seconds, less than is stated; 0: as much as that."""
        gap = min(gap, _LONGEST_GAP)
        known = self._gaps.get(host, 0.0)
        if abs(gap - known) <= _SAME * known:
            return
        self._gaps.pop(host, None)
        if gap:
            if len(self._gaps) >= _MOST_SLOW:
                del self._gaps[next(iter(self._gaps))]
            self._gaps[host] = gap
        self._renew(host)

    def bound(self, cap: HostCap | None) -> None:
        """What is stated is another cap."""
        self._cap = cap
        for key in list(self._lanes):  # of documents, or of pages, with one letter more
            self._renew(key)
            self._renew(key[:-1])

    def _renew(self, host: bytes) -> None:
        for key, kind in ((host, Kind.POST), (host + b"p", Kind.OUTBOX)):
            lane = self._lanes.get(key)
            rate = self._rate(host, kind)
            if lane is not None and rate is not None:
                lane.change(rate)
            elif rate is None:
                self._lanes.pop(key, None)

    # --- prices

    def recount(self, price: float, *, complete: bool) -> None:
        """Begin a sweep; a complete one before it has counted everything anew."""
        for key, lane in list(self._lanes.items()):
            lane.recount(price, complete=complete)
            if complete and not lane.strength:
                del self._lanes[key]

    def price(self, host: bytes, kind: int) -> float:
        """The price at which a host's sources want no more than it bears; 0 without a cap."""
        lane = self.lane(host, kind)
        return 0.0 if lane is None else lane.price

    def unsettled(self, price: float) -> bool:
        """Whether that is so of any host."""
        return any(lane.moved(price) for lane in self._lanes.values())

    def stretched(self, host: bytes, kind: int, ratio: float) -> None:
        """See `Lane.stretched`."""
        lane = self.lane(host, kind)
        if lane is not None:
            lane.stretched(ratio)

    # --- turns

    def admit(
        self, host: bytes, kind: int, now: float, *, waited: bool = False, early: bool = False
    ) -> bool:
        """Take a turn now, if there is one; before its time only if nobody waits for it."""
        lane = self.lane(host, kind)
        if lane is None:
            return True
        slack = _SLACK / lane.rate
        if lane.admitted > now + _FARTHEST:
            lane.admitted = now
        paid = lane.admitted or now + slack
        if now < paid - slack or (early and lane.waiting):
            return False
        lane.admitted = max(paid, now) + 1.0 / lane.rate
        lane.waiting = max(lane.waiting - waited, 0)
        return True

    def put_off(self, host: bytes, kind: int, now: float, *, waited: bool) -> float:
        """When a source that found no turn is to try again: each is promised a turn of its own.

        One whose turn somebody took in between, who came when none was there to claim it, tries at
        the next.
        """
        lane = self.lane(host, kind)
        if lane is None:
            return now
        paid = min(lane.admitted, now + _FARTHEST)
        if waited:
            return paid
        lane.waiting += 1
        turn = max(paid, now, lane.promised if lane.promised < now + _FARTHEST else 0.0)
        lane.promised = turn + 1.0 / lane.rate
        return turn

    def ahead(self, host: bytes, kind: int) -> int:
        """How many sources of a host are due and wait for a turn."""
        lane = self.lane(host, kind)
        return 0 if lane is None else lane.waiting

    def passing(self, price: float) -> Callable[[float], float]:
        """How much of what is wanted in all, in requests a day, the hosts let through."""
        free, full = 0.0, []
        for lane in self._lanes.values():
            if lane.price > price / 100.0:
                full.append((lane.strength, lane.rate * _USED * lane.stretch))
            else:
                free += lane.strength
        everything = max(free + sum(strength for strength, _ in full), 1e-9)

        def through(wanted: float) -> float:
            share = wanted / everything
            return free * share + sum(min(strength * share, most) for strength, most in full)

        return through if full else float
