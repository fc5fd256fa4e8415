"""The daemon with an identity, from outside: its documents over HTTP, its keys as they change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from public_station import ACTOR, ORIGIN, QUICK, PublicStation, holds
from station import eventually

from fedpull.tests.fediverse.families import BY_NAME
from fedpull.tests.fediverse.reach import Told
from fedpull.tests.fediverse.signatures import Message
from fedpull.tests.fediverse.world import Fediverse

KEYS = "keys/actor.pem"
WEBFINGER = f"{ORIGIN}/.well-known/webfinger"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fediverse]:
    """A daemon that stands where the hosts find it."""
    with Fediverse([BY_NAME["mastodon"]()]) as world:
        station = PublicStation(tmp_path_factory.mktemp("public"), world)
        with station.daemon():
            yield world


def ask(world: Fediverse, url: str, method: str = "GET", **headers: str) -> Told:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return world.reached.carry(Message(method, url, named, b""))


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        pytest.param(ACTOR, "application/activity+json", id="the actor"),
        pytest.param(f"{ACTOR}/followers", "application/activity+json", id="its followers"),
        pytest.param(
            f"{WEBFINGER}?resource=acct:fedpull@pull.example",
            "application/jrd+json",
            id="WebFinger",
        ),
        pytest.param(f"{ORIGIN}/.well-known/nodeinfo", "application/json", id="NodeInfo's index"),
        pytest.param(f"{ORIGIN}/", "text/html; charset=utf-8", id="the page for people"),
    ],
)
def test_documents_over_http(world: Fediverse, url: str, kind: str) -> None:
    """Unsigned GET and HEAD get the same headers, and who has it already gets 304."""
    got, head = ask(world, url), ask(world, url, "HEAD")

    again = ask(world, url, if_none_match=got.headers["etag"])

    assert (got.status, got.headers["content-type"]) == (200, kind)
    assert (head.status, head.body) == (200, b"")
    for name in ("content-type", "content-length", "etag", "cache-control"):
        assert head.headers[name] == got.headers[name]
    assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize(
    ("url", "method", "status"),
    [
        pytest.param(f"{WEBFINGER}", "GET", 400, id="WebFinger without a resource"),
        pytest.param(f"{WEBFINGER}?resource=acct:x@pull.example", "GET", 404, id="nobody"),
        pytest.param(f"{ORIGIN}/users/x", "GET", 404, id="no such place"),
        pytest.param(f"{ORIGIN}/v1/status", "GET", 404, id="the private API"),
        pytest.param(f"{ACTOR}/inbox", "GET", 405, id="reading an inbox"),
        pytest.param(ACTOR, "DELETE", 405, id="writing the actor"),
    ],
)
def test_what_is_not_there(world: Fediverse, url: str, method: str, status: int) -> None:
    """Each gets its status as a problem, and none of our insides."""
    told = ask(world, url, method)

    assert (told.status, told.headers["content-type"]) == (status, "application/problem+json")


def test_keys_are_rotated_beside_a_running_daemon(tmp_path: Path) -> None:
    """A host that verifies reads the new key by itself, and refuses nothing meanwhile."""
    strict = BY_NAME["mastodon"](authorized_fetch=True)
    with Fediverse([strict]) as world:
        account = strict.add_account("alice", posts=3)
        station = PublicStation(tmp_path, world, follow=[{"actor": account.handle, "every": QUICK}])

        def everything() -> bool:
            return strict.public_objects(account) <= holds(station, account)

        def key_ids(mark: int) -> set[str]:
            signed = [one.headers.get("signature", "") for one in world.log.since(mark)]
            return {text.partition('keyId="')[2].partition('"')[0] for text in signed if text}

        with station.daemon():
            eventually(everything, "the posts")
            rotated = station.run("key", "rotate")
            mark = world.log.mark()
            account.post("after the rotation")
            eventually(everything, "the new post")
            eventually(lambda: f"{ACTOR}#key-2" in key_ids(mark), "a request with the new key")
            actor: dict[str, Any] = ask(world, ACTOR).json

        assert rotated.code == 0
        assert rotated.out.startswith(f"signing as {ACTOR}#key-2\npublished until ")
        assert actor["publicKey"]["id"] == f"{ACTOR}#key-2"
        assert f"{ACTOR}#main-key" in {key["id"] for key in actor["assertionMethod"]}
        # One request may have been signed just before the daemon saw the file.
        assert [one.status for one in world.log.since(mark) if one.status in (401, 403)] == []


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        pytest.param(lambda path: path.unlink(), "is not there: expected the keys", id="no keys"),
        pytest.param(
            lambda path: path.chmod(0o644), "can be used by others (mode 0644)", id="keys for all"
        ),
        pytest.param(lambda path: path.write_text("x"), "is damaged", id="keys that are none"),
    ],
)
@pytest.mark.parametrize("command", [("run",), ("pull", "@alice@mastodon.example")], ids=str)
def test_without_usable_keys_nothing_starts(
    tmp_path: Path, command: tuple[str, ...], spoil: Callable[[Path], object], said: str
) -> None:
    """One line says which file, what is wrong with it and what was expected; exit code 2."""
    with Fediverse([BY_NAME["mastodon"]()]) as world:
        station = PublicStation(tmp_path, world)
        spoil(tmp_path / KEYS)

        done = station.run(*command)

    assert (done.code, done.err.count("\n")) == (2, 1)
    assert done.err.startswith(f"fedpull: {tmp_path / KEYS}: ")
    assert said in done.err


def test_init_makes_the_keys_of_an_identity_that_came_later(tmp_path: Path) -> None:
    """Its line of a missing key file names `fedpull init`, and that is what helps."""
    with Fediverse([BY_NAME["mastodon"]()]) as world:
        station = PublicStation(tmp_path, world)
        (tmp_path / KEYS).unlink()

        made, again = station.run("init"), station.run("init")
        with station.daemon():
            actor = ask(world, ACTOR).json

    assert (made.code, made.out) == (0, f"wrote {tmp_path / KEYS}\n")
    assert (again.code, "is there already" in again.err) == (2, True)
    assert actor["publicKey"]["id"] == f"{ACTOR}#main-key"
