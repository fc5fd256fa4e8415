"""The calls of the private API that want something done: fetch, pull, follow, unfollow.

They decide nothing about the network; they read what a caller wrote, hand it to the verbs' port and
tell what came of it. Invariant: no call waits for longer than MAX_WAIT, except a pull, which is
long work by its nature.
"""

from __future__ import annotations

from collections.abc import Callable

from ..crawler.protocol.budgets import ON_DEMAND
from ..errors import BadInput
from . import lookup, shapes
from .api_demand import OnDemand
from .api_http import Answer, Call, directives, json, read_json, read_object, unknown
from .ports import Query
from .verbs import Verbs

# Longer than the slowest chain of requests, shorter than what proxies and clients keep open.
DEFAULT_WAIT = 30.0
MAX_WAIT = 300.0
# Each level may want several documents; nobody asks for a whole conversation by hand.
MAX_DEPTH = ON_DEMAND.depth
MAX_ACTORS = 1_000

_FETCH = frozenset({"id", "depth", "wait"})
_PULL = frozenset({"actors"})


class Writing:
    """Handlers over the verbs."""

    def __init__(
        self, query: Query, verbs: Verbs, demand: OnDemand, now: Callable[[], float]
    ) -> None:
        self._query = query
        self._verbs = verbs
        self._demand = demand
        self._now = now

    async def fetch(self, call: Call) -> Answer:
        """200 with the document; 202 with the reference as it is when `wait` ran out."""
        given = read_object(call)
        unknown(given, _FETCH)
        id, depth = given.get("id"), given.get("depth", 0)
        if not isinstance(id, str) or not id:
            raise BadInput("id", "is missing", "a URI or a handle")
        if isinstance(depth, bool) or not isinstance(depth, int) or not 0 <= depth <= MAX_DEPTH:
            raise BadInput("depth", "is out of bounds", f"a whole number from 0 to {MAX_DEPTH}")
        wait = lookup.seconds("wait", given["wait"]) if "wait" in given else DEFAULT_WAIT
        wait, started = min(wait, MAX_WAIT), self._now()
        again = directives(call.headers.get("cache-control")).no_cache
        came = await self._demand.fetch(id, depth=depth, wait=wait, again=again)
        now = self._now()
        known = lookup.reference(self._query, came.id) or came
        document = self._query.document(known.id) if shapes.held(known) else None
        in_time = now - started < wait or (known.verified_at or 0.0) >= started
        status = 200 if document is not None and in_time else 202
        return json(shapes.fetched(known, document, now), status)

    async def pull(self, call: Call) -> Answer:
        """Bring the named (or all followed) actors up to date; answers when that is done."""
        given = read_object(call)
        unknown(given, _PULL)
        actors = given.get("actors", [])
        if not isinstance(actors, list) or len(actors) > MAX_ACTORS:
            raise BadInput("actors", "is not a list", f"at most {MAX_ACTORS} handles or URIs")
        # A program whose own list came out empty does not mean everybody.
        if "actors" in given and not actors:
            raise BadInput("actors", "names nobody", "some, or no `actors` at all for every follow")
        keys = [lookup.actor("actors", actor) for actor in actors]
        return json(shapes.pulled(await self._verbs.pull(keys)))

    async def follow(self, call: Call) -> Answer:
        """201 and the follow. The body is an entry as in the configuration file."""
        entry = read_json(call)
        added = await self._verbs.follow(entry if isinstance(entry, str) else read_object(call))
        return json(shapes.follow(added), 201, (("Location", "/v1/follows"),))

    async def publish(self, call: Call) -> Answer:
        """201 and the activity, as it is published. The body is an object or an activity."""
        key = call.headers.get("idempotency-key")
        done = await self._verbs.publish(call.body, key)
        return Answer(201, done.body, headers=(("Location", done.activity),))

    async def unfollow(self, call: Call) -> Answer:
        actor = call.args.get("actor")
        if not actor:
            raise BadInput("actor", "is missing", "a handle or a URI, as it is followed")
        await self._verbs.unfollow(lookup.follow_key("actor", self._query, actor))
        return Answer(204)
