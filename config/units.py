"""Durations, sizes and rates as operators write them, and back. Pure text to numbers.

It does not read bare numbers as durations: `gap: 5` could mean five of anything, so only 0 needs no
unit. What a `format_` function writes, its `parse_` function reads back to the same number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..errors import BadInput

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
BYTES = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}

# Added to the time of day a duration must still be a date that Python, LMDB rows and people can
# write; a century is more than any of our settings can mean.
MAX_DURATION = 36_500 * 86_400.0
# The address space of a 64-bit process is 128 TiB, and the store is mapped into it.
MAX_SIZE = 64 * 2**40
MAX_COUNT = 10**9

A_DURATION = "a number and its unit, such as 30s, 5m, 2h or 1d"
A_SIZE = "bytes, or a number with KiB, MiB, GiB or TiB, such as 512KiB"
A_RATE = "a count and a time, such as 100/15m or 20000/h"

_DURATION = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)([smhd])", re.ASCII)
_SIZE = re.compile(r"([0-9]{1,18})(KiB|MiB|GiB|TiB)?", re.ASCII)
_RATE = re.compile(r"([0-9]{1,12})/([0-9.]*[smhd])", re.ASCII)


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `count` in any `seconds`."""

    count: int
    seconds: float

    def __str__(self) -> str:
        return format_rate(self)

    @property
    def per_hour(self) -> int:
        return round(self.count / self.seconds * 3600)


def shown(value: object) -> str:
    """How an error message names a value: short, quoted when it is text, never a whole tree."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case str():
            return repr(value if len(value) <= 80 else value[:79] + "…")
        case int() | float():
            return repr(value)[:40]
        case list() | tuple() | set() | frozenset():
            return "a list"
        case dict():
            return "a mapping"
    return "a value of another kind"


def parse_duration(value: object) -> float:
    """Seconds, from `30s`, `5m`, `2h`, `1d`, or a bare 0."""
    if value in (0, "0") and not isinstance(value, bool):
        return 0.0
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        reason = "has no unit" if number else "is not a duration"
        raise BadInput(shown(value), reason, A_DURATION)
    seconds = float(match[1]) * SECONDS[match[2]]
    if seconds > MAX_DURATION:
        raise BadInput(shown(value), "is too long", "at most 36500d")
    return seconds


def parse_size(value: object) -> int:
    """Bytes, from `512KiB`, `1MiB`, `64GiB`, `1TiB` or a plain count."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    match = _SIZE.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise BadInput(shown(value), "is not a size", A_SIZE)
    size = int(match[1]) * BYTES.get(match[2], 1)
    if size > MAX_SIZE:
        raise BadInput(shown(value), "is too large", "at most 64TiB")
    return size


def parse_rate(value: object) -> Rate:
    """A Rate, from `100/15m`, or `20000/h` for an hour."""
    match = _RATE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise BadInput(shown(value), "is not a rate", A_RATE)
    span = match[2] if len(match[2]) > 1 else f"1{match[2]}"
    try:
        rate = Rate(int(match[1]), parse_duration(span))
    except BadInput as error:
        raise BadInput(shown(value), "is not a rate", A_RATE) from error
    if not rate.count or not rate.seconds:
        raise BadInput(shown(value), "allows nothing or everything", "both numbers above 0")
    if rate.count > MAX_COUNT:
        raise BadInput(shown(value), "is too large", f"a count of at most {MAX_COUNT}")
    return rate


def format_duration(seconds: float) -> str:
    """The shortest exact form: 120.0 is `2m`, 0.5 is `0.5s`."""
    for unit in ("d", "h", "m"):
        if seconds and seconds % SECONDS[unit] == 0:
            return f"{int(seconds // SECONDS[unit])}{unit}"
    return f"{seconds:.6f}".rstrip("0").rstrip(".") + "s"


def format_size(size: int) -> str:
    """The largest unit that divides it: 1048576 is `1MiB`, 1000 is `1000`."""
    for unit in ("TiB", "GiB", "MiB", "KiB"):
        if size and size % BYTES[unit] == 0:
            return f"{size // BYTES[unit]}{unit}"
    return str(size)


def format_rate(rate: Rate) -> str:
    """`100/15m`; one of a unit is written without its number, as in `20000/h`."""
    span = format_duration(rate.seconds)
    return f"{rate.count}/{span[1:] if span in ('1s', '1m', '1h', '1d') else span}"
