"""A daemon whose store is full: it serves, says why it fetches nothing, and goes on when it can."""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from pathlib import Path

from station import Station, eventually

from fedpull.client import Client
from fedpull.tests.fediverse.families.cursors import Mastodon
from fedpull.tests.fediverse.world import Fediverse


def ready(address: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"{address}/readyz") as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_it_serves_and_says_so_and_goes_on_after_a_purge(tmp_path: Path) -> None:
    """Everything that is held is followed, so nothing may be evicted; forgetting makes room."""
    hosts = [Mastodon(f"home{n}.example") for n in range(4)]
    with Fediverse(hosts) as world:
        people = [host.add_account("ann") for host in hosts]
        for person in people:
            for _ in range(250):
                person.post(os.urandom(1_500).hex())
        follow = [{"actor": person.handle, "backfill": "all"} for person in people]
        station = Station(tmp_path, world, follow=follow, store={"max_bytes": "2MiB"})
        with station.daemon() as daemon, Client(daemon.address) as client:

            def is_full() -> bool:
                return bool(client.status()["store"]["read_only"])

            eventually(is_full, "a full store")
            status, text = ready(daemon.address)
            assert (status, "full" in text) == (503, True)
            held = client.status()["documents"]
            assert held > 100
            assert len(station.listed(people[0].handle)) > 10
            assert client.status()["store"]["bytes"] < 2.3 * (1 << 20)

            assert station.json("forget", people[0].handle)["purged"] > 10
            eventually(lambda: not is_full(), "room again")
            assert ready(daemon.address)[0] == 200
        assert station.run("check").code == 0
