"""The call for exports: the pieces of one, made beside the loop as its reader takes them.

It knows no format. Invariants: what is wrong with a call is told before anything is sent; there are
never more than MAX_EXPORTS; the loop waits for none of the store's pages.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from weakref import WeakSet

from . import lookup
from .api_http import Answer, Busy, Call
from .exports import KINDS, export, kind
from .openapi_form import Operation, Parameter, Reply
from .openapi_reading import FILTERS
from .openapi_shapes import one_of
from .ports import Query
from .verbs import Verbs

# Each is made in a thread, and takes its share of a core from the crawler.
MAX_EXPORTS = 8

EXPORT = Operation(
    "GET",
    "/v1/export",
    "export",
    "All objects that match, or the list of follows, for other programs. Without a filter all that "
    "may be listed; of what is followed, too, only that",
    (Reply(200, "the export", None, tuple(one.type for one in KINDS.values())),),
    (
        Parameter(
            "format",
            "`jsonl`: JSON Lines, an item on each; `atom`: a feed; `ics`: what has a start, as a "
            "calendar; `csv`: the follows, as Mastodon's following_accounts.csv, without filters",
            one_of(*KINDS),
        ),
        *FILTERS,
        Parameter(
            "limit",
            "so many at most; all where it is not given",
            {"type": "integer", "minimum": 1, "maximum": 999_999_999_999},
        ),
    ),
    problems=(404, 429),
)


class _Running:
    """Counts until it is discarded, or for as long as something holds it."""


class Exporting:
    """The handler."""

    def __init__(self, query: Query, verbs: Verbs, now: Callable[[], float]) -> None:
        self._query = query
        self._verbs = verbs
        self._now = now
        self._running: WeakSet[_Running] = WeakSet()

    def get(self, call: Call) -> Answer:
        if len(self._running) >= MAX_EXPORTS:
            raise Busy("", f"{MAX_EXPORTS} exports are being made already")
        given = dict(call.args)
        named = kind("format", given.pop("format", None))
        text = given.pop("limit", None)
        pieces = export(
            self._query,
            named,
            given,
            self._now(),
            self._verbs.boosts,
            limit=None if text is None else lookup.whole("limit", text, 1),
            here=f"http://{call.headers.get('host', '')}{call.url()}",
        )
        running = _Running()
        self._running.add(running)
        disposition = f'attachment; filename="fedpull.{KINDS[named].suffix}"'
        headers = (("Cache-Control", "no-store"), ("Content-Disposition", disposition))
        return Answer(200, b"", KINDS[named].type, headers, self._aside(pieces, running))

    async def _aside(
        self, pieces: Iterator[bytes], running: _Running
    ) -> AsyncGenerator[bytes, None]:
        """The pieces, each made in a thread; `running` counts until the last.

        To let go of it is not enough: what was cancelled while it waited refers to itself, and
        Python may take hours to come to such garbage."""
        try:
            while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
                yield piece
        finally:
            self._running.discard(running)
