"""The checks of a JSON text that need no parsing, and the scanners that the reader is made of.

It refuses what is not UTF-8, too deep, too large, or holds half a surrogate pair; the scanners
refuse duplicate keys, NaN and infinities. It does not parse: that is `strictjson`. Invariant: each
check is linear in the bytes and runs at the speed of C, so that it may precede everything.
"""

from __future__ import annotations

import json.decoder
import json.scanner
import re
from collections.abc import Callable
from itertools import accumulate
from json.decoder import JSONDecoder
from typing import Any, NoReturn

from ...errors import BadInput

# Real documents are 4 to 8 levels deep (one-page servers, which embed actors in activities in
# pages, reach 10) and hold under 5,000 values; Python itself gives up near 1,000 levels.
MAX_DEPTH = 64
MAX_NODES = 20_000

# Counting is cheaper than stripping up to about this size.
_SMALL = 4096

_BOM = b"\xef\xbb\xbf"
_NOT_STRUCTURE = bytes(b for b in range(256) if b not in b'[]{}"')
_NOT_STRUCTURE_OR_COMMA = bytes(b for b in range(256) if b not in b'[]{}",')
_STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_SURROGATE_PAIR = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")
_INFINITE = (float("inf"), float("-inf"))


class BadJson(BadInput):
    """The bytes are not JSON that every parser would read in the same way."""

    def __init__(self, reason: str) -> None:
        super().__init__("JSON", reason, "one UTF-8 value as of RFC 8259 with unique keys")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise BadJson("has the same key twice in one object")
    return value


def _finite(digits: str) -> float:
    value = float(digits)
    if value in _INFINITE:
        raise BadJson("holds a number that is too large")
    return value


def _no_constant(name: str) -> NoReturn:
    raise BadJson(f"holds {name}")


_DECODER = JSONDecoder(
    object_pairs_hook=_unique, parse_float=_finite, parse_constant=_no_constant, strict=True
)
Scanner = Callable[[str, int], tuple[Any, int]]
# typeshed knows neither by its real signature.
scan_value: Scanner = vars(json.scanner)["make_scanner"](_DECODER)
scan_string: Callable[[str, int], tuple[str, int]] = vars(json.decoder)["scanstring"]


def decode(body: bytes, max_depth: int = MAX_DEPTH, max_nodes: int = MAX_NODES) -> str:
    """The text of a body that passed every check that needs no parsing."""
    try:
        text = (body[3:] if body.startswith(_BOM) else body).decode("utf-8")
    except UnicodeDecodeError:
        raise BadJson("is not UTF-8") from None
    _bound(body, max_depth, max_nodes)
    # The parser turns an unpaired surrogate into a str that nothing can encode again.
    if _SURROGATE.search(text):
        plain = _SURROGATE_PAIR.sub("", text.replace("\\\\", "  "))
        if _SURROGATE.search(plain):
            raise BadJson("holds half of a surrogate pair")
    return text


def _bound(body: bytes, max_depth: int, max_nodes: int) -> None:
    """Refuse what is too deep or too large before anything is built from it.

    Every value but the first follows a comma or an opening bracket, so these bound the number of
    values from above, and the opening brackets bound the depth. What exceeds these cheap bounds
    has its strings taken out and is looked at more closely.
    """
    if len(body) <= _SMALL:
        opened = body.count(b"[") + body.count(b"{")
        if opened <= max_depth and opened + body.count(b",") < max_nodes:
            return
    if b"\\" in body:
        body = _without_escapes(body)
    brackets = _outside_strings(body.translate(None, _NOT_STRUCTURE))
    opened = brackets.count(b"[") + brackets.count(b"{")
    if opened + body.count(b",") >= max_nodes:
        structure = _outside_strings(body.translate(None, _NOT_STRUCTURE_OR_COMMA))
        if opened + structure.count(b",") >= max_nodes:
            raise BadJson(f"holds more than {max_nodes} values")
    rest = brackets
    # A round takes away one or two levels, so what vanishes in half as many rounds is not too deep.
    for _ in range(max_depth // 2):
        rest = rest.replace(b"{}", b"").replace(b"[]", b"")
        if not rest:
            return
    if max(accumulate(map(_STEP.__getitem__, brackets)), default=0) > max_depth:
        raise BadJson(f"is nested deeper than {max_depth} levels")


def _without_escapes(body: bytes) -> bytes:
    """Take out each backslash and what it escapes. Splitting is several times as fast as replacing
    pairs; only where a backslash escapes a backslash do the pairs have to be found first."""
    plain, *escaped = body.split(b"\\")
    if b"" in escaped:
        plain, *escaped = body.replace(b"\\\\", b"").split(b"\\")
    return plain + b"".join([part[1:] for part in escaped])


def _outside_strings(marks: bytes) -> bytes:
    """What stands outside strings; `marks` is the text without escapes and ordinary bytes.

    Taking out `""` either drops an empty string or joins two neighbours with nothing between
    them, so the rest keeps its place inside or outside of strings.
    """
    marks = marks.replace(b'""', b"")
    return b"".join(marks.split(b'"')[::2]) if b'"' in marks else marks


def skip_space(text: str, at: int) -> int:
    end = len(text)
    while at < end and text[at] in " \t\n\r":
        at += 1
    return at
