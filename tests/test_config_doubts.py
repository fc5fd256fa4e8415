"""What a configuration asks for in vain is told, and nothing is refused for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from station import Station

from fedpull.client import Client
from fedpull.config.doubts import doubts
from fedpull.config.model import Config, Follow, Identity
from fedpull.tests.fediverse import Fediverse
from fedpull.tests.fediverse.families.cursors import Mastodon

PLAIN, PUSHED = Follow(actor="@a@a.example"), Follow(actor="@b@b.example", subscribe=True)
OURS = Identity(url="https://pull.example.org", summary="Reads events for a calendar.")


@pytest.mark.parametrize(
    ("identity", "follows", "told"),
    [
        pytest.param(None, [PLAIN], [], id="nobody is subscribed to"),
        pytest.param(OURS, [PLAIN, PUSHED], [], id="and we are somebody"),
        pytest.param(None, [PLAIN, PUSHED], ["@b@b.example cannot"], id="one"),
        pytest.param(None, [PUSHED] * 3, ["@b@b.example and 2 more cannot"], id="several"),
    ],
)
def test_subscribing_needs_an_identity(
    identity: Identity | None, follows: list[Follow], told: list[str]
) -> None:
    """Without an identity nobody can be subscribed to, which is said once for all."""
    found = doubts(Config(identity=identity), follows)

    assert [part in line for part, line in zip(told, found, strict=True)] == [True] * len(told)


def test_an_actor_should_say_what_it_is_for() -> None:
    """The words of the example tell nobody what this crawler does."""
    config = Config(identity=Identity(url="https://pull.example.org"))

    assert [line.partition(":")[0] for line in doubts(config, [])] == ["identity.summary"]


def test_the_daemon_tells_at_its_start_and_when_it_is_asked(tmp_path: Path) -> None:
    """The log, /readyz and the status name what is in vain; the daemon is ready all the same."""
    town = Mastodon("town.example")
    with Fediverse([town]) as world:
        actor = town.add_account("ada").actor_id
        follow = [{"actor": actor, "subscribe": True}]
        (tmp_path / "blocks.csv").write_text("sp*m.example\n", "utf-8")
        station = Station(tmp_path, world, follow=follow, blocklists=["blocks.csv"])
        with station.daemon() as daemon, Client(daemon.address) as client:
            status = client.status()
            shown = station.run("status").out
        output = daemon.output()

    assert status["ready"] is True
    for part in ("blocks.csv: 1 row is obfuscated", f"{actor} cannot be subscribed to"):
        assert any(part in reason for reason in status["reasons"])
        assert part in shown
        assert part in output
