"""How the rows of publishing look: what we have published, our objects, and whom it still goes to.

A continuation of `layout` under the same rules. Ids are not interned: a row holds them, and what a
hash has found is compared. Invariant: what `pack` of a row gives, its `unpack` reads back equal.

| table | key | value |
|---|---|---|
| publication | hash of its id (16) | head as JSON, body |
| outbox | position | hash of the publication's id (16) |
| local | hash of the object's id (16) | head as JSON, body |
| fanout | number of the publication | Fanout: whom it has not been queued for yet |
| addressed | hash of its id, hash of an inbox (16 each) | nothing: it is queued for that |
| seeking | hash of an actor (16) | Seeking: what waits until its inbox is known |
| sought | time, hash of the actor (16) | nothing: when to look for it |
| repeated | hash of a caller's key (16) | time, hash of the request, hash of the publication's id |
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, field
from struct import Struct
from typing import Any

import orjson

from .environment import Tables, Txn
from .publication_records import LocalObject, Publication

PUBLISHED = b"published"  # in `meta`
PAGE = 20  # what Mastodon lists at once; of a page of ours nothing else is ever shown
REPEATED = Struct(">d16s16s")
_HEAD = Struct(">I")
_COUNTERS = Struct(">QQ")


@dataclass(slots=True)
class Published:
    """The last numbers given."""

    publications: int = 0
    outbox: int = 0

    @classmethod
    def read(cls, txn: Txn, t: Tables) -> Published:
        row = txn.get(PUBLISHED, None, t.meta)
        return cls() if row is None else cls(*_COUNTERS.unpack(row))

    def pack(self) -> bytes:
        return _COUNTERS.pack(self.publications, self.outbox)


@dataclass(slots=True)
class Fanout:
    """What is still to be done for a publication, in this order: our followers from `cursor` on,
    then `named`, then what was remembered for it is dropped."""

    activity: str
    cursor: bytes | None  # None: our followers are done, or it is not for them
    named: list[str] = field(default_factory=list)

    def pack(self) -> bytes:
        cursor = None if self.cursor is None else self.cursor.hex()
        return orjson.dumps((self.activity, cursor, self.named))

    @classmethod
    def unpack(cls, row: bytes) -> Fanout:
        activity, cursor, named = orjson.loads(row)
        return cls(activity, None if cursor is None else bytes.fromhex(cursor), named)


@dataclass(slots=True)
class Seeking:
    """An actor whose inbox is not known, and the activities that wait for it, in order."""

    actor: str
    due: float
    tries: int = 0
    error: str = ""
    activities: list[str] = field(default_factory=list)

    def pack(self) -> bytes:
        return orjson.dumps(astuple(self))

    @classmethod
    def unpack(cls, row: bytes) -> Seeking:
        return cls(*orjson.loads(row))


def pack_publication(one: Publication, sought: int = 0) -> bytes:
    """`sought`: how many actors are still looked for on its behalf."""
    head = (
        one.number, one.activity, one.type, one.object, one.at, one.public, one.followers,
        one.audience, one.changed, one.position, sought,
    )  # fmt: skip
    return _pack(head, one.body)


def unpack_publication(row: bytes) -> tuple[Publication, int]:
    head, body = _unpack(row)
    number, activity, type, object, at, public, followers, audience, changed, position, sought = (
        head
    )
    found = Publication(
        number, activity, type, object, at, public, followers,
        body, tuple(audience), changed, position,
    )  # fmt: skip
    return found, sought


def pack_local(one: LocalObject) -> bytes:
    head = (
        one.id, one.public, one.audience, one.published, one.updated, one.deleted, one.changed,
        one.followers, one.type, one.activity,
    )  # fmt: skip
    return _pack(head, one.body)


def unpack_local(row: bytes) -> LocalObject:
    head, body = _unpack(row)
    id, public, audience, published, updated, deleted, changed, followers, type, activity = head
    return LocalObject(
        id, body, public, tuple(audience), published, updated, deleted, changed,
        followers, type, activity,
    )  # fmt: skip


def _pack(head: tuple[object, ...], body: bytes) -> bytes:
    packed = orjson.dumps(head)
    return _HEAD.pack(len(packed)) + packed + body


def _unpack(row: bytes) -> tuple[list[Any], bytes]:
    end = _HEAD.size + _HEAD.unpack_from(row)[0]
    return orjson.loads(row[_HEAD.size : end]), row[end:]
