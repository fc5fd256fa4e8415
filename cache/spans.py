"""Lengths of time in words: how long, since when, in how long, how often. Pure; no dates."""

from __future__ import annotations

_UNITS = ((86_400.0, "day"), (3_600.0, "hour"), (60.0, "minute"), (1.0, "second"))


def span(seconds: float) -> str:
    """A length of time as people say it: `3 hours`, `1 day`; the largest unit that fits."""
    for length, unit in _UNITS:
        if seconds >= length:
            count = round(seconds / length)
            return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
    return "a moment"


def every(seconds: float) -> str:
    """How often that is: `every 6 hours`, `every day`."""
    text = span(seconds)
    return f"every {text.removeprefix('1 ')}"


def ago(at: float | None, now: float) -> str:
    return "never" if at is None else f"{span(max(now - at, 0.0))} ago"


def ahead(at: float, now: float) -> str:
    """When something is due: `in 5 minutes`, or `now` when the time has come."""
    return f"in {span(at - now)}" if at - now >= 1.0 else "now"
