"""The call for the change log: as pages, or as a stream of server-sent events.

It writes nothing. What a stream looks like is the HTML Living Standard's, section 9.2. Invariants:
a stream begins where its reader left off or is refused, so nothing is missed in silence; there are
never more than MAX_STREAMS; who reads too slowly is cut off by the server, and goes on by
`Last-Event-ID`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator

from ..errors import BadInput, TooOld
from . import lookup, shapes
from .api_http import Answer, Busy, Call, json
from .api_read import MAX_LIMIT, limit_of
from .feed import Feed, Page, Reader
from .openapi_form import EVENTS
from .ports import Query

# Each is a socket and some 100 KB of buffers when its reader is slow.
MAX_STREAMS = 100
# Proxies close what is silent for a minute; the standard advises a comment every 15 seconds.
HEARTBEAT = 15.0
_VARY = ("Vary", "Accept")
_HEADERS = (
    ("Cache-Control", "no-store"),
    _VARY,
    ("X-Accel-Buffering", "no"),  # nginx would keep events until it has a buffer full
)
# How long a browser waits before it connects again, in milliseconds.
_FIRST = b"retry: 2000\n\n"
_BEAT = b":\n\n"


def wants_events(call: Call) -> bool:
    """Whether a stream is asked for; a browser's EventSource asks for nothing else."""
    accepted = call.headers.get("accept", "")
    for part in accepted.lower().split(","):
        kind, *parameters = (one.strip() for one in part.split(";"))
        if kind == EVENTS:
            return not any(one.replace(" ", "") in ("q=0", "q=0.0") for one in parameters)
    return False


class Changes:
    """The change log: a page of it, or all that comes."""

    def __init__(self, query: Query, feed: Feed) -> None:
        self._query = query
        self._feed = feed

    def get(self, call: Call) -> Answer:
        if wants_events(call):
            return self._stream(call)
        text = call.args.get("since")
        since = None if text is None else lookup.whole("since", text, 0)
        limit = limit_of(call) if "limit" in call.args else MAX_LIMIT
        entries = self._query.changes(since, limit)
        next = call.url(since=str(entries[-1].seq)) if len(entries) == limit else None
        return json(shapes.listing(map(shapes.change, entries), next), headers=(_VARY,))

    def _stream(self, call: Call) -> Answer:
        """The log behind `Last-Event-ID`, else `since`, and all that is logged from now on."""
        if "limit" in call.args:
            raise BadInput("limit", "is for pages; a stream has no end", "no limit")
        if len(self._feed) >= MAX_STREAMS:
            raise Busy("", f"{MAX_STREAMS} streams are open already")
        name, text = "Last-Event-ID", call.headers.get("last-event-id")
        if not text:
            name, text = "since", call.args.get("since")
        reader = self._feed.reader(None if text is None else lookup.whole(name, text, 0))
        return Answer(200, b"", EVENTS, _HEADERS, events(reader, reader.read()))


async def events(
    reader: Reader, page: Page, heartbeat: float = HEARTBEAT
) -> AsyncGenerator[bytes, None]:
    """`page`, and what follows it; `reader` is closed at the end."""
    try:
        yield _FIRST + page.events
        while True:
            if not page.more and not await reader.grown(heartbeat):
                yield _BEAT
                continue
            try:
                page = reader.read()
            except TooOld:
                return  # dropped while it read slowly: connecting again it is told so
            yield page.events
    finally:
        reader.close()
