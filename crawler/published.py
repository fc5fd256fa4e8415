"""What we have published, as answers to GET: the outbox and its pages, activities, objects.

It reads the store and judges no signature: what is not for everybody is `visits`' to give. The
outbox is the one that we would like to pull from: a page that is full and not the newest never
changes, so that it may be kept for a day, and whoever has been here asks for the root or the newest
page and gets a 304. Invariant: nothing that is not public is answered here, nor that there is such
a thing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

import orjson

from ..cache.api_http import Answer
from ..cache.publication_records import LocalObject, OutboxPage, Publication
from .collection_documents import collection, outbox, outbox_page
from .instance import Instance
from .instance_documents import ACTIVITY
from .protocol.shapes import MAX_VALUES, as_list, uri_or_none
from .protocol.strictjson import parse_object
from .protocol.uri import Uri, split
from .public_answers import VARY, cached, not_wanted, second

# What may have new items behind it, and so short that a follower by polling misses nothing.
_NEWEST = "public, max-age=60"
# A day and not a year: what was deleted is to leave the caches of others as well.
_FULL = "public, max-age=86400, immutable"
# Mastodon's three minutes: an edit, or a deletion, is to be seen soon.
_OBJECT = "public, max-age=180"
_PRIVATE = "private, no-cache"


class Shelf(Protocol):
    """The part of `ports.Query` that is about what we have published."""

    def publication(self, id: str) -> Publication | None: ...

    def local(self, id: str) -> LocalObject | None: ...

    def outbox(self, number: int | None = None) -> OutboxPage | None: ...

    def outbox_total(self) -> int: ...


class Published:
    """On the loop's thread; one read transaction an answer."""

    def __init__(self, instance: Instance, shelf: Shelf) -> None:
        self._we = instance
        self._shelf = shelf
        self._outbox = instance.outbox.removeprefix(instance.origin)

    def count(self) -> int:
        return self._shelf.outbox_total()

    def answer(
        self, path: str, query: str, headers: Mapping[str, str], now: float
    ) -> Answer | None:
        """None: nothing that everybody may see is there."""
        if path == self._outbox:
            return self._collection(query, headers, now)
        found = self.find(path)
        if found is None or not found.public:
            return None
        return self.given(found, headers, now)

    def find(self, path: str) -> Publication | LocalObject | None:
        """What a path is the id of, whoever may read it."""
        id = f"{self._we.origin}{path}"
        if path.startswith("/objects/"):
            return self._shelf.local(id)
        return self._shelf.publication(id) if path.startswith("/activities/") else None

    def given(
        self, found: Publication | LocalObject, headers: Mapping[str, str], now: float
    ) -> Answer:
        """The document, to somebody who may read it."""
        deleted = isinstance(found, LocalObject) and found.deleted
        elsewhere = None if deleted else not_wanted(headers, self._page_of(found))
        if elsewhere is not None:
            return elsewhere
        keeping = _OBJECT if found.public else _PRIVATE
        made = found.at if isinstance(found, Publication) else found.published
        changed = found.changed or made
        modified = second(changed, 1 + (int(made) == int(changed) and made != changed))
        if deleted:
            # ActivityPub section 6.4, for people too. No condition makes it a 304 (RFC 9110 section
            # 13.2.1).
            gone = cached(found.body, ACTIVITY, {}, keeping, VARY, modified=modified, now=now)
            return replace(gone, status=410)
        return cached(found.body, ACTIVITY, headers, keeping, VARY, modified=modified, now=now)

    def _collection(self, query: str, headers: Mapping[str, str], now: float) -> Answer | None:
        number = _page_number(query)
        page = None if number == 0 else self._shelf.outbox(number)
        if page is None and number is not None:
            return None
        elsewhere = not_wanted(headers, f"{self._we.origin}/")
        if elsewhere is not None:
            return elsewhere
        if page is None:
            empty = orjson.dumps(collection(self._we.outbox, 0, listed=True))
            return cached(empty, ACTIVITY, headers, _NEWEST, VARY)
        id, modified = self._we.outbox, second(page.changed, page.together)
        listed = outbox_page(id, page)
        if page.number < page.last:
            return cached(listed, ACTIVITY, headers, _FULL, VARY, modified=modified, now=now)
        # The root and the newest page have one ETag, of both: who asks for the root with it is told
        # that there is nothing new on the page either, and need not ask for that.
        root = outbox(id, page)
        body, state = root if number is None else listed, root + listed
        return cached(
            *(body, ACTIVITY, headers, _NEWEST, VARY), modified=modified, now=now, state=state
        )

    def _page_of(self, found: Publication | LocalObject) -> str:
        """Where a person is led: to what the object says its `url` is."""
        home = f"{self._we.origin}/"
        if isinstance(found, Publication):
            return home
        url = _link(parse_object(found.body).get("url"))
        return home if url is None or url.url == found.id else f"{url.origin}{url.target}"


def _link(value: object) -> Uri | None:
    """The first URL that a property names: itself, or where a Link leads."""
    for one in as_list(value)[:MAX_VALUES]:
        url = uri_or_none(one.get("href") if isinstance(one, dict) else one)
        if url is not None:
            return split(url)
    return None


def _page_number(query: str) -> int | None:
    """The page that is asked for; None: the collection itself; 0: no page that there could be."""
    numbers = [part[5:] for part in query.split("&") if part.startswith("page=")]
    if not numbers:
        return None
    text = numbers[0]
    known = len(numbers) == 1 and len(text) < 16 and text.isascii() and text.isdigit()
    # One spelling a page, or caches would keep it twice.
    return int(text) if known and not text.startswith("0") else 0
