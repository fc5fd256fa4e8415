"""What stands in deploy/ and in the operator's guide, run or read by the tools it is for."""

from __future__ import annotations

import http.client
import json
import re
import signal
import socket
import ssl
import subprocess
import sys
import tomllib
import urllib.request
from pathlib import Path

import click
import pytest
from nginx_proxy import installed, make_certificate, nginx
from public_station import ORIGIN, PublicStation, holds
from station import Station, eventually

from fedpull.cli.main import program
from fedpull.tests.fediverse.families import BY_NAME
from fedpull.tests.fediverse.world import Fediverse

ROOT = Path(__file__).resolve().parent.parent
DEPLOY = ROOT / "deploy"
GUIDE = (ROOT / "docs" / "operating.md").read_text("utf-8")
UNITS = sorted((DEPLOY / "systemd").iterdir())
# 0 is a service that may do nothing; most of Debian's stand at 9.6.
MOST_EXPOSED = 2.0


@pytest.fixture
def units(tmp_path: Path) -> list[Path]:
    """The units as they would be, with an interpreter that is there."""
    for unit in UNITS:
        text = unit.read_text("utf-8").replace("/opt/fedpull/bin/fedpull", sys.executable)
        (tmp_path / unit.name).write_text(text, "utf-8")
    return [tmp_path / unit.name for unit in UNITS]


def test_systemd_takes_the_units(units: list[Path]) -> None:
    """No unknown setting, nothing that contradicts another."""
    command = [
        installed("systemd-analyze"),
        "verify",
        "--man=no",
        "--recursive-errors=no",
        *map(str, units),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_service_may_do_little(units: list[Path]) -> None:
    """As systemd itself judges its exposure, from 0 to 10."""
    service = next(unit for unit in units if unit.name == "fedpull.service")
    command = [installed("systemd-analyze"), "security", "--offline=yes", str(service)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)

    assert found is not None, done.stdout + done.stderr
    assert float(found[1]) <= MOST_EXPOSED


class NotifyingStation(Station):
    """Its processes are started as systemd starts them."""

    notify = ""

    @property
    def environment(self) -> dict[str, str]:
        told = {"NOTIFY_SOCKET": self.notify, "WATCHDOG_USEC": "1000000"}
        return {**super().environment, **told}


def test_systemd_is_told_what_goes_on(tmp_path: Path) -> None:
    """Ready, alive again and again, reloading and ready again, stopping."""
    with Fediverse([]) as world, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(60)
        station = NotifyingStation(tmp_path, world)
        station.notify = str(tmp_path / "notify")

        def until(word: str) -> list[str]:
            said: list[str] = []
            while word not in said:
                said += listener.recv(4096).decode().splitlines()
            return said

        with station.daemon() as running:
            until("READY=1")
            until("WATCHDOG=1")
            until("WATCHDOG=1")
            running.process.send_signal(signal.SIGHUP)
            assert any(line.startswith("MONOTONIC_USEC=") for line in until("READY=1"))
        until("STOPPING=1")


def test_signed_pushes_come_through_nginx(tmp_path: Path) -> None:
    """With the example as its configuration: our actor is read, signatures hold, what is too large
    stays outside, and the private API is not there."""
    installed("nginx")
    (tmp_path / "nginx").mkdir()
    with Fediverse([BY_NAME["mastodon"]]) as world:
        alice = world.servers["mastodon.example"].add_account("alice", posts=1)
        station = PublicStation(tmp_path, world, follow=[{"actor": alice.handle}])
        make_certificate(tmp_path / "nginx")
        with nginx(tmp_path / "nginx", station.port, tmp_path / "nginx") as (plain, secure):
            world.reach(ORIGIN, f"127.0.0.1:{plain}")
            with station.daemon():
                eventually(lambda: len(holds(station, alice)) == 1, "the post")
                post = alice.post("one more")
                assert alice.push(post).status == 202
                assert alice.push(post, form="unsigned").status == 401
                actor = fetched(secure, "/actor")
                large = fetched(secure, "/inbox", b" " * (2**20 + 1))
                private = fetched(secure, "/v1/status")

    assert actor == 200
    assert large == 413
    assert private == 404


def fetched(port: int, path: str, body: bytes | None = None) -> int:
    """The status that nginx answers over TLS."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=60, context=context)
    try:
        headers = {"Host": "pull.example", "Accept": "application/activity+json"}
        connection.request("GET" if body is None else "POST", path, body, headers)
        return connection.getresponse().status
    finally:
        connection.close()


def test_the_container_is_made_of_what_is_there() -> None:
    """The Python that we ask for, extras that exist, and a check of health that is a program."""
    text = (DEPLOY / "container" / "Containerfile").read_text("utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

    assert set(re.findall(r"python:([\d.]+)-", text)) == {project["requires-python"][2:]}
    assert set(re.findall(r"'\.\[(\w+)\]'", text)) <= set(project["optional-dependencies"])
    health = re.search(r"CMD (\[\"python\".*\])", text)
    assert health is not None
    compile(json.loads(health[1])[2], "HEALTHCHECK", "exec")
    assert "USER fedpull" in text


def test_the_guide_names_commands_and_files_that_exist() -> None:
    """Every `fedpull COMMAND`, and every file of deploy/."""
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL))
    said = blocks + "\n".join(re.findall(r"`(fedpull [^`]*)`", GUIDE))
    commands = set(re.findall(r"(?:^|-- |bin/|exec fedpull |\b)fedpull ([a-z]+)\b", said))
    files = set(re.findall(r"deploy/[\w./-]+\w", GUIDE))

    assert isinstance(program, click.Group)
    assert {"init", "doctor", "status", "check"} <= commands <= set(program.commands)
    assert len(files) >= 6
    assert [file for file in files if not (ROOT / file).exists()] == []


def test_the_guide_works_step_by_step(tmp_path: Path) -> None:
    """What it types beside a daemon, in its order: look, back up, reload, ask."""
    with Fediverse([BY_NAME["mastodon"]]) as world:
        alice = world.servers["mastodon.example"].add_account("alice", posts=2)
        station = PublicStation(tmp_path, world, follow=[alice.handle])
        with station.daemon() as running:
            eventually(lambda: len(holds(station, alice)) == 2, "the posts")
            for words in (
                ("status", "--json"),
                ("hosts",),
                ("deliveries",),
                ("check",),
            ):
                assert station.run(*words).code == 0, words
            assert station.run("backup", str(tmp_path / "backup")).code == 0
            running.process.send_signal(signal.SIGHUP)
            for path in ("/readyz", "/metrics", "/healthz"):
                with urllib.request.urlopen(running.address + path, timeout=30) as answer:
                    assert answer.status == 200
