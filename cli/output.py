"""How commands print: JSON for machines, a table for a person's terminal, plain lines elsewhere.

It decides nothing about content. Invariant: no control character that a stranger wrote reaches a
terminal, so that no post can move the cursor or change a title.
"""

from __future__ import annotations

import html
import re
import shutil
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click

# Controls, and the marks that turn the direction of text around or have no width.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)
_BREAK = re.compile(r"<(?:br|/p|/div|/li|/h[1-6])\b[^>]*>", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")
_LONGEST = 100_000  # characters of a stranger's HTML that are looked at for one line


def on_terminal() -> bool:
    return sys.stdout.isatty()


def size(count: int) -> str:
    """So many bytes, as a person reads it."""
    left = float(count)
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if left < 1024:
            return f"{left:.0f} {unit}" if unit == "bytes" else f"{left:.1f} {unit}"
        left /= 1024
    return f"{left:.1f} TiB"


def print_json(value: object) -> None:
    """One JSON value on one line."""
    from ..cache.shapes import dumps

    print_bytes(dumps(value))


def print_bytes(text: bytes) -> None:
    """JSON as it is, to whatever reads it."""
    sys.stdout.buffer.write(text + b"\n")
    sys.stdout.buffer.flush()


def print_document(body: bytes) -> None:
    """A document: byte for byte where a program reads, indented where a person does."""
    if not on_terminal():
        print_bytes(body)
        return
    import json

    pretty = json.dumps(json.loads(body.decode("utf-8-sig")), indent=2, ensure_ascii=False)
    click.echo("\n".join(safe_json(line) for line in pretty.split("\n")))


def safe_json(text: str) -> str:
    """The same JSON with what a terminal must not see written as escapes."""
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def safe(text: object) -> str:
    """Foreign text made fit for one line of a terminal."""
    return _UNSAFE.sub(lambda match: " " if match[0] in "\t\r\n" else "\ufffd", str(text))


def first_line(markup: str | None) -> str:
    """The first line of a stranger's HTML, as plain text."""
    if not markup:
        return ""
    text = _TAG.sub("", _BREAK.sub("\n", markup[:_LONGEST]))
    lines = (" ".join(line.split()) for line in html.unescape(text).split("\n"))
    return safe(next((line for line in lines if line), ""))


def shorten(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Rows: under their heads on a terminal, tab-separated without heads elsewhere."""
    if not on_terminal():
        for row in rows:
            line(*row)
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(*heads, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        shown.add_row(*(Text(_cell(value)) for value in row))
    Console(highlight=False).print(shown)


def line(*fields: object) -> None:
    """Tab-separated fields, which no field can hold a tab of."""
    click.echo("\t".join(_cell(value) for value in fields))


def columns() -> int:
    """The width of the terminal."""
    return shutil.get_terminal_size().columns


def _cell(value: object) -> str:
    return "" if value is None else safe(value)


def pairs(values: Iterable[tuple[str, Any]]) -> None:
    """Names and values, one pair a line, aligned; nothing is printed for None."""
    known = [(name, value) for name, value in values if value is not None]
    width = max((len(name) for name, _ in known), default=0)
    for name, value in known:
        click.echo(f"{name:<{width}}  {safe(value)}")


def note(text: str) -> None:
    """Something to know beside the result: on stderr, so that no program reads it as data."""
    click.echo(f"fedpull: {safe(text)}", err=True)


def moment(seconds: float | None) -> str | None:
    """A time for a person: minutes are enough, and it says that it is UTC."""
    from ..cache.shapes import time

    text = time(seconds)
    return None if text is None else f"{text[:10]} {text[11:16]}Z"
