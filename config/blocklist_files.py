"""The files that `blocklists` names, read. What a row says is `crawler.protocol.blocklist`'s.

Invariant: a list that cannot be read is an error, with every other one named; nobody is let in
because a file was missing.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ..crawler.protocol.blocklist import Blocklist, parse_blocklist
from .load import read_text
from .problems import ConfigError, Problem

# 30,000 rows with comments are 5 MiB.
_MOST_BYTES = 64 * 2**20


def read_blocklists(paths: Iterable[Path]) -> tuple[Blocklist, ...]:
    """All of them; ConfigError names each that cannot be read."""
    found: list[Blocklist] = []
    problems: list[Problem] = []
    for path in paths:
        try:
            found.append(read_blocklist(path))
        except ConfigError as error:
            problems += [
                Problem(f"blocklists: {one.path}", one.reason, one.expected) for one in error.errors
            ]
    if problems:
        raise ConfigError(problems)
    return tuple(found)


def read_blocklist(path: Path) -> Blocklist:
    """One list; ConfigError says why it cannot be read."""
    try:
        size = path.stat().st_size
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
        raise ConfigError([Problem(str(path), reason, "a readable file")]) from error
    if size > _MOST_BYTES:
        raise ConfigError([Problem(str(path), "is too large for a blocklist", "at most 64 MiB")])
    return parse_blocklist(path.name, read_text(path))
