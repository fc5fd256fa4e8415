"""SIGHUP: what of a configuration that was read anew takes effect, and what is only named."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest
import yaml
from public_station import PublicStation
from station import Running, Station, eventually

from fedpull.cli.session import Session
from fedpull.config.changes import changes
from fedpull.config.model import Config
from fedpull.config.parse import parse_config
from fedpull.config.problems import ConfigError
from fedpull.tests.fediverse.families import BY_NAME
from fedpull.tests.fediverse.world import Fediverse


@pytest.mark.parametrize(
    ("old", "new", "taken", "left"),
    [
        pytest.param({}, {}, (), (), id="nothing"),
        pytest.param({}, {"follow": ["@a@a.example"]}, ("follow",), (), id="a follow"),
        pytest.param({}, {"log": {"level": "debug"}}, ("log.level",), (), id="the log"),
        pytest.param(
            {}, {"politeness": {"gap": "9s"}}, ("politeness.gap",), (), id="one key of a section"
        ),
        pytest.param(
            {},
            {"listen": {"api": "tcp:1:interface=127.0.0.1"}, "blocklists": ["b.csv"]},
            ("blocklists",),
            ("listen.api",),
            id="some of each",
        ),
        pytest.param(
            {}, {"identity": {"url": "https://p.example"}}, (), ("identity",), id="a whole section"
        ),
        pytest.param(
            {}, {"politeness": {"robots": "strict"}}, ("politeness.robots",), (), id="robots"
        ),
        pytest.param(
            {}, {"politeness": {"robots": "off"}}, (), ("politeness.robots",), id="no robots"
        ),
        pytest.param(
            {"store": {"max_bytes": "1GiB"}}, {}, (), ("store.max_bytes",), id="back to a default"
        ),
    ],
)
def test_what_can_be_taken_up(
    old: dict[str, Any], new: dict[str, Any], taken: tuple[str, ...], left: tuple[str, ...]
) -> None:
    """Each key that has changed is taken or left, and what is left stays as it was."""
    running, written = parse_config(old), parse_config(new)

    found = changes(running, written)

    assert (found.taken, found.left) == (taken, left)
    again = changes(found.config, written)
    assert (again.taken, again.left) == ((), left)
    assert changes(running, found.config).left == ()


def test_every_key_is_known() -> None:
    """What is new in the model needs a decision: it is left until somebody makes one."""
    assert changes(Config(), Config()) == changes(parse_config({}), Config())


def rewrite(station: Station, **config: Any) -> None:
    """Write the file anew, with the listeners of the running daemon left alone."""
    station.configure(**config)


def hup(running: Running, line: str) -> None:
    running.process.send_signal(signal.SIGHUP)
    running.wait_for_line(line)


def test_follows_come_and_go_without_a_restart(tmp_path: Path) -> None:
    """A new one is read at once, one that is gone no more; what was kept of it stays."""
    with Fediverse([BY_NAME["mastodon"]]) as world:
        server = world.servers["mastodon.example"]
        alice, bob = (server.add_account(name, posts=3) for name in ("alice", "bob"))
        station = Station(tmp_path, world, follow=[alice.handle])
        with station.daemon() as running:
            eventually(lambda: len(station.listed(alice.handle)) == 3, "Alice's posts")
            rewrite(station, follow=[bob.handle])
            hup(running, "follows: 1 are new, 1 are gone, 0 have changed")
            eventually(lambda: len(station.listed(bob.handle)) == 3, "Bob's posts")
            followed = [one["handle"] for one in station.json("follows")["items"]]
            kept = station.json("list", "--actor", alice.handle)["items"]

    assert followed == [bob.handle]
    assert len(kept) == 3


def test_politeness_changes_without_a_restart(tmp_path: Path) -> None:
    """From then on hosts are asked at the pace that is written now."""
    with Fediverse([BY_NAME["mastodon"]]) as world:
        server = world.servers["mastodon.example"]
        alice = server.add_account("alice", posts=60)
        station = Station(tmp_path, world, follow=[alice.handle], politeness={"gap": "1h"})
        with station.daemon() as running:
            eventually(lambda: len(world.log.since(0)) >= 1, "the first request")
            rewrite(station, follow=[alice.handle], politeness={"gap": "0s"})
            hup(running, "configuration: taken up: politeness.gap")
            bob = server.add_account("bob", posts=2)
            rewrite(station, follow=[alice.handle, bob.handle], politeness={"gap": "0s"})
            hup(running, "follows: 1 are new")


def test_the_log_changes_without_a_restart(tmp_path: Path) -> None:
    """Its level and its format; what counts its lines goes on counting."""
    with Fediverse([BY_NAME["mastodon"]]) as world:
        alice = world.servers["mastodon.example"].add_account("alice", posts=3)
        station = Station(tmp_path, world)
        with station.daemon() as running:
            rewrite(station, follow=[alice.handle], log={"level": "debug", "format": "json"})
            hup(running, '"event":"stored"')
    last = json.loads(running.output().splitlines()[-1])
    assert last["message"]


def test_what_needs_a_restart_is_named(tmp_path: Path) -> None:
    """In the log once, and in the status for as long as it is so."""
    with Fediverse([BY_NAME["mastodon"]]) as world:
        station = Station(tmp_path, world)
        with station.daemon() as running:
            rewrite(station, freshness={"budget": "7/h"})
            hup(running, "configuration: after a restart only: freshness.budget")
            reasons = station.json("status")["reasons"]
            rewrite(station)
            running.process.send_signal(signal.SIGHUP)
            eventually(lambda: station.json("status")["reasons"] == [], "nothing is left")

    assert reasons == ["freshness.budget: has changed, and takes effect after a restart"]


@pytest.mark.parametrize(
    ("broken", "line"),
    [
        pytest.param({"colour": "red"}, "colour: ", id="an unknown key"),
        pytest.param({"follow": ["alice"]}, "follow[0].actor: 'alice'", id="a bad follow"),
        pytest.param({"blocklists": ["gone.csv"]}, "gone.csv", id="a blocklist that is not there"),
        pytest.param({"follow_files": ["gone.csv"]}, "gone.csv", id="a list that is not there"),
    ],
)
def test_what_cannot_be_read_changes_nothing(
    tmp_path: Path, broken: dict[str, Any], line: str
) -> None:
    """Every error is one line of the log, and all stays as it was."""
    with Fediverse([BY_NAME["mastodon"]]) as world:
        station = Station(tmp_path, world)
        with station.daemon() as running:
            text = yaml.safe_load(station.file.read_text("utf-8"))
            alice = {"follow": ["@alice@mastodon.example"]}
            station.file.write_text(yaml.safe_dump(text | alice | broken), "utf-8")
            hup(running, "the blocklists stay as they were")
            assert line in running.output()
            station.file.write_text(yaml.safe_dump(text), "utf-8")
            assert station.json("follows")["items"] == []


def test_a_file_that_is_gone_is_not_the_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that was found in the current folder and is not there when it is read anew is an error:
    the defaults would drop every follow and blocklist."""
    monkeypatch.chdir(tmp_path)
    Path("fedpull.yaml").write_text("follow: ['@a@a.example']", "utf-8")
    session = Session()
    assert len(session.loaded.config.follow) == 1
    Path("fedpull.yaml").unlink()
    with pytest.raises(ConfigError, match=r"fedpull\.yaml: cannot be read: No such file"):
        session.read()


def test_a_follow_is_told_and_taken_back(tmp_path: Path) -> None:
    """`subscribe` of a follow that stays may change, too: its server learns of it."""
    with Fediverse([BY_NAME["mastodon"]]) as world:
        server = world.servers["mastodon.example"]
        server.answers_follows = "accept"
        alice = server.add_account("alice", posts=1)
        station = PublicStation(tmp_path, world, follow=[alice.handle])

        def subscribed() -> str:
            return str(station.json("follows")["items"][0]["subscribed"])

        with station.daemon() as running:
            eventually(lambda: len(station.listed(alice.handle)) == 1, "the post")
            rewrite(station, follow=[{"actor": alice.handle, "subscribe": True}])
            hup(running, "follows: 0 are new, 0 are gone, 1 have changed")
            eventually(lambda: subscribed() == "yes", "Alice's server has accepted")
            rewrite(station, follow=[alice.handle])
            running.process.send_signal(signal.SIGHUP)
            eventually(lambda: subscribed() == "no", "it is taken back")
