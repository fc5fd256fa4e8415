"""The store for other programs: read-only, while the daemon may be writing. It never fetches.

Objects of one process and path share one environment; all of it may be used from any thread.
Invariant: every answer is of the latest commit at the time of the call.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import partial
from types import TracebackType

from ..errors import BadInput, StoreError
from . import reading
from .document import Document
from .environment import Tables, Txn, open_environment
from .intern import find_id
from .query import LmdbQuery
from .thread_view import ThreadTree
from .views import Change, CollectionView, ObjectFilter, Reference, Version

Moment = str | float | date | datetime
_PAGE = 200
_REMEMBERED = 20_000  # documents; about 60 MB


class Cache:
    """A store opened for reading.

    >>> with Cache("data") as cache:
    ...     document = cache.get("https://events.example/events/1")
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._environment = open_environment(path, write=False)
        self._query = LmdbQuery(self._environment)
        self._begin = self._environment.begin
        # Ids never change, so hashing and comparing the URI is needed once. A document is the one
        # remembered exactly when its reference's row is, since every change of a body changes that.
        self._known: dict[str, tuple[bytes, bytes, Document]] = {}
        self._open = True

    def __enter__(self) -> Cache:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Idempotent."""
        if self._open:
            self._open = False
            self._known.clear()
            self._environment.close()

    def get(self, id: str) -> Document | None:
        """The document of an id, as last fetched; None when none is held."""
        known = self._known.get(id)
        if known is not None:
            txn = self._begin()
            row = txn.get(known[0], None, self._environment.t.ref)
            txn.abort()
            if row == known[1]:
                return known[2].again()
        return self._look_up(id)

    def objects(
        self,
        *,
        actor: str | None = None,
        type: str | None = None,
        tag: str | None = None,
        in_reply_to: str | None = None,
        context: str | None = None,
        follow: str | None = None,
        since: Moment | None = None,
        until: Moment | None = None,
        starts_since: Moment | None = None,
        starts_until: Moment | None = None,
        order: str = "published",
        search: str | None = None,
        limit: int | None = None,
    ) -> Iterator[Document]:
        """Objects newest first, `since <= published < until`; read in pages as they are taken.

        With `order="start"`, `starts_since` or `starts_until` those that have a start, soonest
        first, `starts_since <= startTime < starts_until`. `search`: words, as a person types them.
        `actor` and `follow` are URIs or handles. BadInput for what is misspelt, NotFound for a
        handle that was never resolved: neither is an empty list.
        """
        from . import filters, lookup

        self._check_open()
        query = self._query
        wanted = ObjectFilter(
            actor=lookup.actor_uri("actor", query, actor) if actor is not None else None,
            follow=lookup.follow_key("follow", query, follow) if follow is not None else None,
            type=lookup.object_type("type", type) if type is not None else None,
            tag=lookup.tag(tag) if tag is not None else None,
            in_reply_to=lookup.uri("in_reply_to", in_reply_to) if in_reply_to is not None else None,
            context=_known_as(context),
            since=moment("since", since),
            until=moment("until", until),
            starts_since=moment("starts_since", starts_since),
            starts_until=moment("starts_until", starts_until),
            order=filters.order("order", order),
            text=filters.words("search", search) if search is not None else None,
        )
        return self._pages(wanted, limit)

    def _pages(self, wanted: ObjectFilter, limit: int | None) -> Iterator[Document]:
        cursor: str | None = None
        left = math.inf if limit is None else max(limit, 0)
        while left:
            page, cursor = self._query.objects(wanted, int(min(left, _PAGE)), cursor)
            yield from page
            left -= len(page)
            if cursor is None:
                return

    def thread(self, id: str) -> ThreadTree | None:
        """The conversation that a post stands in, from its beginning: posts with their `replies`,
        what is `missing` marked. None for what was never heard of."""
        from . import lookup

        self._check_open()
        known = lookup.reference(self._query, id) or lookup.reference(
            self._query, _known_as(id) or id
        )
        return self._query.thread(known.id) if known is not None else None

    def collection(self, id: str) -> CollectionView | None:
        """A collection with all of its members, in the origin's order."""
        self._check_open()
        known = _known_as(id) or id
        view = self._query.collection(known)
        if view is None:
            return None
        items, cursor = list(view.items), view.cursor
        while cursor is not None:
            more = self._query.collection(known, cursor=cursor)
            items += more.items if more is not None else ()
            cursor = more.cursor if more is not None else None
        return replace(view, items=tuple(dict.fromkeys(items)), cursor=None)

    def changes(self, since: int | None = None) -> Iterator[Change]:
        """Entries of the change log after `since`, oldest first, up to the end as it is now.

        None: from the oldest that is kept. TooOld where entries after `since` were dropped.
        """
        self._check_open()
        while page := self._query.changes(since):
            yield from page
            since = page[-1].seq

    def history(self, id: str) -> list[Version]:
        """Earlier versions of a document, newest first."""
        self._check_open()
        return self._query.history(id) or self._query.history(_known_as(id) or id)

    def reference(self, id: str) -> Reference | None:
        """What is known of an id: state, validators, next check."""
        self._check_open()
        return self._query.reference(id) or self._query.reference(_known_as(id) or id)

    def _look_up(self, id: str) -> Document | None:
        self._check_open()
        for name in (id, _known_as(id)):
            if name is None:
                continue
            found = self._environment.read(partial(_read, uri=name))
            if found is not None:
                if len(self._known) >= _REMEMBERED:
                    self._known.clear()
                self._known[id] = found
                return found[2].again()
        return None

    def _check_open(self) -> None:
        if not self._open:
            raise StoreError(self._environment.path, "this Cache is closed")


def _read(txn: Txn, t: Tables, uri: str) -> tuple[bytes, bytes, Document] | None:
    id = find_id(txn, t, uri)
    row = txn.get(id, None, t.ref) if id is not None else None
    if id is None or row is None:
        return None
    document = reading.document(txn, t, id, row)
    return None if document is None else (id, row, document)


def _known_as(uri: str | None) -> str | None:
    """The canonical form; what is none stays as it is (a context may be a tag: URI)."""
    if uri is None:
        return None
    from ..crawler.protocol.uri import canonical

    try:
        return canonical(uri)
    except BadInput:
        return uri


def moment(name: str, value: Moment | None) -> float | None:
    """POSIX seconds of a number, a date (its midnight in UTC), a datetime, an ISO 8601 text, or an
    age such as 2d."""
    if value is None or isinstance(value, int | float):
        return value
    if isinstance(value, str):
        value = _parsed(name, value)
    if not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    if value.tzinfo is None:
        value = value.replace(tzinfo=UTC)
    return value.timestamp()


def _parsed(name: str, text: str) -> datetime:
    from . import lookup

    try:
        return datetime.fromisoformat(text.strip())
    except ValueError:
        return datetime.fromtimestamp(lookup.moment(name, text.strip(), time.time()), UTC)
