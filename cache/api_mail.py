"""The calls of the private API about mail: what came, who follows us, what is on its way out.

It reads the store, and hands the one verdict that a caller may give, on a follower, to the verbs'
port. Invariant: every list is bounded, and `next` is the URL of its next page.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

from ..errors import BadInput
from . import lookup, mail_shapes, shapes
from .api_http import Answer, Call, json, read_object, unknown
from .api_read import limit_of
from .mail_layout import DELIVERY_STATES, FOLLOWER_STATES, NOTIFICATION_STATES
from .ports import Query
from .verbs import Verbs

S = TypeVar("S", bound=str)
_VERDICT = frozenset({"actor", "accept"})


class Mail:
    """Handlers over the store's reader and the verbs."""

    def __init__(self, query: Query, verbs: Verbs) -> None:
        self._query = query
        self._verbs = verbs

    def notifications(self, call: Call) -> Answer:
        state, limit = _state(call, NOTIFICATION_STATES), limit_of(call)
        found = self._query.notifications(limit, _before(call), state)
        return _page(call, limit, found, map(mail_shapes.notification, found))

    def deliveries(self, call: Call) -> Answer:
        state, limit = _state(call, DELIVERY_STATES), limit_of(call)
        host = call.args.get("host")
        wanted = lookup.host("host", host) if host else None
        activity, id = call.args.get("activity") or None, call.args.get("id")
        if id:
            one = self._query.delivery(lookup.whole("id", id, 0))
            return json(mail_shapes.deliveries([] if one is None else [one], None, None))
        found = self._query.deliveries(limit, _before(call), state, wanted, activity)
        account = None if activity is None else self._query.account(activity)
        return json(mail_shapes.deliveries(found, _next(call, limit, found), account))

    def followers(self, call: Call) -> Answer:
        state, limit = _state(call, FOLLOWER_STATES), limit_of(call)
        found = self._query.followers(limit, call.args.get("cursor"), state)
        next = call.url(cursor=found[-1].actor) if len(found) == limit else None
        return json(shapes.listing(map(mail_shapes.follower, found), next))

    async def judge(self, call: Call) -> Answer:
        """200 and the follower as it is now."""
        given = read_object(call)
        unknown(given, _VERDICT)
        actor, accept = given.get("actor"), given.get("accept")
        if not isinstance(accept, bool):
            raise BadInput("accept", "is missing", "true or false")
        judged = await self._verbs.judge_follower(lookup.actor("actor", actor), accept=accept)
        return json(mail_shapes.follower(judged))


class _Numbered(Protocol):
    @property
    def id(self) -> int: ...


def _page(
    call: Call, limit: int, found: Sequence[_Numbered], items: Iterable[shapes.Json]
) -> Answer:
    """A page of a list whose latest come first."""
    return json(shapes.listing(items, _next(call, limit, found)))


def _next(call: Call, limit: int, found: Sequence[_Numbered]) -> str | None:
    return call.url(cursor=str(found[-1].id)) if len(found) == limit else None


def _before(call: Call) -> int | None:
    text = call.args.get("cursor")
    return None if text is None else lookup.whole("cursor", text, 0)


def _state(call: Call, states: Sequence[S]) -> S | None:
    text = call.args.get("state")
    if not text:
        return None
    for state in states:
        if state == text:
            return state
    raise BadInput("state", "is none that there is", f"one of {', '.join(states)}")
