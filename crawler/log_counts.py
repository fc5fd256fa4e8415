"""How many lines of each level were logged, for the metrics. It keeps no text."""

from __future__ import annotations

import logging
from collections import Counter

LEVELS = ("warning", "error", "critical")


class LogCounts(logging.Handler):
    """Put it on the root logger; `counts` has every level that matters."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.counts: Counter[str] = Counter(dict.fromkeys(LEVELS, 0))

    def emit(self, record: logging.LogRecord) -> None:
        level = record.levelname.lower()
        if level in self.counts:
            self.counts[level] += 1
