"""`fedpull compact` as an operator runs it: after a wish to be forgotten, never beside a daemon."""

from __future__ import annotations

from pathlib import Path

from station import Station
from traces import traces
from upkeep_cases import HOST, SECRET, pulled

from fedpull.tests.fediverse.families.cursors import Mastodon
from fedpull.tests.fediverse.world import Fediverse


def test_what_was_forgotten_is_nowhere_afterwards(tmp_path: Path) -> None:
    """No key, value, dictionary, log entry, freed page or file of the folder holds a word of it."""
    with pulled(tmp_path, edited=True) as (station, bob, carol):
        held = station.listed(carol.handle)
        assert station.json("forget", bob.handle)["purged"] > 30
        assert traces(station.store, SECRET) != []  # in pages that are free again

        done = station.json("compact")

        assert done["after"] < done["before"]
        assert traces(station.store, SECRET) == []
        assert station.run("check").code == 0
        assert station.listed(carol.handle) == held
        everywhere = [path for path in tmp_path.rglob("*") if path.is_file()]
        assert [path for path in everywhere if SECRET.encode() in path.read_bytes()] == []
        told = station.run("compact")
        assert (told.code, "now" in told.out) == (0, True)


def test_no_index_of_words_outlives_what_it_was_made_of(tmp_path: Path) -> None:
    """Without a daemon nobody takes words out of it: it goes, and the next start makes it anew."""
    with pulled(tmp_path, edited=True) as (station, bob, _):
        for words in (("forget", bob.handle), ("compact",)):
            index = station.store / "search" / "words.db"
            index.parent.mkdir()
            index.write_text(SECRET)
            assert station.run(*words).code == 0
            assert not index.exists()


def test_it_is_refused_while_a_daemon_runs(tmp_path: Path) -> None:
    """One line that names the process; the daemon goes on, and nothing lies beside its store."""
    with pulled(tmp_path, edited=True) as (station, _, carol), station.daemon():
        told = station.run("compact")

        assert told.code == 1
        assert "is in use by process" in told.err
        assert len(told.err.splitlines()) == 1
        assert station.listed(carol.handle)
        assert not (station.store / "compacting").exists()


def test_without_a_store_there_is_nothing_to_compact(tmp_path: Path) -> None:
    """And none is made."""
    with Fediverse([Mastodon(HOST)]) as world:
        station = Station(tmp_path, world)
        told = station.run("compact")

        assert (told.code, "there is no store here" in told.err) == (1, True)
        assert not station.store.exists()
