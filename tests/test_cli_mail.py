"""The commands about mail, beside a running daemon and without one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from mail_cases import GUEST, received, settled
from public_station import PublicStation
from station import Station

from fedpull.cache.mail_records import Follower, Send, Sent
from fedpull.cache.open import open_store
from fedpull.tests.fediverse.families import BY_NAME
from fedpull.tests.fediverse.world import Fediverse

NOW = 1_780_000_000.0
BOB = "https://b.example/users/bob"
EVE = "https://e.example/users/eve"


def fill(station: Station) -> None:
    """Two notifications, two followers, a delivery to a host that is not there."""
    opened = open_store(station.store, max_bytes=64 << 20)
    mailbox = opened.mailbox
    mailbox.receive([received(1), received(2)], NOW).result()
    mailbox.settle([settled(1, NOW, state="ignored", outcome="we have not asked")], NOW).result()
    for actor in (BOB, EVE):
        asked = Follower(actor, f"{actor}/inbox", None, "pending", f"{actor}/follows/1", NOW)
        mailbox.put_follower(asked, (), NOW).result()
    mailbox.send([Send("https://pull.example/x/1", f"{EVE}/inbox", b"{}")], NOW).result()
    opened.close()


@pytest.fixture
def station(tmp_path: Path) -> Iterator[PublicStation]:
    with Fediverse([BY_NAME["mastodon"]]) as world:
        yield PublicStation(tmp_path, world)


def test_mail_is_listed_without_a_daemon(station: PublicStation) -> None:
    """For a program as the call answers it, for a person in a line each."""
    fill(station)
    everything = station.json("notifications")
    lines = station.run("notifications", "--state", "ignored").out.splitlines()
    deliveries = station.json("deliveries", "--state", "waiting", "--host", "e.example")
    elsewhere = station.json("deliveries", "--host", "b.example")

    assert [one["id"] for one in everything["items"]] == [2, 1]
    assert everything["next"] is None
    assert [line.split("\t")[-1] for line in lines] == ["we have not asked"]
    assert [one["activity"] for one in deliveries["items"]] == ["https://pull.example/x/1"]
    assert elsewhere["items"] == []
    assert station.run("deliveries", "--host", "a b").code == 2
    assert GUEST in station.run("notifications", "--limit", "1").out


def test_the_deliveries_of_an_activity(station: PublicStation) -> None:
    """How many of them are in which state, and each try with `--log`."""
    fill(station)
    ours = "https://pull.example/x/1"
    opened = open_store(station.store, max_bytes=64 << 20)
    opened.mailbox.errands(NOW, 9, 60.0, 1e9).result()
    failed = Sent(1, "given_up", True, 403, "the inbox answers 403", seconds=0.5)
    opened.mailbox.sent([failed], NOW).result()
    opened.close()
    shown = station.run("deliveries", "--activity", ours, "--log")
    found = station.json("deliveries", "--activity", ours)

    assert shown.out.splitlines()[-1].split("\t")[2:] == [
        *(f"{EVE}/inbox", "403", "0.5", "the inbox answers 403"),
    ]
    assert "1 in all: 0 delivered, 0 waiting, 1 given up, 0 expired" in shown.err
    assert found["account"]["given_up"] == 1
    assert station.json("deliveries", "--activity", f"{ours}0")["items"] == []


def test_followers_are_judged_without_a_daemon(station: PublicStation) -> None:
    """The verdict is written, and told when a daemon runs."""
    fill(station)
    accepted = station.json("followers", "accept", BOB)
    rejected = station.run("followers", "reject", EVE)
    nobody = station.run("followers", "accept", "https://n.example/nobody")
    listed = {one["actor"]: one["state"] for one in station.json("followers")["items"]}
    sent = [one["inbox"] for one in station.json("deliveries")["items"]]

    assert (accepted["actor"], accepted["state"]) == (BOB, "accepted")
    assert rejected.out == f"{EVE}: rejected\n"
    assert "no daemon is running" in rejected.err
    assert nobody.code == 3
    assert listed == {BOB: "accepted", EVE: "rejected"}
    assert sent == [f"{EVE}/inbox", f"{BOB}/inbox", f"{EVE}/inbox"]


def test_followers_are_judged_through_the_daemon(station: PublicStation) -> None:
    """Which writes the store meanwhile."""
    fill(station)
    with station.daemon():
        assert station.json("followers", "accept", BOB)["state"] == "accepted"
        assert station.json("followers", "reject", BOB)["state"] == "rejected"
        listed = {one["actor"]: one["state"] for one in station.json("followers")["items"]}

    assert listed == {BOB: "rejected", EVE: "pending"}


def test_nothing_is_listed_before_anything_came(station: PublicStation) -> None:
    """An empty store, or none, is no error."""
    for command in ("notifications", "deliveries", "followers"):
        assert station.json(command) == {"items": [], "next": None}
