"""The daemon as a process: started, asked, stopped, killed, and started again."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from station import Station, eventually

from fedpull.cache import Cache
from fedpull.tests.fediverse.families import BY_NAME
from fedpull.tests.fediverse.model import Account
from fedpull.tests.fediverse.world import Fediverse

QUICK = {"min": "1s", "max": "1s"}


@pytest.fixture
def world() -> Iterator[Fediverse]:
    with Fediverse([BY_NAME["mastodon"], BY_NAME["gotosocial"]]) as running:
        yield running


@pytest.fixture
def alice(world: Fediverse) -> Account:
    return world.servers["mastodon.example"].add_account("alice", posts=25)


def holds(station: Station, account: Account) -> set[str]:
    return station.listed(account.handle) if (station.store / "data.mdb").exists() else set()


def test_new_posts_arrive_while_it_runs_and_survive_a_restart(
    tmp_path: Path, world: Fediverse, alice: Account
) -> None:
    """The main job: a followed actor posts, and the post comes to be in the cache for good."""
    station = Station(tmp_path, world, follow=[{"actor": alice.handle, "every": QUICK}])
    with station.daemon() as running:
        eventually(lambda: len(holds(station, alice)) == 25, "the first 25 posts")
        new = alice.post("one more")
        eventually(lambda: new.id in holds(station, alice), "the new post")
        assert running.served(new.id) == new.id
    with Cache(station.store) as cache:
        assert cache.get(new.id) is not None
    asked = world.log.mark()
    with station.daemon():
        assert len(holds(station, alice)) == 26
    assert len(world.log.since(asked)) <= 3


def test_it_stops_in_time_while_a_server_holds_an_answer(
    tmp_path: Path, world: Fediverse, alice: Account
) -> None:
    """Downloads that do not end are cut, and the store is closed in order."""
    station = Station(tmp_path, world, follow=[alice.handle])
    with world.hold("mastodon.example") as gate, station.daemon() as running:
        gate.wait_for(1)
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(10) == 0
    assert not (station.store / "api").exists()
    assert station.run("check").code == 0


def test_a_second_daemon_says_who_has_the_store(
    tmp_path: Path, world: Fediverse, alice: Account
) -> None:
    """One writer: the second one ends with one line and the process that writes."""
    station = Station(tmp_path, world)
    with station.daemon() as running:
        second = station.run("run")
        process = running.process.pid

    assert second.code == 1
    assert f"is in use by process {process}" in second.err
    assert "Traceback" not in second.err


def test_scrapy_crawl_beside_a_daemon_ends_with_1(
    tmp_path: Path, world: Fediverse, alice: Account
) -> None:
    """The spiders run under Scrapy's own command too, but never beside another writer."""
    station = Station(tmp_path, world)
    root = Path(__file__).resolve().parent.parent
    command = [sys.executable, "-m", "scrapy", "crawl", "outbox", "-a", f"actor={alice.handle}"]
    environment = {**station.environment, "FEDPULL_CONFIG": str(station.file)}

    def crawl() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=root,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    with station.daemon():
        beside = crawl()
    alone = crawl()

    assert beside.returncode == 1
    assert "is in use by process" in beside.stderr
    assert alone.returncode == 0
    assert len(station.listed(alice.handle)) == 25


def test_another_process_reads_while_the_daemon_writes(
    tmp_path: Path, world: Fediverse, alice: Account
) -> None:
    """A reader sees whole documents, more and more of them, and never an error."""
    for number in range(200):
        alice.post(f"post {number}")
    station = Station(
        tmp_path, world, follow=[{"actor": alice.handle, "backfill": "all", "every": QUICK}]
    )
    reader = (
        "import sys, time\n"
        "from fedpull.cache import Cache\n"
        "seen = set()\n"
        "with Cache(sys.argv[1]) as cache:\n"
        "    while len(seen) < 225:\n"
        "        for document in cache.objects(limit=1000):\n"
        "            assert document.json['id'] == document.id\n"
        "            seen.add(document.id)\n"
        "print(len(seen))\n"
    )
    with station.daemon():
        done = subprocess.run(
            [sys.executable, "-c", reader, station.store],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert done.stdout.strip() == "225", done.stderr


def test_killed_it_goes_on_where_it_was(tmp_path: Path, world: Fediverse, alice: Account) -> None:
    """What was stored is there, the lease of the dead process is given back at once."""
    station = Station(tmp_path, world, follow=[{"actor": alice.handle, "every": QUICK}])
    with station.daemon() as running:
        eventually(lambda: len(holds(station, alice)) == 25, "the first 25 posts")
        running.process.kill()
        running.process.wait()
    new = alice.post("while it was dead")
    with station.daemon():
        eventually(lambda: new.id in holds(station, alice), "the post made meanwhile")
    assert station.run("check").code == 0


def test_without_a_contact_nothing_public_is_asked(tmp_path: Path, world: Fediverse) -> None:
    """The daemon serves what it has, says why it is not ready, and asks no public host."""
    station = Station(tmp_path, world)
    station.file.write_text(
        "listen: {api: 'tcp:0:interface=127.0.0.1'}\nstore: {path: data}\n"
        "follow: ['@alice@nowhere.example']\n"
    )
    with station.daemon() as running:
        running.wait_for_line("contact: is not set, so nothing public is fetched")
        running.wait_for_line("`contact` is not set, and without it nothing public is fetched")
