"""Following the change log with the client and the command, beside a daemon and without one."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from api_cases import note, serving
from station import PATIENCE, Station

from fedpull.client import Client
from fedpull.errors import BadInput, TooOld, Unreachable
from fedpull.tests.fediverse import Fediverse
from fedpull.tests.fediverse.families.cursors import Mastodon

TOWN = "town.example"
ADA, BORIS = f"@ada@{TOWN}", f"@boris@{TOWN}"


def take(found: Iterator[dict[str, Any]], count: int) -> list[int]:
    return [change["seq"] for change in islice(found, count)]


def test_the_client_follows(tmp_path: Path) -> None:
    """First what is there, then what comes; the same client can be asked other things meanwhile."""

    async def body() -> None:
        async with serving(tmp_path) as api:
            api.store.put(note(1), note(2))

            def follow() -> list[int]:
                with Client(api.address) as client:
                    found = client.changes(since=1, follow=True)
                    heard = take(found, 1)
                    api.store.put(note(3), note(4))
                    assert client.status()["last_seq"] == 4
                    return [*heard, *take(found, 2)]

            assert await asyncio.to_thread(follow) == [2, 3, 4]

    asyncio.run(body())


REFUSED = [
    ("what is not kept any more", {"since": 3}, TooOld, "the log begins at 11"),
    ("a number that is none", {"since": -1}, BadInput, "is not a whole number"),
]


@pytest.mark.parametrize("follow", [True, False], ids=["followed", "once"])
@pytest.mark.parametrize(
    ("arguments", "error", "reason"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_what_the_client_cannot_follow(
    tmp_path: Path, arguments: dict[str, int], error: type[Exception], reason: str, follow: bool
) -> None:
    """A mistake, or a log that begins later, is an error at once, and not tried again."""

    async def body() -> None:
        async with serving(tmp_path, log_kept=10) as api:
            for n in range(1, 21):
                api.store.put(note(n))

            def ask() -> None:
                with Client(api.address) as client, pytest.raises(error, match=reason) as told:
                    next(client.changes(**arguments, follow=follow))
                assert getattr(told.value, "oldest", 11) == 11

            await asyncio.to_thread(ask)

    asyncio.run(body())


def test_the_client_gives_up_in_the_end(tmp_path: Path) -> None:
    """Where nobody answers for as long as a call may take, following ends with an error."""
    with (
        Client(f"unix:{tmp_path}/nobody.sock", timeout=0.2) as client,
        pytest.raises(Unreachable, match="no daemon answers there"),
    ):
        next(client.changes(follow=True))


@pytest.fixture
def world() -> Iterator[Fediverse]:
    with Fediverse() as made:
        town = made.add(Mastodon(TOWN))
        for name in ("ada", "boris"):
            town.add_account(name, posts=3)
        yield made


@pytest.fixture
def station(tmp_path: Path, world: Fediverse) -> Station:
    return Station(tmp_path, world, listen={"api": f"unix:{tmp_path}/api.sock"})


def created(changes: Iterator[dict[str, Any]], actor: str, count: int) -> list[int]:
    """The numbers of all changes up to the one that makes `count` posts of an actor."""
    seqs = []
    for change in changes:
        seqs.append(change["seq"])
        count -= change["kind"] == "created" and str(change["actor"]).endswith(actor)
        if not count:
            return seqs
    raise AssertionError("the log has ended")


def test_the_client_outlives_the_daemon(station: Station) -> None:
    """A client that follows goes on where it was when the daemon has been started again."""
    with Client(f"unix:{station.folder}/api.sock") as client:
        found = client.changes(since=0, follow=True)
        with station.daemon():
            station.run("follow", ADA)
            seqs = created(found, "ada", 3)
        with station.daemon():
            station.run("follow", BORIS)
            seqs += created(found, "boris", 3)

    assert seqs == list(range(1, len(seqs) + 1))


@contextmanager
def following(station: Station) -> Iterator[Iterator[dict[str, Any]]]:
    """`fedpull changes --follow --json`, until it is interrupted; killed when it says nothing."""
    # Whoever was started in the background by a shell ignores Ctrl-C, and so do its children.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = station.start("changes", "--follow", "--json", output=subprocess.PIPE)
    signal.signal(signal.SIGINT, before)
    watch = threading.Timer(PATIENCE, process.kill)
    watch.start()
    assert process.stdout is not None
    try:
        yield (json.loads(line) for line in process.stdout)
    finally:
        watch.cancel()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 130


def test_the_command_goes_on_whoever_writes(station: Station) -> None:
    """It tells what a pull writes, then what a daemon writes, then what a pull writes again."""
    with following(station) as found:
        station.pull(ADA)
        seqs = created(found, "ada", 3)
        with station.daemon():
            station.run("follow", BORIS)
            seqs += created(found, "boris", 3)
        station.world.servers[TOWN].accounts["ada"].post("a new one")
        station.pull(ADA)
        seqs += created(found, "ada", 1)

    assert seqs == list(range(1, len(seqs) + 1))


def test_the_command_without_end_and_with_one(station: Station) -> None:
    """Without --follow it ends with the log, as a list or as lines; --since is exclusive."""
    station.pull(ADA)
    whole = station.json("changes")["items"]
    rest = station.json("changes", "--since", "2")["items"]
    lines = station.run("changes", "--since", "2").out.splitlines()

    assert [one["seq"] for one in whole] == list(range(1, len(whole) + 1))
    assert rest == whole[2:]
    assert [line.split()[0] for line in lines] == [str(one["seq"]) for one in rest]
    assert station.run("changes", "--since", "-1").code == 2
