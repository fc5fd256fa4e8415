"""What `pull` tells a person: one line an actor, with why there is nothing to read."""

from __future__ import annotations

from pathlib import Path

import pytest
from station import Station

from fedpull.cli.fetching import line
from fedpull.tests.fediverse import Fediverse
from fedpull.tests.fediverse.families.cursors import Mastodon
from fedpull.tests.fediverse.families.unpaged import PixelfedStub

NOTHING = {"new": 0, "updated": 0, "deleted": 0, "requests": 1, "complete": True, "error": None}
LINES = [
    ({}, "@a@b.example: nothing new (1 request)"),
    ({"new": 2, "deleted": 1, "requests": 3}, "@a@b.example: 2 new, 1 deleted (3 requests)"),
    ({"complete": False}, "@a@b.example: nothing new (1 request); not complete yet"),
    ({"complete": False, "error": "status 404"}, "@a@b.example: failed: status 404"),
    (
        {"new": 9, "requests": 4, "complete": False, "error": "status 500"},
        "@a@b.example: 9 new (4 requests); failed: status 500",
    ),
    (
        {"new": 1, "outbox_kind": "none"},
        "@a@b.example: 1 new (1 request); it has no outbox",
    ),
    (
        {"outbox_kind": "stub"},
        "@a@b.example: nothing new (1 request); its outbox shows nothing to strangers",
    ),
    (
        {"outbox_kind": "unpageable"},
        "@a@b.example: nothing new (1 request); its outbox cannot be read",
    ),
    ({"error": "a\x1b[2J"}, "@a@b.example: failed: a\ufffd[2J"),
]


@pytest.mark.parametrize(("result", "expected"), LINES, ids=[line for _, line in LINES])
def test_a_line(result: dict[str, object], expected: str) -> None:
    """Counts where there are any; a failure is called one, and never `nothing new`."""
    assert line({"actor": "@a@b.example", "outbox_kind": "ok", **NOTHING, **result}) == expected


def test_the_lines_of_a_pull(tmp_path: Path) -> None:
    """Each actor has one line of result, and one of progress where nobody watches a bar."""
    pixelfed = PixelfedStub()
    with Fediverse([Mastodon("town.example"), pixelfed]) as world:
        world.servers["town.example"].add_account("ada", posts=3)
        silent = pixelfed.add_account("emil", posts=3).handle
        station = Station(tmp_path, world)

        done = station.run("pull", "@ada@town.example", silent, "@bob@town.example")

        assert sorted(done.err.splitlines()) == [
            "@ada@town.example: done",
            "@bob@town.example: failed",
            f"{silent}: done",
        ]
        ada, emil, bob = done.out.splitlines()
        assert ada.startswith("@ada@town.example: 4 new (")
        assert emil.endswith("; its outbox shows nothing to strangers")
        assert bob.startswith("@bob@town.example: failed: https://town.example/.well-known/")
        assert station.pull(silent)[silent]["outbox_kind"] == "stub"
