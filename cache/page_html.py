"""Strangers' HTML, made fit to be shown: a small set of tags, no attribute but a link's target.

It loads nothing and shows no picture; what a text of theirs looks like is our style sheet's. nh3
(ammonia, on an HTML5 parser as browsers have it) takes apart what is written; what it leaves is
written anew here, from our own list. Invariants: no tag and no attribute that is not on the list
comes out; each link shows the host that it really leads to; work is bounded by MAX_LENGTH,
MAX_TAGS and MAX_WORK, and what is beyond them is not shown at all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape
from html.parser import HTMLParser
from urllib.parse import urlsplit

import nh3
from markupsafe import Markup

from . import page_names

# The longest article in reach had 90,000 characters; a tree builder's time grows with the square of
# the depth (20,000 nested <div> take two seconds), and it copies formatting tags that were left
# open into every paragraph, so that their product counts.
MAX_LENGTH = 250_000
MAX_TAGS = 8_000
MAX_WORK = 200_000
MAX_DEPTH = 24

_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_BREAKS = frozenset(
    {*("blockquote", "br", "dd", "div", "dt", "hr", "li", "p", "pre", "td", "th", "tr")}
)
_PLAIN = _BREAKS | {
    *("abbr", "b", "cite", "code", "del", "dl", "em", "i", "ins", "kbd", "mark", "ol", "q", "rp"),
    *("rt", "ruby", "s", "samp", "small", "strong", "sub", "sup", "table", "tbody", "tfoot"),
    *("thead", "u", "ul", "var"),
}
# Whose content is not text to be read, or is read differently by different parsers.
_WITH_CONTENT = {
    *("audio", "canvas", "embed", "head", "iframe", "math", "noembed", "noframes", "noscript"),
    *(
        "object",
        "script",
        "select",
        "style",
        "svg",
        "template",
        "textarea",
        "title",
        "video",
        "xmp",
    ),
}
_VOID = frozenset({"br", "hr"})
_COPIED = re.compile(r"<(?:b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u)[\s/]", re.I)

_CLEANER = nh3.Cleaner(
    tags={*_PLAIN, *_HEADINGS, "a", "img"},
    clean_content_tags=_WITH_CONTENT,
    attributes={"a": {"href"}, "img": {"alt"}},
    url_schemes={"http", "https"},
    link_rel=None,
    strip_comments=True,
)


@dataclass(frozen=True, slots=True)
class Shown:
    """A text, as HTML that may be put on the page and as what of it can be read."""

    html: Markup
    text: str


def clean(html: str) -> Shown | None:
    """None: too large or too intricate to be taken apart in bounded time."""
    tags = html.count("<")
    if len(html) > MAX_LENGTH or tags > MAX_TAGS:
        return None
    if len(_COPIED.findall(html)) * tags > MAX_WORK:
        return None
    left = _CLEANER.clean(html)
    if left.count("<") > 2 * MAX_TAGS:
        return None
    writer = _Writer()
    writer.feed(left)
    writer.close()
    return Shown(Markup("".join(writer.html)), page_names.seen("".join(writer.text)))


def plain(text: str) -> Shown:
    """What was written as text: each of its lines as it is."""
    seen = page_names.seen(text[:MAX_LENGTH])
    return Shown(Markup(f'<div class="asis">{escape(seen)}</div>'), seen)


def excerpt(html: str, most: int) -> str:
    """The beginning of a text as one line; empty where none can be read."""
    shown = clean(html[: 16 * most])
    return page_names.line(shown.text, most) if shown is not None else ""


class _Writer(HTMLParser):
    """Writes what nh3 has left anew, tag by tag, and nothing else."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.html: list[str] = []
        self.text: list[str] = []
        self._open: list[str] = []  # what is to be written where each open tag ends
        self._link: tuple[str, int] | None = None  # target, and where its text begins

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _BREAKS or tag in _HEADINGS:
            self.text.append("\n")
        if tag in _VOID:
            self.html.append(f"<{tag}>")
        elif tag == "img":
            self._picture(dict(attrs).get("alt") or "")
        else:
            self._open.append(self._begin(tag, attrs))

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID or tag == "img" or not self._open:
            return
        end = self._open.pop()
        if tag == "a" and self._link is not None:
            target, start = self._link
            self._link = None
            self.html += (end, _whither(target, "".join(self.text[start:])))
        else:
            self.html.append(end)
        if tag in _BREAKS or tag in _HEADINGS:
            self.text.append("\n")

    def handle_data(self, data: str) -> None:
        seen = page_names.seen(data)
        self.html.append(escape(seen, quote=False))
        self.text.append(seen)

    def _begin(self, tag: str, attrs: list[tuple[str, str | None]]) -> str:
        """Write the beginning of a tag; returns what to write at its end."""
        if tag == "a":
            target = _target(dict(attrs).get("href") or "")
            if target is None or self._link is not None:
                return ""
            self._link = (target, len(self.text))
            self.html.append(f'<a href="{escape(target)}" rel="{REL}">')
            return "</a>"
        if len(self._open) > MAX_DEPTH:  # nobody can read it, and its boxes have no width left
            return ""
        if tag in _HEADINGS:  # below those of the page, in their order
            tag = f"h{min(int(tag[1]) + 2, 6)}"
        elif tag not in _PLAIN:
            return ""
        self.html.append(f"<{tag}>")
        return f"</{tag}>"

    def _picture(self, alt: str) -> None:
        words = page_names.line(alt, 500)
        if words:
            self.html.append(f'<span class="alt">{escape(words, quote=False)}</span>')
            self.text.append(words)


# Where a link of a stranger's leads learns nothing of us.
REL = "nofollow ugc noopener noreferrer external"


def _target(href: str) -> str | None:
    """The target of a link: absolute and of the web, for relative to our page it would be ours."""
    try:
        parts = urlsplit(href.strip())
        if parts.scheme not in ("http", "https") or not parts.hostname:
            return None
        _ = parts.port
    except ValueError:
        return None
    return href.strip()


def _whither(target: str, text: str) -> str:
    """Behind a link the host that it leads to, unless that is what its text says anyway."""
    host = page_names.host_of(target)
    said = text.strip().lower()
    said = said.partition("://")[2] if said.startswith(("http://", "https://")) else said
    if host and re.split(r"[/?#]", said, maxsplit=1)[0] == host.lower():
        return ""
    return f' <bdi class="whither">[{escape(host)}]</bdi>'
