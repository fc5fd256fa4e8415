"""How rows look: key parts, structs, and nothing about when they are written.

Ids are 8-byte big-endian numbers kept as bytes, since they are parts of keys far more often than
numbers. A missing time is NaN in a struct and None outside. Times inside keys are microseconds,
big-endian, inverted where newest comes first. Invariant: what `pack` of a row gives, its `unpack`
reads back equal; keys sort as their parts do.

| table | key | value |
|---|---|---|
| meta | name | schema, counters, the refresh loop's state, how far a migration has come |
| uri | place and hash of a URI or word (24) | id |
| word | id | kind and text of a type or follow key |
| ref | id | Ref: state, also as a source of change, and what it is found by |
| body | id | form, provenance of the enclosing answer and its context, body |
| shared | hash (8) | count of users, bytes that many bodies share |
| extra | id | JSON: what is rarely needed of a reference |
| farewell | id | until when a forgotten reference's name is told, and the name |
| history | id, sequence | an earlier body |
| terms | id | until schema 2: what an object is found by, see `terms_layout` |
| thread | follow, post[, collection] | see `thread_rows` |
| index | kind, id[, id] | many (inverted time, id) |
| unsorted | number of entries | entries of the index that wait, see `unsorted` |
| relisting | id of an actor | what may be listed of it is judged anew: up to where |
| member | collection, position | object, flags, activity |
| member_of | collection, object, announced | position |
| collection | id | JSON |
| change | sequence of its last | changes, see `changes` |
| follow | id of its key | JSON |
| want | id, kind | Row of the frontier |
| queue | host, kind, cause, due, id | nothing |
| owed | follow, pending or not | many (host, id, kind) |
| slot | until, host, id, kind | nothing: a request in flight |
| ready | cause, time, host | nothing: when a host may be asked |
| host | host | HostRow |
| robots | host | see `robots` |
| window | host, number of the page request | time |
| agenda | line, due, id | nothing: when a source is to be asked again |
| notices | id | what a source's pushes were worth |
| walk | id of the collection | URL and the walk |
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from math import isnan, nan
from struct import Struct
from zlib import crc32

from .views import State

NONE = bytes(8)
NO_HASH = bytes(16)
U64 = Struct(">Q")
F64 = Struct(">d")
_LAST = (1 << 64) - 1

STATES = tuple(State)
STATE_NUMBER = {state: number for number, state in enumerate(STATES)}
CLASSES = (None, "actor", "object", "activity", "collection")
CLASS_NUMBER = {name: number for number, name in enumerate(CLASSES)}
VERIFIED = (None, "get", "304", "embedded", "local")
VERIFIED_NUMBER = {name: number for number, name in enumerate(VERIFIED)}
LOCAL = VERIFIED_NUMBER["local"]  # we have published it, so there is nobody to ask


@lru_cache(8_192)  # what an answer mentions is looked up to decide, and again to store it
def uri_key(uri: str) -> bytes:
    """Where it belongs (8), then its hash (16).

    By its hash alone each URI of a page would lie on a leaf of its own, which costs its commit
    4 KB, and a read from the disk once the table outgrows the memory. So what shares a folder lies
    together, and within it near what was posted at about the same time: most ids count or begin
    with the time (Mastodon's and Twitter's numbers, ULIDs, Misskey's and Pleroma's ids).
    """
    whole = uri.encode("utf-8", "surrogatepass")
    folder, _, name = whole.rpartition(b"/")
    if name.isdigit() and len(name) < 20:
        count = int(name)
        # The low 16 bits of a Mastodon id are a sequence number; what is above are milliseconds.
        near = (count >> 16 if count >> 40 else count) & 0xFFFFFFFF
    else:
        # The first two letters of a time are those of the decade.
        near = int.from_bytes(name[2:6].ljust(4, b"\0"), "big")
    place = crc32(folder) << 32 | near
    return U64.pack(place) + blake2b(whole, digest_size=16).digest()


def short_hash(text: str) -> bytes:
    """For what is only ever looked up; two in a hundred million share one with odds of 1 : 3000."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()


@lru_cache(16_384)  # an answer needs that of its host half a dozen times
def host_key(host: str) -> bytes:
    # Whoever finds two names of his own with one hash makes them share one politeness.
    return blake2b(host.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def micros(at: float) -> int:
    """Whole microseconds, within what 8 bytes hold; the time before 1970 is 1970."""
    if 0.0 <= at < 1e13:
        return int(at * 1e6 + 0.5)
    return _LAST if at >= 1e13 else 0


def time_key(at: float) -> bytes:
    return U64.pack(micros(at))


def inverted(at: float) -> bytes:
    return U64.pack(_LAST - micros(at))


def from_inverted(key: bytes) -> float:
    return (_LAST - int(U64.unpack(key)[0])) / 1e6


def some(value: float) -> float | None:
    return None if isnan(value) else value


def number(value: float | None) -> float:
    return nan if value is None else value


BODY = Struct(">B8s8s")  # form, enclosing URL, context; then the body
VERSION = Struct(">ddB16s")  # fetched_at, updated, form, hash; then the body
CHANGE_KINDS = ("created", "updated", "deleted", "refused", "counted")

# Member rows: object, flags, and the activity's id, which most servers build from the object's
# (Mastodon: id + "/activity"), so that only the rest is kept.
ANNOUNCED = 1
HAS_ACTIVITY = 2
SUFFIX = 4
_MIDDLE = 1 << 63


def position_key(position: int) -> bytes:
    return U64.pack(position + _MIDDLE)


def from_position(key: bytes) -> int:
    return int(U64.unpack(key)[0]) - _MIDDLE


def pack_member(object: bytes, uri: str, activity: str | None, announced: bool) -> bytes:
    flags = ANNOUNCED if announced else 0
    if activity is None:
        return object + bytes((flags,))
    if activity.startswith(uri):
        return object + bytes((flags | HAS_ACTIVITY | SUFFIX,)) + activity[len(uri) :].encode()
    return object + bytes((flags | HAS_ACTIVITY,)) + activity.encode()
