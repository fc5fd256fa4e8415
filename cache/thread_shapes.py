"""The JSON shape of a conversation; a continuation of `shapes`, whose rules hold here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from . import shapes
from .ports import Query
from .records import Reference
from .thread_view import ThreadTree


def thread(tree: ThreadTree, query: Query, now: float) -> shapes.Json:
    """The tree with how old each document is, and how it was verified."""
    held = (one.id for one in posts(tree) if one.document is not None)
    return _post(tree, query.references(held), now)


def posts(tree: ThreadTree) -> Iterator[ThreadTree]:
    """All posts of a tree, each before those that answer it."""
    yield tree
    for one in tree.replies:
        yield from posts(one)


def _post(tree: ThreadTree, known: Mapping[str, Reference], now: float) -> shapes.Json:
    document, reference = tree.document, known.get(tree.id)
    return {
        "id": tree.id,
        "document": shapes.body_fragment(document.body) if document is not None else None,
        "missing": tree.missing,
        "state": str(tree.state),
        "withheld": tree.withheld,
        "asked": tree.asked,
        "published": shapes.time(document.published) if document is not None else None,
        "fetched_at": shapes.time(document.fetched_at) if document is not None else None,
        "verified_at": shapes.time(reference.verified_at) if reference is not None else None,
        "verified_by": reference.verified_by if reference is not None else None,
        "freshness": shapes.freshness(reference, now),
        "more": tree.more,
        "replies": [_post(one, known, now) for one in tree.replies],
    }
