"""The change log as it grows, as server-sent events, for many readers at once.

Woken by commits, and read once for all who stand at the same entry. It knows no HTTP. Invariants:
no commit that a reader has not seen goes by without waking it; nobody polls; no transaction is open
while anybody waits; beside the store a page for each of the newest entries is held, for a moment.
`told` is for the writer's thread, all else for the loop's.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import NamedTuple
from weakref import WeakSet

from . import shapes
from .ports import Query
from .views import Change

_PAGE = 100  # entries; some 25 KB of events
# Under load there are hundreds of commits a second, and each would wake every reader: within this,
# which nobody notices as a delay, they are gathered.
_GATHER = 0.1


class Page(NamedTuple):
    """What follows an entry. `last`: the entry it ends with; `more`: something follows already."""

    events: bytes
    last: int | None
    more: bool


class Reader:
    """One reader of the log; it counts until it is closed, or for as long as something holds it."""

    def __init__(self, feed: Feed, since: int | None) -> None:
        self._feed = feed
        self._since = since
        self._woken = asyncio.Event()

    def wake(self) -> None:
        self._woken.set()

    def read(self) -> Page:
        """What comes next, as far as it is there; TooOld where it is not kept any more."""
        self._woken.clear()
        page = self._feed.page(self._since)
        if page.last is not None:
            self._since = page.last
        return page

    def close(self) -> None:
        """It counts no more. To let go of it is not enough: what was cancelled while it waited
        refers to itself, and Python may take hours to come to such garbage."""
        self._feed.leave(self)

    async def grown(self, seconds: float) -> bool:
        """Wait until there may be more than was read; False: nothing came for so long."""
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return False
        return True


class Feed:
    """The log of one store. `told` is what `Store.on_change` is to call."""

    def __init__(self, query: Query) -> None:
        self._query = query
        self._readers: WeakSet[Reader] = WeakSet()
        self._ends: dict[int | None, Page] = {}  # of the log, by where they begin
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waking = False

    def __len__(self) -> int:
        """How many readers there are."""
        return len(self._readers)

    def reader(self, since: int | None) -> Reader:
        """A reader of what follows `since`; None: from the first entry that is kept."""
        self._loop = asyncio.get_running_loop()
        reader = Reader(self, since)
        self._readers.add(reader)
        return reader

    def leave(self, reader: Reader) -> None:
        """Idempotent."""
        self._readers.discard(reader)

    def told(self, changes: Sequence[Change]) -> None:
        """A commit has logged changes; on any thread."""
        loop = self._loop
        if loop is None or self._waking:
            return
        self._waking = True
        with contextlib.suppress(RuntimeError):  # the loop has ended: nobody reads any more
            loop.call_soon_threadsafe(loop.call_later, _GATHER, self._wake)

    def page(self, since: int | None) -> Page:
        page = self._ends.get(since)
        if page is None:
            changes = self._query.changes(since, _PAGE)
            last = changes[-1].seq if changes else None
            page = Page(b"".join(map(event, changes)), last, len(changes) == _PAGE)
            # Of the others, that begin anywhere in the log or behind it, there is no end.
            if changes and not page.more:
                self._share(since, page)
        return page

    def _share(self, since: int | None, page: Page) -> None:
        """For whoever is woken with this reader. No longer: it may name who is to be forgotten."""
        if not self._ends:
            asyncio.get_running_loop().call_later(_GATHER, self._ends.clear)
        self._ends[since] = page

    def _wake(self) -> None:
        # First, so that a commit from here on wakes again; what was told before is read below.
        self._waking = False
        self._ends.clear()
        for reader in self._readers:
            reader.wake()


def event(change: Change) -> bytes:
    """One entry as an event; the JSON has no line breaks, which would end `data`."""
    return b"id: %d\nevent: change\ndata: %b\n\n" % (
        change.seq,
        shapes.dumps(shapes.change(change)),
    )
