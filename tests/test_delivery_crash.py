"""kill -9 while posts go out to followers: nothing is lost, and what is repeated was on its way."""

from __future__ import annotations

import os
import random
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from public_station import PublicStation
from station import Running, eventually

from fedpull.cache.mail_records import Follower
from fedpull.cache.open import open_reader, open_store
from fedpull.cache.ports import Query
from fedpull.client import Client
from fedpull.errors import FedpullError
from fedpull.tests.fediverse.families import BY_NAME
from fedpull.tests.fediverse.families.strict import OldMastodon, OnlyRfc9421
from fedpull.tests.fediverse.moods import at_first
from fedpull.tests.fediverse.server import Server
from fedpull.tests.fediverse.world import Fediverse

PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
FAMILIES: tuple[type[Server], ...] = (
    *(OldMastodon, OnlyRfc9421),
    *(BY_NAME[name] for name in ("mastodon", "misskey", "gotosocial", "pleroma")),
)
HOSTS, EACH = 12, 3
# Some in a minute; FEDPULL_CRASH_ROUNDS=60 for a few.
ROUNDS = int(os.environ.get("FEDPULL_CRASH_ROUNDS", "6"))
# An origin has one request of ours at a time.
ON_ITS_WAY = 1


class Town:
    """The hosts of our followers: half of them share their inbox, two have a bad start."""

    def __init__(self) -> None:
        self.servers = [FAMILIES[n % len(FAMILIES)](f"h{n}.example") for n in range(HOSTS)]
        for server in self.servers[:2]:
            server.mood = at_first(2, 500)
        self.world = Fediverse(self.servers)
        self.followers = [
            self._follower(server, f"user{number}")
            for server in self.servers
            for number in range(EACH)
        ]

    def _follower(self, server: Server, user: str) -> Follower:
        actor = server.add_account(user).actor_id
        shared = f"https://{server.host}/inbox" if self.servers.index(server) % 2 else None
        return Follower(actor, f"{actor}/inbox", shared, "accepted", f"{actor}#follow", 0.0)

    @property
    def inboxes(self) -> set[str]:
        return {one.shared_inbox or one.inbox for one in self.followers}

    def taken(self) -> Counter[tuple[str, str]]:
        """How often each inbox has taken each activity, the signature verified."""
        return Counter(
            (f"https://{server.host}{one.target}", one.document["id"])
            for server in self.servers
            for one in server.delivered
            if one.status == 202
        )

    def follow(self, store: Path) -> None:
        opened = open_store(store)
        for follower in self.followers:
            opened.mailbox.put_follower(follower, (), 0.0).result()
        opened.close()


@contextmanager
def reading(station: PublicStation) -> Iterator[Query]:
    opened = open_reader(station.store)
    try:
        yield opened.query
    finally:
        opened.close()


class Writer:
    """Publishes notes, each under a key of its own, until each has been acknowledged."""

    def __init__(self) -> None:
        self.acknowledged: dict[str, str] = {}  # key -> activity
        self.open: list[str] = []

    def publish(self, running: Running, keys: list[str]) -> None:
        for key in keys:
            note = {"type": "Note", "content": key, "to": [PUBLIC]}
            note["cc"] = ["https://pull.example/actor/followers"]
            try:
                with Client(running.address) as client:
                    made: Any = client.publish(note, key=key)
            except (FedpullError, OSError):
                self.open.append(key)  # it died before it could answer
            else:
                self.acknowledged[key] = made["id"]

    def killed_meanwhile(self, running: Running, town: Town, rng: random.Random, n: int) -> None:
        again, self.open = self.open, []
        self.publish(running, [*again, *(f"{n}/{one}" for one in range(rng.randrange(3)))])
        thread = threading.Thread(target=self.publish, args=(running, [f"{n}/a", f"{n}/b"]))
        enough = sum(town.taken().values()) + rng.randrange(len(town.inboxes))
        thread.start()
        if rng.random() < 0.8:
            eventually(lambda: sum(town.taken().values()) >= enough, "some of it arrived")
        running.process.kill()
        running.process.wait()
        thread.join()


@pytest.mark.timeout(240 + 40 * ROUNDS)
def test_nothing_is_lost_and_what_is_repeated_was_on_its_way(tmp_path: Path) -> None:
    """Every note is published once, whoever was told so; every inbox takes it, and as often again
    as a kill came between its answer and its row. The accounts are exact."""
    rng = random.Random(ROUNDS)
    town, writer = Town(), Writer()
    with town.world:
        station = PublicStation(tmp_path, town.world, delivery={"retry": ["0.2s"] * 9})
        town.follow(station.store)
        for number in range(ROUNDS):
            with station.daemon() as running:
                writer.killed_meanwhile(running, town, rng, number)
        with station.daemon() as running:
            again, writer.open = writer.open, []
            writer.publish(running, again)
            eventually(lambda: not _waiting(station, writer), "all is delivered")

    taken, activities = town.taken(), set(writer.acknowledged.values())
    assert writer.open == []
    assert {(inbox, id) for inbox in town.inboxes for id in activities} == taken.keys()
    repeated: Counter[str] = Counter()
    for (inbox, _), times in taken.items():
        repeated[inbox.split("/")[2]] += times - 1
    print(f"{ROUNDS} kills, {len(activities)} posts, {sum(taken.values())} taken: {repeated}")
    assert max(repeated.values()) <= ROUNDS * ON_ITS_WAY
    with reading(station) as query:
        accounts = [query.account(id) for id in activities]
        assert query.outbox_total() == len(activities) == len(writer.acknowledged)
    assert {one and (one.delivered, one.recipients) for one in accounts} == {
        (len(town.inboxes), len(town.inboxes))
    }
    assert station.run("check").code == 0


def _waiting(station: PublicStation, writer: Writer) -> bool:
    with reading(station) as query:
        accounts = [query.account(id) for id in writer.acknowledged.values()]
    return any(
        one is None or one.delivered < one.recipients or not one.recipients for one in accounts
    )
