"""Every command against the simulated Fediverse, beside a running daemon and without one."""

from __future__ import annotations

import io
import json
import os
import signal
import stat
import subprocess
import sys
import urllib.parse
from collections.abc import Iterator
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from test_shapes import ITEM, REFERENCE

from fedpull.cli.main import main
from fedpull.client import Client
from fedpull.errors import BadInput, Gone, NotFound, Unreachable
from fedpull.tests.fediverse import Fediverse
from fedpull.tests.fediverse.families.cursors import Mastodon
from fedpull.tests.fediverse.families.events import Gancio

# There is one reactor a process, and it cannot be started twice.
ENGINES = {"run", "pull", "fetch", "demo"}

TOWN, AGENDA = "town.example", "agenda.example"
ADA, BORIS, EVENTS = f"@ada@{TOWN}", f"@boris@{TOWN}", f"@agenda@{AGENDA}"
NOBODY = f"@nobody@{TOWN}"
FOLLOW = "follow actor handle name outbox objects last_success last_error next_check interval"
STATUS = "version uptime references documents follows due in_flight store budget"
PULLED = "actor new updated deleted requests complete error"
CHANGE = "seq kind id actor type at reason"
HOST = "host state until failures last_error software signature requests"


@dataclass
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Station:
    """A folder with a configuration for a Fediverse, in which commands are typed."""

    folder: Path
    world: Fediverse
    environ: dict[str, str] = field(default_factory=dict)

    def __call__(self, *typed: str, code: int = 0) -> Done:
        """Type a command: in a process of its own where it starts an engine, else in ours."""
        result = self._outside(typed) if typed[0] in ENGINES else self._inside(typed)
        assert result.code == code, result
        return result

    def _inside(self, typed: tuple[str, ...]) -> Done:
        out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in "oe")
        with redirect_stdout(out), redirect_stderr(err), chdir(self.folder):
            code = main(typed)
        return Done(code, *(text.buffer.getvalue().decode() for text in (out, err)))

    def _outside(self, typed: tuple[str, ...]) -> Done:
        done = subprocess.run(
            [sys.executable, "-m", "fedpull", *typed],
            cwd=self.folder,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    @contextmanager
    def running(self) -> Iterator[str]:
        """The daemon, as a child process; its address."""
        command = [sys.executable, "-m", "fedpull", "run"]
        log = (self.folder / "daemon.log").open("wb")
        process = subprocess.Popen(command, cwd=self.folder, env=self.environ, stderr=log)
        address = self.folder / "data" / "api"
        try:
            while not (address.exists() and address.read_text()):
                assert process.poll() is None, (self.folder / "daemon.log").read_text()
            yield address.read_text()
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                assert process.wait(10) == 0, (self.folder / "daemon.log").read_text()
            finally:
                process.kill()
                log.close()
        assert not address.exists()


@pytest.fixture
def station(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Station]:
    """Two hosts, three actors, nobody followed."""
    for name in ("FEDPULL_CONFIG", "FEDPULL_DEBUG", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    town, agenda = Mastodon(TOWN), Gancio(AGENDA)
    with Fediverse([town, agenda]) as world:
        for user, posts in (("ada", 25), ("boris", 5)):
            town.add_account(user, posts=posts)
        agenda.add_account("agenda", posts=4)
        local = {"api": "tcp:0:interface=127.0.0.1", "inbox": "tcp:0:interface=127.0.0.1"}
        config = world.config(listen=local, store={"path": "data", "max_bytes": "256MiB"})
        (tmp_path / "fedpull.yaml").write_text(json.dumps(config))
        yield Station(tmp_path, world, dict(os.environ))


def account(station: Station, user: str = "ada", host: str = TOWN) -> Any:
    return station.world.servers[host].accounts[user]


def test_a_newcomer(station: Station) -> None:
    """Pull an actor by its handle, list, get, explain, ask what has changed, check."""
    pulled = station("pull", ADA, "--json").json["actors"][0]
    post = account(station).posts[-1]

    assert set(PULLED.split()) <= set(pulled)
    assert (pulled["actor"], pulled["complete"], pulled["error"]) == (ADA, True, None)
    listed = station("list", "--actor", account(station).actor_id, "--limit", "500", "--json").json
    offered = station.world.servers[TOWN].public_objects("ada")
    assert {item["id"] for item in listed["items"]} == offered
    assert set(ITEM.split()) <= set(listed["items"][0])
    assert listed["next"] is None
    lines = station("list", "--actor", account(station).actor_id, "--limit", "3").out.splitlines()
    assert [line.split("\t")[0] for line in lines] == [i["id"] for i in listed["items"][:3]]

    got = station("get", post.id)
    assert json.loads(got.out)["id"] == post.id
    assert station("get", post.id, "--json").out == got.out
    assert json.loads(station("get", ADA).out)["id"] == account(station).actor_id

    explained = station("explain", post.id, "--json").json
    assert set(REFERENCE.split()) <= set(explained)
    assert explained["state"] == "resolved"
    text = station("explain", post.id).out
    assert text.startswith(f"{post.id}\n  Fresh: it came embedded in an answer of its origin")

    changes = station("changes", "--json").json
    assert set(CHANGE.split()) == set(changes["items"][0])
    assert [change["seq"] for change in changes["items"]] == list(
        range(1, len(changes["items"]) + 1)
    )
    last = changes["items"][-1]["seq"]
    assert station("changes", "--since", str(last)).out == ""
    assert len(station("changes", "--since", str(last - 2)).out.splitlines()) == 2

    hosts = station("hosts", "--json").json["items"]
    assert {host["host"] for host in hosts} == {f"{TOWN}:443"}
    assert set(HOST.split()) <= set(hosts[0])
    station("fetch", "https://nowhere.example/", code=5)
    shown = [line.split("\t")[0] for line in station("hosts").out.splitlines()]
    assert shown == ["nowhere.example:443", f"{TOWN}:443"]
    assert station("check", "--json").json["findings"] == []
    assert station("check").out.endswith("0 wrong\n")


def test_only_what_is_new_is_pulled_again(station: Station) -> None:
    """A second pull gets the new post, the next one nothing."""
    station("pull", ADA)
    new = account(station).post("Fresh from the press")

    again = station("pull", ADA, "--json").json["actors"][0]

    assert (again["new"], again["complete"]) == (1, True)
    assert json.loads(station("get", new.id).out)["id"] == new.id
    done = station("pull", ADA)
    assert done.out.startswith(f"{ADA}: nothing new (")
    assert done.err == f"{ADA}: done\n"


def test_an_actor_that_fails_does_not_stop_the_others(station: Station) -> None:
    """Exit 5, and the others are up to date."""
    done = station("pull", NOBODY, BORIS, "--json", code=5)

    by_actor = {result["actor"]: result for result in done.json["actors"]}
    assert "404" in by_actor[NOBODY]["error"]
    assert (by_actor[BORIS]["new"] >= 5, by_actor[BORIS]["error"]) == (True, None)


@pytest.mark.parametrize("daemon", [False, True], ids=["without a daemon", "beside a daemon"])
def test_fetch(station: Station, daemon: bool) -> None:
    """One document on demand, the same with and without a daemon."""
    post = account(station).posts[-1]
    gone = account(station).posts[-2]
    account(station).delete(gone)
    if daemon:
        with station.running():
            _fetches(station, post.id, gone.id)
    else:
        _fetches(station, post.id, gone.id)


def _fetches(station: Station, post: str, gone: str) -> None:
    fetched = station("fetch", post)
    assert json.loads(fetched.out)["id"] == post
    assert station("get", post).out == fetched.out
    shown = station("fetch", post, "--depth", "1", "--json").json
    assert set(REFERENCE.split()) | {"document"} <= set(shown)
    assert shown["document"] == json.loads(fetched.out)
    assert json.loads(station("fetch", ADA).out)["preferredUsername"] == "ada"
    for typed, code, said in (
        (f"https://{TOWN}/users/nobody", 3, "not found"),
        (gone, 3, ""),
        ("https://127.0.0.1/", 2, "names the address 127.0.0.1"),
        (f"https://{TOWN}:8443/", 2, "names the port 8443"),
        ("https://localhost/", 2, "names the local host localhost"),
        ("https://nowhere.example/", 5, "is unreachable; `fedpull explain` tells more"),
    ):
        done = station("fetch", typed, code=code)
        assert (done.out, done.err.count("\n")) == ("", 1), done
        assert done.err.startswith(f"fedpull: {typed}: "), done
        assert said in done.err, done
    station.world.hold(TOWN)
    late = station("fetch", f"https://{TOWN}/users/boris", "--wait", "0.2s", code=5)
    assert "was not fetched within 0.2s" in late.err


@pytest.mark.parametrize("daemon", [False, True], ids=["without a daemon", "beside a daemon"])
def test_follows(station: Station, daemon: bool) -> None:
    """Follow, import, list, pull, unfollow, the same with and without a daemon."""
    if daemon:
        with station.running():
            _follows(station)
    else:
        _follows(station)


def _follows(station: Station) -> None:
    operators = (station.folder / "fedpull.yaml").read_bytes()
    added = station("follow", ADA, "--type", "Note", "--backfill", "10", "--json").json
    assert set(FOLLOW.split()) <= set(added)
    assert added["follow"] == ADA
    (station.folder / "list.csv").write_text(
        f"Account address,Show boosts\n{BORIS[1:]},false\nnonsense,true\n{ADA[1:]},true\n"
    )
    imported = station("import", "list.csv", "--json").json
    assert (imported["added"], imported["known"]) == ([BORIS], [ADA])
    assert [line.split(":")[1] for line in imported["problems"]] == ["3"]
    again = station("import", "list.csv")
    assert again.out == "0 added, 2 followed already, 1 not read\n"
    assert again.err.startswith("fedpull: list.csv:3: 'nonsense' is neither")

    pulled = station("pull", "--json").json["actors"]
    assert sorted(result["actor"] for result in pulled) == [ADA, BORIS]
    listed = station("follows", "--json").json["items"]
    assert {(one["follow"], one["handle"]) for one in listed} == {(ADA, ADA), (BORIS, BORIS)}
    assert all(one["objects"] >= 5 for one in listed)
    assert len(station("follows").out.splitlines()) == 2
    assert json.loads(station("get", ADA).out)["id"] == account(station).actor_id
    offered = station("list", "--follow", BORIS, "--json").json["items"]
    assert {item["actor"] for item in offered} == {account(station, "boris").actor_id}

    station("unfollow", ADA.upper().replace("TOWN.EXAMPLE", TOWN).replace("ADA", "ada"))
    assert [one["follow"] for one in station("follows", "--json").json["items"]] == [BORIS]
    assert "is not followed" in station("unfollow", ADA, code=3).err
    assert station("list", "--limit", "100").out.count("\n") >= 10  # what was kept stays
    assert (station.folder / "fedpull.yaml").read_bytes() == operators


def test_status(station: Station) -> None:
    """The same fields, whether a daemon is running or not; budgets are those of an hour."""
    path = station.folder / "fedpull.yaml"
    config = json.loads(path.read_text())
    path.write_text(json.dumps({**config, "freshness": {"budget": "100/15m"}}))
    still = station("status", "--json").json
    assert "not running" in station("status").out
    with station.running():
        alive = station("status", "--json").json
        assert "running for" in station("status").out

    for value in (still, alive):
        assert set(STATUS.split()) <= set(value)
        assert set(value["store"]) == {"bytes", "max_bytes", "read_only"}
        assert value["budget"] == {"limit": 400, "used": 0}
    assert (still["uptime"], still["store"]["read_only"]) == (None, False)
    assert alive["uptime"] >= 0
    assert still["store"]["max_bytes"] == alive["store"]["max_bytes"] == 256 * 2**20


def test_before_anything_was_stored(station: Station) -> None:
    """Reading nothing is no error, and makes nothing."""
    empty: dict[str, Any] = {"items": [], "next": None}
    for command in ("list", "changes", "follows", "hosts"):
        assert station(command, "--json").json == empty
        assert station(command).out == ""
    assert station("check").out == (
        "0 references, 0 documents and 0 index entries compared: 0 wrong\n"
    )
    assert not (station.folder / "data").exists()


def test_two_writers(station: Station) -> None:
    """A second daemon, and a pull that cannot go through the first one's API, are refused."""
    with station.running():
        second = station("run", code=1)
        assert "is in use by process" in second.err


def test_the_operators_follows(station: Station) -> None:
    """What stands in the operator's file is followed, and only removed there."""
    path = station.folder / "fedpull.yaml"
    config = json.loads(path.read_text())
    path.write_text(json.dumps({**config, "follow": [EVENTS]}))

    assert [one["follow"] for one in station("follows", "--json").json["items"]] == [EVENTS]
    refused = station("unfollow", EVENTS, code=2)
    assert "fedpull.yaml" in refused.err
    assert "followed already" in station("follow", EVENTS, code=2).err
    assert station("pull").out.startswith(f"{EVENTS}: ")
    events = station("list", "--type", "Event", "--json").json["items"]
    assert {item["id"] for item in events} == station.world.servers[AGENDA].public_objects("agenda")


def test_a_warning_about_the_contact(station: Station) -> None:
    """Without `contact` public servers are asked all the same, after one warning."""
    path = station.folder / "fedpull.yaml"
    config = json.loads(path.read_text())
    del config["contact"]
    (target,) = config["network"]["connect_to"].values()
    config["network"]["connect_to"] = {f"{TOWN}:443": target}
    path.write_text(json.dumps(config))

    done = station("pull", BORIS)

    assert done.err.count("contact is not set") == 1
    assert done.out.startswith(f"{BORIS}: ")


def test_a_reader_that_has_enough(station: Station) -> None:
    """A closed pipe ends a command without a word."""
    station("pull", ADA)
    command = (
        f"{sys.executable} -m fedpull list --limit 500 --json | head -c 1; echo ${{PIPESTATUS[0]}}"
    )
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=station.folder,
        env=station.environ,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.stdout, done.stderr) in (("{141\n", ""), ("{0\n", ""))  # 0: the pipe took it all


def test_init(station: Station) -> None:
    """`init` writes a configuration that loads and keys that nobody else can read."""
    done = station("init", "fresh")
    folder = station.folder / "fresh"
    key = folder / "keys" / "actor.pem"

    assert "fedpull run" in done.out
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(key.parent.stat().st_mode) == 0o700
    assert key.read_text().count("-----BEGIN PRIVATE KEY-----") == 2
    assert station("list", "-c", "fresh/fedpull.yaml", "--json").json["items"] == []
    assert "is there already" in station("init", "fresh", code=2).err


def test_the_demo() -> None:
    """The demo shows posts arriving in a cache that survives a restart, and leaves nothing."""
    done = subprocess.run(
        [sys.executable, "-m", "fedpull", "demo", "--once"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert "created" in done.stdout
    assert "The daemon runs again, with all" in done.stdout


def test_the_client(station: Station) -> None:
    """The client of the API gives what the API gives, and its errors as ours."""
    post = account(station).posts[-1]
    with station.running() as address, Client(address) as client:
        assert client.health()
        assert client.document(post.id)["id"] == post.id
        assert client.document(post.id, only_if_cached=True)["id"] == post.id
        assert client.reference(post.id)["state"] == "resolved"
        assert client.fetch(post.id, wait="5s")["document"]["id"] == post.id
        assert client.follow(ADA)["follow"] == ADA
        assert client.pull([ADA])["actors"][0]["complete"]
        objects = list(client.objects(actor=account(station).actor_id))
        assert len(objects) == len(station.world.servers[TOWN].public_objects("ada"))
        assert len(list(client.objects(limit=7))) == 7
        assert [change["seq"] for change in client.changes(2)][:2] == [3, 4]
        outbox = client.follows()[0]["outbox"]
        assert client.collection(outbox)["complete"]
        assert client.history(post.id) == []
        assert client.hosts()[0]["host"] == f"{TOWN}:443"
        assert client.status()["uptime"] >= 0
        client.unfollow(ADA)
        assert client.follows() == []
        with pytest.raises(NotFound):
            client.document("https://town.example/other", only_if_cached=True)
        with pytest.raises(NotFound):
            client.document("https://town.example/users/nobody")
        with pytest.raises(BadInput):
            client.fetch("nonsense")
        with pytest.raises(Unreachable):
            client.document("https://nowhere.example/")
    with pytest.raises(Unreachable, match="no daemon answers"), Client(address) as client:
        client.status()
    assert not Client(address).health()
    with pytest.raises(BadInput):
        Client("ftp://localhost")


def test_a_token_and_a_unix_socket(station: Station) -> None:
    """The commands find the daemon by its socket, and know its token."""
    path = station.folder / "fedpull.yaml"
    config = json.loads(path.read_text())
    socket = station.folder / "api.sock"
    config["listen"]["api"] = f"unix:{socket}"
    config["api"] = {"token_file": "token"}
    (station.folder / "token").write_text("s3cret\n")
    path.write_text(json.dumps(config))

    with station.running() as address:
        assert address == f"unix:{socket}"
        assert station("status", "--json").json["uptime"] is not None
        with Client(address, "s3cret") as client:
            assert client.status()["uptime"] >= 0
        with Client(address) as client, pytest.raises(BadInput, match="Authorization"):
            client.status()


def test_nothing_is_quoted_twice(station: Station) -> None:
    """An id with an odd query is asked for as it is."""
    odd = f"https://{TOWN}/?{urllib.parse.quote('a b&c=ü')}#x"
    with station.running() as address, Client(address) as client:
        with pytest.raises((NotFound, Gone, Unreachable)):
            client.document(odd)
        assert client.reference(odd)["id"] == odd
