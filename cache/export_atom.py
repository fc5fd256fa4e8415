"""Objects as an Atom feed (RFC 4287), for feed readers.

It decides nothing about what is shown. Invariants: whatever strangers wrote, the XML is well-formed
and the feed valid; HTML in it has been written by `page_html`, so that it loads nothing and runs
nothing; every link is one of the web.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5
from xml.sax.saxutils import escape, quoteattr

from ..crawler.protocol import activitystreams as as2
from ..crawler.protocol import views
from . import page_document, shapes
from .document import Document
from .exports import title
from .ports import Query

_HOMEPAGE = "https://github.com/fedpull/fedpull"
_MOST = 20  # tags, and files, of an entry
# What no XML 1.0 document may hold, not even as a reference.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9.+_-]+/[A-Za-z0-9.+_-]+")
# RFC 3987: what may not stand in an IRI as it is.
_NOT_IRI = re.compile(r"""[\x00-\x20\x7f-\x9f<>"{}|\\^`\ud800-\udfff\ufffe\uffff]""")


class Feed:
    """One feed of the objects that `filters` find."""

    def __init__(
        self, query: Query, filters: Mapping[str, str], now: float, here: str = ""
    ) -> None:
        self._people = page_document.People(query)
        self._filters = filters
        self._now = now
        self._here = here  # the URL of this feed

    def begin(self, first: Sequence[Document]) -> bytes:
        # The id says which feed it is, for good: the same filters are the same feed.
        asked = "&".join(f"{name}={text}" for name, text in sorted(self._filters.items()))
        about = uuid5(NAMESPACE_URL, f"{_HOMEPAGE}/export?{asked}").urn
        # Of all entries only the first are at hand: the newest. An edit of an older one is told
        # by that entry.
        updated = max(map(_updated, first), default=self._now)
        return (
            '<?xml version="1.0" encoding="utf-8"?>\n'
            '<feed xmlns="http://www.w3.org/2005/Atom"'
            ' xmlns:thr="http://purl.org/syndication/thread/1.0">\n'
            f"<id>{about}</id>\n"
            f"<title>{xml(title(self._filters))}</title>\n"
            f"<updated>{shapes.time(updated)}</updated>\n"
            f'<generator uri="{_HOMEPAGE}">Fedpull</generator>\n'
            f"{_link('self', self._here, 'application/atom+xml')}\n"
        ).encode()

    def one(self, document: Document) -> bytes:
        said = document.json
        kind = document.types[0] if document.types else "Object"
        lines = [
            "<entry>",
            f"<id>{xml(document.id)}</id>",
            f"<title>{xml(page_document.words(document) or kind)}</title>",
            f"<updated>{shapes.time(_updated(document))}</updated>",
            self._author(document),
            _link("alternate", iri(views.url(said) or "") or document.id),
        ]
        if document.published is not None:
            lines.append(f"<published>{shapes.time(document.published)}</published>")
        lines += (f"<category term={_attribute(tag)}/>" for tag in as2.hashtags(said)[:_MOST])
        lines += (
            _link("enclosure", one.url, one.media_type, one.name)
            for one in views.attachments(said)[:_MOST]
        )
        lines += (_answers(said), _texts(document), "</entry>\n")
        return "\n".join(line for line in lines if line).encode()

    def end(self) -> bytes:
        return b"</feed>\n"

    def _author(self, document: Document) -> str:
        person = self._people(document.actor)
        if person is None:
            return f"<author><name>{xml(document.id)}</name></author>"
        name = f"{person.name} ({person.handle})" if person.handle else person.name
        uri = f"<uri>{xml(iri(person.id))}</uri>" if iri(person.id) else ""
        return f"<author><name>{xml(name)}</name>{uri}</author>"


def _updated(document: Document) -> float:
    return document.updated or document.published or document.fetched_at


def _answers(said: object) -> str:
    """RFC 4685: what it answers."""
    answered = iri(as2.in_reply_to(said) or "")
    return f"<thr:in-reply-to ref={_attribute(answered)}/>" if answered else ""


def _texts(document: Document) -> str:
    """The content; an excerpt where it is too intricate to be shown."""
    shown = page_document.body(document)
    if shown is not None:
        return f'<content type="html">{xml(shown.html)}</content>'
    return f"<summary>{xml(page_document.words(document))}</summary>"


def _link(rel: str, target: str, media_type: str | None = None, name: str | None = None) -> str:
    """A link of the web; nothing for any other."""
    href = iri(target)
    if not href:
        return ""
    type = media_type if media_type and _MEDIA_TYPE.fullmatch(media_type) else ""
    text = f"<link rel={_attribute(rel)} href={_attribute(href)}"
    text += f" type={_attribute(type)}" if type else ""
    return text + (f" title={_attribute(name)}/>" if name else "/>")


def iri(text: str) -> str:
    """An IRI of the web as it may stand in a document; empty for what is none."""
    if not text.startswith(("https://", "http://")):
        return ""
    return _NOT_IRI.sub(lambda found: quote(found[0], safe="", errors="replace"), text)


def xml(text: object) -> str:
    """Text as XML has it."""
    return escape(_NOT_XML.sub("\ufffd", str(text)))


def _attribute(text: str) -> str:
    return quoteattr(_NOT_XML.sub("\ufffd", text))
