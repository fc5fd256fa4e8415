"""`fedpull doctor`: each thing that can be wrong around a daemon is named, with its exit code."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from nginx_proxy import installed, make_certificate, nginx
from public_station import PublicStation
from station import Station

from fedpull.crawler.doctor_outside import time_of
from fedpull.tests.fediverse.families import BY_NAME
from fedpull.tests.fediverse.world import Fediverse


@pytest.fixture(scope="module")
def world() -> Iterator[Fediverse]:
    with Fediverse([BY_NAME["mastodon"], BY_NAME["gotosocial"]]) as running:
        running.servers["mastodon.example"].add_account("alice", posts=1)
        yield running


ALICE = "@alice@mastodon.example"


def states(checks: list[dict[str, str]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for check in checks:
        found.setdefault(check["check"], set()).add(check["state"])
    return found


def said(checks: list[dict[str, str]], subject: str) -> str:
    return " ".join(check["says"] for check in checks if check["check"] == subject)


@pytest.fixture
def public(tmp_path: Path, world: Fediverse) -> Iterator[PublicStation]:
    """Behind nginx, as others find it: the door of the doctor goes the whole way."""
    installed("nginx")
    folder = tmp_path / "nginx"
    folder.mkdir()
    station = PublicStation(tmp_path, world, follow=[ALICE])
    make_certificate(folder)
    with nginx(folder, station.port, folder) as (_, secure):
        lead(station, secure)
        yield station


def lead(station: Station, port: int) -> None:
    """`https://pull.example` is found at this port, and whoever signs for it is trusted."""
    config = yaml.safe_load(station.file.read_text("utf-8"))
    network = config["network"]
    bundle = station.folder / "bundle.pem"
    own = (station.folder / "nginx" / "ca.pem").read_bytes()
    bundle.write_bytes(Path(network["ca_file"]).read_bytes() + own)
    network["ca_file"] = str(bundle)
    network["connect_to"]["pull.example:443"] = f"127.0.0.1:{port}"
    station.file.write_text(yaml.safe_dump(config), "utf-8")


def test_all_is_well_beside_a_daemon(public: PublicStation) -> None:
    """Our actor, its handle, signature and inbox as others find them; no other host is asked."""
    with public.daemon():
        done = public.run("doctor", "--json")

    found = states(done.json["checks"])
    assert done.code == 0, done
    assert done.json["ok"] is True
    for subject in ("keys", "actor", "signature", "handle", "inbox"):
        assert found[subject] == {"ok"}, done
    assert found["hosts"] == {"skipped"}


def test_without_a_daemon_hosts_are_asked_for_the_time(tmp_path: Path, world: Fediverse) -> None:
    """One request each, to a few of those that are followed."""
    station = Station(tmp_path, world, follow=[ALICE])
    before = world.log.mark()

    done = station.run("doctor", "--json")

    found = states(done.json["checks"])
    assert done.code == 0, done
    assert found["host mastodon.example"] == {"ok"}
    assert "ok" in found["clock"]
    assert found["identity"] == {"skipped"}
    assert len(world.log.since(before)) == 1


CASES: list[Any] = [
    pytest.param(
        "follow: ['@alice@nowhere.invalid']\ncontact: https://e.example/\n",
        *(5, "name nowhere.invalid"),
        id="a name that does not resolve",
    ),
    pytest.param(
        "network: {ca_file: nothing.pem}\n", *(2, "certificates"), id="a CA file that is not there"
    ),
    pytest.param(
        "identity: {url: 'https://p.example', key_file: none.pem}\n",
        *(2, "keys"),
        id="keys that are not there",
    ),
    pytest.param(
        "blocklists: [none.csv]\n", *(2, "blocklists"), id="a blocklist that is not there"
    ),
    pytest.param("api: {token_file: none}\n", *(2, "token"), id="a token that is not there"),
]


@pytest.mark.parametrize(("text", "code", "subject"), CASES)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, code: int, subject: str) -> None:
    """A line for it, and the exit code that such an error has everywhere."""
    with Fediverse([]) as empty:
        station = Station(tmp_path, empty)
        station.file.write_text(f"store: {{path: data}}\n{text}")
        done = station.run("doctor")

    assert done.code == code, done
    assert f"wrong    {subject}: " in done.out
    assert "Traceback" not in done.err


def test_a_configuration_that_is_wrong(tmp_path: Path) -> None:
    """It is told as everywhere: every error, and 2."""
    with Fediverse([]) as empty:
        station = Station(tmp_path, empty)
        station.file.write_text("colour: red\n")
        done = station.run("doctor")

    assert done.code == 2
    assert "colour" in done.err


def test_keys_that_others_can_read(tmp_path: Path, world: Fediverse) -> None:
    """Whoever reads the file can speak in our name."""
    station = PublicStation(tmp_path, world)
    (tmp_path / "keys" / "actor.pem").chmod(0o644)

    done = station.run("doctor", "--json")

    assert done.code == 2
    assert "expected mode 0600" in said(done.json["checks"], "keys")


def test_an_address_that_leads_nowhere(public: PublicStation) -> None:
    """The proxy is down, or its name leads elsewhere: nobody finds our actor."""
    with public.daemon():
        lead(public, 9)
        done = public.run("doctor", "--json")

    assert done.code == 5
    assert states(done.json["checks"])["actor"] == {"wrong"}


def test_an_actor_with_another_key(public: PublicStation) -> None:
    """Two installations of one name: what we sign nobody can verify."""
    with public.daemon():
        assert public.run("init", str(public.folder / "other")).code == 0
        text = public.file.read_text("utf-8").replace("keys/actor.pem", "other/keys/actor.pem")
        public.file.write_text(text)
        done = public.run("doctor", "--json")

    assert done.code == 5
    assert states(done.json["checks"])["signature"] == {"wrong"}


HOUR = 3_600.0


@pytest.mark.parametrize(
    ("told", "state"),
    [
        pytest.param({}, None, id="nobody says"),
        pytest.param({"a.example": 2.0}, "ok", id="it agrees"),
        pytest.param({"a.example": HOUR}, "wrong", id="it does not"),
        pytest.param({"a.example": HOUR, "b.example": 1.0}, "warning", id="one of two is off"),
        pytest.param({"a.example": -HOUR, "b.example": -HOUR}, "wrong", id="both are"),
    ],
)
def test_whose_clock_is_wrong(told: dict[str, float], state: str | None) -> None:
    """Ours, where most of the others say so."""
    assert [one.state for one in time_of(told)] == ([] if state is None else [state])


def test_a_clock_that_is_wrong(tmp_path: Path) -> None:
    """By what the servers that are followed say, with and without a daemon."""
    families = [BY_NAME[name] for name in ("mastodon", "pleroma", "misskey")]
    with Fediverse(families, clock=lambda: time.time() - 2 * HOUR) as late:
        follow = [server.add_account("alice").handle for server in late.servers.values()]
        station = Station(tmp_path, late, follow=follow)
        without = station.run("doctor", "--json")
        with station.daemon() as running:
            running.wait_for_line("s ahead of that of 3 servers")
            beside = station.run("doctor", "--json")

    for done in (without, beside):
        assert done.code == 1, done
        assert "wrong" in states(done.json["checks"])["clock"]
        assert "ahead of that of" in said(done.json["checks"], "clock")
