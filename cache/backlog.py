"""How far the refreshing is behind, for the status: the calendar, and figures that were saved.

It changes nothing. Invariant: counting stops at MOST, however long nobody was asked.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import orjson

from .agenda_rows import KEY
from .environment import Tables, Txn

# Beyond so many it does not matter how many more there are, and counting takes its time.
MOST = 50_000
FIGURES = b"refresh"  # in `meta`
_HOUR = 3_600.0


@dataclass(frozen=True, slots=True)
class Figures:
    """What the writer knows and readers do not; saved once a minute."""

    at: float = 0.0
    sources: int = 0
    used: int = 0  # requests of the hour before `at`
    price: float | None = None
    floor: bool = False

    def pack(self) -> bytes:
        return orjson.dumps(asdict(self))

    def differ(self, saved: Figures) -> bool:
        """Whether they are worth saving: the time alone is no news, as long as nothing was used."""
        stale = self.used and not 0.0 <= self.at - saved.at < _HOUR
        return bool(stale) or replace(self, at=saved.at) != saved


def figures(txn: Txn, t: Tables, now: float | None) -> Figures:
    """As they were saved last."""
    row = txn.get(FIGURES, None, t.meta)
    values: dict[str, Any] = orjson.loads(row) if row is not None else {}
    if now is not None and now - values.get("at", now) >= 2 * _HOUR:
        values["used"] = 0  # nobody has been running
    return Figures(**values)


def behind(txn: Txn, t: Tables, now: float) -> tuple[int, float | None]:
    """How many sources are due and wait to be asked, and how long the first of them has waited."""
    cursor = txn.cursor(t.agenda)
    count, earliest = 0, now
    more = cursor.first()
    while more:
        line, due, _ = KEY.unpack(cursor.key())
        earliest = min(earliest, float(due))
        while more and count < MOST:
            at, due, _ = KEY.unpack(cursor.key())
            if at != line or due > now:
                break
            count += 1
            more = cursor.next()
        more = cursor.set_range(bytes((line + 1,)))
    return count, now - earliest if earliest < now else None
