"""An installation with an identity: its public listener stands where the simulated hosts find it.

The world reaches it as through a TLS proxy. Its port is chosen beforehand, because hosts that
verify signatures ask for our actor with the first request that we make of them.
"""

from __future__ import annotations

import functools
import shutil
import socket
import tempfile
from pathlib import Path
from typing import Any

from station import Station

from fedpull.crawler import key_file
from fedpull.tests.fediverse.model import Account
from fedpull.tests.fediverse.world import Fediverse

ORIGIN = "https://pull.example"
ACTOR = f"{ORIGIN}/actor"
INBOX = f"{ACTOR}/inbox"
SHARED_INBOX = f"{ORIGIN}/inbox"
QUICK = {"min": "1s", "max": "1s"}


@functools.cache
def _made() -> bytes:
    """Keys as `fedpull init` makes them; once, for RSA takes its time."""
    with tempfile.TemporaryDirectory() as folder:
        key_file.create(Path(folder) / "actor.pem")
        return (Path(folder) / "actor.pem").read_bytes()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class PublicStation(Station):
    """Follows, reads and is told as `https://pull.example`."""

    def __init__(self, folder: Path, world: Fediverse, **config: Any) -> None:
        self.port = free_port()
        keys = folder / "keys"
        keys.mkdir(mode=0o700)
        file = keys / "actor.pem"
        file.touch(0o600)
        file.write_bytes(_made())
        world.reach(ORIGIN, f"127.0.0.1:{self.port}")
        super().__init__(folder, world, **config)

    def configure(self, **config: Any) -> None:
        identity = {"url": ORIGIN, "username": "fedpull", "key_file": "keys/actor.pem"}
        super().configure(
            identity=identity | config.pop("identity", {}),
            listen={"inbox": f"tcp:{self.port}:interface=127.0.0.1"},
            **config,
        )

    def copy(self, folder: Path) -> Path:
        """The store as it is, for whoever wants to look at it in peace."""
        return Path(shutil.copytree(self.store, folder))


def holds(station: Station, account: Account) -> set[str]:
    return station.listed(account.handle) if (station.store / "data.mdb").exists() else set()
