"""How the daemon logs: lines for a person's console, or one JSON object a line.

Both go to stderr, where systemd and containers look. Invariant: a message that a stranger's text is
part of is still one line.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping
from typing import Any

import orjson

_LIBRARIES = ("scrapy", "twisted", "asyncio", "apscheduler")


class ConsoleFormatter(logging.Formatter):
    """`2026-01-31 12:00:00 info daemon: the API listens on ...`"""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(level)s %(part)s: %(message)s", "%Y-%m-%d %H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        record.level = record.levelname.lower()
        record.part = part_of(record)
        return super().format(record)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        record.message = one_line(record.message)
        number = fields_of(record).get("request")
        return super().formatMessage(record) + (f" [{number}]" if number else "")


class JsonFormatter(logging.Formatter):
    """One object: `at`, `level`, `part`, `message`, what else the line says of its subject (for
    a fetch, see `crawler.trail`), and `error` with a traceback."""

    def format(self, record: logging.LogRecord) -> str:
        from ..cache.shapes import time

        value = {
            "at": time(record.created),
            "level": record.levelname.lower(),
            "part": part_of(record),
            "message": record.getMessage(),
            **fields_of(record),
        }
        if record.exc_info:
            value["error"] = self.formatException(record.exc_info)
        try:
            return orjson.dumps(value, default=str).decode()
        except TypeError:  # half of a surrogate pair, in a name that a stranger has made up
            return json.dumps(value, default=str)


def fields_of(record: logging.LogRecord) -> Mapping[str, Any]:
    """What a line says besides its text."""
    found: Mapping[str, Any] = getattr(record, "fields", {})
    return found


def part_of(record: logging.LogRecord) -> str:
    return record.name.removeprefix("fedpull.")


def one_line(text: str) -> str:
    return text.replace("\r", "\\r").replace("\n", "\\n")


def set_up(level: str, format: str) -> None:
    """Log to stderr as configured; what libraries say only from warnings on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if format == "json" else ConsoleFormatter())
    root = logging.getLogger()
    for old in root.handlers[:]:  # but for what others have put there to count and to watch
        if isinstance(old.formatter, ConsoleFormatter | JsonFormatter):
            root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name in _LIBRARIES:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))
