"""What a caller may name: http where the operator allows it, nothing that no rule lets us ask."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from station import Station

from fedpull.client import Client
from fedpull.errors import BadInput
from fedpull.tests.fediverse import Fediverse
from fedpull.tests.fediverse.families.cursors import Mastodon

TOWN = "town.example"


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[Station]:
    """A server without TLS, and an operator who accepts that."""
    town = Mastodon(TOWN)
    with Fediverse([town], tls=False) as world:
        town.add_account("ada", posts=3)
        yield Station(tmp_path, world, network={"http": True})


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Station]:
    server = Mastodon(TOWN)
    with Fediverse([server]) as world:
        server.add_account("ada", posts=3)
        server.add_account("boris", posts=3)
        yield Station(tmp_path, world)


def test_http_where_it_is_accepted(plain: Station) -> None:
    """With `network.http` an actor's http:// URI is fetched, pulled, followed and got."""
    actor = plain.world.servers[TOWN].accounts["ada"].actor_id
    assert actor.startswith("http://")

    assert plain.json("fetch", actor)["id"] == actor
    assert plain.pull(actor)[actor]["error"] is None
    assert plain.json("follow", actor)["follow"] == actor
    assert plain.pull()[actor]["complete"]
    assert plain.run("get", actor).code == 0
    with plain.daemon() as daemon, Client(daemon.address) as client:
        assert client.fetch(actor)["id"] == actor
        client.unfollow(actor)


WRONG = [
    (f"http://{TOWN}/users/ada", "has the scheme http: expected https"),
    ("https://127.0.0.1/ada", "names the address 127.0.0.1"),
    (f"https://{TOWN}:8443/ada", "names the port 8443"),
    ("@ada@localhost", "names the local host localhost"),
    ("@ada@printer.lan", "names the local host printer.lan"),
]


@pytest.mark.parametrize(("actor", "said"), WRONG, ids=[actor for actor, _ in WRONG])
def test_what_may_not_be_asked(town: Station, actor: str, said: str) -> None:
    """An actor that no rule lets us ask is syntax, whichever command names it, and nobody is."""
    for command in ("fetch", "pull", "follow"):
        done = town.run(command, actor)
        assert (done.code, done.out, done.err.count("\n")) == (2, "", 1), (command, done)
        assert actor in done.err, (command, done)
        if command != "follow":  # which names the setting that is wrong, as in the file
            assert done.err.startswith(f"fedpull: {actor}: {said}"), (command, done)
    assert not (town.folder / "follows.yaml").exists()
    assert not town.world.log.since(0)


def test_what_may_not_be_asked_through_the_daemon(town: Station) -> None:
    """The API refuses the same names with the same words."""
    with town.daemon() as daemon, Client(daemon.address) as client:
        for actor, _ in WRONG:
            for call in (client.fetch, client.follow, lambda actor: client.pull([actor])):
                with pytest.raises(BadInput):
                    call(actor)
        assert client.follows() == []
    assert not town.world.log.since(0)


def test_a_pull_by_name_follows_nobody(town: Station) -> None:
    """What is pulled by name is pulled once: a later pull of all, and the counts, leave it out."""
    ada, boris = f"@ada@{TOWN}", f"@boris@{TOWN}"
    town.run("follow", boris)
    with town.daemon() as daemon, Client(daemon.address) as client:
        assert [one["actor"] for one in client.pull([ada, ada])["actors"]] == [ada]
        assert [one["actor"] for one in client.pull()["actors"]] == [boris]
        assert client.status()["follows"] == 1
        client.unfollow(boris)
        assert client.pull()["actors"] == []
        assert town.run("pull").code == 2
    assert town.json("status")["follows"] == 0
