"""The JSON-LD views of the daemon as a process, and what was asked of the network for them."""

from __future__ import annotations

from pathlib import Path

import pytest
from station import Station, eventually

from fedpull.client import Client
from fedpull.errors import Refused
from fedpull.tests.fediverse.families import BY_NAME
from fedpull.tests.fediverse.world import Fediverse

AS2 = "https://www.w3.org/ns/activitystreams#"
SEC = "https://w3id.org/security#"
KEY = {"@context": "https://w3id.org/security/multikey/v1", "type": "Multikey", "controller": "x:y"}


def test_views_beside_a_crawl_ask_nobody(tmp_path: Path) -> None:
    """Small ones, those that PyLD makes in its own process, and those that there are not: the
    network hears of none, and of no context's server at any time."""
    with Fediverse([BY_NAME["mastodon"]]) as world:
        alice = world.servers["mastodon.example"].add_account("alice", posts=3)
        plain = alice.post("plain", sensitive=True)
        keyed = alice.post("keyed", attachment=[KEY])
        unknown = {"@context": "https://contexts.example/1", "type": "Document", "name": "x"}
        other = alice.post("other", attachment=[unknown])
        station = Station(tmp_path, world, follow=[alice.handle])
        with station.daemon() as running:
            eventually(lambda: len(station.listed(alice.handle)) == 6, "the posts")
            asked = world.log.mark()
            with Client(running.address) as client:
                assert client.compacted(plain.id)["sensitive"] is True
                [node] = client.expanded(keyed.id)
                assert node[AS2 + "attachment"][0]["@type"] == [SEC + "Multikey"]
                with pytest.raises(Refused, match=r"contexts\.example"):
                    client.expanded(other.id)
                assert client.document(other.id)["id"] == other.id

        assert not world.log.since(asked)
        assert {one.host for one in world.log.entries} == {"mastodon.example"}
