"""Every fetched document passes Scrapy's engine, its downloader and a spider's callback."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from station import Station

from fedpull.tests.fediverse.families import BY_NAME
from fedpull.tests.fediverse.world import Fediverse


def test_every_answer_passes_engine_downloader_and_callback(tmp_path: Path) -> None:
    """What the hosts served is what each station of Scrapy has counted: nothing goes around it."""
    with Fediverse([BY_NAME["mastodon"], BY_NAME["gotosocial"], BY_NAME["bookwyrm"]]) as world:
        accounts = [server.add_account("alice", posts=30) for server in world.servers.values()]
        station = Station(tmp_path, world, follow=[account.handle for account in accounts])
        done = subprocess.run(
            [sys.executable, Path(__file__).with_name("scrapy_counts.py"), station.file],
            capture_output=True,
            text=True,
            timeout=60,
            env=station.environment,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        counts = json.loads(done.stdout)
        served = len(world.log.entries)

    assert served > 60
    assert set(counts.values()) == {served}, counts
    assert set(counts) == {"scheduled", "received", "downloaded", "callbacks"}
