"""The calls of the private API that read the store: references, lists, counts.

They fetch nothing and write nothing. Invariant: what is in memory of an answer is bounded, in
entries by the store's index and in bytes by PAGE_BYTES; what is left is told by the URL of the next
page, or comes in pieces.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from itertools import chain, islice

from ..errors import BadInput, NotFound
from . import lookup, shapes, thread_shapes
from .api_caching import raise_absent
from .api_http import Answer, Call, json
from .document import Document
from .filters import object_filter
from .ports import Query
from .records import Reference
from .verbs import Verbs

DEFAULT_LIMIT = 50
MAX_LIMIT = 500
# A page of 500 documents of 1 MiB would be half a gigabyte: a page ends early where they are large.
PAGE_BYTES = 4 * 2**20
_CHUNK = 25


def id_of(call: Call) -> str:
    """The `id` parameter, canonical."""
    text = call.args.get("id")
    if not text:
        raise BadInput("id", "is missing", "the URI of a document")
    return lookup.uri("id", text)


def limit_of(call: Call, default: int = DEFAULT_LIMIT) -> int:
    """How many entries a page may have; who asks for more than there may be is given these."""
    text = call.args.get("limit")
    return default if text is None else min(lookup.whole("limit", text, 1), MAX_LIMIT)


def whole(items: Iterator[shapes.Json]) -> Answer:
    """All entries of a list that has no pages; in pieces where it is longer than a page, so that
    nobody else waits for it and it is never in memory as a whole."""
    first = list(islice(items, MAX_LIMIT))
    if len(first) < MAX_LIMIT:
        return json(shapes.listing(first))
    return Answer(200, chunks=_in_pieces(chain(first, items)))


async def _in_pieces(items: Iterator[shapes.Json]) -> AsyncGenerator[bytes, None]:
    yield b'{"items":['
    between = b""
    while some := list(islice(items, _CHUNK)):
        yield between + b",".join(map(shapes.dumps, some))
        between = b","
    yield b'],"next":null}'


class Reading:
    """Handlers over the store's reader."""

    def __init__(self, query: Query, verbs: Verbs, now: Callable[[], float]) -> None:
        self._query = query
        self._verbs = verbs
        self._now = now

    def reference(self, call: Call) -> Answer:
        id = id_of(call)
        known, reads = lookup.explained(self._query, self._known(id), self._now())
        return json(shapes.reference(known, self._now(), reads))

    def _known(self, id: str) -> Reference:
        """The record of an id; what may not even be asked for is wrong rather than missing."""
        known = self._query.reference(id)
        if known is None:
            self._verbs.vet(id)
            raise NotFound(id, "is not known here")
        return known

    def objects(self, call: Call) -> Answer | Awaitable[Answer]:
        if call.args.get("q"):  # a word that is in every post can take a while to intersect
            return asyncio.to_thread(self._objects, call)
        return self._objects(call)

    def _objects(self, call: Call) -> Answer:
        now = self._now()
        wanted, limit = object_filter(self._query, call.args, now), limit_of(call)
        found: list[Document] = []
        cursor, size = call.args.get("cursor"), 0
        while len(found) < limit and size < PAGE_BYTES:
            count = min(_CHUNK, limit - len(found))
            documents, cursor = self._query.objects(wanted, count, cursor)
            found += documents
            size += sum(len(document.body) for document in documents)
            if cursor is None or len(documents) < count:  # it has looked at enough
                break
        references = self._query.references(document.id for document in found)
        next = call.url(cursor=cursor) if cursor is not None else None
        return json(shapes.listing(shapes.items(found, references, now), next))

    def thread(self, call: Call) -> Answer:
        known = self._known(id_of(call))
        known = lookup.reference(self._query, known.id) or known
        tree = self._query.thread(known.id)
        if tree is None:
            raise NotFound(known.id, "is not known here")
        return json(thread_shapes.thread(tree, self._query, self._now()))

    def collection(self, call: Call) -> Answer:
        id = id_of(call)
        limit = limit_of(call, MAX_LIMIT)
        view = self._query.collection(id, limit, call.args.get("cursor"))
        if view is None:
            self._verbs.vet(id)
            raise NotFound(id, "is not a collection that is known here")
        next = call.url(cursor=view.cursor) if view.cursor is not None else None
        return json(shapes.collection(view, next))

    def history(self, call: Call) -> Answer:
        id = id_of(call)
        raise_absent(self._known(id))
        return json(shapes.listing(map(shapes.version, self._query.history(id))))

    def follows(self, call: Call) -> Answer:
        follows = (follow for follow in self._query.follows() if not follow.once)
        return whole(map(shapes.follow, follows))

    def hosts(self, call: Call) -> Answer:
        return whole(map(shapes.host, self._query.hosts(self._now())))

    def status(self, call: Call) -> Answer:
        return json(shapes.status(self._query.totals(self._now()), self._verbs.running()))
