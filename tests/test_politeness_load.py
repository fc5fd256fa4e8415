"""The daemon under everything at once, and what each simulated host saw of it.

Schedule, subscriptions, pushes of friends and strangers, people who insist, redirects, robots.txt
and keys: judged by the hosts' own logs (`polite_log`), which know nothing of the daemon.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from limiting_hosts import Limiter
from polite_log import Seen, most_at_once, too_fast
from public_station import QUICK, PublicStation, holds
from station import eventually
from test_politeness import Redirecting

from fedpull.client import Client
from fedpull.errors import FedpullError
from fedpull.tests.fediverse.families import BY_NAME
from fedpull.tests.fediverse.families.cursors import Mastodon
from fedpull.tests.fediverse.families.identifiers import Bovine
from fedpull.tests.fediverse.log import Request
from fedpull.tests.fediverse.wire import Answer, Incoming, Raw, Reply, render
from fedpull.tests.fediverse.world import Fediverse

GAP = 0.1
PAGES = ((6, 1.0), (25, 10.0))
# How late the world's one thread may note what has come, while it does something else.
LATE = 0.08
SLOW = 0.3  # seconds in which the slow host has a request before it
PAUSE = 2.0
ROBOTS = "User-agent: *\nAllow: /\n"


class Announcing(Bovine):
    """Says with every answer how many requests it still bears, and means it."""

    family = "announcing"
    robots = ROBOTS

    def __init__(self) -> None:
        super().__init__("announcing.example")
        self.limiter = Limiter(15, 3.0, "structured")

    def handle(self, asked: Incoming) -> Answer:
        status, headers, _ = self.limiter.take(asked.at)
        answer = super().handle(asked) if status == 200 else Reply(status)
        assert isinstance(answer, Reply)
        return Reply(answer.status, {**answer.headers, **headers}, answer.body)


class Slow(Mastodon):
    """Takes its time for everything."""

    family = "slow"
    robots = ROBOTS

    def handle(self, asked: Incoming) -> Answer:
        answer = super().handle(asked)
        assert isinstance(answer, Reply)
        whole = render(answer, head_only=False, second=int(asked.at), close=True)
        return Raw((whole[:20], whole[20:]), SLOW, answer.status)


def seen(request: Request) -> Seen:
    slow = request.host == "slow.example"
    return Seen(
        at=request.at,
        answered=request.at + (SLOW if slow else 0.0),
        page="outbox" in request.target,
        status=request.status,
        wait=PAUSE if request.status == 429 else 0.0,
    )


def insist(address: str, ids: list[str]) -> Callable[[], None]:
    """A person who wants one document after the other, whatever the answer."""

    def run() -> None:
        with Client(address) as client:
            for id in ids:
                try:
                    client.fetch(id, wait=30.0, again=True)
                except FedpullError:
                    continue

    return run


def test_no_host_sees_more_than_is_stated_whatever_comes_together(tmp_path: Path) -> None:
    """Connections, gap and pages hold for each host, pauses are kept, what is announced is enough;
    and all of it is found meanwhile."""
    announcing, slow, redirecting = Announcing(), Slow("slow.example"), Redirecting("re.example")
    with Fediverse([announcing, slow, redirecting, BY_NAME["mastodon"], Bovine]) as world:
        home = world.servers["mastodon.example"]
        home.answers_follows = "accept"
        stranger = world.servers["bovine.example"].add_account("stranger", posts=2)
        hosts = [announcing, slow, redirecting, home]
        accounts = [host.add_account("alice", posts=6) for host in hosts]
        others = [host.add_account("bob", posts=3) for host in hosts]
        carol = home.add_account("carol", posts=2)
        for other in others:
            for post in other.posts:
                carol.boost(post)
        follow = [
            {"actor": one.handle, "every": QUICK, "subscribe": True} for one in (*accounts, carol)
        ]
        polite = {
            "gap": f"{GAP}s",
            "concurrency": 1,
            "pages": [f"{count}/{seconds:g}s" for count, seconds in PAGES],
        }
        station = PublicStation(tmp_path, world, follow=follow, politeness=polite)
        with station.daemon() as running:
            people = [
                threading.Thread(target=insist(running.address, [post.id for post in one.posts]))
                for one in others
            ]
            for person in people:
                person.start()
            world.fail(home.host, 429, headers={"Retry-After": f"{PAUSE:g}"})
            fresh = [one.post(f"pushed {n}") for n in range(3) for one in accounts]
            for post in fresh:
                assert post.account.push(post).status == 202
            assert stranger.push(stranger.posts[-1]).status in (202, 401)
            for one in accounts:
                mine = {post.id for post in one.posts}
                eventually(lambda mine=mine, one=one: mine <= holds(station, one), one.handle)  # type: ignore[misc]
            boosts = {post.id for other in others for post in other.posts}
            eventually(lambda: boosts <= holds(station, carol), "carol's boosts")
            for person in people:
                person.join()
            with Client(running.address) as client:
                told = {one["host"]: one for one in client.hosts()}
        log = world.log.entries

    asked = {name: [one for one in log if one.host == name] for name in world.servers}
    for name, requests in asked.items():
        gets = [seen(one) for one in requests if one.method == "GET"]
        assert too_fast(gets, concurrency=1, gap=GAP, pages=PAGES, late=LATE) == [], name
        # Deliveries have a lane of their own, one at a time.
        assert most_at_once(seen(one) for one in requests if one.method == "POST") <= 1, name
    assert announcing.limiter.refused == []
    assert len(asked["announcing.example"]) > 15
    assert [one.status for one in asked[home.host]].count(429) == 1
    assert {one.method for one in asked[home.host]} == {"GET", "POST"}
    assert any(one.path == "/robots.txt" for one in asked["announcing.example"])
    assert any(one.status == 302 for one in asked["re.example"])
    assert asked["bovine.example"]  # for the stranger's key
    (window,) = told["announcing.example:443"]["windows"]
    assert (window["name"], window["quota"]) == ("all", 15)
    assert told[f"{home.host}:443"]["pace"] < 1.0
