"""Whatever a person names, `explain`, `get` and `list` find what is known of it, or say why not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from station import Station

from fedpull.cache.views import BOUNDS
from fedpull.client import Client
from fedpull.errors import NotFound
from fedpull.tests.fediverse import Fediverse
from fedpull.tests.fediverse.families.cursors import Mastodon

TOWN = "town.example"
ADA = f"@ada@{TOWN}"


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Station]:
    server = Mastodon(TOWN)
    with Fediverse([server]) as world:
        server.add_account("ada", posts=3)
        yield Station(tmp_path, world)


def test_a_handle_that_failed(town: Station) -> None:
    """`fetch` of a handle sends people to `explain`, which tells what went wrong with it."""
    nobody, nowhere = f"@nobody@{TOWN}", "@ada@nowhere.example"
    assert town.run("fetch", nobody).code == 3
    assert "`fedpull explain` tells more" in town.run("fetch", nowhere).err

    assert "status 404" in town.json("explain", nobody)["why"]
    told = town.run("explain", nowhere)
    assert (told.code, told.err) == (0, "")
    assert "the certificate is not for nowhere.example" in told.out.splitlines()[1]


def test_a_handle_that_was_fetched(town: Station) -> None:
    """A handle counts as known once it has been resolved, followed or not."""
    actor = town.world.servers[TOWN].accounts["ada"].actor_id
    for command in (("get", ADA), ("explain", ADA), ("list", "--actor", ADA)):
        unknown = town.run(*command)
        assert (unknown.code, unknown.out) == (3, ""), unknown
        assert f"{ADA}: is not in the cache" in unknown.err
    town.run("fetch", ADA)

    assert town.json("get", ADA)["id"] == actor
    assert town.json("explain", ADA)["id"] == actor
    assert town.json("list", "--actor", ADA)["items"] == []


def test_an_outbox(town: Station) -> None:
    """An outbox that was read is a collection, and `explain` says when and how it was read."""
    town.pull(ADA)
    outbox = f"https://{TOWN}/users/ada/outbox"

    explained = town.json("explain", outbox)

    assert explained["class"] == "collection"
    assert explained["why"].startswith("A collection; its pages are read and not kept. Last time")
    assert "collection  ok, complete" in town.run("explain", outbox).out
    with town.daemon() as daemon, Client(daemon.address) as client:
        shown = client.reference(outbox)
        assert (shown["class"], shown["log"]) == ("collection", explained["log"])
        with pytest.raises(NotFound):
            list(client.objects(actor=f"@nobody@{TOWN}"))


def test_what_is_watched(town: Station) -> None:
    """Actor, post and outbox: how often each changes, how often it is asked, and why."""
    town.configure(follow=[ADA])
    town.pull()
    actor = town.world.servers[TOWN].accounts["ada"].actor_id
    [post] = sorted(town.listed(ADA))[:1]
    outbox = f"https://{TOWN}/users/ada/outbox"

    kinds = {id: town.json("explain", id) for id in (actor, post, outbox)}

    assert [one["source"] for one in kinds.values()] == ["actor", "post", "outbox"]
    for id, one in kinds.items():
        assert one["rate"] > 0
        assert one["interval"] >= 60
        assert one["bound"] in BOUNDS
        assert one["next_check"] > one["verified_at"]
        assert 0 <= one["priority"] < 1
        assert one["log"][0]["outcome"] if id != post else one["verified_by"] == "embedded"
        assert f" {'read' if id == outbox else 'checked'} every " in one["why"]
    assert kinds[outbox]["reads"]["begins"] == "cursor"
    assert "min_id=" in kinds[outbox]["reads"]["url"]
    assert kinds[outbox]["reads"]["newest_first"] is True
    assert kinds[post]["reads"] is None
    told = town.run("explain", outbox).out
    for name, value in (("expected", "about "), ("begins at", "the cursor, "), ("order", "newest")):
        assert re.search(rf"^{name} +{value}", told, re.MULTILINE), told


def test_status_hosts_and_follows(town: Station) -> None:
    """What is asked again, how far it is behind and what it costs, in figures and in words."""
    actor = town.world.servers[TOWN].accounts["ada"].actor_id
    town.configure(follow=[actor])
    town.pull()

    status = town.json("status")
    [host] = town.json("hosts")["items"]
    [follow] = town.json("follows")["items"]

    assert status["sources"] == 5  # the actor, its outbox and three posts
    assert (status["backlog"], status["lag"]) == (0, None)
    assert (host["backlog"], host["lag"]) == (0, None)
    assert status["budget"]["limit"] == 20_000
    assert status["budget"]["used"] == len(town.world.log.entries)
    assert (status["price"] > 0, status["scarce"]) == (True, False)
    assert follow["interval"] >= 120
    assert follow["next_check"] > follow["last_success"]
    told = town.run("status").out
    for part in ("5 by themselves", "nothing is due", "20000 an hour to ask again"):
        assert part in told
    assert "an account with a post a day is read every 15 minutes" in told
    assert len(town.run("follows").out.split("\t")) == 8
    assert len(town.run("hosts").out.split("\t")) == 14


def test_another_name(town: Station) -> None:
    """`explain` of another name for something says so, as the API does; `get` gets the thing."""
    actor = town.world.servers[TOWN].accounts["ada"].actor_id
    town.run("fetch", f"{actor}#main-key")

    alias = town.json("explain", f"{actor}#main-key")

    assert (alias["id"], alias["state"]) == (f"{actor}#main-key", "redirected")
    assert alias["why"] == f"Another name for {actor}."
    assert town.json("get", f"{actor}#main-key")["id"] == actor


@pytest.mark.parametrize("command", ["get", "explain"])
def test_what_may_not_be_asked_for_is_not_merely_missing(town: Station, command: str) -> None:
    """What no fetch would bring is syntax here, too, rather than advice to fetch it."""
    for uri in ("https://127.0.0.1/x", f"https://{TOWN}:8443/", "https://localhost/", "@a@x.lan"):
        done = town.run(command, uri)
        assert (done.code, done.out) == (2, ""), done
        assert "names the" in done.err
