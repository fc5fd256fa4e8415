"""How a fetch ended, in a word for the metrics, and how long its reason had waited for it.

Pure. Invariant: the words are few, whatever a server answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Fetched = Literal[
    "read",  # 200
    "unchanged",  # 304
    "missing",  # 404
    "gone",  # 410
    "denied",  # 401, 403, 451
    "throttled",  # 429
    "rejected",  # any other 4xx
    "server_error",  # 5xx
    "refused",  # by ourselves: a URL, a blocklist, robots.txt; nothing was sent
    "failed",  # no answer that could be read
]

# Somebody who waits notices a tenth of a second; a check that is a day late is a full queue.
WAITS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 1_800.0, 7_200.0, 43_200.0)

_STATUSES: Mapping[int, Fetched] = {
    200: "read",
    304: "unchanged",
    404: "missing",
    410: "gone",
    401: "denied",
    403: "denied",
    451: "denied",
    429: "throttled",
}


def fetched(status: int) -> Fetched:
    """The word for an answer."""
    if (word := _STATUSES.get(status)) is not None:
        return word
    return "server_error" if status >= 500 else "rejected" if status >= 400 else "failed"
