"""The handler of `GET /v1/document`: a stored copy at once, or a fetched one when none will do.

What will do is decided in `api_caching`; this shell reads the store and waits for the verbs, and
for whoever asks for a form for the view that is made of the copy.
Invariant: what is answered at once is answered without creating a task.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from ..crawler.protocol.jsonld import Form, form_named
from ..errors import FedpullError, NotFound, TimedOut, Unreachable
from . import lookup, pace
from .api_caching import Fetch, answer, decide, instead, raise_absent
from .api_demand import OnDemand
from .api_http import Answer, Call, Directives, NotCached, directives
from .api_read import id_of
from .ports import Query
from .records import Reference, State
from .shapes import held
from .view_process import ViewProcess

WAIT = 30.0
# The price of a request moves within hours; looking it up costs as much as the rest of a call.
_PRICE_EVERY = 60.0


class Documents:
    """The handler over the store's reader and what may be fetched on demand."""

    def __init__(
        self, query: Query, demand: OnDemand, now: Callable[[], float], views: ViewProcess
    ) -> None:
        self._query = query
        self._demand = demand
        self._now = now
        self._views = views
        self._price: float | None = None
        self._priced_at = float("-inf")

    def get(self, call: Call) -> Answer | Awaitable[Answer]:
        form = call.args.get("form")
        return self._served(call) if not form else self._viewed(call, form_named(form))

    async def _viewed(self, call: Call, form: Form) -> Answer:
        """The same answer about the same copy, with its view instead of its bytes."""
        served = self._served(call)
        answer = served if isinstance(served, Answer) else await served
        reference = lookup.reference(self._query, id_of(call))
        document = self._query.document(reference.id) if reference is not None else None
        if document is None:  # it was purged between the two reads
            raise NotFound(id_of(call), "is not held any more")
        headers = tuple(
            (name, f'{value[:-1]}-{form}"' if name == "ETag" else value)
            for name, value in answer.headers
        )
        body = await self._views.view(document, form)
        return replace(answer, body=body, headers=headers)

    def _served(self, call: Call) -> Answer | Awaitable[Answer]:
        id = id_of(call)
        now = self._now()
        asked = directives(call.headers.get("cache-control"))
        reference, document = self._query.served(id)
        try:
            doubtful = pace.doubtful(reference, self._price_at(now), now)
            verdict = decide(reference, asked, now, doubtful=doubtful)
        except NotCached as error:  # a miss has no record, hence no id but the caller's
            self._demand.refuse(id)
            raise NotCached(id, error.reason) from error
        if isinstance(verdict, Fetch):
            return self._fetched(id, verdict.why, asked)
        assert reference is not None
        if document is None:  # a record without a body, which only a damaged store has
            return self._fetched(id, "uri-miss", asked)
        if verdict.check:
            self._demand.check(reference.id)
        return answer(document, reference, "hit", now, store=not asked.no_store)

    def _price_at(self, now: float) -> float | None:
        """The agenda's price of a request, as it was at most a minute ago."""
        if not 0.0 <= now - self._priced_at < _PRICE_EVERY:
            self._price, self._priced_at = self._query.totals().price, now
        return self._price

    async def _fetched(self, id: str, why: str, asked: Directives) -> Answer:
        started = self._now()
        status = f"fwd={why}; stored" + ("; collapsed" if self._demand.awaits(id) else "")
        try:
            came = await self._demand.fetch(id, wait=WAIT, again=True)
            reference = lookup.reference(self._query, came.id) or came
            raise_absent(reference)
            # What has come meanwhile was verified meanwhile; else the copy is still the old one.
            if held(reference) and (reference.verified_at or 0.0) >= started:
                found = self._stored(reference, status, asked)
                if found is not None:
                    return found
            if reference.state is State.FAILED:
                raise Unreachable(id, reference.last_error or "could not be fetched")
            raise TimedOut(id, "was not fetched in time")
        except (Unreachable, TimedOut) as error:
            old = self._instead(id, asked, error)
            if old is None:
                raise
            return old

    def _instead(self, id: str, asked: Directives, error: FedpullError) -> Answer | None:
        """The copy that the origin could not be asked about, for who takes it then."""
        reference = lookup.reference(self._query, id)
        if reference is None or not instead(reference, asked, error, self._now()):
            return None
        return self._stored(reference, "hit; detail=stale-if-error", asked)

    def _stored(self, reference: Reference, status: str, asked: Directives) -> Answer | None:
        document = self._query.document(reference.id) if held(reference) else None
        if document is None:
            return None
        return answer(document, reference, status, self._now(), store=not asked.no_store)
