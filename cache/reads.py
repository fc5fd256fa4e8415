"""How a collection is read: where the next visit begins, and what its order allows to expect.

It follows no page and decides nothing; the walk is `protocol.walk`'s, and is only looked at here.
"""

from __future__ import annotations

from ..crawler.protocol.walkstate import Walk
from .environment import Tables, Txn
from .intern import find_id
from .views import Reads
from .walks import load

_BEGINS = {"prev": "cursor", "head": "head"}


def reads(txn: Txn, t: Tables, uri: str) -> Reads | None:
    """None: no walk over it is stored."""
    id = find_id(txn, t, uri)
    found = load(txn, t, id) if id is not None else None
    if found is None:
        return None
    stored, url = found
    walk = Walk.from_json(stored)
    # What has not been compared yet is as the visit before found it.
    ordered = walk.ordered if walk.pairs else walk.was_ordered and not walk.was_scattered
    return Reads(
        begins="page" if walk.pages else _BEGINS.get(walk.mode, "start"),
        url=url,
        newest_first=ordered,
        scattered=walk.scattered,
        read_whole_at=walk.scanned_at or None,
    )
