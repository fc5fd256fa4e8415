"""Lists of follows that other programs write: Mastodon's CSV, OPML, or plain lines.

Text in, values out: it reads no file and looks no name up. Invariant: every entry is either a
follow or a problem with the line it stands on; a list of thousands never fails for one of them.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import StringIO
from typing import Protocol
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException  # type: ignore[import-untyped]
from defusedxml.ElementTree import DefusedXMLParser  # type: ignore[import-untyped]

from ..errors import BadInput
from . import names
from .model import Follow
from .problems import Problem
from .units import shown

# Mastodon's header is "Account address,Show boosts,Notify on new posts,Languages"; the order is
# what a file without a header has.
_ACCOUNT, _BOOSTS = "account address", "show boosts"
_COLUMNS = [_ACCOUNT, _BOOSTS]
_SWITCHES = {"true": True, "false": False, "": True}
# Feed readers name a profile by its page or feed: https://host/@user, https://host/@user.rss.
_PROFILE = re.compile(r"https://([^/?#@]+)/@([^/?#@]+?)(?:\.rss|\.atom)?/?", re.IGNORECASE)
_FEED = re.compile(r"(https://[^?#]+/users/[^/?#]+)\.(?:rss|atom)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FollowFile:
    """What a list holds: its follows, the line of each, and the lines that are none."""

    follows: tuple[Follow, ...]
    lines: tuple[int, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class _Entry:
    """A follow as it stands on a line; refused when `error` says why."""

    line: int
    follow: Follow | None = None
    error: BadInput | None = None


def parse_follow_file(name: str, text: str, *, http: bool = False) -> FollowFile:
    """The follows of a list; `name` is for the problems, and `http` is `network.http`."""
    text = text.removeprefix("\ufeff")
    if text.lstrip().startswith("<"):
        entries = _opml(text, http=http)
    elif _is_csv(name, text):
        entries = _csv(text, http=http)
    else:
        entries = _plain(text, http=http)
    follows: dict[str, tuple[Follow, int]] = {}
    problems: list[Problem] = []
    for entry in entries:
        if entry.error:
            reason = f"{entry.error.subject} {entry.error.reason}".strip()
            problems.append(Problem(f"{name}:{entry.line}", reason, entry.error.expected))
        if entry.follow:
            key = names.same_actor_key(entry.follow.actor)
            follows.setdefault(key, (entry.follow, entry.line))
    found = tuple(follows.values())
    return FollowFile(tuple(f for f, _ in found), tuple(n for _, n in found), tuple(problems))


def _read(line: int, actor: str, *, http: bool, boosts: bool = True) -> _Entry:
    try:
        return _Entry(line, _follow(names.actor(actor, http=http), boosts=boosts))
    except BadInput as error:
        return _Entry(line, error=error)


def _follow(actor: str, *, boosts: bool = True) -> Follow:
    # Thousands of lines, each a valid actor by now: the defaults need no second look.
    return Follow.model_construct(actor=actor, boosts=boosts)


def _plain(text: str, *, http: bool) -> Iterator[_Entry]:
    # Not splitlines(): it also breaks at characters at which no editor counts a line.
    for number, line in enumerate(StringIO(text, newline=None), 1):
        # A `#` inside a word is a fragment, which names the actor on some servers.
        words = re.sub(r"(?:^|\s)#.*", "", line).strip()
        if words:
            yield _read(number, words, http=http)


def _is_csv(name: str, text: str) -> bool:
    first = next((line for line in text.splitlines() if line.strip(" #")), "")
    header = first.strip('"# ').lower()
    handle = re.match(r'"?@?[^\s"/,@]+@[^\s"/,@]+"?,', first)
    return name.lower().endswith(".csv") or header.startswith(_ACCOUNT) or bool(handle)


def _csv(text: str, *, http: bool) -> Iterator[_Entry]:
    rows = csv.reader(StringIO(text, newline=""))
    columns, before, start = _COLUMNS, 0, True
    while True:
        line = before + 1
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            yield _Entry(line, error=BadInput("", f"is not CSV: {error}", "a row of CSV"))
            row = []
        before = rows.line_num
        cells = [cell.strip() for cell in row]
        heading = [cell.lstrip("#").strip().lower() for cell in cells]
        if start and _ACCOUNT in heading:
            columns, start = heading, False
        elif any(cells) and not cells[0].startswith("#"):
            start = False
            yield _row(line, dict(zip(columns, cells, strict=False)), http=http)


def _row(line: int, cells: dict[str, str], *, http: bool) -> _Entry:
    boosts = _SWITCHES.get(cells.get(_BOOSTS, "").lower())
    if boosts is None:
        reason = f"{shown(cells[_BOOSTS])} in the column Show boosts is neither true nor false"
        return _Entry(line, error=BadInput("", reason, "true or false"))
    return _read(line, cells.get(_ACCOUNT, ""), http=http, boosts=boosts)


@dataclass(slots=True)
class _Outlines:
    """The target of the XML parser: the attributes of every outline, with its line."""

    parser: _Positioned | None = None
    found: list[tuple[int, dict[str, str]]] = field(default_factory=list)

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag.rpartition("}")[2].lower() == "outline" and self.parser:
            self.found.append((self.parser.parser.CurrentLineNumber, attributes))

    def end(self, tag: str) -> None:
        """Outlines are read one by one; what they lie in does not matter."""

    def data(self, data: str) -> None:
        """OPML keeps nothing in text."""

    def close(self) -> None:
        """The parser returns this, and nobody asks for it."""


class _Expat(Protocol):
    CurrentLineNumber: int


class _Positioned(Protocol):
    parser: _Expat


def _opml(text: str, *, http: bool) -> Iterator[_Entry]:
    outlines = _Outlines()
    parser = DefusedXMLParser(target=outlines, forbid_dtd=False)
    outlines.parser = parser
    try:
        parser.feed(text)
        parser.close()
    except ParseError as error:
        line, column = error.position
        reason = f"is not OPML: {str(error).partition(':')[0]} at column {column + 1}"
        yield _Entry(line, error=BadInput("", reason, "well-formed XML"))
    except DefusedXmlException:
        # Entities that unfold into gigabytes, or read files; no feed reader writes any.
        line = parser.parser.CurrentLineNumber
        yield _Entry(line, error=BadInput("", "declares XML entities", "OPML without entities"))
    for line, attributes in outlines.found:
        if entry := _outline(line, {k.lower(): v for k, v in attributes.items()}, http=http):
            yield entry


def _outline(line: int, attributes: dict[str, str], *, http: bool) -> _Entry | None:
    """A handle from wherever one stands, else the page's address, else the feed's."""
    order = ("htmlurl", "url", "xmlurl", "text", "title")
    values = [value.strip() for name in order if (value := attributes.get(name, "")).strip()]
    entries = [_read(line, _named(value), http=http) for value in values]
    good = [entry for entry in entries if entry.follow]
    handles = [entry for entry in good if entry.follow and entry.follow.actor.startswith("@")]
    if good:
        return (handles or good)[0]
    # A folder has a text and no address.
    if not any(attributes.get(name) for name in ("htmlurl", "url", "xmlurl", "type")):
        return None
    nothing = _Entry(line, error=BadInput("", "an outline without an address", names.AN_ACTOR))
    return entries[0] if entries else nothing


def _named(value: str) -> str:
    if match := _PROFILE.fullmatch(value):
        return f"@{match[2]}@{match[1]}"
    match = _FEED.fullmatch(value)
    return match[1] if match else value
