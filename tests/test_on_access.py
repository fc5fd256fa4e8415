"""Reading through the daemon: what is held is served at once, and one request serves everybody."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

import pytest
from station import Running, Station, eventually

from fedpull.client import Client
from fedpull.errors import FedpullError, Gone, NotFound, Unreachable
from fedpull.tests.fediverse import Fediverse
from fedpull.tests.fediverse.families.cursors import Pleroma
from fedpull.tests.fediverse.model import Account

TOWN = "town.example"


class Town:
    """One server with one account, a daemon that follows nobody, and what was asked."""

    def __init__(self, world: Fediverse, ada: Account, station: Station, daemon: Running) -> None:
        self.world = world
        self.ada = ada
        self.station = station
        self.daemon = daemon

    def get(self, id: str, **headers: str) -> http.client.HTTPResponse:
        """GET /v1/document, with its headers."""
        connection = http.client.HTTPConnection(self.daemon.address.removeprefix("http://"))
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("GET", f"/v1/document?id={quote(id, safe='')}", headers=given)
        response = connection.getresponse()
        response.read()
        connection.close()
        return response

    def asked(self, id: str) -> int:
        path = id.removeprefix(f"https://{TOWN}")
        return sum(request.target == path for request in self.world.log.entries)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    server = Pleroma(TOWN)  # its documents are fresh for no time, by its own word
    with Fediverse([server]) as world:
        ada = server.add_account("ada", posts=2)
        # So small a budget that the loop has nothing to spend for ten minutes: what is asked again
        # is asked for because it was read.
        freshness = {"types": {"Note": "1s", "Person": "1d"}, "budget": "5/h"}
        station = Station(tmp_path, world, freshness=freshness)
        with station.daemon() as daemon:
            yield Town(world, ada, station, daemon)


def test_missing_then_fresh(town: Town) -> None:
    """What is missing is fetched, what is fresh is not asked for again but by who insists."""
    actor = town.ada.actor_id
    first, second = town.get(actor), town.get(actor)
    again = town.get(actor, Cache_Control="no-cache")

    told = [one.getheader("Cache-Status", "") for one in (first, second, again)]
    assert [one.removeprefix("fedpull; ").partition("; ttl")[0] for one in told] == [
        *("fwd=uri-miss; stored", "hit", "fwd=request; stored")
    ]
    assert town.asked(actor) == 2


def test_stale_is_served_and_checked(town: Town) -> None:
    """A stale copy is served at once, while its origin is still being asked."""
    post = town.ada.posts[0]
    with Client(town.daemon.address) as client:
        town.get(post.id)
        town.ada.edit(post, "Edited")
        eventually(lambda: client.reference(post.id)["freshness"] == "stale", "it becomes stale")
        with town.world.hold(TOWN) as gate:
            served = town.get(post.id)
            assert gate.wait_for(1)
            assert town.get(post.id).getheader("Fedpull-Freshness") == "stale"

        assert (served.status, served.getheader("Cache-Status", "")[:12]) == (200, "fedpull; hit")
        eventually(lambda: "Edited" in client.document(post.id)["content"], "the edit comes")
        assert client.reference(post.id)["log"][0]["cause"] == "refresh"
        assert town.asked(post.id) == 2


def test_one_request_however_many_ask(town: Town) -> None:
    """Readers, fetches by the API and a command: all of them are answered by one request."""
    [post, _] = town.ada.posts
    body = json.dumps({"id": post.id})

    with ExitStack() as opened, town.world.hold(TOWN) as gate, ThreadPoolExecutor(1) as pool:

        def ask(method: str, path: str, body: str | None = None) -> http.client.HTTPConnection:
            connection = http.client.HTTPConnection(town.daemon.address.removeprefix("http://"))
            opened.callback(connection.close)
            connection.request(method, path, body, {"Content-Type": "application/json"})
            return connection

        command = pool.submit(town.station.json, "fetch", post.id)
        assert gate.wait_for(1)
        fetched = [ask("POST", "/v1/fetch", body) for _ in range(8)]
        read = [ask("GET", f"/v1/document?id={quote(post.id, safe='')}") for _ in range(8)]
        # Who comes last is answered last, so that all of them have asked by then.
        assert ask("GET", "/v1/status").getresponse().status == 200
        gate.release()
        answers = [json.loads(one.getresponse().read()) for one in fetched]
        assert {one["document"]["id"] for one in answers} == {post.id}
        assert {one.getresponse().status for one in read} == {200}
        assert command.result()["document"]["id"] == post.id

    assert town.asked(post.id) == 1


def test_a_command_prints_what_the_call_answers(town: Town) -> None:
    """`fetch --json` beside a daemon: the bytes of the API, the document as its origin wrote it."""
    post = town.ada.posts[0]
    printed = town.station.run("fetch", post.id, "--json").out
    served = town.station.run("get", post.id).out.rstrip("\n")

    assert served in printed
    with Client(town.daemon.address) as client:
        assert client.fetched(post.id, 0, 5.0).decode().endswith(served + "}")


@pytest.mark.parametrize(
    ("status", "times", "error"),
    [
        pytest.param(500, 1, Unreachable, id="status 500"),
        pytest.param(404, 1, NotFound, id="status 404"),
        pytest.param(410, 1, Gone, id="status 410"),
    ],
)
def test_an_error_is_remembered(
    town: Town, status: int, times: int, error: type[FedpullError]
) -> None:
    """The next reader is told the same without a request; a person's command asks again."""
    post = town.ada.posts[1]
    town.world.fail(TOWN, status, times=times)
    with Client(town.daemon.address) as client:
        for _ in range(3):
            with pytest.raises(error):
                client.document(post.id)
            with pytest.raises(error):
                client.fetch(post.id)
        asked = town.asked(post.id)
        told = town.get(post.id)

    assert asked == 1
    assert told.getheader("Cache-Status", "").endswith("; detail=negative")
    assert told.getheader("Age") is not None
    if status != 410:  # what is gone may come back, but not at once
        assert town.station.json("fetch", post.id)["document"]["id"] == post.id
