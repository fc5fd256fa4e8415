"""`check` and `backup` as an operator runs them, beside a daemon and after an accident."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from station import Station
from traces import traces
from upkeep_cases import HOST, SECRET, pulled

from fedpull.cache.salvage import _BRANCH, Salvage
from fedpull.tests.fediverse.families.cursors import Mastodon
from fedpull.tests.fediverse.world import Fediverse

PAGE = 4096


def test_a_backup_beside_a_daemon_is_restored(tmp_path: Path) -> None:
    """Made while it runs, copied back after the store was lost: all is there again."""
    with pulled(tmp_path) as (station, _, carol):
        held = station.listed(carol.handle)
        with station.daemon():
            made = station.json("backup", str(tmp_path / "kept"))
        assert (made["documents"] > 30, made["bytes"] > 0, made["at"][-1]) == (True, True, "Z")
        shutil.rmtree(station.store)
        shutil.copytree(tmp_path / "kept", station.store)

        assert station.listed(carol.handle) == held
        assert station.run("check").code == 0
        told = station.run("backup", str(tmp_path / "kept"))
        assert (told.code, str(tmp_path / "kept") in told.out) == (0, True)
        assert station.run("pull").code == 0


def test_neither_keys_nor_what_was_forgotten_come_back_with_it(tmp_path: Path) -> None:
    """An older backup holds what was forgotten since: it is purged before anything is shown, and
    before the next backup is made. No backup holds a key of ours."""
    with pulled(tmp_path) as (station, bob, _):
        kept = tmp_path / "kept"
        assert station.run("backup", str(kept)).code == 0
        assert traces(kept, SECRET) != []
        assert station.run("forget", bob.handle).code == 0
        shutil.rmtree(station.store)
        shutil.copytree(kept, station.store)
        assert station.run("backup", str(kept)).code == 0

        assert traces(kept, SECRET) == []
        assert station.run("get", bob.posts[0].id).code == 4
        assert [path for path in kept.iterdir() if b"PRIVATE KEY" in path.read_bytes()] == []


def test_a_backup_goes_nowhere_else(tmp_path: Path) -> None:
    """One line and exit 2 for a folder that holds other things; exit 1 without a store."""
    with Fediverse([Mastodon(HOST)]) as world:
        station = Station(tmp_path, world)
        told = station.run("backup", str(tmp_path))
        assert (told.code, "other things" in told.err, len(told.err.splitlines())) == (2, True, 1)
        told = station.run("backup", str(tmp_path / "kept"))
        assert (told.code, "there is no store here" in told.err) == (1, True)
        assert not (tmp_path / "kept").exists()


@pytest.mark.parametrize("command", ["check", "list", "status", "run", "pull", "backup", "compact"])
def test_a_damaged_file_ends_no_command_with_a_signal(tmp_path: Path, command: str) -> None:
    """Half of it is gone: one line, exit 1, and what to do about it."""
    with pulled(tmp_path) as (station, _, _):
        data = station.store / "data.mdb"
        with data.open("r+b") as file:
            file.truncate(data.stat().st_size // 2)
        words = (command, str(tmp_path / "kept")) if command == "backup" else (command,)
        told = station.run(*words)

        assert told.code == 1
        if command == "check":
            assert told.out.startswith("data.mdb: ")
        else:
            assert "damaged" in told.err
            assert len([line for line in told.err.splitlines() if line.startswith("fed")]) == 1


def _leading(store: Path) -> set[int]:
    """The pages that lead to the tables: a file without them needs a backup, and which ones they
    are depends on the order in which the pull was written."""
    salvage = Salvage(str(store))
    mains = set(salvage._mains())
    below = {
        number
        for main in mains
        if (page := salvage._page(main, _BRANCH))
        for number in salvage._below(page)
    }
    salvage.close()
    return mains | below


def test_a_damaged_store_is_rebuilt(tmp_path: Path) -> None:
    """Pages of it are blank: afterwards the audit is clean, and the next pull goes through."""
    with pulled(tmp_path) as (station, bob, _):
        held = station.listed(bob.handle)
        data = station.store / "data.mdb"
        file = bytearray(data.read_bytes())
        spared, third = _leading(station.store), len(file) // 3 // PAGE
        for number in {*range(third, third + 40)} - spared:
            file[number * PAGE : (number + 1) * PAGE] = bytes(PAGE)
        data.write_bytes(file)
        assert station.run("check").code == 1
        done = station.json("rebuild")

        assert done["damaged"] == str(data) + ".damaged"
        assert station.run("check").code == 0
        assert station.run("pull").code == 0
        assert set(station.listed(bob.handle)) <= set(held)
        assert station.run("compact").code == 0
        assert not (station.store / "data.mdb.damaged").exists()
        told = station.run("rebuild")
        assert (told.code, "were kept" in told.out, "left out" in told.out) == (0, True, False)


def test_rebuild_is_refused_while_a_daemon_runs(tmp_path: Path) -> None:
    """One line that names the process."""
    with pulled(tmp_path) as (station, _, _), station.daemon():
        told = station.run("rebuild")

        assert (told.code, "is in use by process" in told.err) == (1, True)
        assert not (station.store / "rebuilding").exists()
