"""One post to many followers, of whose hosts a third fail, each in its way; on a stepping clock.

`python delivery_world.py FOLDER SCENARIO` lives through it in a process of its own, because a
process has one reactor, and prints what each inbox was asked and what its row came to, as JSON. The
composition, the store, TLS and the bytes on the wire are the real ones.
"""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from notary import attest
from public_station import ORIGIN
from simulated_days import START
from stepping import Stepper, SteppingClock

from fedpull.cache import writer
from fedpull.cache.mail_records import Follower
from fedpull.config.load import load
from fedpull.crawler import key_file
from fedpull.daemon import Daemon, _in_reactor, build
from fedpull.tests.fediverse.families.cursors import Mastodon, Misskey, Pleroma
from fedpull.tests.fediverse.families.gotosocial import GoToSocial
from fedpull.tests.fediverse.families.identifiers import ActivityPubBot, Bovine
from fedpull.tests.fediverse.families.onepage import Onepage
from fedpull.tests.fediverse.families.strict import OldMastodon, OnlyEd25519, OnlyRfc9421
from fedpull.tests.fediverse.families.times import Ghost
from fedpull.tests.fediverse.log import Request
from fedpull.tests.fediverse.model import Account
from fedpull.tests.fediverse.moods import FOR_A_WHILE, FOR_GOOD, TAKEN, Mood, gone
from fedpull.tests.fediverse.server import Server
from fedpull.tests.fediverse.signatures import Message
from fedpull.tests.fediverse.world import Fediverse

DAY = 86_400.0
# What each of them reads of our signatures is measured: see `policies`.
FAMILIES: tuple[type[Server], ...] = (
    *(Mastodon, OldMastodon, OnlyRfc9421, OnlyEd25519, GoToSocial, Misskey, Pleroma),
    *(Ghost, Onepage, ActivityPubBot, Bovine),
)
STRANGER = "has the certificate of another"
ONE_GONE = "one inbox of two is gone"
MOODS: dict[str, Mood] = {**FOR_GOOD, **FOR_A_WHILE, **TAKEN, ONE_GONE: gone("user0")}
FAILING = (*MOODS, STRANGER)
# Who is mentioned, and what their document says of their inbox.
FINE, GONE, NOWHERE = "is as it should be", "is gone", "is on a host that is not there"
FOLLOWS, OURSELVES = "follows us", "is ourselves"
MATTERS: dict[str, dict[str, Any]] = {
    FINE: {},
    "shares an inbox of another host": {"endpoints": {"sharedInbox": "https://h1.example/inbox"}},
    "shares an inbox without TLS": {"endpoints": {"sharedInbox": "http://n2.example/inbox"}},
    "has the inbox of another host": {"inbox": "https://h1.example/inbox"},
    "has our inbox": {"inbox": f"{ORIGIN}/actor/inbox"},
    "has an inbox with a password": {"inbox": "https://me:secret@n5.example/users/zoe/inbox"},
    "has an inbox at another port": {"inbox": "https://n6.example:8443/users/zoe/inbox"},
    "has no inbox": {"inbox": None},
    GONE: {},
    NOWHERE: {},
}


@dataclass(frozen=True, slots=True)
class Scenario:
    """`days` is for how long the daemon lives after the post."""

    hosts: int = 500
    followers: int = 1_000
    days: float = 8.5  # its time to live, and the longest pause of a host


@dataclass(frozen=True, slots=True)
class Home:
    """A host of followers. `mood` "" is a healthy one."""

    host: str
    mood: str
    shared: bool
    server: Server | None  # None: nobody serves it

    def follower(self, account: Account) -> Follower:
        actor = account.actor_id
        shared = f"https://{self.host}/inbox" if self.shared else None
        return Follower(actor, f"{actor}/inbox", shared, "accepted", f"{actor}#follow", START)


class World:
    """The hosts and who follows us there."""

    def __init__(self, scenario: Scenario, clock: SteppingClock) -> None:
        self.homes: list[Home] = []
        self.followers: list[Follower] = []
        moods, families = itertools.cycle(FAILING), itertools.cycle(FAMILIES)
        servers = []
        for number in range(scenario.hosts):
            mood = next(moods) if number % 3 == 0 else ""
            server = (Mastodon if mood else next(families))(f"h{number}.example")
            served = mood != STRANGER
            shared = mood != ONE_GONE and number // 3 % 2 == 0
            home = Home(server.host, mood, shared, server if served else None)
            server.mood = MOODS.get(mood)
            if served:
                servers.append(server)
            self.homes.append(home)
        self.fediverse = Fediverse(servers, clock=clock.true)
        everywhere = itertools.cycle(self.homes)
        for number in range(scenario.followers):
            home = next(everywhere)
            user = f"user{number // scenario.hosts}"
            server = home.server or Mastodon(home.host)
            self.followers.append(home.follower(server.add_account(user)))
        self.named = self._named()
        self.secret = self.followers[4].actor  # who is told in secret as well

    def _named(self) -> dict[str, str]:
        """Whom the post mentions, by what is the matter with them. Nothing is known of them yet."""
        found = {}
        for number, (matter, says) in enumerate(MATTERS.items()):
            server = Mastodon(f"n{number}.example")
            account = server.add_account("zoe")
            account.says.update(says)
            account.left = matter == GONE
            if matter != NOWHERE:
                self.fediverse.add(server)
            found[account.actor_id] = matter
        known = self.homes[1].server  # a follower who is mentioned, too, gets it once
        assert known is not None
        return {**found, known.accounts["user0"].actor_id: FOLLOWS, f"{ORIGIN}/actor": OURSELVES}

    @property
    def inboxes(self) -> set[str]:
        """Where it has to go on account of the followers."""
        return {one.shared_inbox or one.inbox for one in self.followers}

    def mood_of(self, inbox: str) -> str:
        host = urlsplit(inbox).netloc
        return next((home.mood for home in self.homes if home.host == host), "")


class Life:
    """One scenario, lived through."""

    def __init__(self, folder: Path, scenario: Scenario) -> None:
        self.folder = folder
        self.scenario = scenario
        self.clock = SteppingClock(START)
        self.world = World(scenario, self.clock)

    def configure(self) -> Path:
        (self.folder / "keys").mkdir(mode=0o700)
        key_file.create(self.folder / "keys" / "actor.pem")
        config = self.world.fediverse.config(
            identity={"url": ORIGIN, "key_file": "keys/actor.pem"},
            listen={"inbox": "tcp:0:interface=127.0.0.1"},
            store={"path": "data"},
            freshness={"budget": "1/h"},
        )
        file = self.folder / "fedpull.yaml"
        file.write_text(json.dumps(config), "utf-8")
        return file

    async def live(self) -> dict[str, Any]:
        began = time.monotonic()
        with self.world.fediverse:
            loaded = load(self.configure(), environ={}, data_home=self.folder)
            daemon = build(loaded, self.clock)
            await self._follow(daemon)
            await daemon.start(api=False)
            at = (self.folder / "data" / "inbox").read_text("utf-8")
            self.world.fediverse.reach(ORIGIN, at)
            stepper = Stepper(self.clock, daemon.works)
            try:
                activity = await self._publish(daemon)
                await stepper.run(START + self.scenario.days * DAY)
                told = self._report(daemon, activity)
            finally:
                await daemon.stop()
        return {**told, "seconds": round(time.monotonic() - began, 1)}

    async def _follow(self, daemon: Daemon) -> None:
        mailbox = daemon.works.opened.mailbox
        kept = [mailbox.put_follower(follower, (), START) for follower in self.world.followers]
        await asyncio.gather(*(asyncio.wrap_future(one) for one in kept))

    def _report(self, daemon: Daemon, activity: str) -> dict[str, Any]:
        entries = self.world.fediverse.log.entries
        log = [one for one in entries if one.method == "POST"]
        rows = daemon.query.deliveries(100_000, activity=activity)
        account = daemon.query.account(activity)
        assert account is not None
        asked = _by_inbox(log)
        return {
            "inboxes": sorted(self.world.inboxes),
            "named": self.world.named,
            "secret": self.world.secret,
            "account": dataclasses.asdict(account),
            "rows": [
                {
                    "inbox": row.inbox,
                    "mood": self.world.mood_of(row.inbox),
                    "state": row.state,
                    "attempts": row.attempts,
                    "error": row.last_error,
                    "asked": [(one.at - START, one.status) for one in asked.pop(row.inbox, [])],
                    "taken": self._taken(row.inbox, row.activity),
                }
                for row in rows
            ],
            "read": [f"https://{one.host}{one.target}" for one in entries if one.method == "GET"],
            "followers": {one.actor: one.shared_inbox or one.inbox for one in self.world.followers},
            "strays": {inbox: len(found) for inbox, found in asked.items()},
            "signed": dict(Counter(self._verified(daemon, log))),
            "bodies": sorted({one.body.decode() for one in log}),
            "findings": [str(one) for one in daemon.query.check().findings][:20],
        }

    def _taken(self, inbox: str, activity: str) -> int:
        """How often the inbox has taken it, its signature verified by the host itself."""
        parts = urlsplit(inbox)
        server = self.world.fediverse.servers.get(parts.netloc)
        return (
            0
            if server is None
            else sum(
                one.status == 202
                and one.target == parts.path
                and one.document.get("id") == activity
                for one in server.delivered
            )
        )

    def _verified(self, daemon: Daemon, log: list[Request]) -> Iterator[str]:
        """Every POST, in whichever form, by libraries that are nobody's here."""
        instance = daemon.works.presence.instance  # type: ignore[union-attr]
        document: Any = instance.actor_document(START)
        key = document["publicKey"]
        for one in log:
            if "ed25519" in one.headers.get("signature-input", ""):
                yield "ed25519"  # by the host alone
                continue
            url = f"https://{one.host}{one.target}"
            message = Message("POST", url, one.headers, one.body)
            yield attest(message, key["id"], key["publicKeyPem"], one.at)

    async def _publish(self, daemon: Daemon) -> str:
        note = {
            "type": "Note",
            "content": "<p>To all of you.</p>",
            "to": "https://www.w3.org/ns/activitystreams#Public",
            "cc": [f"{ORIGIN}/actor/followers", *self.world.named],
            "bto": [self.world.secret],
        }
        published = await daemon.verbs.publish(json.dumps(note).encode())
        return published.activity


def _by_inbox(log: list[Request]) -> dict[str, list[Request]]:
    found: dict[str, list[Request]] = {}
    for one in log:
        found.setdefault(f"https://{one.host}{one.target}", []).append(one)
    return found


def main() -> None:
    writer._LINGER = 0.0  # nobody else will come while the time stands still
    folder, scenario = Path(sys.argv[1]), Scenario(**json.loads(sys.argv[2]))
    print(json.dumps(_in_reactor(Life(folder, scenario).live)))


if __name__ == "__main__":
    main()
