"""Points in time as other servers write them, read into POSIX seconds.

It never asks what time it is. Invariant: the result is a finite number not before 1970, or None;
no text makes it raise.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
# IMF-fixdate, and RFC 850's form with dashes and two digits for the year (RFC 9110 section 5.6.7).
_HTTP_DATE = re.compile(
    r"[A-Za-z]{3,9}, ([0-9]{1,2})[ -]([A-Za-z]{3})[ -]([0-9]{2}|[0-9]{4}) "
    r"([0-9]{2}):([0-9]{2}):([0-9]{2}) (?:GMT|UTC|\+0000)"
)
_LONGEST = 64  # no date in any form is longer


def rfc3339(text: object) -> float | None:
    """A date and time; without an offset it is UTC, and a date alone is its midnight.

    Offsets other than Z, micro- and nanoseconds all occur (Gancio, BookWyrm, Lemmy).
    """
    if not isinstance(text, str) or len(text) > _LONGEST:
        return None
    return _rfc3339(text)


@lru_cache(maxsize=4096)
def _rfc3339(text: str) -> float | None:
    """Remembered, because one document's dates are asked for again and again."""
    try:
        moment = datetime.fromisoformat(text.strip().upper())
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return max(moment.timestamp(), 0.0)
    except (ValueError, OverflowError):
        return None


def http_date(text: str) -> float | None:
    match = _HTTP_DATE.fullmatch(text.strip()) if len(text) <= _LONGEST else None
    if match is None or match[2].lower() not in _MONTHS:
        return None
    month = _MONTHS.index(match[2].lower()) + 1
    day, year, hour, minute, second = (int(match[group]) for group in (1, 3, 4, 5, 6))
    if year < 100:
        year += 1900 if year >= 70 else 2000
    try:
        moment = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
        return max(moment.timestamp(), 0.0)
    except (ValueError, OverflowError):
        return None
