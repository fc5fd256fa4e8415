"""Stores of an earlier schema: opened, read meanwhile, brought up to date in batches, resumed."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from math import isnan
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some_of
from store_cases import ALICE, FOLLOW, NOW, apply, clean, note, read_authors, store_at
from store_older import NOTES, make_half_old, make_old, old_rows, set_schema

from fedpull.cache import Cache
from fedpull.cache.environment import MIGRATING
from fedpull.cache.migration import go_on, step
from fedpull.cache.open import Opened, Readable, open_reader
from fedpull.cache.ref_layout import Ref, half, minutes_within
from fedpull.cache.terms_layout import TermsRow
from fedpull.cache.views import ObjectFilter, State
from fedpull.crawler.protocol import listable
from fedpull.errors import StoreError

PROCESS = Path(__file__).with_name("migrating_process.py")
ANY_SCHEMA = pytest.mark.parametrize("schema", [1, 2, 3, 4])
SCHEMAS = pytest.mark.parametrize("schema", [1, 2], ids=["of schema 1", "of schema 2"])


def listed(opened: Opened | Readable) -> set[str]:
    """What the lists show that need more of an object than its entry."""
    found, _ = opened.query.objects(ObjectFilter(tag="x", type="Note"), 100)
    return {document.id for document in found}


@SCHEMAS
def test_an_old_store_opens_and_is_brought_up_to_date(tmp_path: Path, schema: int) -> None:
    """Everything that was there is there, and no row of the old format is left."""
    make_old(tmp_path, schema)
    # With their author, another one, the outbox, and the terms of each.
    assert old_rows(tmp_path) == 2 * len(NOTES) + 3
    with store_at(tmp_path) as opened:
        found = opened.query.references(put.id for put in NOTES)
        document = opened.query.document(NOTES[0].id)
        told = opened.query.changes(0, 100)
        apply(opened, puts=(note(99), note(98)))
        clean(opened)
        assert [change.id for change in told] == [put.id for put in NOTES]
        after = opened.query.changes(len(told) - 1, 2)
        assert [change.id for change in after] == [NOTES[-1].id, note(99).id]
        opened.frontier.want(()).result()  # behind the migration's only batch
        clean(opened)
        assert listed(opened) == {put.id for put in NOTES}
        assert opened.query.offered_to(NOTES[0].id) == (FOLLOW,)

    assert [found[put.id].state for put in NOTES] == [State.RESOLVED] * len(NOTES)
    assert {found[put.id].content_hash for put in NOTES} == {p.stamp.content_hash for p in NOTES}
    assert {(one.published or 0) < NOW for one in found.values()} == {True}
    assert document is not None
    assert document.body == NOTES[0].body
    assert document.published == NOTES[0].stamp.published
    assert old_rows(tmp_path) == 0


@SCHEMAS
def test_a_reader_reads_while_the_writer_migrates(tmp_path: Path, schema: int) -> None:
    """Both formats side by side are read alike, and a kill between two batches costs nothing."""
    make_old(tmp_path, schema)
    with pytest.raises(StoreError, match=rf"older version \(schema {schema}\).*fedpull run"):
        open_reader(tmp_path)
    with store_at(tmp_path):
        pass
    make_half_old(tmp_path, schema, rows=12)
    reader = open_reader(tmp_path)
    assert listed(reader) == {put.id for put in NOTES}
    assert reader.query.check().findings == ()
    reader.close()
    with Cache(tmp_path) as cache:
        found = [cache.get(put.id) for put in NOTES]
        times = [document.published for document in found if document is not None]
        assert times == [put.stamp.published for put in NOTES]
        assert len(list(cache.objects(tag="x", limit=100))) == len(NOTES)
    with store_at(tmp_path) as opened:
        clean(opened)
        opened.frontier.want(()).result()

    assert old_rows(tmp_path) == 0


@ANY_SCHEMA
def test_what_may_be_listed_is_read_from_what_is_held(tmp_path: Path, schema: int) -> None:
    """Before schema 4 lists showed everything; from now on what its author's word allows."""
    make_old(tmp_path, schema)
    author = note(ALICE, kind="actor", type="Person", actor=ALICE, says={"indexable": True})
    with store_at(tmp_path) as opened:
        opened.frontier.want(()).result()
        clean(opened)
        assert listed(opened) == {put.id for put in NOTES}
        opened.store.drop_follow(FOLLOW, NOW).result()
        clean(opened)
        assert listed(opened) == set()
        apply(opened, puts=(author,))
        clean(opened)
        assert listed(opened) == {put.id for put in NOTES}
    make_half_old(tmp_path, 3, rows=1_000)
    with store_at(tmp_path) as opened:
        opened.frontier.want(()).result()
        clean(opened)
        assert listed(opened) == {put.id for put in NOTES}


def test_what_is_written_meanwhile_is_brought_up_to_date(tmp_path: Path) -> None:
    """An edit of what has not been rewritten yet keeps who lists it, and moves its entries."""
    with store_at(tmp_path) as opened:
        read_authors(opened)
        apply(opened, puts=NOTES)
        apply(opened, puts=(note(31, tags=("x",), follow=FOLLOW),))
    make_half_old(tmp_path, schema=2, rows=40)
    with store_at(tmp_path) as opened:
        apply(opened, NOW + 5, puts=(note(31, "edited", tags=("y",), at=NOW + 5),))
        opened.frontier.want(()).result()
        clean(opened)
        assert opened.query.offered_to(note(31).id) == (FOLLOW,)
        assert note(31).id not in listed(opened)

    assert old_rows(tmp_path) == 0


def test_what_a_header_has_said_meanwhile_is_kept(tmp_path: Path) -> None:
    """What came before its row was reached is not read without the header that it came with."""
    author = note(ALICE, kind="actor", type="Person", actor=ALICE, says={"indexable": True})
    asks = replace(NOTES[0], robots_tag="noindex", consent=listable.ROBOTS)
    with store_at(tmp_path) as opened:
        submit = opened.store._writer.submit
        submit(lambda work: work.put(work.t.meta, MIGRATING, b"")).result()
        apply(opened, puts=(author, asks, *NOTES[1:]))
        assert listed(opened) == {put.id for put in NOTES[1:]}
        go_on(submit)
        opened.frontier.want(()).result()
        clean(opened)
        assert listed(opened) == {put.id for put in NOTES[1:]}


@ANY_SCHEMA
def test_types_and_starts_are_read_from_what_is_held(tmp_path: Path, schema: int) -> None:
    """Before schema 5 a type was found as its server spells it, and nothing by when it starts."""
    emoji = "http://joinmastodon.org/ns#Emoji"
    prefixed = note(50, type="toot:Emoji")
    named = note(51, type="x:Badge", says={"@context": {"x": "https://x.example/ns#"}})
    begins = note(52, type="Event", says={"startTime": "2026-05-01T18:00:00Z"})
    escaped = note(53, type="Event", says={"startTime": "2026-04-01T18:00:00Z"})
    within = note(54, type="y:Badge", by="embedded", context=b'{"y":"https://y.example/ns#"}')
    actor = note("https://a.example/emoji", kind="actor", type="toot:Robot")
    old = [replace(one, terms=replace(one.terms, starts=None)) for one in (begins, escaped)]
    old[1] = replace(old[1], body=old[1].body.replace(b"startTime", b"start\\u0054ime"))
    make_old(tmp_path, schema, also=(prefixed, named, within, actor, *old))
    with store_at(tmp_path) as opened:
        opened.frontier.want(()).result()
        clean(opened)

        def found(**wanted: Any) -> list[str]:
            documents, _ = opened.query.objects(ObjectFilter(**wanted), 100)
            return [document.id for document in documents]

        assert found(type=emoji) == [prefixed.id]
        assert found(type="https://x.example/ns#Badge") == [named.id]
        assert found(type="https://y.example/ns#Badge") == [within.id]
        assert found(type="toot:Emoji") == []
        assert found(order="start") == [escaped.id, begins.id]
        told = opened.query.references((prefixed.id, actor.id))
        assert [one.type for one in told.values()] == [emoji, "http://joinmastodon.org/ns#Robot"]


def test_a_migration_that_an_earlier_version_began_is_begun_anew(tmp_path: Path) -> None:
    """How far that one had come says nothing of what has to be done now."""
    make_old(tmp_path, 4)
    make_half_old(tmp_path, 3, rows=10)
    set_schema(tmp_path, 4)
    with store_at(tmp_path) as opened:
        opened.frontier.want(()).result()
        clean(opened)
        assert listed(opened) == {put.id for put in NOTES}


@SCHEMAS
def test_batches_follow_one_another_until_none_is_left(tmp_path: Path, schema: int) -> None:
    """Other jobs get their turn between batches; the last one takes the mark away."""
    with store_at(tmp_path) as opened:
        apply(opened, puts=NOTES)
    make_half_old(tmp_path, schema, rows=10)
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


PARTS: list[tuple[str, dict[str, object]]] = [
    ("nothing but the URI", {}),
    ("what failed", {"state": 4, "failures": 3, "due": 1_700_000_000, "interval": 600.0}),
    ("fetched and verified at once", {"fetched_at": NOW, "verified_at": NOW, "owner": b"x" * 8}),
    ("verified later", {"fetched_at": NOW, "verified_at": NOW + 5, "type": b"t" * 8}),
    ("verified, never fetched", {"verified_at": NOW}),
    ("fetched, never verified", {"fetched_at": NOW}),
    ("a tombstone", {"state": 3, "content_hash": b"h" * 16, "verified_at": NOW}),
    ("edited", {"fetched_at": NOW, "updated": NOW - 5, "published": NOW - 9}),
    ("an outbox", {"burst": 0.5, "profile_x": -0.5, "weight": 2.0, "bucket": 7, "flags": 2}),
    ("told not to ask", {"not_before": 1_700_000_000, "verified_by": 2, "cls": 4}),
]


@pytest.mark.parametrize(("_", "parts"), PARTS, ids=[name for name, _ in PARTS])
def test_what_is_not_known_takes_no_room(_: str, parts: dict[str, object]) -> None:
    """Whatever parts a row has, they come back, and with them the terms behind them."""
    ref = Ref("https://a.example/ü", **parts)  # type: ignore[arg-type]
    ref.terms = TermsRow(follows={b"f" * 8: True}).pack(ref)
    again = Ref.unpack(ref.pack())
    others = Ref(ref.uri, terms=ref.terms)
    for name in ref.__dataclass_fields__:
        expected, found = getattr(ref, name), getattr(again, name)
        assert found == expected or isnan(expected)
        setattr(others, name, found)
    assert others.pack() == ref.pack()
    assert Ref("https://a.example/ü").pack() == b"\xc0\0\0\0\0\x14" + "https://a.example/ü".encode()


TERMS: list[tuple[str, TermsRow]] = [
    ("as its reference", TermsRow(b"", b"o" * 8, types=(b"t" * 8,), live=True)),
    ("all different", TermsRow(b"w" * 8, b"a" * 8, b"r" * 8, b"c" * 8, True, (), (b"1" * 8,))),
    ("with a start", TermsRow(b"w" * 8, types=(b"t" * 8,), live=True, start=b"s" * 8)),
    ("with a start and no type", TermsRow(b"w" * 8, tags=(b"g" * 8,), live=True, start=b"s" * 8)),
    ("deleted and answered", TermsRow(b"w" * 8, in_reply_to=b"r" * 8, answered=True)),
    ("many", TermsRow(b"w" * 8, types=(b"t" * 8,) * 8, tags=(b"g" * 8,) * 64, live=True)),
    ("listed only", TermsRow(follows={b"f" * 8: True, b"g" * 8: False})),
    ("listed and held", TermsRow(b"w" * 8, live=True, follows={b"f" * 8: False})),
]


@pytest.mark.parametrize(("_", "row"), TERMS, ids=[name for name, _ in TERMS])
def test_terms_come_back_beside_their_reference(_: str, row: TermsRow) -> None:
    """What the reference says as well is not written twice."""
    ref = Ref("https://a.example/1", owner=b"o" * 8, type=b"t" * 8, fetched_at=NOW)
    row.when = row.when or TermsRow.unpack(Ref("", fetched_at=NOW, terms=b"\1")).when
    ref.terms = row.pack(ref)

    assert TermsRow.unpack(ref) == row


def test_terms_of_what_is_not_held_keep_nothing_of_its_content() -> None:
    """Not its tags; who lists it and where it stood; what it answered only where it is answered."""
    ref = Ref("https://a.example/1")
    row = TermsRow(b"w" * 8, b"a" * 8, b"r" * 8, b"c" * 8, False, (b"t" * 8,), (b"g" * 8,))
    assert row.pack(ref) == b""
    row.follows[b"f" * 8] = False
    ref.terms = row.pack(ref)

    assert TermsRow.unpack(ref) == TermsRow(b"w" * 8, follows={b"f" * 8: False})
    row.answered = True
    ref.terms = row.pack(ref)
    assert TermsRow.unpack(ref) == TermsRow(
        b"w" * 8, in_reply_to=b"r" * 8, follows={b"f" * 8: False}, answered=True
    )


@pytest.mark.parametrize("schema", [2, 4])
def test_a_kill_in_the_middle_of_it_costs_nothing(tmp_path: Path, schema: int) -> None:
    """Whichever batch it came after: the next opening goes on, and counts nothing twice."""
    many = tuple(note(n, tags=("x",)) for n in range(1_000, 2_200))
    make_old(tmp_path / "old", schema, also=many)
    halfway = 0
    for batches in range(5):
        path = tmp_path / str(batches)
        shutil.copytree(tmp_path / "old", path)
        for _ in range(2):
            command = [sys.executable, str(PROCESS), str(path), str(batches)]
            assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
        left = old_rows(path) if schema == 2 else None
        halfway += left is not None and 0 < left < len(many)
        with store_at(path) as opened:
            while opened.store._writer.submit(step).result():
                pass
            assert clean(opened).documents == len(many) + len(NOTES)
        assert old_rows(path) == 0

    assert halfway > 0 or schema != 2
