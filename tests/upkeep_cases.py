"""A store that a daemon would have, with somebody in it who is to be forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from station import Station

from fedpull.tests.fediverse.families.cursors import Mastodon
from fedpull.tests.fediverse.model import Account
from fedpull.tests.fediverse.world import Fediverse

HOST = "home.example"
SECRET = "quokka"


@contextmanager
def pulled(folder: Path, *, edited: bool = False) -> Iterator[tuple[Station, Account, Account]]:
    """Bob, who is to be forgotten, and Carol, who is not. `edited`: his first post was."""
    host = Mastodon(HOST)
    with Fediverse([host]) as world:
        bob, carol = host.add_account("bob"), host.add_account("carol", posts=3)
        for number in range(30):
            bob.post(f"{SECRET} number {number} " + "and on " * 60)
        if edited:
            bob.edit(bob.posts[0], f"{SECRET} number 0, edited")
        station = Station(folder, world, follow=[bob.handle, carol.handle])
        station.pull()
        yield station, bob, carol
