"""How the daemon logs: lines for a person's console, or one JSON object a line.

Both go to stderr, where systemd and containers look. Invariant: a message that a stranger's text is
part of is still one line.
"""

from __future__ import annotations

import logging
import sys

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
        return super().formatMessage(record)


class JsonFormatter(logging.Formatter):
    """One object: `at`, `level`, `part`, `message`, and `error` with a traceback."""

    def format(self, record: logging.LogRecord) -> str:
        from ..cache.shapes import time

        value = {
            "at": time(record.created),
            "level": record.levelname.lower(),
            "part": part_of(record),
            "message": record.getMessage(),
        }
        if record.exc_info:
            value["error"] = self.formatException(record.exc_info)
        return orjson.dumps(value).decode()


def part_of(record: logging.LogRecord) -> str:
    return record.name.removeprefix("fedpull.")


def one_line(text: str) -> str:
    return text.replace("\r", "\\r").replace("\n", "\\n")


def set_up(level: str, format: str) -> None:
    """Log to stderr as configured; what libraries say only from warnings on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if format == "json" else ConsoleFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in _LIBRARIES:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))
