"""A damaged file is told of before anybody maps it: whoever asks lives, whatever it holds."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from store_cases import apply, note, store_at

from fedpull.cache.compact import compact
from fedpull.cache.environment import open_environment
from fedpull.cache.lock import was_closed
from fedpull.cache.open import open_store
from fedpull.cache.rebuild import rebuild
from fedpull.cache.verify import _MISCOUNTED, damages, look_before_opening
from fedpull.errors import StoreError

PAGE = 4096
Harm = Callable[[random.Random, bytearray], object]


def cut(chance: random.Random, file: bytearray) -> None:
    del file[chance.randrange(PAGE * 3, len(file) - PAGE) :]


def blank(chance: random.Random, file: bytearray) -> None:
    at = chance.randrange(3, len(file) // PAGE) * PAGE
    file[at : at + PAGE * 40] = bytes(PAGE * 40)


def swap(chance: random.Random, file: bytearray) -> None:
    """Pages that the disk has written to wrong places."""
    for _ in range(20):
        one, other = (chance.randrange(3, len(file) // PAGE) * PAGE for _ in range(2))
        file[one : one + PAGE], file[other : other + PAGE] = (
            file[other : other + PAGE],
            file[one : one + PAGE],
        )


def scratch(chance: random.Random, file: bytearray) -> None:
    """The heads of pages, where a wrong byte leads LMDB anywhere."""
    for _ in range(60):
        at = chance.randrange(2, len(file) // PAGE) * PAGE
        file[at + chance.randrange(40)] = chance.randrange(256)


def replace(chance: random.Random, file: bytearray) -> None:
    file[:] = chance.randbytes(len(file))


HARMS = {
    "it was cut off": cut,
    "pages are blank": blank,
    "pages lie in wrong places": swap,
    "heads of pages are scratched": scratch,
    "it is another file": replace,
}


@pytest.fixture
def store(tmp_path: Path) -> Path:
    with store_at(tmp_path / "s") as opened:
        posts = (note(n, f"word {n} " * 50, tags=("one", "two")) for n in range(300))
        apply(opened, puts=tuple(posts))
    return tmp_path / "s"


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("harm", HARMS.values(), ids=HARMS)
def test_damage_is_told_and_ends_nobody(store: Path, harm: Harm, seed: int) -> None:
    """By the check of pages, and by whoever opens it to write: neither maps it first."""
    data = store / "data.mdb"
    file = bytearray(data.read_bytes())
    harm(random.Random(seed), file)
    data.write_bytes(file)
    assert damages(store) != []
    with pytest.raises(StoreError, match=r"is damaged .*fedpull rebuild"):
        open_store(store, max_bytes=64 << 20)


def test_a_sound_file_is_sound_also_while_it_is_written(store: Path) -> None:
    """Then a copy is looked at, which does not stay."""
    assert damages(store) == []
    script = (
        "import sys; sys.path.insert(0, sys.argv[2]);"
        "from pathlib import Path; from store_cases import *\n"
        "with store_at(Path(sys.argv[1])) as opened:\n"
        "    n = 1000\n"
        "    while True:\n"
        "        apply(opened, puts=(note(n),)); print(n, flush=True); n += 1\n"
    )
    command = [sys.executable, "-c", script, str(store), str(Path(__file__).parent)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        assert damages(store) == []
    finally:
        process.kill()
        process.communicate()
    there = {path.name for path in store.iterdir()}
    assert there == {"data.mdb", "lock.mdb", "writer.lock"}


def test_copies_of_checks_that_were_killed_go(store: Path) -> None:
    """They hold in their gaps what is purged since."""
    (store / "checking-4711").mkdir()
    (store / "checking-4711" / "data.mdb").write_bytes(b"old")
    with store_at(store):
        assert not (store / "checking-4711").exists()


def test_only_what_nobody_has_closed_is_looked_at(store: Path) -> None:
    """A writer leaves word of how it left the file; whoever is killed does not, and who writes
    into it from outside breaks it."""
    assert was_closed(store)
    pid = os.fork()
    if pid == 0:
        writing = store_at(store)
        writing.__enter__()
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)
    assert not was_closed(store)
    look_before_opening(store)
    with store_at(store) as opened:
        apply(opened, puts=(note(1, "again"),))
        assert not was_closed(store)
    assert was_closed(store)
    environment = open_environment(store, write=True, max_bytes=64 << 20)
    with environment.write() as txn:
        txn.put(b"outside", b"1", db=environment.t.meta)
    environment.close()
    assert not was_closed(store)


def opens(store: Path) -> None:
    open_store(store, max_bytes=64 << 20)


def is_rebuilt(store: Path) -> None:
    rebuild(store, now=0.0, max_bytes=64 << 20)


def is_compacted(store: Path) -> None:
    compact(store, max_bytes=64 << 20)


@pytest.mark.parametrize("attempt", [opens, is_rebuilt, is_compacted])
@pytest.mark.parametrize("size", [0, PAGE * 2])
def test_who_fails_does_not_call_it_closed(
    store: Path, size: int, attempt: Callable[[Path], None]
) -> None:
    """Whatever was tried with a file that was cut off, the next one looks before opening, too: it
    would begin an empty store in an empty file, and die of a short one."""
    os.truncate(store / "data.mdb", size)
    with pytest.raises(StoreError):
        attempt(store)
    assert not was_closed(store)
    with pytest.raises(StoreError, match="is damaged"):
        opens(store)
    assert (store / "data.mdb").stat().st_size == size


MISCOUNTED = [
    ("main/index DB: walked 3 leaf pages (9 with dup sub-trees), record says 12", True),
    ("main/index DB: walked 3 leaf pages, record says 5", True),
    ("main/owed DB: walked 1 branch pages, record says 2", True),
    ("main/ref DB: walked 3 leaf pages, record says 5", False),
    ("main/index DB: walked 3 entries, record says 5", False),
    ("main DB: walked 0 leaf pages, record says 1", False),
]


@pytest.mark.parametrize(("line", "is_none"), MISCOUNTED)
def test_what_lmdb_miscounts_of_lists_is_no_damage(line: str, is_none: bool) -> None:
    """It loses count of the pages of lists that shrink: a store from which much was evicted was
    called damaged, and did not open after a kill."""
    assert bool(_MISCOUNTED.match(line)) == is_none
