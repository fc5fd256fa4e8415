"""Our collections as documents: counts, the outbox and its pages, the part of our followers that is
another server's.

Values only. A page of the outbox is put together from the bytes of its activities, which stay as
they were published. Invariant: a page says nothing that changes when something newer comes: no
total, and no neighbour but those that will always be there.
"""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from ..cache.publication_records import OutboxPage

_AS2 = "https://www.w3.org/ns/activitystreams"


def collection(id: str, total: int, *, listed: bool = False) -> dict[str, object]:
    """A collection that says how many there are; who they are is nobody's business.

    `listed`: there is nothing to hide, and it is empty.
    """
    value: dict[str, object] = {
        "@context": _AS2,
        "id": id,
        "type": "OrderedCollection",
        "totalItems": total,
    }
    return value | {"orderedItems": []} if listed else value


def outbox(id: str, newest: OutboxPage) -> bytes:
    """The collection itself, whose `first` is the newest page."""
    ends = {"first": page_url(id, newest.last), "last": page_url(id, 1)}
    return orjson.dumps(collection(id, newest.total) | ends)


def outbox_page(id: str, page: OutboxPage) -> bytes:
    """One page, newest first: `next` is older, `prev` newer, as everywhere in the Fediverse."""
    value: dict[str, object] = {
        "@context": _AS2,
        "id": page_url(id, page.number),
        "type": "OrderedCollectionPage",
        "partOf": id,
    }
    if page.number > 1:
        value["next"] = page_url(id, page.number - 1)
    if page.number < page.last:
        value["prev"] = page_url(id, page.number + 1)
    return orjson.dumps(value)[:-1] + b',"orderedItems":[' + b",".join(page.items) + b"]}"


def page_url(id: str, number: int) -> str:
    return f"{id}?page={number}"


def part(id: str, actors: Sequence[str]) -> bytes:
    """A part of our followers that is complete (FEP-8fcf)."""
    return orjson.dumps(collection(id, len(actors)) | {"orderedItems": list(actors)})


def part_in_pages(id: str, total: int, first: str) -> bytes:
    return orjson.dumps(collection(id, total) | {"first": first})


def part_page(id: str, url: str, actors: Sequence[str], following: str | None) -> bytes:
    value: dict[str, object] = {
        "@context": _AS2,
        "id": url,
        "type": "OrderedCollectionPage",
        "partOf": id,
        "orderedItems": list(actors),
    }
    return orjson.dumps(value | {"next": following} if following is not None else value)
