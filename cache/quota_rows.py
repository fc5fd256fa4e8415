"""How the rows of quotas look: what a host, a domain and a follow came to, and which ids count.

A continuation of `layout`. Writes go through `quota`; this packs and reads.

| table | key | value |
|---|---|---|
| quota | kind of party, its key (8) | Usage |
| minted | host, held or not, id | nothing: a reference that nobody followed owns |

Invariant: of one host there are as many rows in `minted` as its Usage has references, and as many
that are held as it has documents.
"""

from __future__ import annotations

from functools import lru_cache
from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

from ..crawler.protocol.domains import domain
from ..crawler.protocol.quotas import Usage
from ..crawler.protocol.uri import host_port
from ..errors import FedpullError
from .layout import host_key

if TYPE_CHECKING:
    from .environment import Tables, Txn

HOST, DOMAIN, FOLLOW = b"H", b"D", b"F"
MENTIONED, HELD = b"\0", b"\1"
# What a body counts for besides its bytes: its reference, index entries, place in collections, row
# in the change log. A usual post takes 400 bytes there, one that mints ids a few times that.
BESIDE = 1_024
_USAGE = Struct(">QQQQIIQIIIQQBd")


class Place(NamedTuple):
    """The keys of the host that a reference belongs to: in `host` and `minted`, and in `quota`."""

    key: bytes
    host: bytes
    domain: bytes


class Parties(NamedTuple):
    """A place with what its host and its domain have come to."""

    place: Place
    host: Usage
    domain: Usage


def place_of(uri: str) -> Place | None:
    """Where a reference counts; None for what has no host: the name of something forgotten."""
    end = uri.find("/", 8)
    return _place(uri if end < 0 else uri[:end])


@lru_cache(16_384)
def _place(origin: str) -> Place | None:
    try:
        name = host_port(origin)
    except FedpullError:
        return None
    key = host_key(name)
    return Place(key, HOST + key, DOMAIN + host_key(domain(name)))


def pack(usage: Usage) -> bytes:
    return _USAGE.pack(
        usage.documents,
        usage.bytes,
        usage.references,
        usage.own_bytes,
        usage.day,
        usage.day_documents,
        usage.day_bytes,
        usage.day_actors,
        usage.day_hosts,
        usage.day_requests,
        usage.refused,
        usage.evicted,
        usage.reason,
        usage.refused_at,
    )


def unpack(row: bytes | None) -> Usage:
    return Usage() if row is None else Usage(*_USAGE.unpack(row))


def read(txn: Txn, t: Tables, host: str) -> tuple[Usage, Usage]:
    """What a host and its domain have come to."""
    key = host_key(host)
    of_domain = DOMAIN + host_key(domain(host))
    return unpack(txn.get(HOST + key, None, t.quota)), unpack(txn.get(of_domain, None, t.quota))
