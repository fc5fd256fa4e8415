"""A backfill that is killed again and again completes, and nothing is lost or doubled."""

from __future__ import annotations

import os
import random
from collections import Counter
from pathlib import Path

from station import Station, eventually

from fedpull.cache import Cache
from fedpull.tests.fediverse.families import BY_NAME
from fedpull.tests.fediverse.world import Fediverse

POSTS = 2000
ROUNDS = int(os.environ.get("FEDPULL_CRASH_ROUNDS", "8"))


def test_a_backfill_of_2000_posts_survives_kill_9_at_any_moment(tmp_path: Path) -> None:
    """Each round lets a few more answers out, kills, and compares the store with itself."""
    rng = random.Random(20260921)
    with Fediverse([BY_NAME["mastodon"]]) as world:
        alice = world.servers["mastodon.example"].add_account("alice", posts=POSTS)
        follow = [{"actor": alice.handle, "backfill": "all"}]
        station = Station(tmp_path, world, follow=follow)
        offered = world.servers["mastodon.example"].public_objects(alice)
        for _ in range(ROUNDS):
            target = len(world.log.entries) + rng.randrange(1, 200 // ROUNDS)
            process = station.start("run")
            eventually(
                lambda target=target, process=process: (  # type: ignore[misc]
                    len(world.log.entries) >= target or process.poll() is not None
                ),
                "some more requests",
            )
            process.kill()
            process.wait()
            assert station.run("check").code == 0
        told = station.pull()
        kept = station.listed(alice.handle)

    assert told[alice.handle]["error"] is None
    assert told[alice.handle]["complete"] is True
    assert kept == offered
    with Cache(station.store) as cache:
        created = Counter(
            change.id for change in cache.changes(since=0) if change.kind == "created"
        )
        members = cache.collection(alice.outbox_url)
    assert {id: count for id, count in created.items() if count > 1} == {}
    assert members is not None
    assert station.run("check").code == 0
