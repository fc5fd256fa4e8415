"""A document as the page shows it: who, what, when, and what its server says of it, cleaned.

It fetches nothing, shows no picture and loads none; a name that is not held is its URI. Invariant:
of what strangers wrote only `body` is HTML, and `page_html` has written it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ..crawler.protocol import activitystreams as as2
from ..crawler.protocol import shapes as fields
from ..crawler.protocol import views
from . import page_html, page_names, shapes
from .document import Document
from .page_html import Shown
from .ports import Query
from .records import Reference
from .thread_view import ThreadTree

EXCERPT = 280
_MOST_TAGS = 20
_MOST_PEOPLE = 10_000  # some 5 MB: a page has a hundred, an export all that there are
_LONGEST_RAW = 60_000  # characters of JSON that are shown; /v1/document has all of it


@dataclass(frozen=True, slots=True)
class Person:
    """An actor as its own document names it; `handle` by its own word and at the host it is on."""

    id: str
    name: str
    handle: str | None = None


@dataclass(frozen=True, slots=True)
class Post:
    """An object, or an actor. `body`: None where there is none; `intricate`: none that is shown."""

    id: str
    types: tuple[str, ...]
    title: str
    excerpt: str
    person: Person | None
    published: float | None
    updated: float | None
    freshness: str
    warning: str | None = None
    body: Shown | None = None
    intricate: bool = False
    begins: float | None = None
    ends: float | None = None
    place: str | None = None
    page: str | None = None
    in_reply_to: str | None = None
    tags: tuple[str, ...] = ()
    attachments: tuple[views.Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class Branch:
    """A post of a thread; `post`: None where it is not held or may not be shown."""

    id: str
    post: Post | None
    says: str  # why there is no post
    asked: bool
    more: bool
    replies: tuple[Branch, ...]


class People:
    """Who is who, as far as it is held; each is looked up once."""

    def __init__(self, query: Query) -> None:
        self._query = query
        self._known: dict[str, Person] = {}

    def __call__(self, id: str | None) -> Person | None:
        if id is None:
            return None
        if id not in self._known:
            if len(self._known) >= _MOST_PEOPLE:
                self._known.clear()
            self._known[id] = person(id, self._query.document(id))
        return self._known[id]


def person(id: str, document: Document | None) -> Person:
    if document is None:
        return Person(id, page_names.uri(id))
    user = as2.preferred_username(document.json)
    handle = f"@{page_names.line(user, 60)}@{page_names.host_of(id)}" if user else None
    name = page_names.line(views.name(document.json) or "", 80)
    return Person(id, name or handle or page_names.uri(id), handle)


def in_list(
    documents: Iterable[Document],
    references: Callable[[str], Reference | None],
    people: People,
    now: float,
) -> list[Post]:
    """Entries of a list: their beginnings, not the whole of them."""
    return [_post(one, references(one.id), people, now, whole=False) for one in documents]


def whole(document: Document, known: Reference | None, people: People, now: float) -> Post:
    return _post(document, known, people, now, whole=True)


def branch(tree: ThreadTree, people: People, now: float) -> Branch:
    """A thread, each of its posts whole: answers are read, not glanced at."""
    post = None
    if tree.document is not None:
        post = _post(tree.document, None, people, now, whole=True)
    says = "Its author does not want it listed" if tree.withheld else _ABSENT.get(tree.state, "")
    replies = tuple(branch(one, people, now) for one in tree.replies)
    return Branch(tree.id, post, says, tree.asked, tree.more, replies)


_ABSENT = {
    "gone": "It was deleted",
    "refused": "It is not kept here",
    "failed": "It could not be fetched",
    "unknown": "It was not fetched",
    "redirected": "It has another name",
    "resolved": "It is not held any more",
}


def words(document: Document) -> str:
    """What it is called, else how it begins."""
    said = document.json
    if document.cls == "actor":
        return person(document.id, document).name
    named = page_names.line(views.name(said) or "", 120)
    return named or page_html.excerpt(_warning(said) or views.content(said) or "", 120)


def raw(document: Document) -> tuple[str, bool]:
    """The JSON, indented, with what cannot be seen as escapes; and whether that is all of it."""
    text = json.dumps(document.json, indent=2, ensure_ascii=False)
    shown = "".join(
        letter if letter == "\n" or page_names.seen(letter) else f"\\u{ord(letter):04x}"
        for letter in text[:_LONGEST_RAW]
    )
    return shown, len(text) <= _LONGEST_RAW


def _post(
    document: Document, known: Reference | None, people: People, now: float, *, whole: bool
) -> Post:
    said = document.json
    content = views.content(said) or ""
    is_actor = document.cls == "actor"
    warning = None if is_actor else _warning(said)
    if is_actor:
        content = content or views.summary(said) or ""
    excerpt = warning or page_html.excerpt(content, EXCERPT)
    title = page_names.line(views.name(said) or "", 160)
    excerpt = excerpt.removeprefix(title).lstrip(" .:–-")  # Ghost and others begin with the title
    if is_actor:
        title = person(document.id, document).name
    shown = body(document) if whole else None
    return Post(
        id=document.id,
        types=tuple(page_names.line(one, 60) for one in document.types) or ("untyped",),
        title=title,
        excerpt=excerpt,
        person=None if is_actor else people(document.actor),
        published=document.published,
        updated=document.updated,
        freshness=_freshness(document, known, now),
        warning=warning,
        body=shown,
        intricate=whole and bool(content) and shown is None,
        begins=views.start_time(said),
        ends=views.end_time(said),
        place=_place(said),
        page=views.url(said),
        in_reply_to=as2.in_reply_to(said),
        tags=tuple(page_names.line(tag, 60) for tag in as2.hashtags(said)[:_MOST_TAGS]),
        attachments=views.attachments(said) if whole else (),
    )


def _freshness(document: Document, known: Reference | None, now: float) -> str:
    if known is not None:
        return shapes.freshness(known, now) or "stale"
    if document.verified_by == "local":
        return "fresh"
    due = document.next_check
    return "fresh" if due and now < due else "stale"


def body(document: Document) -> Shown | None:
    """What it says, cleaned; None: nothing, or what cannot be.

    HTML unless it says that it is something else (ActivityStreams' default for `content`)."""
    said = document.json
    content = views.content(said) or ""
    if document.cls == "actor":
        content = content or views.summary(said) or ""
    if not content:
        return None
    media = said.get("mediaType")
    if isinstance(media, str) and media.partition(";")[0].strip().lower() not in _HTML:
        return page_html.plain(content)
    return page_html.clean(content)


_HTML = ("", "text/html", "application/xhtml+xml")


def _warning(said: dict[str, Any]) -> str | None:
    """The line behind which its author has put a post."""
    summary = page_html.excerpt(views.summary(said) or "", EXCERPT)
    if summary:
        return summary
    return "Marked as sensitive" if said.get("sensitive") is True else None


def _place(said: dict[str, Any]) -> str | None:
    for one in fields.as_list(said.get("location"))[:3]:
        name = one if isinstance(one, str) else views.name(one)
        if name:
            return page_names.line(name, 120)
    return None
