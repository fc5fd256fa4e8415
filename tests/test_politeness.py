"""What one host sees of us, whatever we ask it for: measured by its own log."""

from __future__ import annotations

import threading
from collections import defaultdict
from pathlib import Path
from typing import Any

from station import Station, eventually

from fedpull.tests.fediverse.client import Client
from fedpull.tests.fediverse.families import BY_NAME
from fedpull.tests.fediverse.families.identifiers import Bovine
from fedpull.tests.fediverse.log import Request
from fedpull.tests.fediverse.server import Server
from fedpull.tests.fediverse.wire import Incoming, Reply
from fedpull.tests.fediverse.world import Fediverse

GAP = 0.1
# How late the world's one thread may note what has come, while it does something else.
LATE = 0.08


class Redirecting(Bovine):
    """Lists URLs only; each leads to another URL of its host, and from there to the document."""

    family = "redirecting"

    def route(self, asked: Incoming) -> Reply:
        post = self._posts.get(self.base + asked.path)
        if post is not None and "via" in asked.query:
            return self.serve_post(asked, post)
        if post is not None:
            return Reply(302, {"Location": f"{post.id}?via=1"})
        return super().route(asked)


def spans(log: tuple[Request, ...], requests: int) -> dict[str, float]:
    """The shortest time in which a host got so many requests and one."""
    times: defaultdict[str, list[float]] = defaultdict(list)
    for request in log:
        times[request.host].append(request.at)
    return {
        host: min(later - earlier for earlier, later in zip(at, at[requests:], strict=False))
        for host, at in ((host, sorted(found)) for host, found in times.items())
        if len(at) > requests
    }


def configured(tmp_path: Path, world: Fediverse, *follow: Any, **more: Any) -> Station:
    station = Station(tmp_path, world)
    polite = {"gap": f"{GAP}s", "concurrency": 1} | more
    station.configure(follow=list(follow), politeness=polite)
    return station


def test_the_gap_holds_for_pages_documents_redirects_and_demands(tmp_path: Path) -> None:
    """WebFinger, actor, pages, objects, their redirects and what people ask for, all together."""
    redirecting = Redirecting("redirecting.example")
    with Fediverse([redirecting, BY_NAME["mastodon"]]) as world:
        alice = redirecting.add_account("alice", posts=6)
        bob = redirecting.add_account("bob", posts=2)
        carol = world.servers["mastodon.example"].add_account("carol", posts=3)
        carol.boost(alice.posts[0])
        carol.boost(bob.posts[0])
        station = configured(tmp_path, world, alice.handle, bob.handle, carol.handle)
        # Making certificates and keys stops the world's one thread, and its log with it.
        with Client(world) as client:
            for account in (alice, carol):
                client.get(account.actor_id)
        world.log.clear()
        with station.daemon():
            asking = [
                threading.Thread(target=station.run, args=("fetch", post.id))
                for post in (*alice.posts[:2], *bob.posts)
            ]
            for one in asking:
                one.start()
            eventually(lambda: len(station.listed(alice.handle)) == 6, "alice's posts")
            eventually(lambda: len(station.listed(carol.handle)) == 5, "carol's posts and boosts")
            for one in asking:
                one.join()
        log = world.log.entries

    assert sum(one.host == redirecting.host for one in log) >= 15
    for requests in (1, 2, 4, 8):
        for host, shortest in spans(log, requests).items():
            assert shortest >= requests * GAP - LATE, (host, requests)


def test_one_connection_at_a_time(tmp_path: Path) -> None:
    """With concurrency 1 a host never has two requests before it, even without a gap."""
    with Fediverse([BY_NAME["bovine"]]) as world:
        server = world.servers["bovine.example"]
        for name in ("alice", "bob", "carol"):
            server.add_account(name, posts=8)
        follow = [account.handle for account in server.accounts.values()]
        station = configured(tmp_path, world, *follow, gap="0s")
        gate, held = world.hold(server.host), []
        with station.daemon():
            for _ in range(12):
                assert gate.wait_for(1)
                held.append(gate.waiting)
                before, gate = gate, world.hold(server.host)
                before.release()
            gate.release()

    assert held == [1] * 12


def test_pages_have_a_budget_of_their_own(tmp_path: Path) -> None:
    """So many collection pages in a window, by all follows of a host together; documents go on."""
    with Fediverse([BY_NAME["mastodon"]]) as world:
        server = world.servers["mastodon.example"]
        follow = []
        for name in ("alice", "bob", "carol"):
            account = server.add_account(name, posts=45)
            follow.append(
                {"actor": account.handle, "backfill": "all", "every": {"min": "1s", "max": "1s"}}
            )
        station = configured(tmp_path, world, *follow, gap="0s", pages="4/1s")
        with station.daemon():
            eventually(
                lambda: sum("outbox" in one.target for one in world.log.entries) >= 7,
                "seven pages",
            )
        times = sorted(one.at for one in world.log.entries if "outbox" in one.target)

    windows = [later - earlier for earlier, later in zip(times, times[4:], strict=False)]
    assert min(windows) >= 1.0 - LATE


class Sleeper(Server):
    """Accepts, and answers to nothing."""

    family = "sleeper"


def test_hosts_that_do_not_answer_do_not_hold_up_the_others(tmp_path: Path) -> None:
    """Twenty hosts that hold every answer back, and one that works: its posts come at once."""
    sleepers: list[Server] = [Sleeper(f"sleeper{n}.example") for n in range(20)]
    with Fediverse([*sleepers, BY_NAME["mastodon"]]) as world:
        alice = world.servers["mastodon.example"].add_account("alice", posts=25)
        for server in sleepers:
            world.hold(server.host)
        follow = [f"@a@{server.host}" for server in sleepers]
        station = configured(tmp_path, world, *follow, alice.handle, gap="0s")
        with station.daemon():
            eventually(
                lambda: (
                    (station.store / "data.mdb").exists()
                    and len(station.listed(alice.handle)) == 25
                ),
                "the posts of the host that answers",
                (0.02,) * 400,
            )
