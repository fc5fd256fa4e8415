"""Publishing from the shell, beside a running daemon and without one; what arrives at others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from public_station import ACTOR, ORIGIN, PublicStation
from station import eventually

from fedpull.cache.mail_records import Follower
from fedpull.cache.open import open_store
from fedpull.tests.fediverse.families import BY_NAME
from fedpull.tests.fediverse.model import Account
from fedpull.tests.fediverse.server import Server
from fedpull.tests.fediverse.world import Fediverse

FOLLOWERS = f"{ACTOR}/followers"
NOW = 1_780_000_000.0


@pytest.fixture
def world() -> Iterator[Fediverse]:
    with Fediverse([BY_NAME["mastodon"], BY_NAME["gotosocial"]]) as world:
        yield world


@pytest.fixture
def station(tmp_path: Path, world: Fediverse) -> PublicStation:
    return PublicStation(tmp_path, world)


def account(world: Fediverse, family: str, user: str = "alice") -> Account:
    return world.find(BY_NAME[family]).add_account(user)


def taken(server: Server) -> list[dict[str, Any]]:
    """What a server's inboxes have accepted: signed as it wants it."""
    return [one.document for one in server.delivered if one.status // 100 == 2]


def write(station: PublicStation, value: Any) -> str:
    file = station.folder / "note.json"
    file.write_text(json.dumps(value), "utf-8")
    return str(file)


def test_without_a_daemon(station: PublicStation, world: Fediverse) -> None:
    """The command is the store's writer, finds whom it names, and delivers before it ends."""
    alice, server = account(world, "mastodon"), world.find(BY_NAME["mastodon"])
    note = {"type": "Note", "content": "hi", "to": "as:Public", "bcc": [alice.actor_id]}

    done = station.run("publish", write(station, note))
    deliveries = station.json("deliveries")["items"]
    listed = station.json("list")["items"]

    assert done.code == 0, done
    assert done.out.startswith(f"published {ORIGIN}/activities/")
    (got,) = taken(server)
    assert got["object"]["content"] == "hi"
    assert "bcc" not in json.dumps(got)
    assert [one["state"] for one in deliveries] == ["delivered"]
    assert [one["id"] for one in listed] == [got["object"]["id"]]
    assert station.json("check")["findings"] == []


def test_with_a_daemon(station: PublicStation, world: Fediverse) -> None:
    """What is for followers reaches each server of theirs once, in order, and is undone."""
    for family in ("mastodon", "gotosocial"):
        follow(station, [account(world, family, user) for user in ("alice", "bob")])
    with station.daemon():
        note = {"type": "Note", "content": "hi", "to": "as:Public", "cc": FOLLOWERS}
        done = station.run("publish", "-", "--json", stdin=json.dumps(note))
        object = done.json["object"]["id"]
        assert station.run("fetch", done.json["id"]).out == done.out
        station.json("publish", write(station, {"type": "Delete", "object": object}))
        for family in ("mastodon", "gotosocial"):
            server = world.find(BY_NAME[family])
            eventually(lambda server=server: len(taken(server)) >= 2, "it arrives")  # type: ignore[misc]
            assert [one["type"] for one in taken(server)] == ["Create", "Delete"]
        gone = station.run("get", object)
        assert gone.code == 3
        assert station.run("fetch", object).code == 3
    states = [one["state"] for one in station.json("deliveries")["items"]]
    assert states == ["delivered"] * len(states)


def follow(station: PublicStation, accounts: list[Account]) -> None:
    """Have them follow our actor already."""
    opened = open_store(station.store, max_bytes=64 << 20)
    for one in accounts:
        actor = one.actor_id
        shared = f"https://{actor.split('/')[2]}/inbox"
        row = Follower(actor, f"{actor}/inbox", shared, "accepted", f"{actor}#follow", NOW)
        opened.mailbox.put_follower(row, (), NOW).result()
    opened.close()


@pytest.mark.parametrize("daemon", [False, True], ids=["without a daemon", "beside a daemon"])
def test_all_that_is_wrong(station: PublicStation, daemon: bool) -> None:
    """Exit 2 and a line for each mistake, either way."""
    file = write(station, {"type": "Note", "to": ["as:Public", "bob"], "published": "yesterday"})
    if daemon:
        with station.daemon():
            done = station.run("publish", file)
    else:
        done = station.run("publish", file)

    lines = done.err.splitlines()
    assert done.code == 2, done
    assert [line.split(": ")[1] for line in lines if "warning" not in line] == [
        "published",
        "to[1]",
    ]
    assert station.json("list")["items"] == []


def test_nobody_to_publish_as(tmp_path: Path) -> None:
    """Without an identity there is nobody to publish as; without a file nothing to publish."""
    with Fediverse([BY_NAME["mastodon"]]) as world:
        station = PublicStation(tmp_path, world)
        missing = station.run("publish", "nowhere.json")
        station.file.write_text("contact: https://example.org/\nstore: {path: data}\n", "utf-8")
        nobody = station.run("publish", "-", stdin='{"type": "Note", "to": "as:Public"}')

    assert (missing.code, nobody.code) == (2, 2)
    assert "nowhere.json: cannot be read" in missing.err
    assert "identity: is not set" in nobody.err
