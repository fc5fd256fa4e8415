"""The handler of `GET /v1/document`: a stored copy at once, or a fetched one when none will do.

What will do is decided in `api_caching`; this shell reads the store and waits for the verbs.
Invariant: what is answered at once is answered without creating a task.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from ..errors import TimedOut, Unreachable
from . import lookup, pace, shapes
from .api_caching import Fetch, answer, decide, raise_absent
from .api_demand import OnDemand
from .api_http import Answer, Call, NotCached, directives, unknown
from .api_read import id_of
from .ports import Query
from .records import Reference, State

WAIT = 30.0
# The price of a request moves within hours; looking it up costs as much as the rest of a call.
_PRICE_EVERY = 60.0
_PARAMETERS = frozenset({"id"})


class Documents:
    """The handler over the store's reader and what may be fetched on demand."""

    def __init__(self, query: Query, demand: OnDemand, now: Callable[[], float]) -> None:
        self._query = query
        self._demand = demand
        self._now = now
        self._price: float | None = None
        self._priced_at = float("-inf")

    def get(self, call: Call) -> Answer | Awaitable[Answer]:
        unknown(call.args, _PARAMETERS)
        id = id_of(call)
        now = self._now()
        reference = lookup.reference(self._query, id)
        try:
            doubtful = pace.doubtful(reference, self._price_at(now), now)
            asked = directives(call.headers.get("cache-control"))
            verdict = decide(reference, asked, now, doubtful=doubtful)
        except NotCached as error:  # a miss has no record, hence no id but the caller's
            self._demand.refuse(id)
            raise NotCached(id, error.reason) from error
        if isinstance(verdict, Fetch):
            return self._fetched(call, id, verdict.why)
        assert reference is not None
        found = self._stored(reference, "hit", now)
        if found is None:  # it was purged between the two reads
            return self._fetched(call, id, "uri-miss")
        if verdict.check:
            self._demand.check(reference.id)
        return found

    def _price_at(self, now: float) -> float | None:
        """The agenda's price of a request, as it was at most a minute ago."""
        if not 0.0 <= now - self._priced_at < _PRICE_EVERY:
            self._price, self._priced_at = self._query.totals().price, now
        return self._price

    async def _fetched(self, call: Call, id: str, why: str) -> Answer:
        came = await self._demand.fetch(id, wait=WAIT, again=True)
        reference = lookup.reference(self._query, came.id) or came
        raise_absent(reference)
        found = self._stored(reference, f"fwd={why}; stored", self._now())
        if found is not None:
            return found
        if reference.state is State.FAILED:
            raise Unreachable(id, reference.last_error or "could not be fetched")
        raise TimedOut(id, "was not fetched in time")

    def _stored(self, reference: Reference, status: str, now: float) -> Answer | None:
        document = self._query.document(reference.id) if shapes.held(reference) else None
        if document is None:
            return None
        return answer(document, reference, status, now)
