"""Fetches on demand: one request however many ask, answered once the outcome is on disk.

It wants, waits and reads the record; politeness and fetching are the frontier's and the spiders'.
A handle is resolved with the same two-way check as a follow's.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from ..cache.negative import error_of
from ..cache.ports import Frontier, Query
from ..cache.records import Attempt, Cause, Kind, Lease, Outcome, Reference, State, Want
from ..config.url_rules import check_actor
from ..errors import BadInput, NotFound, Refused, Unreachable
from .clock import Clock
from .protocol import webfinger
from .protocol.handle import Handle
from .protocol.uri import UrlRules, check_url, shown

# A redirect leads to an id, an id may claim another one: further than that it is a maze.
_MAX_STEPS = 3


class _WaitedOutError(Exception):
    """`wait` ran out; the request goes on."""


@dataclass(slots=True)
class _Waiting:
    """One request that somebody waits for, and how many do."""

    answered: asyncio.Future[Attempt | None]
    queued: asyncio.Future[None] | None = None
    callers: int = 0


@dataclass(slots=True)
class Desk:
    """On-demand fetches, on the loop's thread. `refuse` raises for what policy does not allow."""

    frontier: Frontier
    query: Query
    clock: Clock
    url_rules: UrlRules
    hurry: Callable[[], None]
    poke: Callable[[], None]
    refuse: Callable[[Handle | str], None] = lambda actor: None
    _waiting: dict[tuple[Kind, str], _Waiting] = field(default_factory=dict)
    _recipients: Counter[str] = field(default_factory=Counter)

    def settled(self, lease: Lease, outcome: Outcome) -> None:
        """An outcome is on disk: whoever waits for it may go on."""
        waiting = self._waiting.pop((lease.want.kind, lease.want.uri), None)
        if waiting is not None:
            waiting.answered.set_result(outcome.attempt)

    async def fetch(self, id_or_handle: str, *, depth: int = 0, wait: float = 30.0) -> Reference:
        """Resolve now. Raises FedpullError as the origin or policy decided; after `wait` seconds
        the reference is returned as it is."""
        asked = check_actor(id_or_handle, self.url_rules)
        self.refuse(asked)
        until = self.clock.monotonic() + wait
        uri = id_or_handle
        try:
            if not isinstance(asked, Handle):
                uri = asked
                return await self._document(asked, depth, until)
            uri = webfinger.finger_url(asked)
            return await self._actor(asked, depth, until)
        except _WaitedOutError:
            return self.query.reference(uri) or unknown(uri)

    async def recipient(self, uri: str, wait: float) -> Reference:
        """The same for an actor to whom something is to be delivered, which is no crawling."""
        self._recipients[uri] += 1
        try:
            return await self.fetch(uri, wait=wait)
        finally:
            self._recipients[uri] -= 1
            if not self._recipients[uri]:
                del self._recipients[uri]

    def is_recipient(self, uri: str) -> bool:
        """Whether something is to be delivered to whom this is asked for."""
        return uri in self._recipients

    def check(self, uri: str) -> None:
        """Have a document asked for again behind an answer, as a refresh: nobody waits for it.

        What fails is not tried again by the queue; the record says so, and when it is next due.
        """
        if (Kind.DOCUMENT, uri) in self._waiting:
            return
        now = self.clock.now()
        want = Want(uri, Kind.DOCUMENT, Cause.REFRESH, now, relation="check", scheduled=True)
        self.frontier.want([want])
        self.poke()

    async def _actor(self, handle: Handle, depth: int, until: float) -> Reference:
        first = await self._finger(handle, until)
        reference = await self._document(first.actor, depth, until, str(handle))
        document = self.query.document(reference.id)
        if document is None:
            raise NotFound(str(handle), f"{reference.id} is not held")
        named = replace(first, actor=reference.id)
        verdict = webfinger.confirm(handle, named, document.json)
        if isinstance(verdict, webfinger.NotConfirmed):
            raise Unreachable(str(handle), verdict.reason)
        if isinstance(verdict, webfinger.AskAlso):
            second = await self._finger(verdict.handle, until)
            if not webfinger.agrees(handle, reference.id, second, named):
                raise Unreachable(str(handle), f"{verdict.handle} does not confirm it")
        return reference

    async def _finger(self, handle: Handle, until: float) -> webfinger.Finger:
        url = webfinger.finger_url(handle)
        attempt = await self._resolve(url, Kind.FINGER, 0, until)
        failed = error_of(str(handle), attempt)
        if failed is not None:
            raise failed
        reference = self.query.reference(url)
        if reference is None or reference.target is None:
            raise Unreachable(str(handle), "names no actor")
        return webfinger.Finger(reference.reason or str(handle), reference.target)

    async def _document(self, uri: str, depth: int, until: float, led_by: str = "") -> Reference:
        for _ in range(_MAX_STEPS):
            attempt = await self._resolve(uri, Kind.DOCUMENT, depth, until, led_by)
            reference = self.query.reference(uri) or unknown(uri)
            if reference.state is State.REDIRECTED and reference.target is not None:
                led_by, uri = led_by or uri, reference.target
                continue
            failed = error_of(uri, attempt)
            if failed is not None:
                raise failed
            return reference
        raise Unreachable(uri, "leads from one id to another without end")

    def _check(self, uri: str, led_by: str) -> None:
        """Raise what is the matter with a URL: the caller's words are wrong where it is his own,
        but not where it is what he asked for (`led_by`) that has led there."""
        try:
            check_url(uri, self.url_rules)
        except (BadInput, Refused) as error:
            if not led_by:
                raise
            reason = f"leads to {shown(uri)}, which may not be asked for"
            raise Unreachable(led_by, reason) from error
        self.refuse(uri)

    async def _resolve(
        self, uri: str, kind: Kind, depth: int, until: float, led_by: str = ""
    ) -> Attempt | None:
        key = (kind, uri)
        waiting = self._waiting.get(key)
        if waiting is None:
            self._check(uri, led_by)
            waiting = self._waiting[key] = _Waiting(asyncio.get_running_loop().create_future())
            want = Want(uri, kind, Cause.ON_DEMAND, self.clock.now(), depth=depth)
            waiting.queued = asyncio.ensure_future(self._queue(want))
        waiting.callers += 1
        try:
            assert waiting.queued is not None
            await asyncio.shield(waiting.queued)
            timeout = max(until - self.clock.monotonic(), 0.0)
            await asyncio.wait({waiting.answered}, timeout=timeout)
        finally:
            waiting.callers -= 1
            # Whoever asks after the last one has left queues it again: its row may be gone by
            # then, with the follow that owned it.
            if not waiting.callers and self._waiting.get(key) is waiting:
                del self._waiting[key]
        if not waiting.answered.done():
            raise _WaitedOutError
        return waiting.answered.result()

    async def _queue(self, want: Want) -> None:
        queued = self.frontier.want([want])
        self.hurry()  # not when it is on disk: the question for it shares its commit
        await asyncio.wrap_future(queued)


def unknown(uri: str) -> Reference:
    """The record of a reference that the store has none of yet."""
    return Reference(
        id=uri,
        state=State.UNKNOWN,
        cls=None,
        fetched_at=None,
        verified_at=None,
        verified_by=None,
        next_check=None,
        interval=None,
        updated=None,
        published=None,
        content_hash=None,
        owner=None,
        type=None,
        failures=0,
    )
