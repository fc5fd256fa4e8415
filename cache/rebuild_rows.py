"""Which rows of a store can be believed, one at a time; a part of `rebuild`.

A row is kept as it stands, or not at all. What is found from other rows (indexes, lines, counters)
is not looked at: `rebuild_index` makes it anew. Invariant: what is kept can be read, and leads to
nothing that is not there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import nan

import orjson

from ..crawler.protocol.strictjson import parse_object
from ..crawler.protocol.version import content_hash
from . import quota_rows
from .changes import count_in, named_in
from .codec import unpack
from .environment import MIGRATING, MIGRATING_FROM, Tables, Txn
from .layout import BODY, NONE, U64, VERSION, host_key
from .mail_layout import digest, unpack_counts, unpack_follower, unpack_key, unpack_notification
from .outbound_layout import DeliveryRow
from .publication_rows import unpack_local, unpack_publication
from .queue_layout import KINDS, HostRow
from .queue_layout import Row as WantRow
from .ref_layout import Ref, is_older
from .thread_rows import ListingRow, ThreadRow

# Made anew by `rebuild_index`, or by the migration, which counts what is held.
DERIVED = frozenset({
    "uri", "index", "unsorted", "member_of", "agenda", "queue", "slot", "owed", "ready", "minted",
    "waiting", "key_age", "moved", "part", "part_digest",
})  # fmt: skip
_ANEW = frozenset({b"schema", b"counters", MIGRATING, MIGRATING_FROM})
# What a conditional request would be made with, of a copy that is not there any more.
_VALIDATORS = ("etag", "last_modified", "whole", "form")

Verdict = Callable[[Txn, Tables, bytes, bytes], bytes | None]


@dataclass(slots=True)
class Sieve:
    """`verdict`s are given in the order of `first`, then as the tables are named."""

    lost: set[bytes] = field(default_factory=set)  # references whose bodies cannot be believed
    orphans: dict[bytes, str] = field(default_factory=dict)  # bodies whose references are gone
    broken_after: bytes = b""  # up to there the change log cannot be told
    _latest: int | None = None
    _root: bytes = b""

    first = ("word", "shared", "ref", "body")

    def verdict(self, name: str) -> Verdict:
        own: Verdict | None = getattr(self, f"_{name}", None)
        return own or (lambda txn, t, key, row: row)

    def _meta(self, txn: Txn, t: Tables, key: bytes, row: bytes) -> bytes | None:
        return None if key in _ANEW else row

    def _word(self, txn: Txn, t: Tables, key: bytes, row: bytes) -> bytes | None:
        return row if len(key) == 8 and row.decode("utf-8", "surrogatepass") else None

    def _shared(self, txn: Txn, t: Tables, key: bytes, row: bytes) -> bytes | None:
        unpack(row[20], row[21:])
        return bytes(4) + row[4:]  # the count, which `rebuild_index` makes anew

    def _ref(self, txn: Txn, t: Tables, key: bytes, row: bytes) -> bytes | None:
        return row if len(key) == 8 and Ref.unpack(row).uri else None

    def _body(self, txn: Txn, t: Tables, key: bytes, row: bytes) -> bytes | None:
        stored = txn.get(key, None, t.ref)
        if stored is not None:
            self.lost.add(key)  # until it is known to be sound
        document = parse_object(unpack(row[0], row[BODY.size :]))
        if stored is None:
            if isinstance(id := document.get("id"), str):
                self.orphans[key] = id
            return None
        ref = Ref.unpack(stored)
        used = (place for place in BODY.unpack_from(row)[1:] if place != NONE)
        if not ref.has_body or content_hash(document) != ref.content_hash:
            return None
        if any(txn.get(place, None, t.shared) is None for place in used):
            return None
        self.lost.discard(key)
        return row

    def _history(self, txn: Txn, t: Tables, key: bytes, row: bytes) -> bytes | None:
        unpack(VERSION.unpack_from(row)[2], row[VERSION.size :])
        return row if txn.get(key[:8], None, t.body) is not None else None

    def _extra(self, txn: Txn, t: Tables, key: bytes, row: bytes) -> bytes | None:
        values = orjson.loads(row)
        if key in self.lost:
            values = {name: value for name, value in values.items() if name not in _VALIDATORS}
            row = orjson.dumps(values)
        return row if values and txn.get(key, None, t.ref) is not None else None

    def _of_reference(self, txn: Txn, t: Tables, key: bytes, row: bytes) -> bytes | None:
        return row if txn.get(key, None, t.ref) is not None else None

    _walk = _collection = _relisting = _of_reference

    def _terms(self, txn: Txn, t: Tables, key: bytes, row: bytes) -> bytes | None:
        stored = txn.get(key, None, t.ref)
        return row if stored is not None and is_older(stored) else None

    def _notices(self, txn: Txn, t: Tables, key: bytes, row: bytes) -> bytes | None:
        stored = txn.get(key, None, t.ref)
        return row if stored is not None and Ref.unpack(stored).is_source else None

    def _follow(self, txn: Txn, t: Tables, key: bytes, row: bytes) -> bytes | None:
        word = txn.get(key, b"", t.word) or b""
        return row if word[:1] == b"f" and isinstance(orjson.loads(row), dict) else None

    def _member(self, txn: Txn, t: Tables, key: bytes, row: bytes) -> bytes | None:
        known = all(txn.get(id, None, t.ref) is not None for id in (key[:8], row[:8]))
        return row if known and len(key) == 16 and len(row) > 8 else None

    def _thread(self, txn: Txn, t: Tables, key: bytes, row: bytes) -> bytes | None:
        follow, root, collection = key[:8], key[8:16], key[16:]
        if follow != NONE and txn.get(follow, None, t.follow) is None:
            return None
        if root == NONE:
            return row  # the sums: counted anew
        if collection:
            ListingRow.unpack(row)
            known = txn.get(collection, None, t.ref) is not None
            return row if known and key[:16] == self._root else None
        ThreadRow.unpack(row)
        if txn.get(root, None, t.ref) is None:
            return None
        self._root = key
        return row

    def _host(self, txn: Txn, t: Tables, key: bytes, row: bytes) -> bytes | None:
        host = HostRow.unpack(row)
        host.queued = host.in_flight = host.ready_cause = 0
        host.turns, host.ready_at = (), nan
        return host.pack() if host_key(host.name) == key else None

    def _want(self, txn: Txn, t: Tables, key: bytes, row: bytes) -> bytes | None:
        want = WantRow.unpack(row)
        stored = txn.get(key[:8], None, t.ref)
        if len(key) != 9 or key[8] >= len(KINDS) or stored is None:
            return None
        if want.follow != NONE and txn.get(want.follow, None, t.word) is None:
            return None
        if txn.get(want.host, None, t.host) is None:
            return None
        want.until = 0.0  # whoever had leased it is gone
        return want.pack()

    def _change(self, txn: Txn, t: Tables, key: bytes, row: bytes) -> bytes | None:
        """Readers go on from a number, so that of a log with a gap only what is behind it stays."""
        number, before = U64.unpack(key)[0], self._latest
        known = all(txn.get(id, None, t.ref) is not None for id in named_in(row))
        if (before is not None and number - count_in(row) != before) or not known:
            self.broken_after = U64.pack(before or 0) if known else key
        self._latest = number
        return row if known else None

    def _count(self, txn: Txn, t: Tables, key: bytes, row: bytes) -> bytes | None:
        unpack_counts(row)
        return row if txn.get(key, None, t.body) is not None else None

    def _reaction(self, txn: Txn, t: Tables, key: bytes, row: bytes) -> bytes | None:
        return row if txn.get(key[:8], None, t.body) is not None else None

    def _quota(self, txn: Txn, t: Tables, key: bytes, row: bytes) -> bytes | None:
        return row if key[:1] == quota_rows.FOLLOW else None

    def _notification(self, txn: Txn, t: Tables, key: bytes, row: bytes) -> bytes | None:
        unpack_notification(U64.unpack(key)[0], row)
        return row

    def _key(self, txn: Txn, t: Tables, key: bytes, row: bytes) -> bytes | None:
        return row if digest(unpack_key(row)[0].id) == key else None

    def _follower(self, txn: Txn, t: Tables, key: bytes, row: bytes) -> bytes | None:
        return row if digest(unpack_follower(row).actor) == key else None

    def _delivery(self, txn: Txn, t: Tables, key: bytes, row: bytes) -> bytes | None:
        DeliveryRow.unpack(row)
        return row

    def _publication(self, txn: Txn, t: Tables, key: bytes, row: bytes) -> bytes | None:
        return row if digest(unpack_publication(row)[0].activity) == key else None

    def _local(self, txn: Txn, t: Tables, key: bytes, row: bytes) -> bytes | None:
        return row if digest(unpack_local(row).id) == key else None
