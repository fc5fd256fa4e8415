"""Stores as earlier versions wrote them, made from what this one writes."""

from __future__ import annotations

from math import nan
from pathlib import Path
from struct import Struct

import lmdb
from store_cases import apply, note, page, read_authors, store_at, want

from fedpull.cache.changes import _unpack
from fedpull.cache.layout import BODY
from fedpull.cache.quota_rows import BESIDE, HELD, MENTIONED, pack, place_of
from fedpull.cache.records import Put
from fedpull.cache.ref_layout import Ref, is_older
from fedpull.cache.terms_layout import TermsRow
from fedpull.crawler.protocol.quotas import Usage

HOUR = 3_600.0
NOTES = tuple(note(n, tags=("x",), about="tag:a.example,2023:1") for n in range(1, 30))
_SCHEMA_1 = Struct(">BBBBH8s8sdddddd16s")
_SCHEMA_2 = Struct(">BBBBH8s8sdddd16sIfffeeeeeeIH")
_CHANGE = Struct(">B8s8s8sd")
_TERMS = Struct(">8s8s8s8sBBB")
# Tables that came with the schema behind.
_QUOTAS = (b"minted", b"quota")
_LATER = {
    1: (b"agenda", b"notices", b"unsorted", b"relisting", *_QUOTAS),
    2: (b"unsorted", b"relisting", *_QUOTAS),
    3: (b"relisting", *_QUOTAS),
    4: _QUOTAS,
}


def make_old(path: Path, schema: int, also: tuple[Put, ...] = ()) -> None:
    """A store of an earlier schema with documents, members and a queue."""
    with store_at(path) as opened:
        read_authors(opened)
        apply(opened, puts=(*NOTES, *also), members=page(1, 2, 3, first=True), wants=(want(),))
    with lmdb.open(str(path), max_dbs=60) as env, env.begin(write=True) as txn:
        make_rows_old(env, txn, schema, most=1_000)
        if schema < 3:
            sort_in(env, txn)
            make_changes_old(env, txn)
    set_schema(path, schema)


def set_schema(path: Path, schema: int) -> None:
    """Say so, and drop the tables that came later."""
    with lmdb.open(str(path), max_dbs=60) as env, env.begin(write=True) as txn:
        for name in _LATER[schema]:
            txn.drop(env.open_db(name, txn=txn))
        txn.put(b"schema", b"%d" % schema, db=env.open_db(b"meta", txn=txn))


def make_half_old(path: Path, schema: int, rows: int) -> None:
    """As a kill leaves a store: the last rows not yet rewritten, the mark before them."""
    with lmdb.open(str(path), max_dbs=60) as env, env.begin(write=True) as txn:
        done = make_rows_old(env, txn, schema, rows)
        txn.put(b"migrating", done, db=env.open_db(b"meta", txn=txn))
        count_up_to(env, txn, done)


def count_up_to(env: lmdb.Environment, txn: lmdb.Transaction[bytes], done: bytes) -> None:
    """Quotas hold what the migration has come by, and no more."""
    tables = [env.open_db(name, txn=txn) for name in (b"ref", b"body", b"minted", b"quota")]
    ref_rows, bodies, minted, quota = tables
    txn.drop(minted, delete=False)
    txn.drop(quota, delete=False)
    usages: dict[bytes, Usage] = {}
    for id, row in txn.cursor(ref_rows):
        ref = Ref.unpack(row)
        place = place_of(ref.uri)
        if place is None or id > done:
            continue
        txn.put(place.key + (HELD if ref.has_body else MENTIONED) + id, b"", db=minted)
        for key in (place.host, place.domain):
            usage = usages.setdefault(key, Usage())
            usage.references += 1
            usage.documents += ref.has_body
            if ref.has_body:
                usage.bytes += len(txn.get(id, b"", db=bodies)) - BODY.size + BESIDE
    for key, usage in usages.items():
        txn.put(key, pack(usage), db=quota)


def make_rows_old(
    env: lmdb.Environment, txn: lmdb.Transaction[bytes], schema: int, most: int
) -> bytes:
    """The last rows of references, and their terms, in an older form; the id before them."""
    table, terms = env.open_db(b"ref", txn=txn), env.open_db(b"terms", txn=txn)
    listed = list(txn.cursor(table))
    for id, row in listed[-most:]:
        ref = Ref.unpack(row)
        if schema >= 3:
            ref.consent = 0 if schema == 3 else ref.consent
            txn.put(id, ref.pack(), db=table)
            continue
        found = TermsRow.unpack(ref)
        if found.live or found.follows:
            txn.put(id, terms_of_schema_2(found), db=terms)
        old = row_of_schema_1(ref) if schema == 1 else row_of_schema_2(ref)
        txn.put(id, old, db=table)
    return listed[-most - 1][0] if most < len(listed) else b""


def row_of_schema_1(ref: Ref) -> bytes:
    """A reference's row as it was written before references were sources."""
    planned = ref.next_check or nan
    return (
        _SCHEMA_1.pack(
            *(ref.state, ref.cls, ref.verified_by, ref.flags & 1, ref.failures),
            *(ref.type, ref.owner, ref.fetched_at, ref.verified_at),
            *(planned, HOUR if ref.due else nan, ref.updated, ref.published, ref.content_hash),
        )
        + ref.uri.encode()
    )


def row_of_schema_2(ref: Ref) -> bytes:
    """As it was written before the terms were part of it."""
    return (
        _SCHEMA_2.pack(
            *(ref.state | 0x80, ref.cls, ref.verified_by, ref.flags, ref.failures),
            *(ref.type, ref.owner, ref.fetched_at, ref.verified_at, ref.updated, ref.published),
            *(ref.content_hash, ref.due, ref.interval, ref.changes, ref.exposure, ref.weight),
            *(ref.burst, ref.profile_x, ref.profile_y, ref.shortest, ref.longest),
            *(ref.not_before, ref.bucket),
        )
        + ref.uri.encode()
    )


def terms_of_schema_2(row: TermsRow) -> bytes:
    listed = [follow + bytes((announced,)) for follow, announced in row.follows.items()]
    counts = (row.live, len(row.types), len(row.tags))
    head = _TERMS.pack(row.when, row.actor, row.in_reply_to, row.context, *counts)
    return b"".join((head, *row.types, *row.tags, *listed))


def make_changes_old(env: lmdb.Environment, txn: lmdb.Transaction[bytes]) -> None:
    """Before schema 3 each change had a row of its own."""
    table = env.open_db(b"change", txn=txn)
    for key, row in list(txn.cursor(table)):
        logged = list(_unpack(row))
        first = int.from_bytes(key, "big") - len(logged) + 1
        for seq, ((kind, actor, type, at, reason), id) in enumerate(logged, first):
            old = _CHANGE.pack(kind, id, actor, type, at) + reason
            txn.put(seq.to_bytes(8, "big"), old, db=table)


def sort_in(env: lmdb.Environment, txn: lmdb.Transaction[bytes]) -> None:
    """Before schema 3 every entry stood in the index."""
    index = env.open_db(b"index", txn=txn, dupsort=True, dupfixed=True)
    for _, row in txn.cursor(env.open_db(b"unsorted", txn=txn)):
        for at in range(0, len(row), 34):
            txn.put(row[at + 1 : at + 1 + row[at]], row[at + 18 : at + 34], db=index)


def old_rows(path: Path) -> int:
    """How many rows of references and terms are of an older form."""
    with lmdb.open(str(path), max_dbs=60) as env, env.begin() as txn:
        rows = txn.cursor(env.open_db(b"ref", txn=txn, create=False))
        terms = txn.stat(env.open_db(b"terms", txn=txn, create=False))["entries"]
        return sum(is_older(row) for _, row in rows) + terms
