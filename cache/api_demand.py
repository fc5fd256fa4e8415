"""How much callers may have us fetch: the bound on what they asked for and has not come yet.

It fetches nothing itself and knows no politeness (the frontier's); it keeps callers from filling
the queue faster than politeness empties it. Invariant: at most MAX_HOST ids of one host, MAX_DOMAIN
of one registrable domain and MAX_ALL in all are outstanding; one more is refused with Busy, the
same one again is not. What is checked behind an answer is bounded as well, and beyond that passed
over.
"""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from ..crawler.protocol.domains import domain
from ..crawler.protocol.handle import Handle, parse_actor
from ..crawler.protocol.uri import host_port
from ..crawler.protocol.webfinger import finger_url
from ..errors import BadInput, FedpullError
from . import lookup
from .api_caching import from_store
from .api_http import Busy
from .negative import FIRST, Denial, denial
from .ports import Query
from .records import Reference
from .shapes import held
from .verbs import Verbs

T = TypeVar("T")

# At one request in two seconds a host is through with so many in a little over three minutes.
MAX_HOST = 100
# A wildcard in the DNS has hosts without end under one domain.
MAX_DOMAIN = 200
MAX_ALL = 5_000
# An id that did not come while its caller waited stays in the queue; after this it is not counted.
LINGER = 600.0
# A stale document that is read a thousand times a second is checked once in this time.
CHECK_GAP = 60.0
# GoToSocial's "freshest" is five seconds as well: asking more often tells nothing new.
RECENT = 5.0
_MOST = 10_000  # ids that are remembered


@dataclass(slots=True)
class _Asked:
    """Something that was asked for and has not come yet; `callers` of it are waiting."""

    host: str
    domain: str
    since: float
    callers: int = 0


class OnDemand:
    """The verbs' `fetch`, for callers that may be many and mean no good."""

    def __init__(self, query: Query, verbs: Verbs, now: Callable[[], float]) -> None:
        self._query = query
        self._verbs = verbs
        self._now = now
        self._asked: dict[str, _Asked] = {}
        self._of_host: dict[str, set[str]] = {}
        self._of_domain: dict[str, set[str]] = {}
        self._checked: OrderedDict[str, float] = OrderedDict()
        self._checks: OrderedDict[str, tuple[float, int]] = OrderedDict()  # by host: since, count
        self._looked = float("-inf")  # when all that is outstanding was looked at last
        self._unconfirmed: OrderedDict[str, tuple[float, FedpullError]] = OrderedDict()

    async def fetch(
        self, id_or_handle: str, *, depth: int = 0, wait: float = 30.0, again: bool = False
    ) -> Reference:
        """Resolve now; Busy when too much is outstanding.

        `again`: ask the origin though it was asked a moment ago, or has failed not long ago.
        """
        actor = parse_actor(id_or_handle)
        key = str(actor)
        if not again:
            recent = self._remembered(actor)
            if recent is not None and not depth:
                return recent
        asked = self._admit(key, _host_of(actor))
        asked.callers += 1
        ran_out = False
        try:
            reference = await self._verbs.fetch(key, depth=depth, wait=wait)
            ran_out = self._now() - asked.since >= wait
        except FedpullError as error:
            if isinstance(actor, Handle):
                _remember(self._unconfirmed, key, (self._now(), error))
            raise
        finally:
            asked.callers -= 1
            if not asked.callers and not ran_out:
                self._forget(key)
        return reference

    def awaits(self, id: str) -> bool:
        """Whether somebody waits for this very id already: one more shares that request."""
        return id in self._asked and self._asked[id].callers > 0

    def refuse(self, id: str) -> None:
        """Raise Refused for what is not only not there, but would not be asked for either."""
        with contextlib.suppress(BadInput):
            self._verbs.vet(id)

    def check(self, id: str) -> None:
        """Have a document checked behind the answer; at most once in a while."""
        now = self._now()
        if self._checked.get(id, float("-inf")) > now - CHECK_GAP:
            return
        host = host_port(id)
        since, count = self._checks.get(host, (now, 0))
        if now - since >= LINGER:
            since, count = now, 0
        if count >= MAX_HOST:
            return  # its queue is long enough: served as what it is, and checked in its time
        _remember(self._checked, id, now)
        _remember(self._checks, host, (since, count + 1))
        self._verbs.check(id)

    def _remembered(self, actor: Handle | str) -> Reference | None:
        """What this very id came to a moment ago; raises FromStore for what has failed."""
        now, named = self._now(), isinstance(actor, Handle)
        known = lookup.reference(self._query, self._id_of(actor))
        denied = denial(known, str(actor)) if known is not None else None
        if denied is None and str(actor) in self._unconfirmed:
            # Both sides answered, and did not confirm each other: no record of either says so.
            at, error = self._unconfirmed[str(actor)]
            denied = Denial(error, at, FIRST)
        if denied is not None and (told := from_store(denied, now)).ttl > 0:
            raise told
        if named or known is None or not held(known) or now - (known.verified_at or 0.0) >= RECENT:
            return None
        return known

    def _id_of(self, actor: Handle | str) -> str:
        """The id that is asked first; for a handle that led to an actor once, the actor's."""
        if not isinstance(actor, Handle):
            return actor
        url = finger_url(actor)
        known = self._query.reference(url)
        return known.target if known is not None and known.target and not denial(known) else url

    def _admit(self, key: str, host: str) -> _Asked:
        if (asked := self._asked.get(key)) is not None:
            return asked
        of = domain(host)
        if self._is_full(host, of):
            self._settle(self._of_host.get(host, set()) | self._of_domain.get(of, set()))
        if len(self._asked) >= MAX_ALL and not 0.0 <= self._now() - self._looked < 1.0:
            self._looked = self._now()
            self._settle(self._asked)
        if self._is_full(host, of) or len(self._asked) >= MAX_ALL:
            raise Busy(key, "is not fetched now: too much is waiting to be fetched already")
        asked = self._asked[key] = _Asked(host, of, self._now())
        self._of_host.setdefault(host, set()).add(key)
        self._of_domain.setdefault(of, set()).add(key)
        return asked

    def _settle(self, keys: Iterable[str]) -> None:
        """Strike off what has come since its callers left, and what is too old to be counted."""
        for key in list(keys):
            asked = self._asked[key]
            if not asked.callers and (
                self._now() - asked.since > LINGER or self._came(key, asked.since)
            ):
                self._forget(key)

    def _came(self, key: str, since: float) -> bool:
        known = self._query.reference(key)
        return known is not None and any(attempt.at >= since for attempt in known.log)

    def _forget(self, key: str) -> None:
        asked = self._asked.pop(key)
        for outstanding, name in (self._of_host, asked.host), (self._of_domain, asked.domain):
            outstanding[name].discard(key)
            if not outstanding[name]:
                del outstanding[name]

    def _is_full(self, host: str, of: str) -> bool:
        waiting, below = self._of_host.get(host, ()), self._of_domain.get(of, ())
        return len(waiting) >= MAX_HOST or len(below) >= MAX_DOMAIN


def _host_of(actor: Handle | str) -> str:
    return f"{actor.host}:443" if isinstance(actor, Handle) else host_port(actor)


def _remember(memory: OrderedDict[str, T], key: str, value: T) -> None:
    """The newest last, and the oldest out when there are too many."""
    memory[key] = value
    memory.move_to_end(key)
    if len(memory) > _MOST:
        memory.popitem(last=False)
