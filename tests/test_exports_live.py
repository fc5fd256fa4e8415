"""Exports and streams of the real daemon, while it works."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from atom_grammar import ATOM, faults, parsed
from icalendar import Calendar
from station import Station

from fedpull.client import Client
from fedpull.config.follow_files import parse_follow_file
from fedpull.errors import BadInput
from fedpull.tests.fediverse import Fediverse
from fedpull.tests.fediverse.families.cursors import Mastodon
from fedpull.tests.fediverse.families.events import Gancio

TOWN, AGENDA = "town.example", "agenda.example"
ADA, EVENTS = f"@ada@{TOWN}", f"@agenda@{AGENDA}"


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    with Fediverse() as world:
        world.add(Mastodon(TOWN)).add_account("ada", posts=30)
        world.add(Gancio(AGENDA)).add_account("agenda", posts=12)
        follows = [EVENTS, {"actor": ADA, "boosts": False}]
        yield Station(tmp_path, world, follow=follows)


def test_a_daemon_exports_what_it_has_pulled(station: Station) -> None:
    """All formats over HTTP, piece by piece, hold what the command prints beside the daemon."""
    station.pull()
    with station.daemon() as running, Client(running.address) as client:
        lines = b"".join(client.export()).splitlines()
        events = b"".join(client.export("ics", follow=EVENTS))
        feed = b"".join(client.export("atom", follow=ADA, limit="10"))
        follows = b"".join(client.export("csv"))
        printed = station.run("export").out.splitlines()
        with pytest.raises(BadInput, match="is not a format"):
            next(client.export("xml"))

    assert len(lines) == len(printed) == 42
    assert [json.loads(one)["document"] for one in lines] == [
        json.loads(one)["document"] for one in printed
    ]
    assert len(Calendar.from_ical(events).walk("VEVENT")) == 12
    assert faults(feed) == []
    assert len(list(parsed(feed).iter(f"{ATOM}entry"))) == 10
    found = parse_follow_file("following.csv", follows.decode())
    assert {one.actor: one.boosts for one in found.follows} == {EVENTS: True, ADA: False}


def test_a_stream_tells_of_each_post_as_it_is_kept(station: Station) -> None:
    """What a daemon pulls is told once for each document, and is in the cache when it is told."""
    with station.daemon() as running, Client(running.address) as client:
        created: list[str] = []
        for change in client.changes(follow=True):
            if change["kind"] == "created" and change["type"] in ("Note", "Event"):
                assert client.document(change["id"], only_if_cached=True)["id"] == change["id"]
                created.append(change["id"])
            if len(created) == 42:
                break

    assert len(set(created)) == 42
