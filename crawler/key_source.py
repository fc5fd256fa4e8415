"""The documents that keys are in, asked of their origins within bounds; it reads no key.

Whoever sends us a request makes us ask for the key that it names, so asking is rationed
(`key_budget`), what failed is remembered for longer and longer, and one asks however many wait.
Invariants: a URL is asked for at most once in `REFETCH` seconds where its origin has answered; what
stood in the way of an answer is not told.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from math import ceil
from typing import Any, Literal, NamedTuple

from ..errors import BadInput, FedpullError
from .answer import Answer, Ask, FetchFailed
from .aside import Fetch
from .clock import Clock
from .key_budget import KeyBudget
from .protocol.forwarded import budget_address
from .protocol.shapes import types_of
from .protocol.strictjson import BadJson, parse_object
from .protocol.terms import check_document
from .protocol.uri import host_port

# Akkoma's `min_key_refetch_interval`: a key that does not verify may have been rotated just now.
REFETCH = 300.0
# First and longest time for which a failure stands: what the origin has said, and what it could
# not say.
_SAID = (REFETCH, 86_400.0)
_UNSAID = (60.0, 3_600.0)
_GROWTH = 4.0
_REMEMBERED = 20_000  # the oldest are forgotten, and the budget still holds
# Senders hang up after ten seconds (Mastodon, Lemmy); what is still on its way then is there when
# they come again.
_PATIENCE = 8.0
_TURN_PATIENCE = 5.0
_FETCH_SECONDS = 15.0
# There was an answer, and nothing that could be a key's document.
_NO_DOCUMENT = frozenset({"type", "size", "encoding", "redirect", "status", "url"})
_LATER = frozenset({408, 425, 429})
LATER = 60  # seconds after which to come again


class NoKey(NamedTuple):
    """`gone`: the origin says 410. `none`: there is no such key. `later`: it cannot be said now.
    `anew`: this was found out just now, and not remembered."""

    why: Literal["gone", "none", "later"]
    retry_after: int = LATER
    anew: bool = False


class Source(NamedTuple):
    """A document as its origin serves it now."""

    document: dict[str, Any]
    final_url: str


class _Asked(NamedTuple):
    """What became of asking, and until when it is not asked again."""

    failures: int
    until: float
    verdict: NoKey | None  # None: it was there, so what was not in it does not exist

    def told(self, now: float) -> NoKey:
        if self.verdict is None:
            return NoKey("none")
        return self.verdict._replace(retry_after=ceil(self.until - now), anew=False)


class KeySource:
    """On the loop's thread."""

    def __init__(self, fetch: Fetch, clock: Clock, budget: KeyBudget | None = None) -> None:
        self.counts: Counter[str] = Counter()
        self._fetch = fetch
        self._clock = clock
        self._budget = budget or KeyBudget()
        self._asked: OrderedDict[str, _Asked] = OrderedDict()
        self._asking: dict[str, asyncio.Task[Source | NoKey]] = {}

    async def get(self, url: str, client: str, *, known: bool) -> Source | NoKey:
        """The document at a URL that `check_url` has passed. `client`: the address for whose
        request it is asked; `known`: whether we know the actor whose key it is to be."""
        task = self._asking.get(url)
        if task is None:
            now = self._clock.monotonic()
            asked = self._asked.get(url)
            if asked is not None and now < asked.until:
                return asked.told(now)
            wait = self._budget.take(now, host_port(url), budget_address(client), known=known)
            if wait:
                self.counts["over_budget"] += 1
                return NoKey("later", ceil(wait))
            self.counts["asked"] += 1
            task = self._asking[url] = asyncio.ensure_future(self._get(url))
            task.add_done_callback(lambda _: self._asking.pop(url))
        try:
            async with asyncio.timeout(_PATIENCE):
                return await asyncio.shield(task)
        except TimeoutError:
            return NoKey("later")

    def close(self) -> None:
        """Ask no more; whoever waits is told to come later."""
        for task in self._asking.values():
            task.cancel()

    async def _get(self, url: str) -> Source | NoKey:
        deadline = self._clock.monotonic() + _TURN_PATIENCE + _FETCH_SECONDS
        found: Source | NoKey
        asked = True
        # A key is asked for to verify what its server has sent us: that is no crawling.
        ask = Ask(url, deadline=deadline, robots="exempt")
        try:
            found = _read(await self._fetch(ask, _TURN_PATIENCE))
        except FetchFailed as failed:
            found = NoKey("none" if failed.kind in _NO_DOCUMENT else "later")
        except FedpullError:  # the host's turn did not come, or the door was closed
            found, asked = NoKey("later"), False
        self._note(url, found if isinstance(found, NoKey) else None, asked)
        return found

    def _note(self, url: str, verdict: NoKey | None, asked: bool) -> None:
        before = self._asked.pop(url, None)
        failures = 0 if before is None or verdict is None else before.failures
        failures += verdict is not None and asked
        first, longest = _UNSAID if verdict is not None and verdict.why == "later" else _SAID
        # The exponent ends where both have reached their longest.
        lasts = min(first * _GROWTH ** min(max(failures - 1, 0), 8), longest)
        self._asked[url] = _Asked(failures, self._clock.monotonic() + lasts, verdict)
        if len(self._asked) > _REMEMBERED:
            self._asked.popitem(last=False)


def _read(answer: Answer) -> Source | NoKey:
    if answer.status == 410:
        return NoKey("gone", anew=True)
    if answer.status in _LATER or answer.status >= 500:
        return NoKey("later")
    if answer.status != 200:
        return NoKey("none")
    try:
        document = parse_object(answer.body)
        check_document(document)
    except (BadJson, BadInput):
        return NoKey("none")
    if "Tombstone" in types_of(document):
        return NoKey("gone", anew=True)
    return Source(document, answer.final_url)
