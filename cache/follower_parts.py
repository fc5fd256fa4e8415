"""Our accepted followers by their origin, with a digest of each part (FEP-8fcf), in a transaction.

| table | key | value |
|---|---|---|
| part | hash of the origin (16), hash of the actor (16) | nothing: an accepted follower |
| part_digest | hash of the origin (16) | how many of them, XOR of the SHA-256 of their ids |

A delivery carries the digest of its inbox's origin, so that is kept and not computed: a large
server may hold a hundred thousand of our followers. Invariant: a follower is in its part exactly
when it is accepted, and the digest is that of the part.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from struct import Struct
from typing import TYPE_CHECKING

from ..crawler.protocol.part_digest import NOBODY, toggled
from ..crawler.protocol.uri import origin
from .environment import Tables, Txn
from .mail_layout import digest, unpack_follower
from .mail_records import Follower
from .records import Finding

if TYPE_CHECKING:
    from .work import Work

_ROW = Struct(">I32s")
_NONE = (0, NOBODY)


def moved(work: Work, was: Follower | None, now: Follower | None) -> None:
    """A follower's row has changed from one to the other."""
    before, after = (one is not None and one.state == "accepted" for one in (was, now))
    one = now or was
    if one is not None and before != after:
        _toggle(work, one.actor, 1 if after else -1)


def _toggle(work: Work, actor: str, step: int) -> None:
    place = digest(origin(actor))
    count, value = _read(work.txn, work.t, place)
    if step > 0:
        work.put(work.t.part, place + digest(actor), b"")
    else:
        work.delete(work.t.part, place + digest(actor))
    if count + step > 0:
        work.put(work.t.part_digest, place, _ROW.pack(count + step, toggled(value, actor)))
    else:
        work.delete(work.t.part_digest, place)


def build(work: Work) -> None:
    """From the followers alone: for a store whose schema had no parts. Twice does no harm."""
    for table in (work.t.part, work.t.part_digest):
        for key in list(work.txn.cursor(table).iternext(values=False)):
            work.delete(table, key)
    for _, row in work.txn.cursor(work.t.follower):
        moved(work, None, unpack_follower(row))


def part_digest(txn: Txn, t: Tables, place: str) -> bytes:
    """The digest of the part of an origin; of nobody where there is none."""
    return _read(txn, t, digest(place))[1]


def part(txn: Txn, t: Tables, place: str, limit: int, after: str | None) -> list[str]:
    """Accepted followers of an origin, in the order of their hashes, behind `after`."""
    found: list[str] = []
    start = digest(place)
    cursor = txn.cursor(t.part)
    more = cursor.set_range(start if after is None else start + digest(after) + b"\0")
    while more and len(found) < limit and (key := cursor.key()).startswith(start):
        row = txn.get(key[16:], None, t.follower)
        if row is not None:
            found.append(unpack_follower(row).actor)
        more = cursor.next()
    return found


def part_size(txn: Txn, t: Tables, place: str) -> int:
    return _read(txn, t, digest(place))[0]


def check(txn: Txn, t: Tables) -> Iterator[Finding]:
    """Compare the parts with the followers."""
    there: Counter[bytes] = Counter()
    digests: dict[bytes, bytes] = {}
    for key, row in txn.cursor(t.follower):
        one = unpack_follower(row)
        if one.state != "accepted":
            continue
        place = digest(origin(one.actor))
        there[place] += 1
        digests[place] = toggled(digests.get(place, NOBODY), one.actor)
        if txn.get(place + key, None, t.part) is None:
            yield Finding("part", one.actor, "follows and is not in the part of its origin")
    if (rows := txn.stat(t.part)["entries"]) != there.total():
        yield Finding("part", "", f"{rows} rows, {there.total()} are called for")
    for place, row in txn.cursor(t.part_digest):
        if _ROW.unpack(row) != (there.pop(place, 0), digests.get(place, NOBODY)):
            yield Finding("part_digest", place.hex(), "is not that of the followers")
    for place in there:
        yield Finding("part_digest", place.hex(), "is not there")


def _read(txn: Txn, t: Tables, place: bytes) -> tuple[int, bytes]:
    row = txn.get(place, None, t.part_digest)
    return _NONE if row is None else _ROW.unpack(row)
