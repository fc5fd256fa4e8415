"""The list of follows as Mastodon's following_accounts.csv, which it and we import.

It writes no file. Invariant: what is exported here is read back as the same follows.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from io import StringIO

from .ports import Query
from .records import Follow

_HEAD = ("Account address", "Show boosts", "Notify on new posts", "Languages")


def lines(query: Query, boosts: Mapping[str, bool]) -> Iterator[bytes]:
    """The file; `boosts`: of which follow what it announces is read."""
    text = StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(_HEAD)
    for follow in query.follows():
        if not follow.once:
            shows = "true" if boosts.get(follow.key, True) else "false"
            writer.writerow((_address(follow), shows, "false", ""))
    yield text.getvalue().encode()


def _address(follow: Follow) -> str:
    """Mastodon writes no @ in front. Who has no handle that leads back to it has its URI, which
    Mastodon passes over."""
    handle = follow.handle or (follow.key if follow.key.startswith("@") else None)
    return handle.removeprefix("@") if handle else follow.actor or follow.key
