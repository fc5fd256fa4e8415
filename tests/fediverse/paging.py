"""The ways in which servers cut a list into pages; pure functions over a list, newest first.

Keys are of fixed width per family, so that they compare as text.
"""

from __future__ import annotations

from collections.abc import Sequence

from .model import Activity


def older(listed: Sequence[Activity], key: str | None, limit: int) -> list[Activity]:
    """`max_id`: the newest `limit` that are older than the key; without one, the newest."""
    found = [a for a in listed if a.key < key] if key else listed
    return list(found[:limit])


def just_newer(listed: Sequence[Activity], key: str, limit: int) -> list[Activity]:
    """`min_id`: the `limit` that follow the key immediately, newest first."""
    found = [a for a in listed if a.key > key]
    return found[-limit:]


def newest_since(listed: Sequence[Activity], key: str, limit: int) -> list[Activity]:
    """Mastodon's `since_id`: the newest `limit` that are newer than the key, so with a gap."""
    return [a for a in listed if a.key > key][:limit]


def numbered(listed: Sequence[Activity], page: int, size: int) -> list[Activity]:
    """`?page=N`, counted from 1: drifts when something is posted during a walk."""
    return list(listed[(page - 1) * size : page * size])


def last_page(listed: Sequence[Activity], size: int) -> int:
    """The number of the last page; 0 when there is nothing."""
    return -(-len(listed) // size)


def page_number(query: dict[str, str], default: int = 1) -> int:
    """The asked page, at least 1; what is no number is the default."""
    text = query.get("page", "")
    return max(1, int(text)) if text.isdecimal() else default
