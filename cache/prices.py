"""What a request costs just now, everywhere and at each host, and what a source plans by it.

Holds the histogram, the host lanes and the budget's account together; it places nothing and
chooses nothing. All of it can be rebuilt by a sweep over the sources. Invariant: a source is
counted in exactly one bucket, the one that its row names.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import log
from typing import Any

import orjson

from ..crawler.protocol import estimate, interval
from ..crawler.protocol import price as pricing
from ..crawler.protocol.assumptions import PRICE_FLOOR, VALUE
from ..crawler.protocol.source import COLLECTIONS, DAY, FLOOR, HOST, POST, PRICE, Notices, Source
from .account import Account
from .lanes import MOVED, USABLE, HostCap, Lane, Lanes

_RETUNE = 600.0
_RARELY = 21_600.0
_ENOUGH = 0.02  # of the sources must have moved before the price is solved again
# Of the budget, what is left for what people ask for, seeds and retries.
RESERVE = 0.07
_LEAST = 0.1  # of the budget is planned with, whatever others use just now
_SAMPLE = 4  # of so many intervals one is measured
_AGES = 8.0  # steps of a natural logarithm in which new documents are taken to be of one age


class Prices:
    """The policy's memory of all sources at once."""

    def __init__(
        self,
        budget_per_hour: float,
        host_cap: HostCap | None = None,
        *,
        reserve: float = RESERVE,
        floor: float = PRICE_FLOOR,
        values: Mapping[int, float] | None = None,
        usable: float = USABLE,
        apart: bool = True,
    ) -> None:
        self.account = Account(budget_per_hour)
        self.lanes = Lanes(host_cap, usable, apart=apart)
        self.histogram = pricing.Histogram()
        self.price = max(floor, 1e-6)
        self._floor = floor
        self._share = 1.0 - reserve
        self._values = values or VALUE
        self._tuned: float | None = None
        self._solved = 0  # how many sources there were when the price was solved
        # Mean of interval over plain interval: what bursts and nights make of the demand.
        self._stretch = 1.0
        self._stretch_step = _SAMPLE / max(2_000.0, 48.0 * budget_per_hour)
        self._measured = 0
        self.trust = estimate.Trust()
        self._alike: dict[tuple[float, ...], tuple[int, float, float]] = {}
        self._swept: Any = None
        self._passes = 0
        self._range = (self.price, self.price)  # of prices since the pass before began
        self._range_now = self._range

    @property
    def at_floor(self) -> bool:
        """Whether the budget is larger than what is worth asking for."""
        return self.price <= self._floor

    # --- a source

    def worth(self, source: Source) -> float:
        return self._values[source.kind] * source.weight

    def price_of(self, source: Source) -> float:
        """What a request to this source costs."""
        return max(self.price, self.lanes.price(source.host, source.kind))

    def plan(self, id: Any, source: Source, notices: Notices | None) -> None:
        """Count it and give it the interval that it has at today's price."""
        worth = self.worth(source)
        number = self.histogram.number(pricing.key_of(source, worth, notices))
        lane = self.lanes.lane(source.host, source.kind)
        self._count(id, source, number, lane)
        at = self._decide(source, lane)
        source.interval = interval.seconds(source, worth, at, notices)

    def plan_new(self, id: Any, source: Source) -> None:
        """The same for a document that was never seen to change; they come by the page."""
        if source.kind in COLLECTIONS:
            self.plan(id, source, None)
            return
        old = 0.0
        if source.kind == POST:
            old = round(_AGES * log(max(source.last - source.born, 1.0)))
        like = (source.kind, old, source.weight, source.shortest, source.longest)
        known = self._alike.get(like)
        if known is None:
            self.plan(id, source, None)
            if source.bound != HOST:
                key = self.histogram.key(source.bucket)
                strength = pricing.strength(key) if key else 0.0
                self._alike[like] = (source.bucket, strength, source.interval)
            return
        number, strength, seconds = known
        lane = self.lanes.lane(source.host, source.kind)
        if lane is not None:
            if lane.price > self.price:
                self.plan(id, source, None)
                return
            lane.move(0.0, strength, swept=False)
        self.histogram.move(0, number, swept=False)
        source.bucket, source.interval = number, seconds
        source.bound = FLOOR if self.at_floor else PRICE

    def forget(self, id: Any, source: Source) -> None:
        """It is no source any more."""
        self._count(id, source, 0, self.lanes.lane(source.host, source.kind))

    def _decide(self, source: Source, lane: Lane | None) -> float:
        held = 0.0 if lane is None else lane.price
        if held > self.price:
            source.bound = HOST
            return held
        source.bound = FLOOR if self.at_floor else PRICE
        return self.price

    def _count(self, id: Any, source: Source, number: int, lane: Lane | None) -> None:
        if number == source.bucket:
            return
        swept = self._swept is not None and id <= self._swept
        if lane is not None:
            old, new = self.histogram.key(source.bucket), self.histogram.key(number)
            was = pricing.strength(old) if old else 0.0
            lane.move(was, pricing.strength(new) if new else 0.0, swept=swept)
        self.histogram.move(source.bucket, number, swept=swept)
        source.bucket = number

    def stretched(self, source: Source) -> None:
        """Learn from an interval that was just planned what bursts and nights make of it."""
        self._measured = (self._measured + 1) % _SAMPLE
        if self._measured:
            return
        key = self.histogram.key(source.bucket)
        if source.kind not in COLLECTIONS or key is None or not pricing.is_plain(key):
            return
        if source.shortest < source.interval < source.longest:
            plain = DAY / pricing.requests(key, self.price_of(source))
            ratio = min(source.interval / plain, 4.0)
            if source.bound == HOST:
                self.lanes.stretched(source.host, source.kind, ratio)
            else:
                self._stretch += (ratio - self._stretch) * self._stretch_step

    # --- all sources

    def retune(self, now: float) -> None:
        """Solve for the price, every ten minutes if enough has changed."""
        if self._tuned is not None and 0.0 <= now - self._tuned < _RETUNE:
            return
        few = self.histogram.moves < _ENOUGH * self.histogram.total
        if self._tuned is not None and few and 0.0 <= now - self._tuned < _RARELY:
            return
        self._tuned = now
        self._solve(now)

    def grown(self, now: float) -> None:
        """Sources came. The price is solved at once when there are twice as many as it knew."""
        if self.histogram.total > 2 * self._solved:
            self._solve(now)

    def _solve(self, now: float) -> None:
        self._solved = self.histogram.total
        self._alike.clear()
        hourly = self.account.per_hour * self._share - self.account.others(now)
        budget = max(hourly, self.account.per_hour * _LEAST) * 24.0
        passing = self.lanes.passing(self.price)
        self.price = self.histogram.solve(budget * self._stretch, self.price, self._floor, passing)
        low, high = self._range_now
        self._range_now = (min(low, self.price), max(high, self.price))

    def sweep(self, id: Any, source: Source | None) -> bool:
        """A sweep comes by a source, in the order of the ids. Whether it must be planned anew."""
        if self._swept is None or id <= self._swept:
            self._new_pass()
        self._swept = id
        if source is None:
            return False
        key = self.histogram.key(source.bucket) if source.bucket else None
        if key is None:
            return True
        self.histogram.swept(source.bucket)
        lane = self.lanes.lane(source.host, source.kind)
        if lane is None:
            return self._moved()
        lane.come_by(pricing.strength(key))
        return self._moved() or lane.moved(self.price)

    def _new_pass(self) -> None:
        self.histogram.recount()
        self._alike.clear()  # keys that nothing stands in are gone from the histogram
        self.lanes.recount(self.price, complete=self._passes > 0)
        self._passes += 1
        self._range, self._range_now = self._range_now, (self.price, self.price)

    @property
    def unsettled(self) -> bool:
        """Whether a sweep would find anything to plan anew because a price has moved."""
        return self._moved() or self.lanes.unsettled(self.price)

    def _moved(self) -> bool:
        low = min(self._range[0], self._range_now[0])
        high = max(self._range[1], self._range_now[1])
        return high > MOVED * low

    def state(self) -> bytes:
        """To be kept over a restart."""
        trust = self.trust
        return self.histogram.state() + b"\n" + orjson.dumps([trust.true, trust.told])

    def restore(self, state: bytes) -> None:
        """Go on from what `state` gave before a restart."""
        histogram, _, trust = state.partition(b"\n")
        self.histogram = pricing.Histogram.from_state(histogram)
        if trust:  # what an older version kept has none
            self.trust = estimate.Trust(*orjson.loads(trust))
