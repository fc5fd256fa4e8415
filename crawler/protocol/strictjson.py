"""JSON read so strictly that no two parsers could disagree about what a document says.

What is spelled as most servers do is read by `plainjson`. Anything else is parsed once, at the
speed of the C scanner, and walked by hand only on those levels that can hold items, so that the
place of each embedded item is known. It does not look at what the values mean. Invariants: from
any bytes comes either a value or BadJson, in linear time; `slice` gives the bytes that the origin
sent, because strictly decoded UTF-8 encodes back to the same bytes.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

import orjson

from . import plainjson
from .jsontext import (
    MAX_DEPTH,
    MAX_NODES,
    BadJson,
    Scanner,
    decode,
    scan_string,
    scan_value,
    skip_space,
)

__all__ = ["BadJson", "Parsed", "parse", "parse_object", "parse_with_items", "written"]

# first -> page, items -> list or nested collection (Owncast), object -> what an activity is about
# (twice for Lemmy, whose communities announce Creates).
_HOLDERS = frozenset(("first", "items", "orderedItems", "object"))
_MAX_WALK = 8  # collection, first, nested collection, item, object, object, and two to spare
_KEY = re.compile(r'[ \t\n\r]*"([^"\\\x00-\x1f]*)"[ \t\n\r]*:[ \t\n\r]*')
_COLON = re.compile(r"[ \t\n\r]*:[ \t\n\r]*")


@dataclass(frozen=True, slots=True)
class Parsed:
    """A document and where its embedded objects stand in the source, or what writes them so."""

    value: dict[str, Any]
    text: str = field(default="", repr=False)
    spans: dict[int, tuple[int, int]] = field(default_factory=dict, repr=False)
    writer: plainjson.Writer | None = None

    @property
    def letters_escaped(self) -> bool:
        """Whether an ordinary character may stand as an escape: not where `writer` wrote it."""
        return self.writer is None

    def slice(self, embedded: object) -> bytes | None:
        """The source bytes of a dict of `value` (itself, an item, or an item's object)."""
        if self.writer is not None:
            return self.writer(embedded)
        span = self.spans.get(id(embedded))
        return None if span is None else self.text[span[0] : span[1]].encode()


def parse(body: bytes, *, max_depth: int = MAX_DEPTH, max_nodes: int = MAX_NODES) -> Any:
    plain = plainjson.read(body, max_depth, max_nodes)
    return _whole(scan_value, decode(body, max_depth, max_nodes)) if plain is None else plain[0]


def parse_object(body: bytes) -> dict[str, Any]:
    value = parse(body)
    if not isinstance(value, dict):
        raise BadJson("is not an object")
    return value


def parse_with_items(body: bytes) -> Parsed:
    plain = plainjson.read(body, MAX_DEPTH, MAX_NODES)
    if plain is not None:
        return Parsed(plain[0], writer=plain[1])
    return _scanned(body)


def written(value: Any) -> bytes:
    """A value that was read, as JSON text."""
    try:
        return orjson.dumps(value)
    except TypeError:  # an integer of more than 64 bits, which JSON allows
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _scanned(body: bytes) -> Parsed:
    text = decode(body)
    walker = _Walker(text)
    value = _whole(walker.document, text)
    if not isinstance(value, dict):
        raise BadJson("is not an object")
    return Parsed(value, text, walker.spans)


def _whole(scan: Scanner, text: str) -> Any:
    """Run a scanner over the whole text; whatever it fails with becomes BadJson."""
    try:
        value, at = scan(text, skip_space(text, 0))
    except BadJson:
        raise
    except StopIteration:
        raise BadJson("has no value where one is due") from None
    except ValueError as error:  # JSONDecodeError, and integers of more than 4,300 digits
        raise BadJson(f"does not parse ({str(error)[:80]})") from None
    except RecursionError:
        raise BadJson("is nested too deeply") from None
    if skip_space(text, at) != len(text):
        raise BadJson("goes on after its value")
    return value


class _Walker:
    """The hand-written part of the parser; each method takes a position and returns the next."""

    __slots__ = ("spans", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.spans: dict[int, tuple[int, int]] = {}

    def document(self, text: str, at: int) -> tuple[Any, int]:
        return self._value(at, 0)

    def _value(self, at: int, level: int) -> tuple[Any, int]:
        mark = self.text[at : at + 1]
        if mark == "{" and level < _MAX_WALK:
            return self._object(at, level)
        if mark == "[" and level < _MAX_WALK:
            return self._list(at, level)
        return scan_value(self.text, at)

    def _object(self, start: int, level: int) -> tuple[dict[str, Any], int]:
        text, count = self.text, 0
        value: dict[str, Any] = {}
        at = skip_space(text, start + 1)
        if text[at : at + 1] == "}":
            return self._note(value, start, at + 1)
        while True:
            match = _KEY.match(text, at)
            if match:
                key, at = match[1], match.end()
            else:
                key, at = self._escaped_key(at)
            if key == "object":
                value[key], at = self._about(at, level + 1)
            elif key in _HOLDERS:
                value[key], at = self._value(at, level + 1)
            else:
                value[key], at = scan_value(text, at)
            count += 1
            mark = text[at : at + 1]
            if mark not in (",", "}"):
                at = skip_space(text, at)
                mark = text[at : at + 1]
            at += 1
            if mark == "}":
                break
            if mark != ",":
                raise BadJson("lacks a comma or a closing brace")
        if len(value) != count:
            raise BadJson("has the same key twice in one object")
        return self._note(value, start, at)

    def _about(self, at: int, level: int) -> tuple[Any, int]:
        """An activity's object: whole in C, walked only where it is itself an activity."""
        if self.text[at : at + 1] != "{":
            return self._value(at, level)
        value, end = scan_value(self.text, at)
        if isinstance(value.get("object"), dict):
            return self._object(at, level) if level < _MAX_WALK else (value, end)
        return self._note(value, at, end)

    def _escaped_key(self, at: int) -> tuple[str, int]:
        at = skip_space(self.text, at)
        if self.text[at : at + 1] != '"':
            raise BadJson("lacks a key")
        key, at = scan_string(self.text, at + 1)
        colon = _COLON.match(self.text, at)
        if not colon:
            raise BadJson("lacks a colon")
        return key, colon.end()

    def _list(self, start: int, level: int) -> tuple[list[Any], int]:
        text = self.text
        values: list[Any] = []
        at = skip_space(text, start + 1)
        if text[at : at + 1] == "]":
            return values, at + 1
        while True:
            value, at = self._value(at, level + 1)
            values.append(value)
            at = skip_space(text, at)
            mark = text[at : at + 1]
            if mark == "]":
                return values, at + 1
            if mark != ",":
                raise BadJson("lacks a comma or a closing bracket")
            at = skip_space(text, at + 1)

    def _note(self, value: dict[str, Any], start: int, end: int) -> tuple[dict[str, Any], int]:
        self.spans[id(value)] = (start, end)
        return value, end
