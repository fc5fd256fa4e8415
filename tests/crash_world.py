"""The hosts around a daemon that is killed again and again: whom it follows, and who follows it.

Invariant: the hosts themselves lose nothing. Whoever of them has a bad moment has it again and
again, in a rhythm of its own, so that retries and pauses are part of what a kill interrupts.
"""

from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path

from public_station import PublicStation

from fedpull.cache.mail_records import Follower
from fedpull.cache.open import open_store
from fedpull.tests.fediverse.families import BY_NAME
from fedpull.tests.fediverse.families.strict import OldMastodon, OnlyRfc9421
from fedpull.tests.fediverse.model import Account
from fedpull.tests.fediverse.moods import FINE, Fine, Visit
from fedpull.tests.fediverse.server import Server
from fedpull.tests.fediverse.wire import Answer, Reply
from fedpull.tests.fediverse.world import Fediverse

WRITERS = ("mastodon", "gotosocial", "pleroma", "misskey")
READERS: tuple[type[Server], ...] = (
    *(OldMastodon, OnlyRfc9421),
    *(BY_NAME[name] for name in WRITERS),
)
HOSTS = 8
SECOND = {"min": "1s", "max": "1s"}
CROWD = "crowd.example"


def _stumbles(visit: Visit) -> Answer | Fine:
    return Reply(500, {}, b"a moment") if visit.nth % 17 == 3 else FINE


class Town:
    """Four hosts that we read, eight that read us, and a crowd that comes and goes."""

    def __init__(self, posts: int) -> None:
        self.sources = [BY_NAME[name](f"{name}.example") for name in WRITERS]
        self.readers = [READERS[n % len(READERS)](f"h{n}.example") for n in range(HOSTS)]
        self.readers[0].mood = self.readers[1].mood = _stumbles
        self.crowd = BY_NAME["mastodon"](CROWD)
        self.crowd.answers_follows = "accept"
        self.world = Fediverse([*self.sources, *self.readers, self.crowd])
        self.writers = [server.add_account("writer", posts=posts) for server in self.sources]
        self.liked = [writer.posts[0] for writer in self.writers]  # boosted, too, and left alone
        self.fans = [server.add_account(f"fan{n}") for server in self.readers for n in range(2)]
        self._numbers = itertools.count(1)

    def somebody(self) -> Account:
        """A new account of the crowd."""
        return self.crowd.add_account(f"guest{next(self._numbers)}", posts=3)

    def strange_host(self) -> Account:
        """A new account on a host of its own."""
        server = self.world.add(BY_NAME["mastodon"](f"strange{next(self._numbers)}.example"))
        return server.add_account("stranger", posts=2)

    def station(self, folder: Path) -> PublicStation:
        """What follows the writers, and is followed by the fans."""
        station = PublicStation(
            folder,
            self.world,
            follow=[{"actor": one.handle, "every": SECOND} for one in self.writers],
            delivery={"retry": ["0.2s"] * 9},
        )
        opened = open_store(station.store)
        for fan in self.fans:
            opened.mailbox.put_follower(self._follower(fan), (), 0.0).result()
        opened.close()
        return station

    def _follower(self, fan: Account) -> Follower:
        actor = fan.actor_id
        shares = self.readers.index(fan.server) % 2
        shared = f"https://{fan.server.host}/inbox" if shares else None
        return Follower(actor, f"{actor}/inbox", shared, "accepted", f"{actor}#follow", 0.0)

    @property
    def inboxes(self) -> set[str]:
        """Where every post to our followers must arrive."""
        followers = [self._follower(fan) for fan in self.fans]
        return {one.shared_inbox or one.inbox for one in followers}

    def taken(self) -> Counter[tuple[str, str]]:
        """How often each inbox has taken each activity, its signature verified by the host."""
        return Counter(
            (f"https://{server.host}{one.target}", one.document["id"])
            for server in self.world.servers.values()
            for one in list(server.delivered)
            if one.status == 202
        )
