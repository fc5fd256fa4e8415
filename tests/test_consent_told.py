"""Consent as it is seen from outside: the daemon, its API, the commands and `fedpull.cache`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from station import Station, eventually

from fedpull.cache import Cache
from fedpull.client import Client
from fedpull.tests.fediverse.families import BY_NAME
from fedpull.tests.fediverse.world import Fediverse


@pytest.fixture
def world() -> Iterator[Fediverse]:
    with Fediverse([BY_NAME["mastodon"]]) as running:
        yield running


def test_who_is_followed_and_who_is_not(tmp_path: Path, world: Fediverse) -> None:
    """A followed actor is listed whatever it says, what it boosts in its own list only; what was
    fetched by id comes in when its author allows it, and goes when he does not any more."""
    alice = world.servers["mastodon.example"].add_account("alice")
    bob = world.servers["mastodon.example"].add_account("bob")
    alice.profile(indexable=False)
    bob.profile(indexable=False)
    own, unlisted = alice.post("mine"), alice.post("aside", public="unlisted")
    boosted, fetched = bob.post("boosted", tags=["cats"]), bob.post("fetched", tags=["cats"])
    hidden = bob.post("unlisted", public="unlisted", tags=["cats"])
    alice.boost(boosted)
    station = Station(
        tmp_path, world, follow=[{"actor": alice.handle, "every": {"min": "1s", "max": "1s"}}]
    )
    with station.daemon() as running, Client(running.address) as client:

        def listed(**wanted: Any) -> set[str]:
            ids = {item["id"] for item in client.objects(**wanted)}
            with Cache(station.store) as cache:
                assert {document.id for document in cache.objects(**wanted)} == ids
            return ids

        eventually(lambda: len(station.listed(alice.handle)) == 3, "what Alice posts and boosts")
        for post in (fetched, hidden):
            assert client.fetch(post.id)["document"]["id"] == post.id
        station.json("fetch", bob.actor_id)  # a command always asks
        assert listed() == listed(actor=alice.handle) == {own.id, unlisted.id}
        assert listed(follow=alice.handle) == {own.id, unlisted.id, boosted.id}
        assert listed(tag="cats") == listed(actor=bob.actor_id) == set()
        assert client.reference(fetched.id)["consent"] == {
            "verdict": "denied",
            "evidence": "its author: indexable is not true",
        }
        bob.profile(indexable=True)
        station.json("fetch", bob.actor_id)  # a command always asks
        assert listed(tag="cats") == listed(actor=bob.actor_id) == {boosted.id, fetched.id}
        assert client.reference(bob.actor_id)["consent"]["verdict"] == "granted"
        bob.profile(summary="<p>Please: #nobot</p>")
        station.json("fetch", bob.actor_id)  # a command always asks
        assert listed(tag="cats") == set()
        lines = station.run("list", "--tag", "cats", "--json")
        assert lines.json["items"] == []
        assert "no: its author: says #nobot" in station.run("explain", fetched.id).out
        assert "yes: its author is followed" in station.run("explain", own.id).out
        assert client.document(fetched.id)["id"] == fetched.id
    assert station.json("check")["findings"] == []
