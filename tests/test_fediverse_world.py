"""The switches of the simulated Fediverse, the quirks of its servers, its traps and its process."""

from __future__ import annotations

import http.client
import json
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from fedpull.tests.fediverse import Fediverse, Server
from fedpull.tests.fediverse.client import Client
from fedpull.tests.fediverse.demo import demo_world, tick
from fedpull.tests.fediverse.documents import AS_PROFILE
from fedpull.tests.fediverse.families import ALL, BY_NAME
from fedpull.tests.fediverse.families.cursors import Mastodon
from fedpull.tests.fediverse.hostile import ELSEWHERE, HostilePager

HOST = "mastodon.example"


class Clock:
    """A clock that stands until it is told otherwise."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def world() -> Iterator[Fediverse]:
    with Fediverse([Mastodon], clock=Clock()) as world:
        world.servers[HOST].add_account(posts=25)
        yield world


@pytest.fixture
def client(world: Fediverse) -> Iterator[Client]:
    with Client(world) as client:
        yield client


@pytest.fixture(scope="module")
def all_families() -> Iterator[tuple[Fediverse, Client]]:
    with Fediverse(clock=Clock()) as world, Client(world) as client:
        for server in world.servers.values():
            server.add_account(posts=25)
        yield world, client


def alice(world: Fediverse, name: str) -> Any:
    return world.find(BY_NAME[name]).accounts["alice"]


def test_the_log_tells_what_was_asked(world: Fediverse, client: Client) -> None:
    """Host, method, target, headers and status are logged; a mark survives clearing."""
    account = world.servers[HOST].accounts["alice"]

    client.get(account.outbox_url + "?page=true")
    mark = world.log.mark()
    world.log.clear()
    client.get(account.actor_id, method="HEAD")

    (request,) = world.log.since(mark)
    assert (request.host, request.method, request.path, request.status) == (
        HOST, "HEAD", "/users/alice", 200,
    )  # fmt: skip
    assert request.headers["user-agent"] == "test"
    assert world.log.count(HOST, "/users") == 1
    assert world.log.count(HOST, "/outbox") == 0


def test_a_host_that_is_down_closes_the_connection(world: Fediverse, client: Client) -> None:
    """No answer while it is down, the usual one afterwards."""
    account = world.servers[HOST].accounts["alice"]

    world.down(HOST)
    with pytest.raises((http.client.HTTPException, OSError)):
        client.get(account.actor_id)
    world.up(HOST)

    assert client.get(account.actor_id).status == 200
    assert [request.status for request in world.log.entries] == [0, 200]


def test_scripted_answers_come_first_and_run_out(world: Fediverse, client: Client) -> None:
    """`fail` answers so many requests with the status and headers that it was given."""
    world.fail(HOST, 503, times=2, headers={"Retry-After": "7"})
    url = world.servers[HOST].accounts["alice"].actor_id

    answers = [client.get(url) for _ in range(3)]

    assert [answer.status for answer in answers] == [503, 503, 200]
    assert answers[0].headers["retry-after"] == "7"


def test_a_gate_holds_answers_until_it_is_released(world: Fediverse) -> None:
    """What happens while a request is held is part of its answer."""
    account = world.servers[HOST].accounts["alice"]
    got: list[Any] = []

    def ask() -> None:
        with Client(world) as client:
            got.append(client.json(account.outbox_url)["totalItems"])

    with world.hold(HOST) as gate:
        asking = threading.Thread(target=ask)
        asking.start()
        assert gate.wait_for(1)
        assert gate.waiting == 1
        assert not got
        account.post("While you wait")
    asking.join()

    assert got == [26]


def test_hosts_can_be_added_and_only_they_have_certificates(
    world: Fediverse, client: Client
) -> None:
    """A name that nobody serves gets a certificate of another name."""
    with pytest.raises(ssl.SSLCertVerificationError):
        client.get("https://late.example/")

    late = world.add(Mastodon("late.example")).add_account(posts=1)

    assert client.json(late.actor_id)["id"] == "https://late.example/users/alice"


def test_it_speaks_plain_http_when_it_is_told_to() -> None:
    """Without TLS the ids begin with http, and the configuration allows that."""
    with Fediverse([Mastodon], tls=False) as world, Client(world) as client:
        account = world.servers[HOST].add_account()
        config = world.config(politeness={"concurrency": 2}, follow=[account.handle])

        assert client.json(account.actor_id)["id"] == f"http://{HOST}/users/alice"
    assert config["network"]["http"] is True
    assert config["politeness"] == {"gap": "0s", "concurrency": 2}
    assert config["network"]["connect_to"] == {"*:80": f"127.0.0.1:{world.port}"}


def test_the_same_seed_gives_the_same_world() -> None:
    """Texts, times and ids depend on the seed and the clock only."""
    first, second, other = (
        Mastodon(HOST, seed=seed).add_account(posts=5).posts for seed in (1, 1, 2)
    )

    assert [(p.id, p.text) for p in first] == [(p.id, p.text) for p in second]
    assert [p.text for p in first] != [p.text for p in other]


def test_min_id_pages_are_the_twenty_that_follow_immediately() -> None:
    """Catching up by `prev` leaves no gap; `since_id` would."""
    with Fediverse([Mastodon]) as world, Client(world) as client:
        account = world.servers[HOST].add_account(posts=50)
        oldest = account.posts[0].key
        ids = [post.activity_id for post in account.posts]

        after = client.json(f"{account.outbox_url}?min_id={oldest}&page=true")
        since = client.json(f"{account.outbox_url}?since_id={oldest}&page=true")

        assert [item["id"] for item in after["orderedItems"]] == ids[1:21][::-1]
        assert [item["id"] for item in since["orderedItems"]] == ids[30:][::-1]


def test_rate_limits_count_paging_and_say_when_they_end() -> None:
    """429 with the reset as ISO time and no Retry-After, until the window is over."""
    clock = Clock()
    server = Mastodon(rate_limit=(2, 900))
    with Fediverse([server], clock=clock) as world, Client(world) as client:
        account = server.add_account(posts=1)
        page = f"{account.outbox_url}?page=true"

        statuses = [client.get(url).status for url in (account.actor_id, page, page)]
        limited = client.get(page)
        clock.now += 901

        assert (statuses, limited.status) == ([200, 200, 200], 429)
        assert "retry-after" not in limited.headers
        assert limited.headers["x-ratelimit-reset"] == "2027-01-15T08:15:00.000Z"
        assert client.get(page).status == 200


HTML = {"Accept": "text/html"}
ANY = {"Accept": "*/*"}
ANSWERS = [  # family, part of the account, headers, status, header and what it holds
    ("gotosocial", "actor", {"Accept": "application/json"}, 406, "content-type", "json"),
    ("gotosocial", "actor", {"User-Agent": ""}, 418, "content-type", "json"),
    ("gotosocial", "actor", HTML, 303, "location", "https://gotosocial.example"),
    ("gotosocial", "actor", {}, 200, "cache-control", "no-store"),
    ("gotosocial", "create", {}, 404, "content-type", "json"),
    ("gotosocial", "actor", {"Accept-Encoding": "gzip"}, 200, "content-encoding", "gzip"),
    ("gancio", "actor", {"Accept-Encoding": "gzip"}, 200, "vary", "Accept-Encoding"),
    ("gancio", "post", ANY, 301, "location", "/event/"),
    ("gancio", "actor", ANY, 200, "content-type", "activity+json; charset=utf-8"),
    ("wordpress", "actor", ANY, 301, "location", "https://wordpress.example"),
    ("nodebb", "post", ANY, 308, "location", "/topic/"),
    ("mastodon", "post", HTML, 200, "content-type", "text/html"),
    ("mastodon", "page", {}, 200, "cache-control", "max-age=60"),
    ("bookwyrm", "outbox", {}, 200, "content-type", "application/json"),
    ("bookwyrm", "post", {}, 200, "content-type", "application/activity+json"),
    ("epicyon", "post", {}, 200, "content-type", "application/json"),
    ("epicyon", "post", {"Accept": AS_PROFILE}, 200, "content-type", "application/ld+json"),
    ("static", "outbox", {}, 200, "last-modified", "GMT"),
    ("takahe", "outbox", {}, 200, "cache-control", "no-store"),
    ("activitypub-bot", "actor", {}, 200, "ratelimit", "steady-get"),
    ("onepage", "actor", HTML, 200, "content-type", "activity+json"),
]


@pytest.mark.parametrize(
    ("name", "part", "headers", "status", "header", "holds"),
    ANSWERS,
    ids=[f"{name} {part} {status} {holds}" for name, part, _, status, _, holds in ANSWERS],
)
def test_headers_and_statuses_are_those_of_the_family(
    all_families: tuple[Fediverse, Client],
    name: str,
    part: str,
    headers: dict[str, str],
    status: int,
    header: str,
    holds: str,
) -> None:
    """Other representations, cache headers and content types, as they were measured."""
    world, client = all_families
    account = alice(world, name)
    urls = {
        "actor": account.actor_id,
        "outbox": account.outbox_url,
        "page": f"{account.outbox_url}?page=true",
        "post": account.posts[0].id,
        "create": account.posts[0].activity_id,
    }

    answer = client.get(urls[part], headers)

    assert answer.status == status
    assert holds in answer.headers[header]


VALIDATORS = [  # family, what can be revalidated, what changes at every request
    ("onepage", ["actor", "outbox", "post"], []),
    ("gancio", ["actor", "outbox", "post"], ["page"]),
    ("nodebb", ["actor", "post"], ["outbox"]),
    ("static", ["actor", "outbox", "post"], []),
]


@pytest.mark.parametrize(
    ("name", "kept", "changing"), VALIDATORS, ids=[name for name, _, _ in VALIDATORS]
)
def test_validators_work_where_the_server_has_them(
    all_families: tuple[Fediverse, Client], name: str, kept: list[str], changing: list[str]
) -> None:
    """304 for an unchanged document, 200 for what is made anew each time."""
    world, client = all_families
    account = alice(world, name)
    urls = {
        "actor": account.actor_id,
        "outbox": account.outbox_url,
        "page": f"{account.outbox_url}?page=1",
        "post": account.posts[0].id,
    }

    def revalidate(part: str) -> int:
        etag = client.get(urls[part]).headers["etag"]
        return client.get(urls[part], {"If-None-Match": etag}).status

    assert [revalidate(part) for part in kept] == [304] * len(kept)
    assert [revalidate(part) for part in changing] == [200] * len(changing)


@pytest.mark.parametrize("family", ALL, ids=lambda family: family.family)
def test_head_is_answered_without_a_body(
    all_families: tuple[Fediverse, Client], family: type[Server]
) -> None:
    """Everywhere but on GoToSocial, which answers 405."""
    world, client = all_families

    answer = client.get(world.find(family).accounts["alice"].actor_id, method="HEAD")

    assert answer.status == (405 if family.family == "gotosocial" else 200)
    assert answer.body == b""


def test_gotosocial_may_have_an_empty_page_in_the_middle() -> None:
    """Cursors are taken before the visibility filter, so the walk goes on behind it."""
    with Fediverse([BY_NAME["gotosocial"]]) as world, Client(world) as client:
        account = world.find(BY_NAME["gotosocial"]).add_account(posts=5)
        for n in range(40):
            account.post(f"Private {n}", public="followers")

        first = client.json(f"{account.outbox_url}?limit=40")
        second = client.json(first["next"])

        assert first["orderedItems"] == []
        assert len(second["orderedItems"]) == 5


@pytest.mark.parametrize("name", ["lemmy", "nodebb"])
def test_activity_ids_of_the_moment_differ_from_answer_to_answer(
    all_families: tuple[Fediverse, Client], name: str
) -> None:
    """Even under a clock that stands; the objects' ids stay."""
    world, client = all_families
    url = alice(world, name).outbox_url

    first, second = (client.json(url)["orderedItems"] for _ in range(2))

    assert {item["id"] for item in first}.isdisjoint({item["id"] for item in second})


def test_gancio_lists_by_start_and_a_new_event_lands_anywhere() -> None:
    """A new event that starts long ago is the last one."""
    with Fediverse([BY_NAME["gancio"]], clock=Clock()) as world:
        server = world.find(BY_NAME["gancio"])
        account = server.add_account(posts=25)

        old = account.post("Long ago", starts=0)

        assert server.offered(account)[-1].post is old


def test_every_trap_explains_itself_and_names_whom_it_could_harm() -> None:
    """Each has a sentence, an account and an honest outbox root."""
    with Fediverse([HostilePager]) as world, Client(world) as client:
        server = world.find(HostilePager)

        assert len(server.accounts) == len(HostilePager.traps()) > 40
        for name, explanation in HostilePager.traps().items():
            assert explanation.endswith((".", ")."))
            assert client.json(server.accounts[name].outbox_url)["first"].endswith("?page=1")


TRAPS = [  # trap, what holds of its page 1
    ("endless", lambda a: a.json["next"].endswith("?page=2")),
    ("next_itself", lambda a: a.json["next"] == a.json["id"]),
    ("next_elsewhere", lambda a: a.json["next"].startswith(ELSEWHERE)),
    ("next_our_api", lambda a: a.json["next"].startswith("http://127.0.0.1:8787/v1/status")),
    ("foreign_objects", lambda a: "forged" in a.json["orderedItems"][0]["object"]["id"]),
    ("fifty_thousand", lambda a: len(a.json["orderedItems"]) == 50_000),
    ("redirect_private", lambda a: a.headers["location"].startswith("https://127.0.0.1/")),
    ("type_html", lambda a: a.headers["content-type"].startswith("text/html")),
    ("gzip_bomb", lambda a: len(a.body) < 100_000),
    ("cut_json", lambda a: a.body.startswith(b"{") and not a.body.endswith(b"}")),
    ("duplicate_keys", lambda a: a.body.count(b'"id"') > 1),
]


@pytest.mark.parametrize(("trap", "holds"), TRAPS, ids=[trap for trap, _ in TRAPS])
def test_traps_do_what_they_say(trap: str, holds: Any) -> None:
    """What stands on page 1 of the trap's outbox."""
    with Fediverse([HostilePager]) as world, Client(world) as client:
        account = world.find(HostilePager).accounts[trap]

        assert holds(client.get(f"{account.outbox_url}?page=1"))


@pytest.mark.parametrize("trap", ["too_short", "bad_chunks", "hangs_up", "endless_head"])
def test_broken_answers_break_the_client(trap: str) -> None:
    """The bytes on the wire are really wrong, and the host goes on answering others."""
    with Fediverse([HostilePager]) as world, Client(world) as client:
        account = world.find(HostilePager).accounts[trap]

        with pytest.raises((http.client.HTTPException, OSError)):
            client.get(f"{account.outbox_url}?page=1")

        assert client.get(account.actor_id).status == 200


def test_the_demo_world_goes_on() -> None:
    """Every tick tells what happened, and all documents can still be made."""
    world = demo_world(clock=Clock())
    with world, Client(world) as client:
        happened = [tick(world) for _ in range(120)]

        assert {line.split()[1] for line in happened} == {"posted", "edited", "deleted", "boosted"}
        event = world.servers["agenda.example"].accounts["agenda"].posts[-1]
        photo = world.servers["photos.example"].accounts["emil"].posts[-1]
        assert client.json(event.id)["startTime"]
        assert client.json(photo.id)["attachment"][0]["type"] == "Image"


def test_it_runs_as_a_process_of_its_own_and_obeys_its_stdin() -> None:
    """A line when it is ready, one for each command, and it ends with its stdin."""
    commands: list[dict[str, Any]] = [
        {"add": HOST, "n": 3},
        {"edit": HOST},
        {"delete": HOST},
        {"public": HOST},
        {"log": True},
        {"nonsense": 1},
    ]
    run = subprocess.run(
        [sys.executable, "-m", "fedpull.tests.fediverse", "--families", "mastodon", "--posts", "4"],
        input="\n".join(map(json.dumps, commands)),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    ready, added, edited, deleted, public, log, nonsense = map(json.loads, run.stdout.splitlines())

    assert ready["hosts"] == [HOST]
    assert ready["handles"] == [f"@alice@{HOST}"]
    assert len(added["added"]) == 3
    assert edited["edited"] == deleted["deleted"] == added["added"][-1:]
    assert len(public["public"]) == 6
    assert log == {"requests": []}
    assert "error" in nonsense
