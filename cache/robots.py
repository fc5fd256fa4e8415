"""What is known of hosts' robots.txt, one row a host beside its own. It judges nothing.

A row holds the lines that bind us, packed, and no more of the file. Invariant: the table is bounded
by rows and by bytes; what had to make room is asked for again before anything else is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from ..crawler.protocol.robots import rules
from ..crawler.protocol.robots_memory import Robots
from .codec import pack, unpack
from .layout import F64, host_key

if TYPE_CHECKING:
    from .environment import Tables, Txn
    from .work import Work

MOST_ROWS = 200_000
# Some 300 bytes a row, as robots.txt files are; a hostile host may have 250 KB of rules.
MOST_BYTES = 128 << 20
_LOOKED_AT = 16  # rows among which the one that ends first makes room
_AT_ONCE = 8  # one row comes; of large ones that shrink the table several have to go


def keep(work: Work, key: bytes, known: Robots) -> None:
    """Write what was learnt of a host, and make room for it."""
    text = "\n".join(known.rules.lines)
    about = (
        known.at,
        known.state,
        known.said,
        known.failures,
        known.rules.agent,
        known.rules.delay,
    )
    form, packed = pack(orjson.dumps((*about, text)))
    work.put(work.t.robots, key, F64.pack(known.until) + bytes((form,)) + packed)
    for _ in range(_AT_ONCE):
        if not _is_full(work):
            return
        _make_room(work, key)


def read(txn: Txn, t: Tables, host: str) -> Robots | None:
    """What is known of one host, believable or not."""
    row = txn.get(host_key(host), None, t.robots)
    if row is None:
        return None
    until, form = F64.unpack_from(row)[0], row[F64.size]
    about = orjson.loads(unpack(form, row[F64.size + 1 :]))
    at, state, said, failures, agent, delay, text = about
    found = rules(agent, text.split("\n") if text else [], delay)
    return Robots(at, until, state, said, failures, found)


def _is_full(work: Work) -> bool:
    stat = work.txn.stat(work.t.robots)
    pages = stat["branch_pages"] + stat["leaf_pages"] + stat["overflow_pages"]
    return stat["entries"] > MOST_ROWS or pages * stat["psize"] > MOST_BYTES


def _make_room(work: Work, key: bytes) -> None:
    """Keys are hashes, so the rows behind any of them are a fair sample."""
    cursor = work.txn.cursor(work.t.robots)
    sample: list[tuple[float, bytes]] = []
    more = cursor.set_range(key + b"\0") or cursor.first()
    while more and len(sample) < _LOOKED_AT and cursor.key() != key:
        sample.append((F64.unpack_from(cursor.value())[0], cursor.key()))
        more = cursor.next() or cursor.first()
    if sample:
        work.delete(work.t.robots, min(sample)[1])
