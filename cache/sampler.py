"""Looks at the counters once a minute and keeps what they have done since: the page's plots.

It decides nothing and shows nothing. The points outlive the process in a small file of the store's
folder, which may be lost without harm. Invariant: what happened while nobody looked (a stop, a
suspended machine) is counted for no minute.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable
from pathlib import Path

from .ports import Query
from .records import Totals
from .series import FINE, Point, Series, load
from .verbs import Verbs

log = logging.getLogger(__name__)

FILE = "activity"  # in the store's folder
_SAVE_EVERY = 10  # points; a crash costs the plots ten minutes
_TOO_LONG = 2.5 * FINE  # between two looks: the machine was suspended, or the clock set


class Sampler:
    """Fills a Series. `sample` is for the ticker, every FINE seconds."""

    def __init__(self, query: Query, verbs: Verbs, folder: Path, now: Callable[[], float]) -> None:
        self._query = query
        self._verbs = verbs
        self._file = folder / FILE
        self._now = now
        self._last = (float("-inf"), 0, 0, 0)
        self._unsaved = 0
        self.series = self._load()

    def begin(self) -> None:
        """Note where the counters are: what they do from now on is what happens."""
        self._last = self._look(self._query.totals())

    async def sample(self) -> None:
        """One look, and what has happened since the one before."""
        totals = self._query.totals(self._now())
        seen = self._look(totals)
        last, self._last = self._last, seen
        now, seconds = seen[0], seen[0] - last[0]
        if not 0.0 < seconds <= _TOO_LONG:
            return
        _, requests, failures, changes = (new - old for new, old in zip(seen, last, strict=True))
        self.series.add(
            Point(
                at=now,
                seconds=seconds,
                answered=max(requests - failures, 0),
                failed=max(failures, 0),
                changes=max(changes, 0),
                late=totals.backlog,
                used=totals.budget_used,
                documents=totals.documents,
                bytes=totals.bytes,
            )
        )
        self._unsaved += 1
        if self._unsaved >= _SAVE_EVERY:
            await asyncio.to_thread(self.save)

    def save(self) -> None:
        """Write what there is; without it the plots begin anew, which is no reason to fail."""
        if not self._unsaved:
            return
        self._unsaved = 0
        beside = self._file.with_suffix(".new")
        try:
            beside.write_bytes(self.series.dump())
            os.replace(beside, self._file)
        except OSError as error:
            log.warning("%s cannot be written: %s", self._file, error.strerror)

    def _look(self, totals: Totals) -> tuple[float, int, int, int]:
        """The time, and the counters: requests, those of them that failed, changes."""
        door = self._verbs.counted().door
        failed = sum(count for name, count in door.items() if name.startswith("failed_"))
        return self._now(), door.get("requests", 0), failed, totals.last_seq

    def _load(self) -> Series:
        with contextlib.suppress(OSError):
            return load(self._file.read_bytes(), self._now())
        return Series()
