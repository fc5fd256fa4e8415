"""The audit finds what is broken: every table, in both directions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import lmdb
import pytest
from store_cases import (
    FOLLOW,
    NOW,
    OUTBOX,
    apply,
    clean,
    lease,
    note,
    page,
    read_authors,
    store_at,
    want,
)

from fedpull.cache.open import open_reader

Damage = Callable[["lmdb.Transaction[bytes]", "lmdb._Database"], None]


def lose_first(txn: lmdb.Transaction[bytes], table: lmdb._Database) -> None:
    cursor = txn.cursor(table)
    assert cursor.first()
    cursor.delete()


def add_stray(txn: lmdb.Transaction[bytes], table: lmdb._Database) -> None:
    cursor = txn.cursor(table)
    assert cursor.first()
    key, value = cursor.item()
    txn.put(b"\xfe" * len(key), value, db=table)


def add_first(txn: lmdb.Transaction[bytes], table: lmdb._Database) -> None:
    txn.put(b"\0" * 7 + b"\1", b"\0" * 35, db=table)


def cut_short(txn: lmdb.Transaction[bytes], table: lmdb._Database) -> None:
    """Take away that the first document is listed by a follow."""
    cursor = txn.cursor(table)
    assert cursor.first()
    key, value = cursor.item()
    txn.put(key, value[:-9], db=table)


def flip_last_byte(txn: lmdb.Transaction[bytes], table: lmdb._Database) -> None:
    cursor = txn.cursor(table)
    assert cursor.first()
    key, value = cursor.item()
    txn.put(key, value[:-1] + bytes((value[-1] ^ 1,)), db=table)


def lose_last(txn: lmdb.Transaction[bytes], table: lmdb._Database) -> None:
    cursor = txn.cursor(table)
    assert cursor.last()
    cursor.delete()


TABLES = (
    *("uri", "ref", "body", "shared", "index", "unsorted", "member", "member_of"),
    *("want", "queue", "owed", "slot", "ready", "host"),
)
EITHER_WAY: tuple[Damage, ...] = (lose_first, add_stray)
DAMAGES: list[tuple[str, Damage]] = [
    *((table, damage) for table in TABLES for damage in EITHER_WAY),
    ("terms", add_first),
    ("body", flip_last_byte),
    ("ref", cut_short),
    ("history", flip_last_byte),
    ("history", add_stray),
    ("change", lose_last),
    ("change", add_stray),
]


@pytest.mark.parametrize(
    ("table", "damage"), DAMAGES, ids=[f"{damage.__name__} {table}" for table, damage in DAMAGES]
)
def test_the_audit_finds(tmp_path: Path, table: str, damage: Damage) -> None:
    """Whatever is lost, added or flipped behind the store's back is reported."""
    with store_at(tmp_path) as opened:
        first = note(
            1,
            "x" * 500,
            by="embedded",
            tags=("t",),
            enclosing=OUTBOX,
            context=b'"c"',
            follow=FOLLOW,
        )
        # As many of one kind as go into the index at once, and tags that wait to be sorted in.
        puts = (first, *(note(n) for n in range(2, 12)))
        apply(opened, puts=puts, members=page(1, 2))
        apply(opened, puts=(note(2, "edited"),))
        hosts = ("a.example", "b.example", "c.example")
        opened.frontier.want(
            [want(f"https://{host}/{n}", follow=FOLLOW) for host in hosts for n in (1, 2)]
        ).result()
        assert len(lease(opened, limit=2)) == 2
        clean(opened)
    with lmdb.open(str(tmp_path), max_dbs=40) as env, env.begin(write=True) as txn:
        damage(txn, env.open_db(table.encode(), txn=txn, create=False))

    reader = open_reader(tmp_path)
    findings = reader.query.check().findings
    reader.close()

    assert findings


def test_the_audit_counts_what_it_compared(tmp_path: Path) -> None:
    """A clean report says how much was looked at."""
    with store_at(tmp_path) as opened:
        read_authors(opened)
        apply(opened, at=NOW, puts=(note(1, tags=("t",)), note(2)))
        report = clean(opened)

        assert (report.references, report.documents, report.index_entries) == (4, 2, 9)
