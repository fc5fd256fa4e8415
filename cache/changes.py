"""The numbered change log: appending inside a transaction, reading after it.

It does not decide what is a change. What one commit has changed lies in a row or a few, under the
number of the row's last change: a page of 20 new posts by one author says who and when once.
Until schema 2 each change had a row of its own, which is still read. Of the log the last
`Work.log_kept` entries are kept, and some more. Invariants: sequence numbers have no gaps; a change
is durable exactly when what it tells of is; who asks for entries that were dropped is told so.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby, islice
from operator import itemgetter
from struct import Struct
from typing import TYPE_CHECKING

from ..crawler.protocol.forgotten import PREFIX
from ..errors import TooOld
from .environment import Tables, Txn
from .intern import text_of, uri_of, word_text
from .layout import CHANGE_KINDS, NONE, U64
from .views import Change

if TYPE_CHECKING:  # readers use this module, too, and load no writer
    from .work import Work

Told = tuple[int, bytes, bytes, float, bytes]  # kind, actor, type, at, reason

_KIND_NUMBER = {kind: number for number, kind in enumerate(CHANGE_KINDS)}
_GROUPS = b"\xff"  # how a row of groups begins; one of schema 2 with the kind of its change
_GROUP = Struct(">BBH8s8sd")  # kind, how many, length of the reason, actor, type, at
_SINGLE = Struct(">B8s8s8sd")  # until schema 2: kind, id, actor, type, at; then the reason
_MOST = 48  # in one row: more would lie on pages of their own
_LONGEST = 1_000  # of a reason, in bytes; those of our own are words
# Some 40 MB. Who follows ten thousand posts a day may look away for three months; at the full speed
# of a crawl, 2,000 changes a second, for eight minutes.
KEPT = 1_000_000
_LEAST_KEPT = 1_000
_ROOM = (
    8_192  # of a small store, for each entry: what is evicted is named there, and so stays known
)
# The log is cut each time it has grown by a thousandth, by at most four times as many rows (each
# holds a change or more): so an older log that is too long becomes shorter than it grows.
_PARTS = 1_024
_SHED = 4


def kept(max_bytes: int) -> int:
    """How many entries a store of that size keeps."""
    return min(KEPT, max(max_bytes // _ROOM, _LEAST_KEPT))


def log(
    work: Work, kind: str, id: bytes, actor: bytes, type: bytes, at: float, reason: str = ""
) -> None:
    work.counters.last_seq += 1
    told = (_KIND_NUMBER[kind], actor, type, at, reason.encode()[:_LONGEST])
    work.change_rows.append((told, id))
    name = work.ref(id, change=False).uri
    owner = work.ref(actor, change=False).uri if actor != NONE else None
    seq, word = work.counters.last_seq, text_of(work, type) or None
    work.changes.append(Change(seq, kind, name, owner, word, at, reason or None))


def flush(work: Work) -> None:
    """Write what was logged; behind everything that still may log something."""
    logged = work.change_rows
    before = seq = work.counters.last_seq - len(logged)
    rows: list[tuple[bytes, bytes]] = []
    for start in range(0, len(logged), _MOST):
        part = logged[start : start + _MOST]
        seq += len(part)
        rows.append((U64.pack(seq), _pack(part)))
    work.put_all(work.t.change, rows)
    logged.clear()
    step = max(work.log_kept // _PARTS, 1)
    if seq // step > before // step:
        _shed(work, seq - work.log_kept, _SHED * step)


def _shed(work: Work, last: int, most: int) -> None:
    """Drop rows of which no entry is behind `last`; the newest stays in any case."""
    cursor = work.txn.cursor(work.t.change)
    more = cursor.first()
    while more and most > 0 and int(U64.unpack(cursor.key())[0]) <= last:
        work.wrote = True
        more = cursor.delete()
        most -= 1


def _pack(logged: list[tuple[Told, bytes]]) -> bytes:
    row = [_GROUPS]
    for (kind, actor, type, at, reason), alike in groupby(logged, itemgetter(0)):
        ids = [id for _, id in alike]
        row += (_GROUP.pack(kind, len(ids), len(reason), actor, type, at), reason, *ids)
    return b"".join(row)


def _unpack(row: bytes) -> Iterator[tuple[Told, bytes]]:
    if row[:1] != _GROUPS:
        kind, id, actor, type, at = _SINGLE.unpack_from(row)
        yield (kind, actor, type, at, row[_SINGLE.size :]), id
        return
    start = 1
    while start < len(row):
        kind, count, length, actor, type, at = _GROUP.unpack_from(row, start)
        start += _GROUP.size + length
        told = (kind, actor, type, at, row[start - length : start])
        for place in range(start, start + 8 * count, 8):
            yield told, row[place : place + 8]
        start += 8 * count


def named_in(row: bytes) -> Iterator[bytes]:
    """The references that the entries of a row name."""
    for (_, actor, _, _, _), id in _unpack(row):
        yield id
        if actor != NONE:
            yield actor


def count_in(row: bytes) -> int:
    return sum(1 for _ in _unpack(row))


def read(txn: Txn, t: Tables, since: int | None, limit: int) -> list[Change]:
    """The entries behind `since`; None: from the first that is kept. Raises TooOld."""
    told = islice(_behind(txn, t, since), max(limit, 0))
    return [_change(txn, t, seq, what, id) for seq, what, id in told]


def touched(txn: Txn, t: Tables, since: int, limit: int) -> tuple[list[bytes], int]:
    """What the entries behind `since` are about, each once, and the last of them. Raises TooOld."""
    found: dict[bytes, None] = {}
    for seq, _, id in islice(_behind(txn, t, since), limit):
        found[id] = None
        since = seq
    return list(found), since


def _behind(txn: Txn, t: Tables, since: int | None) -> Iterator[tuple[int, Told, bytes]]:
    cursor = txn.cursor(t.change)
    if not cursor.first():
        return
    last, row = cursor.item()
    oldest = int(U64.unpack(last)[0]) - count_in(row) + 1
    since = oldest - 1 if since is None else max(since, 0)
    if since < oldest - 1:
        reason = f"what follows {since} is not kept any more: the log begins at {oldest}"
        raise TooOld("since", reason, f"{oldest - 1} or more, or none", oldest)
    more = cursor.set_range(U64.pack(since + 1))
    while more:
        key, row = cursor.item()
        told = list(_unpack(row))
        first = int(U64.unpack(key)[0]) - len(told) + 1
        for seq, (what, id) in enumerate(told, first):
            if seq > since:
                yield seq, what, id
        more = cursor.next()


def _change(txn: Txn, t: Tables, seq: int, told: Told, id: bytes) -> Change:
    kind, actor, type, at, reason = told
    return Change(
        seq=seq,
        kind=CHANGE_KINDS[kind],
        id=_name(txn, t, id) or "",
        actor=_name(txn, t, actor),
        type=word_text(txn, t, type) or None,
        at=at,
        reason=reason.decode("utf-8", "replace") or None,
    )


def _name(txn: Txn, t: Tables, id: bytes) -> str | None:
    """A reference's name. That of a forgotten one is told for a while, so that whoever follows the
    log learns what to drop."""
    name = uri_of(txn, t, id)
    if name is not None and name.startswith(PREFIX):
        row = txn.get(id, None, t.farewell)
        return name if row is None else row[8:].decode("utf-8", "surrogatepass")
    return name
