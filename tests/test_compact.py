"""Compacting: what was deleted is in no byte of the new file, and what is held is all there."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from policy_cases import FORGOTTEN_BOB, SECRET, carry_out, well_read
from store_cases import NOW, apply, note, store_at
from traces import traces

from fedpull.cache import Cache
from fedpull.cache.compact import compact
from fedpull.cache.environment import Tables, open_environment
from fedpull.cache.open import open_reader, open_store
from fedpull.errors import StoreError, StoreLocked

ROOM = 1 << 30


def contents(store: Path) -> dict[str, str]:
    """A digest of each table's rows."""
    environment = open_environment(store, write=False)
    try:
        txn = environment.begin()
        found = {}
        for name in Tables.__slots__:
            digest = hashlib.sha256()
            for row in txn.cursor(getattr(environment.t, name)).iternext():
                digest.update(repr(row).encode())
            found[name] = digest.hexdigest()
        txn.abort()
        return found
    finally:
        environment.close()


@contextmanager
def reading(store: Path) -> Iterator[None]:
    """Another process that has the store open."""
    script = (
        "import sys; from fedpull.cache import Cache; c = Cache(sys.argv[1]);"
        "c.get('https://a.example/1'); print('open', flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(store)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"open\n"
    try:
        yield
    finally:
        process.communicate(b"")


def test_what_was_purged_is_in_no_byte_of_it(tmp_path: Path) -> None:
    """Neither in rows nor in freed pages, nor in the gaps of pages that are in use."""
    store = tmp_path / "s"
    with well_read(store) as opened:
        carry_out(opened, FORGOTTEN_BOB)
        opened.moderator.tidy(NOW + 3_700, lambda: False)
    assert [place for place in traces(store, SECRET) if place.startswith("file")] != []
    before = contents(store)
    done = compact(store, max_bytes=ROOM)

    assert traces(store, SECRET) == []
    assert traces(store, "/users/bob") == []
    assert contents(store) == before
    assert done.after == (store / "data.mdb").stat().st_size <= done.before
    assert sorted(path.name for path in store.iterdir()) == ["data.mdb", "lock.mdb", "writer.lock"]


def test_a_large_store_shrinks_and_is_written_on(tmp_path: Path) -> None:
    """Batches of any number keep every row, and the new file is a store like the old one."""
    store = tmp_path / "s"
    with store_at(store) as opened:
        for number in range(400):
            apply(opened, puts=(note(number, "x" * 4_000),))
    before = contents(store)
    told: list[tuple[int, int]] = []
    compact(store, max_bytes=ROOM, told=lambda done, rows: told.append((done, rows)))

    assert contents(store) == before
    assert told[-1][0] == told[-1][1]
    with store_at(store) as opened:
        apply(opened, puts=(note(401),))
        assert opened.query.check().findings == ()
        assert opened.query.document(note(401).id) is not None


def test_nobody_may_have_it_open(tmp_path: Path) -> None:
    """A writer, a reader of another process, or this process itself: refused, and nothing done."""
    store = tmp_path / "s"
    with store_at(store), pytest.raises(StoreLocked, match="in use by process"):
        compact(store, max_bytes=ROOM)
    with reading(store), pytest.raises(StoreLocked, match="is open in another process"):
        compact(store, max_bytes=ROOM)
    with Cache(store), pytest.raises(StoreError, match="this very process"):
        compact(store, max_bytes=ROOM)
    compact(store, max_bytes=ROOM)

    assert not (store / "compacting").exists()


def test_where_there_is_no_store_none_is_made(tmp_path: Path) -> None:
    """Neither a folder nor a lock."""
    with pytest.raises(StoreError, match="no store here"):
        compact(tmp_path / "s", max_bytes=ROOM)

    assert not (tmp_path / "s").exists()


def test_what_the_audit_objects_to_is_not_put_in_its_place(tmp_path: Path) -> None:
    """A store that disagrees with itself is left as it is, for `rebuild` or a person."""
    store = tmp_path / "s"
    with store_at(store) as opened:
        apply(opened, puts=(note(1),))
    environment = open_environment(store, write=True, max_bytes=ROOM)
    with environment.write() as txn:
        cursor = txn.cursor(environment.t.body)
        assert cursor.first()
        cursor.delete()
    environment.close()
    before = hashlib.sha256((store / "data.mdb").read_bytes()).hexdigest()

    with pytest.raises(StoreError, match="fedpull check"):
        compact(store, max_bytes=ROOM)

    assert hashlib.sha256((store / "data.mdb").read_bytes()).hexdigest() == before
    assert not (store / "compacting").exists()


@pytest.mark.parametrize("next_one", ["a writer", "compact"])
def test_a_copy_that_was_left_half_done_goes(tmp_path: Path, next_one: str) -> None:
    """It may hold what is purged later."""
    store = tmp_path / "s"
    with store_at(store) as opened:
        apply(opened, puts=(note(1),))
    (store / "compacting").mkdir()
    (store / "compacting" / "data.mdb").write_bytes(b"half of it")
    if next_one == "compact":
        compact(store, max_bytes=ROOM)
    else:
        open_store(store, max_bytes=ROOM).close()

    assert not (store / "compacting").exists()


def test_who_opens_it_meanwhile_gets_the_old_or_the_new_one_whole(tmp_path: Path) -> None:
    """Commands that read come and go beside it; each finds what is held, and none an error."""
    store = tmp_path / "s"
    with store_at(store) as opened:
        for number in range(20):
            apply(opened, puts=(note(number),))
    script = (
        "import sys\nfrom fedpull.cache import Cache\n"
        "ids = [f'https://a.example/notes/{n}' for n in range(20)]\n"
        "while True:\n"
        "    with Cache(sys.argv[1]) as cache:\n"
        "        print(sum(cache.get(id) is not None for id in ids), flush=True)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(store)], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        found = [process.stdout.readline()]
        for _ in range(10):
            compact(store, max_bytes=ROOM)
            found += [process.stdout.readline() for _ in range(5)]
    finally:
        process.kill()
        process.communicate()

    assert set(found) == {b"20\n"}
    reader = open_reader(store)
    assert reader.query.check().findings == ()
    reader.close()
