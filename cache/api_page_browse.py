"""The pages about documents: a list to look through, one with its reasons, its thread.

They show what the API gives and no more: lists hold whom lists may show, a document is shown to who
knows its id. Nothing is fetched by looking. Invariant: what is not held is a page that says why and
offers to ask for it, and no error of ours.
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import replace
from typing import Any

from ..crawler.protocol.handle import parse_actor
from ..errors import BadInput, NotFound
from . import lookup, page_document, page_names, search, shapes
from .api_http import Answer, Call
from .api_pages import Pages, Scene
from .filters import object_filter
from .page_templates import Page
from .ports import Query
from .records import Reference
from .why import why

PER_PAGE = 30
MEMBERS = 100
VERSIONS = 20
# What people look for most, by the name of it.
CHOICES: tuple[tuple[str, dict[str, str]], ...] = (
    ("Everything", {}),
    ("Events to come", {"type": "Event", "order": "start", "starts_since": "0s"}),
    ("Articles", {"type": "Article"}),
    ("Pictures", {"type": "Image"}),
)


class Browsing:
    """Handlers over the store's reader; `pages` renders what they find."""

    def __init__(self, query: Query, pages: Pages) -> None:
        self._query = query
        self._pages = pages

    def documents(self, call: Call) -> Awaitable[Answer]:
        return self._pages.show(call, lambda scene: self._documents(call, scene))

    def document(self, call: Call) -> Awaitable[Answer]:
        return self._pages.show(call, lambda scene: self._document(call, scene))

    def thread(self, call: Call) -> Awaitable[Answer]:
        return self._pages.show(call, lambda scene: self._thread(call, scene))

    def _documents(self, call: Call, scene: Scene) -> Page:
        args = {name: text.strip() for name, text in call.args.items() if text.strip()}
        wanted = object_filter(self._query, args, scene.now)
        documents, cursor = self._query.objects(wanted, PER_PAGE, args.get("cursor"))
        known = self._query.references(one.id for one in documents)
        people = page_document.People(self._query)
        return Page(
            "documents.html",
            "Documents",
            {
                "here": "/page/documents",
                "posts": page_document.in_list(documents, known.get, people, scene.now),
                "args": args,
                "is_filtered": bool(args.keys() - {"cursor"}),
                "has_words": search.is_installed(),
                "choices": CHOICES,
                "next": {**args, "cursor": cursor} if cursor is not None else None,
            },
        )

    def _document(self, call: Call, scene: Scene) -> Page:
        asked = call.args.get("id", "").strip()
        if not asked:
            raise BadInput("id", "is missing", "the URI of a document, or a handle")
        known = self._known(asked)
        if known is None:
            return _absent(asked)
        known, reads = lookup.explained(self._query, known, scene.now)
        document = self._query.document(known.id) if shapes.held(known) else None
        people = page_document.People(self._query)
        post = page_document.whole(document, known, people, scene.now) if document else None
        view = self._query.collection(known.id, MEMBERS) if known.cls == "collection" else None
        raw, is_all = page_document.raw(document) if document is not None else ("", True)
        return Page(
            "document.html",
            _title(known, post),
            {
                "here": "/page/documents",
                "known": known,
                "post": post,
                "why": why(known, scene.now),
                "freshness": shapes.freshness(known, scene.now),
                "reads": reads,
                "follow": lookup.find_follow(self._query, known.id),
                "collection": view,
                "versions": self._query.history(known.id)[:VERSIONS],
                "raw": raw,
                "is_all": is_all,
                "facts": _facts(known),
            },
        )

    def _thread(self, call: Call, scene: Scene) -> Page:
        asked = lookup.uri("id", call.args.get("id", "").strip())
        known = lookup.reference(self._query, asked)
        tree = self._query.thread(known.id) if known is not None else None
        if known is None or tree is None:
            raise NotFound(asked, "is not known here", "a post that was fetched")
        people = page_document.People(self._query)
        return Page(
            "thread.html",
            "Thread",
            {
                "here": "/page/documents",
                "id": known.id,
                "tree": page_document.branch(tree, people, scene.now),
                "count": _count(tree),
            },
        )

    def _known(self, asked: str) -> Reference | None:
        """The record of an id, or of the actor that a handle led to once."""
        if not asked.startswith("@"):
            id = asked if "://" in asked else f"https://{asked}"
            return self._query.reference(lookup.uri("id", id))
        try:
            return self._query.reference(lookup.actor_uri("id", self._query, asked))
        except NotFound:
            return None


def _absent(asked: str) -> Page:
    """Nothing is known of it; that it may be asked for is for the fetch to say."""
    name = str(parse_actor(asked)) if asked.startswith("@") else asked
    return Page(
        "absent.html", "Not here", {"here": "/page/documents", "asked": name}, NotFound.http_status
    )


def _title(known: Reference, post: page_document.Post | None) -> str:
    if post is None:
        return page_names.line(page_names.uri(known.id), 120)
    words = post.title or page_names.line(post.excerpt, 80)
    return words or page_names.line(page_names.uri(known.id), 120)


def _count(tree: Any) -> int:
    return 1 + sum(map(_count, tree.replies))


def _facts(known: Reference) -> list[tuple[str, Any]]:
    """What stands in the record beside its times, by the names that the API gives it."""
    shown = shapes.reference(replace(known, log=()), 0.0)
    consent, robots = shown["consent"], shown["robots"]
    facts = [
        ("Class", known.cls),
        ("Type", known.type),
        ("Signature", known.form),
        ("robots.txt", _judged(robots["verdict"], robots["evidence"])),
        ("X-Robots-Tag", robots["tag"]),
        ("Consent", _judged(consent["verdict"], consent["evidence"])),
        ("ETag", known.etag),
        ("Last-Modified", known.last_modified),
        ("Content hash", shown["content_hash"]),
        ("Failures in a row", known.failures or None),
        ("Last error", known.last_error),
    ]
    return [(name, page_names.line(value, 300)) for name, value in facts if value is not None]


def _judged(verdict: str | None, evidence: str | None) -> str | None:
    return f"{verdict}: {evidence}" if verdict and evidence else verdict
