"""How many keys may be fetched for whom: buckets of tokens, in all and for each domain and client.

Pure: `now` is an argument, and it fetches nothing. Who can make us fetch is everybody (a request
names the key that it says it is signed with), so this is what a flood of forged requests comes to.
Invariant: what is taken in any time is at most the burst and the rate of every bucket it is of.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TypeVar

from .protocol.domains import domain

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Rate:
    """A bucket: so many at once, and so many a minute for good."""

    burst: float
    per_minute: float


# All keys together. Strangers have a bucket of their own, so that who floods us with forged
# requests in their names does not keep those out whom we know.
TOTAL = Rate(60, 60)
# A server whose users begin to write to us all at once; its politeness gap allows no more anyway.
HOST = Rate(20, 20)
# A server pushes from one address, in the name of all its users.
CLIENT = Rate(30, 30)
# Of either kind; the oldest go, and begin anew: the bucket of all still holds.
_REMEMBERED = 10_000


class KeyBudget:
    """`take` before each fetch."""

    def __init__(self, total: Rate = TOTAL, host: Rate = HOST, client: Rate = CLIENT) -> None:
        self._total, self._host, self._client = total, host, client
        self._totals: OrderedDict[bool, tuple[float, float]] = OrderedDict()
        self._hosts: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._clients: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, now: float, host: str, client: str, *, known: bool) -> float:
        """0: a key may be fetched from `host` because of `client`, and is counted. Else nothing is,
        and it is how many seconds to wait. `known`: we know the actor whose key it is to be.

        Hosts of one registrable domain share a bucket: a wildcard invents as many as it likes."""
        of = domain(host)
        left = (
            _left(self._totals.get(known), self._total, now),
            _left(self._hosts.get(of), self._host, now),
            _left(self._clients.get(client), self._client, now),
        )
        rates = (self._total, self._host, self._client)
        short = [
            (1 - tokens) * 60 / rate.per_minute
            for tokens, rate in zip(left, rates, strict=True)
            if tokens < 1
        ]
        if short:
            return max(short)
        _put(self._totals, known, (left[0] - 1, now))
        _put(self._hosts, of, (left[1] - 1, now))
        _put(self._clients, client, (left[2] - 1, now))
        return 0.0


def _left(bucket: tuple[float, float] | None, rate: Rate, now: float) -> float:
    if bucket is None:
        return rate.burst
    tokens, at = bucket
    # A clock that was set back gives nothing, and takes nothing away.
    return min(tokens + max(now - at, 0.0) * rate.per_minute / 60, rate.burst)


def _put(
    buckets: OrderedDict[T, tuple[float, float]], name: T, bucket: tuple[float, float]
) -> None:
    buckets[name] = bucket
    buckets.move_to_end(name)
    if len(buckets) > _REMEMBERED:
        buckets.popitem(last=False)
