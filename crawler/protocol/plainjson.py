"""JSON that is spelled as our own writer spells it, read at the writer's speed.

Most servers write without white space and escape no more than JSON asks for, or the three
characters of HTML besides (Rails, Go). Of such a text the writer itself proves what `strictjson`
has to look for key by key: if what was read is written back to the very same bytes, then the text
says this value and nothing else. No key was dropped, no number rounded, no half of a surrogate
pair taken, and the bytes of any part are what the writer makes of that part. It refuses nothing:
what is spelled otherwise, or too deep or too large, is left to `strictjson`, which says why.
Invariant: what it reads, `strictjson` reads to an equal value, from the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import orjson

Writer = Callable[[Any], bytes]

# The first key tells at once what has white space (Python's json, anything indented).
_COMPACT = re.compile(rb'\{"[^"\\]*":[^ \t\r\n]')
_SPACE = b" \t\r\n"
# Counting brackets is cheaper than a hull up to about this size.
_SMALL = 8192


def read(body: bytes, max_depth: int, max_nodes: int) -> tuple[Any, Writer] | None:
    """The value of `body`, and what writes any part of it as it stands there; None: not plain."""
    if not _COMPACT.match(body) or not _few_values(body, max_nodes):
        return None
    body = body.rstrip(_SPACE)
    try:
        value = orjson.loads(body)
        written = _written(value, body, max_depth)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return None
    if written == body:
        return value, orjson.dumps
    if b"\\u00" in body and _escape_html(written) == body:
        return value, _html_safe
    return None


def _few_values(body: bytes, max_nodes: int) -> bool:
    """The bound of `jsontext`: every value but the first follows a comma or opening bracket.

    Leaving them out tells their number in half the time that counting each of the three takes.
    """
    size = len(body)
    return size < max_nodes or size - len(body.translate(None, b",[{")) < max_nodes


def _written(value: Any, body: bytes, max_depth: int) -> bytes:
    """`value` as text; JSONEncodeError if it is deeper than `max_depth` levels.

    The writer refuses what is deeper than it can go. Put into as many lists as leave `max_depth`
    levels, a value is measured while it is written, which costs a tenth of looking at each part.
    """
    if len(body) <= _SMALL and body.count(b"[") + body.count(b"{") <= max_depth:
        return orjson.dumps(value)
    spare = _WRITER_DEPTH - max_depth
    for _ in range(spare):
        value = [value]
    return orjson.dumps(value)[spare:-spare]


def _depth_of_the_writer() -> int:
    depth = 0
    value: list[Any] = []
    try:
        while True:
            orjson.dumps(value)
            depth, value = depth + 1, [value]
    except orjson.JSONEncodeError:
        return depth


_WRITER_DEPTH = _depth_of_the_writer()


def _html_safe(value: Any) -> bytes:
    return _escape_html(orjson.dumps(value))


def _escape_html(text: bytes) -> bytes:
    """None of the three has a meaning outside of strings, so that it is right to replace all."""
    text = text.replace(b"<", b"\\u003c").replace(b">", b"\\u003e")
    return text.replace(b"&", b"\\u0026")
