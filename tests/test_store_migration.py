"""Stores of an earlier schema: opened, read meanwhile, brought up to date in batches, resumed."""

from __future__ import annotations

from math import nan
from pathlib import Path
from struct import Struct

import lmdb
import pytest
from hypothesis import given
from hypothesis import strategies as some_of
from store_cases import NOW, apply, clean, note, page, store_at, want

from fedpull.cache import Cache
from fedpull.cache.migration import go_on, step
from fedpull.cache.open import open_reader
from fedpull.cache.ref_layout import Ref, half, is_schema_1, minutes_within
from fedpull.cache.views import State
from fedpull.errors import StoreError

HOUR = 3_600.0
_OLD = Struct(">BBBBH8s8sdddddd16s")
_LATER_TABLES = (b"agenda", b"notices", b"unsorted")
NOTES = tuple(note(n, tags=("x",)) for n in range(1, 30))


def row_of_schema_1(row: bytes) -> bytes:
    """A reference's row as it was written before references were sources."""
    ref = Ref.unpack(row)
    planned = ref.next_check or nan
    return (
        _OLD.pack(
            *(ref.state, ref.cls, ref.verified_by, ref.flags & 1, ref.failures),
            *(ref.type, ref.owner, ref.fetched_at, ref.verified_at),
            *(planned, HOUR if ref.due else nan, ref.updated, ref.published, ref.content_hash),
        )
        + ref.uri.encode()
    )


def make_old(path: Path) -> None:
    """A store of schema 1 with documents, members and a queue."""
    with store_at(path) as opened:
        apply(opened, puts=NOTES, members=page(1, 2, 3, first=True), wants=(want(),))
    with lmdb.open(str(path), max_dbs=40) as env, env.begin(write=True) as txn:
        table = env.open_db(b"ref", txn=txn)
        for id, row in list(txn.cursor(table)):
            txn.put(id, row_of_schema_1(row), db=table)
        sort_in(env, txn)
        for name in _LATER_TABLES:
            txn.drop(env.open_db(name, txn=txn))
        txn.put(b"schema", b"1", db=env.open_db(b"meta", txn=txn))


def sort_in(env: lmdb.Environment, txn: lmdb.Transaction[bytes]) -> None:
    """Before schema 3 every entry stood in the index."""
    index = env.open_db(b"index", txn=txn, dupsort=True, dupfixed=True)
    for _, row in txn.cursor(env.open_db(b"unsorted", txn=txn)):
        for at in range(0, len(row), 34):
            txn.put(row[at + 1 : at + 1 + row[at]], row[at + 18 : at + 34], db=index)


def old_rows(path: Path) -> int:
    with lmdb.open(str(path), max_dbs=40) as env, env.begin() as txn:
        rows = txn.cursor(env.open_db(b"ref", txn=txn, create=False))
        return sum(is_schema_1(row) for _, row in rows)


def test_an_old_store_opens_and_is_brought_up_to_date(tmp_path: Path) -> None:
    """Everything that was there is there, and no row of the old format is left."""
    make_old(tmp_path)
    assert old_rows(tmp_path) == len(NOTES) + 2  # and their author, and the outbox
    with store_at(tmp_path) as opened:
        found = opened.query.references(put.id for put in NOTES)
        document = opened.query.document(NOTES[0].id)
        clean(opened)
        opened.frontier.want(()).result()  # behind the migration's only batch

    assert [found[put.id].state for put in NOTES] == [State.RESOLVED] * len(NOTES)
    assert {found[put.id].content_hash for put in NOTES} == {p.stamp.content_hash for p in NOTES}
    assert {(one.published or 0) < NOW for one in found.values()} == {True}
    assert document is not None
    assert document.body == NOTES[0].body
    assert old_rows(tmp_path) == 0


def test_a_reader_reads_while_the_writer_migrates(tmp_path: Path) -> None:
    """Both formats side by side are read alike, and a kill between two batches costs nothing."""
    make_old(tmp_path)
    with pytest.raises(StoreError, match=r"older version \(schema 1\).*fedpull run"):
        open_reader(tmp_path)
    with store_at(tmp_path):
        pass
    make_half_old(tmp_path, rows=12)
    with Cache(tmp_path) as cache:
        assert [cache.get(put.id) is not None for put in NOTES] == [True] * len(NOTES)
    with store_at(tmp_path) as opened:
        clean(opened)
        opened.frontier.want(()).result()

    assert old_rows(tmp_path) == 0


def make_half_old(path: Path, rows: int) -> None:
    """As a kill leaves a store: the last rows not yet rewritten, the mark before them."""
    with lmdb.open(str(path), max_dbs=40) as env, env.begin(write=True) as txn:
        table = env.open_db(b"ref", txn=txn)
        listed = list(txn.cursor(table))
        for id, row in listed[-rows:]:
            txn.put(id, row_of_schema_1(row), db=table)
        txn.put(b"migrating", listed[-rows - 1][0], db=env.open_db(b"meta", txn=txn))


def test_batches_follow_one_another_until_none_is_left(tmp_path: Path) -> None:
    """Other jobs get their turn between batches; the last one takes the mark away."""
    with store_at(tmp_path) as opened:
        apply(opened, puts=NOTES)
    make_half_old(tmp_path, rows=10)
    with store_at(tmp_path) as opened:
        submit = opened.store._writer.submit
        went_on = [submit(lambda work: step(work, 3)).result() for _ in range(6)]
        go_on(submit)
        opened.frontier.want(()).result()

    assert not went_on[-1]
    assert old_rows(tmp_path) == 0


@given(some_of.floats(0.1, 45 * 86_400.0), some_of.floats(0.1, 45 * 86_400.0))
def test_bounds_are_rounded_inwards(one: float, other: float) -> None:
    """What half precision makes of a bound never allows what the bound forbids."""
    shortest, longest = sorted((one, other))
    low, high = minutes_within(shortest, longest)

    assert half(low) == low
    assert low <= high
    assert low * 60 >= shortest * (1 - 1e-9)
    if longest > shortest * 1.01:
        assert high * 60 <= longest * (1 + 1e-9)


def test_a_row_keeps_what_it_is_given() -> None:
    """The state of a source comes back, within the precision that it is kept in."""
    ref = Ref("https://a.example/1", state=3, due=1_700_000_000, interval=90.5, changes=0.25)
    ref.exposure, ref.weight, ref.burst, ref.profile_x, ref.profile_y = 12.5, 0.5, 1.5, -2.0, 0.25
    ref.shortest, ref.longest, ref.not_before = 1.0, 43_200.0, 1_700_000_100
    ref.set_source(3, 2, placed=True)
    again = Ref.unpack(ref.pack())

    assert again.pack() == ref.pack()
    assert (again.kind, again.bound, again.placed, again.is_source) == (3, 2, True, True)
    assert (again.changes, again.exposure, again.profile_x, again.longest) == (
        0.25,
        12.5,
        -2,
        43200,
    )
    again.no_source()
    assert (again.is_source, again.next_check, again.kind) == (False, None, 0)
