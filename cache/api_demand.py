"""How much callers may have us fetch: the bound on what they asked for and has not come yet.

It fetches nothing itself and knows no politeness (the frontier's); it keeps callers from filling
the queue faster than politeness empties it. Invariant: at most MAX_HOST ids of one host and
MAX_ALL in all are outstanding; one more is refused with Busy, the same one again is not.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from ..crawler.protocol.handle import Handle, parse_actor
from ..crawler.protocol.uri import host_port
from ..errors import FedpullError, Gone, NotFound, Refused, Unreachable
from .api_http import Busy
from .ports import Query
from .records import Reference
from .shapes import held
from .verbs import Verbs

T = TypeVar("T")

# At one request in two seconds a host is through with so many in a little over three minutes.
MAX_HOST = 100
MAX_ALL = 5_000
# An id that did not come while its caller waited stays in the queue; after this it is not counted.
LINGER = 600.0
# A stale document that is read a thousand times a second is revalidated once in this time.
REVALIDATE_GAP = 60.0
# A fetch that failed is not tried again at once, whoever asks; a person may try again soon.
NEGATIVE = 30.0
# GoToSocial's "freshest" is five seconds as well: asking more often tells nothing new.
RECENT = 5.0
_MOST = 10_000  # ids that are remembered


@dataclass(slots=True)
class _Asked:
    """Something that was asked for and has not come yet; `callers` of it are waiting."""

    host: str
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
        self._revalidated: OrderedDict[str, float] = OrderedDict()
        self._failed: OrderedDict[str, tuple[float, FedpullError]] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()

    async def fetch(self, id_or_handle: str, *, depth: int = 0, wait: float = 30.0) -> Reference:
        """Resolve now; Busy when too much is outstanding."""
        actor = parse_actor(id_or_handle)
        key = str(actor)
        recent = self._remembered(key) if not depth else None
        if recent is not None:
            return recent
        host = f"{actor.host}:443" if isinstance(actor, Handle) else host_port(actor)
        asked = self._admit(key, host)
        asked.callers += 1
        ran_out = False
        try:
            reference = await self._verbs.fetch(key, depth=depth, wait=wait)
            ran_out = self._now() - asked.since >= wait
        except (Gone, NotFound, Refused, Unreachable) as error:
            _remember(self._failed, key, (self._now(), error))
            raise
        finally:
            asked.callers -= 1
            if not asked.callers and not ran_out:
                self._forget(key)
        return reference

    def revalidate(self, id: str) -> None:
        """Have a stale document checked behind the answer; at most once in a while."""
        now = self._now()
        if self._revalidated.get(id, float("-inf")) > now - REVALIDATE_GAP:
            return
        _remember(self._revalidated, id, now)
        task = asyncio.ensure_future(self._quietly(id))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _quietly(self, id: str) -> None:
        # Nobody waits for it; the reference's own record says what went wrong.
        with suppress(FedpullError):
            await self.fetch(id, wait=0.0)

    def _remembered(self, key: str) -> Reference | None:
        """What this very id came to a moment ago; its origin is not asked again for it."""
        now = self._now()
        at, error = self._failed.get(key, (float("-inf"), None))
        if error is not None and now - at < NEGATIVE:
            raise error
        known = None if key.startswith("@") else self._query.reference(key)
        if known is None or not held(known) or now - (known.verified_at or 0.0) >= RECENT:
            return None
        return known

    def _admit(self, key: str, host: str) -> _Asked:
        if (asked := self._asked.get(key)) is not None:
            return asked
        if len(self._of_host.get(host, ())) >= MAX_HOST:
            self._settle(self._of_host[host])
        if len(self._asked) >= MAX_ALL:
            self._settle(self._asked)
        if len(self._of_host.get(host, ())) >= MAX_HOST or len(self._asked) >= MAX_ALL:
            raise Busy(key, "is not fetched now: too much is waiting to be fetched already")
        asked = self._asked[key] = _Asked(host, self._now())
        self._of_host.setdefault(host, set()).add(key)
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
        host = self._asked.pop(key).host
        self._of_host[host].discard(key)
        if not self._of_host[host]:
            del self._of_host[host]


def _remember(memory: OrderedDict[str, T], key: str, value: T) -> None:
    """The newest last, and the oldest out when there are too many."""
    memory[key] = value
    memory.move_to_end(key)
    if len(memory) > _MOST:
        memory.popitem(last=False)
