"""Backups: whole, of one moment, free of what was purged, and never in the way of the daemon."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from policy_cases import FORGOTTEN_BOB, SECRET, carry_out, well_read
from store_cases import NOW, apply, note, store_at
from test_compact import contents
from traces import traces

from fedpull.cache import Cache
from fedpull.cache.backup import backup
from fedpull.cache.environment import open_environment
from fedpull.cache.open import open_reader
from fedpull.errors import BadInput, StoreError, StoreLocked

ROOM = 1 << 30


def test_a_backup_has_every_row_and_opens_as_a_store(tmp_path: Path) -> None:
    """Its folder is a store: for a reader as it stands, for a daemon once it lies in its place."""
    with store_at(tmp_path / "s") as opened:
        apply(opened, puts=tuple(note(number, "x" * 4_000) for number in range(50)))
        done = backup(tmp_path / "s", tmp_path / "b", now=NOW, max_bytes=ROOM)
        assert (done.at, done.documents) == (NOW, 50)
        apply(opened, puts=(note(51),))
    assert sorted(path.name for path in (tmp_path / "b").iterdir()) == ["backup.json", "data.mdb"]
    assert (tmp_path / "b").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "b" / "data.mdb").stat().st_mode & 0o777 == 0o600
    with Cache(tmp_path / "b") as cache:
        assert cache.get(note(1).id) is not None
        assert cache.get(note(51).id) is None
    shutil.rmtree(tmp_path / "s")
    shutil.copytree(tmp_path / "b", tmp_path / "s")
    with store_at(tmp_path / "s") as opened:
        apply(opened, puts=(note(52),))
        assert opened.query.check().findings == ()


def test_it_is_of_one_moment_while_the_store_is_written(tmp_path: Path) -> None:
    """Whatever comes in meanwhile, each copy agrees with itself: the audit of each is clean."""
    with store_at(tmp_path / "s") as opened:
        stop = threading.Event()

        def write() -> None:
            number = 0
            while not stop.is_set():
                number += 1
                apply(opened, puts=(note(number, "y" * 500),))

        writer = threading.Thread(target=write)
        writer.start()
        try:
            found = [
                backup(tmp_path / "s", tmp_path / "b", now=NOW, max_bytes=ROOM).documents
                for _ in range(5)
            ]
        finally:
            stop.set()
            writer.join()

    assert found == sorted(found)
    reader = open_reader(tmp_path / "b")
    report = reader.query.check()
    reader.close()
    assert (report.documents, report.findings) == (found[-1], ())


def test_what_was_purged_before_is_in_no_byte_of_it(tmp_path: Path) -> None:
    """Though it stands in pages of the store's own file that are free again."""
    store = tmp_path / "s"
    with well_read(store) as opened:
        carry_out(opened, FORGOTTEN_BOB)
        opened.moderator.tidy(NOW + 3_700, lambda: False)
        backup(store, tmp_path / "b", now=NOW, max_bytes=ROOM)
    assert traces(store, SECRET) != []

    assert traces(tmp_path / "b", SECRET) == []
    assert traces(tmp_path / "b", "/users/bob") == []


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        pytest.param("s", "is the store, or in it", id="the store itself"),
        pytest.param("s/inside", "is the store, or in it", id="a folder in the store"),
        pytest.param(".", "holds other things", id="the folder that holds the store"),
        pytest.param("other", "holds other things", id="another store"),
        pytest.param("file", "is not a folder", id="a file"),
    ],
)
def test_nothing_else_is_written_over(tmp_path: Path, target: str, reason: str) -> None:
    """Only a new folder, an empty one, or one that holds an earlier backup and nothing else."""
    for name in ("s", "other"):
        with store_at(tmp_path / name) as opened:
            apply(opened, puts=(note(1),))
    (tmp_path / "file").write_text("a")
    with pytest.raises(BadInput, match=reason):
        backup(tmp_path / "s", tmp_path / target, now=NOW, max_bytes=ROOM)

    assert (tmp_path / "file").read_text() == "a"
    with store_at(tmp_path / "other") as opened:
        assert opened.query.document(note(1).id) is not None


def test_the_earlier_backup_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    """A store that disagrees with itself, or is not there, costs nobody the backup that he has."""
    store, target = tmp_path / "s", tmp_path / "b"
    with store_at(store) as opened:
        apply(opened, puts=(note(1),))
    backup(store, target, now=NOW, max_bytes=ROOM)
    before = contents(target)
    environment = open_environment(store, write=True, max_bytes=ROOM)
    with environment.write() as txn:
        cursor = txn.cursor(environment.t.body)
        assert cursor.first()
        cursor.delete()
    environment.close()
    with pytest.raises(StoreError, match="fedpull check"):
        backup(store, target, now=NOW, max_bytes=ROOM)
    with pytest.raises(StoreError, match="no store here"):
        backup(tmp_path / "nothing", target, now=NOW, max_bytes=ROOM)

    assert contents(target) == before
    assert not (target / "new").exists()


def test_one_at_a_time_into_a_folder(tmp_path: Path) -> None:
    """A second one is told who is at it."""
    store, target = tmp_path / "s", tmp_path / "b"
    with store_at(store) as opened:
        apply(opened, puts=(note(1),))
    refused: list[str] = []

    def again(done: int, rows: int) -> None:
        if not refused:
            with pytest.raises(StoreLocked) as told:
                backup(store, target, now=NOW, max_bytes=ROOM)
            refused.append(told.value.reason)

    backup(store, target, now=NOW, max_bytes=ROOM, told=again)

    assert "is in use by process" in refused[0]
    assert (target / "data.mdb").exists()


def test_a_backup_that_was_killed_leaves_the_earlier_one(tmp_path: Path) -> None:
    """At whichever row that was; and the next one goes through."""
    store, target = tmp_path / "s", tmp_path / "b"
    with store_at(store) as opened:
        apply(opened, puts=tuple(note(number) for number in range(20)))
    backup(store, target, now=NOW, max_bytes=ROOM)
    before = contents(target)
    script = (
        "import os, signal, sys\nfrom fedpull.cache.backup import backup\n"
        "def told(done, rows):\n"
        "    if done >= rows * float(sys.argv[3]): os.kill(os.getpid(), signal.SIGKILL)\n"
        "backup(sys.argv[1], sys.argv[2], now=0.0, max_bytes=1 << 30, told=told)\n"
    )
    for part in ("0", "0.5", "1"):
        command = [sys.executable, "-c", script, str(store), str(target), part]
        assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
        assert contents(target) == before
    done = backup(store, target, now=NOW + 1, max_bytes=ROOM)

    assert done.documents == 20
    assert sorted(path.name for path in target.iterdir()) == ["backup.json", "data.mdb"]
