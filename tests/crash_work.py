"""What goes on at a daemon while it waits to be killed: others push, we publish, programs read.

Each of these is done by a thread of its own, in an order of its own that a seed decides. Invariant:
whatever has no answer is done again in the next life of the daemon, as its real counterpart would,
and nothing of it is called acknowledged before.
"""

from __future__ import annotations

import http.client
import random
import threading
from collections.abc import Callable
from dataclasses import replace

from crash_ledger import Ledger, Own, text, version_of
from crash_pushing import Pushing
from crash_world import CROWD, Town
from public_station import ORIGIN

from fedpull.client import Client
from fedpull.errors import Gone, NotFound, Refused, Unreachable
from fedpull.tests.fediverse.model import Json

PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
FOLLOWERS = f"{ORIGIN}/actor/followers"
_DEAD = (OSError, http.client.HTTPException, Unreachable)


class Work:
    """The work of one life of the daemon at `address`."""

    def __init__(self, town: Town, ledger: Ledger, address: str, seed: str) -> None:
        self.town = town
        self.ledger = ledger
        self.address = address
        self.seed = seed
        self._pushing = Pushing(town, ledger)

    def threads(self) -> list[threading.Thread]:
        """Started; each ends by itself, at the latest with the daemon."""
        jobs = (self.push, self.publish, self.operate, self.read)
        made = [threading.Thread(target=self._guarded, args=(job,)) for job in jobs]
        for thread in made:
            thread.start()
        return made

    def listen(self) -> threading.Thread:
        """Reads the change log for as long as there is somebody to read it from."""
        thread = threading.Thread(target=self._guarded, args=(self._listen,))
        thread.start()
        return thread

    def again(self) -> None:
        """What has no answer yet, until it has one."""
        self._pushing.again()
        self._publish_again()
        self._forget_again()

    def _guarded(self, job: Callable[[], None]) -> None:
        try:
            job()
        except _DEAD:
            return  # it was killed; what had no answer stands in the ledger
        except Exception as error:
            self.ledger.lost(f"{job.__name__}: {error!r}")
            raise

    def _random(self, who: str) -> random.Random:
        return random.Random(f"{self.seed}/{who}")

    def _listen(self) -> None:
        with Client(self.address) as client:
            for change in client.stream(self.ledger.last_seq):
                self.ledger.entry(change["seq"], change["kind"], change["id"])
                self.ledger.answered("changes read")

    def push(self) -> None:
        """See `Pushing`."""
        self._pushing.push(f"{self.seed}/push")

    # We

    def publish(self) -> None:
        """Notes for our followers and for one of them, edits, deletions."""
        rng = self._random("publish")
        self._publish_again()
        for number in range(rng.randrange(1, 5)):
            made = self._something(rng, f"{self.seed}/{number}")
            self.ledger.unpublished.append(made)
            self._publish_again()

    def _something(self, rng: random.Random, key: str) -> Own:
        known = [one for one in self.ledger.own.values() if one.verb != "Delete"]
        if known and rng.random() < 0.4:
            before = rng.choice(known)
            _, id = self.ledger.published[before.object]
            if rng.random() < 0.3:
                delete = {"type": "Delete", "object": id}
                return replace(before, key=key, verb="Delete", document=delete)
            version = before.version + 1
            note = {"type": "Note", "id": id, "content": text(version)}
            update = {"type": "Update", "object": note}
            return replace(before, key=key, verb="Update", version=version, document=update)
        secret = rng.random() < 0.2
        to = [rng.choice(self.town.fans).actor_id] if secret else [PUBLIC, FOLLOWERS]
        post: Json = {"type": "Note", "content": text(1), "to": to}
        return Own(key, "Create", 1, post, key, secret)

    def _publish_again(self) -> None:
        ledger = self.ledger
        with Client(self.address) as client:
            while ledger.unpublished:
                own = ledger.unpublished[0]
                ledger.asked[own.key] = own
                activity = client.publish(own.document, key=own.key)
                object = activity["object"]
                id = object if isinstance(object, str) else object["id"]
                ledger.published[own.key] = (activity["id"], id)
                ledger.own[own.object] = own
                ledger.answered("publications")
                ledger.unpublished.pop(0)

    # The operator

    def operate(self) -> None:
        """Follows and unfollows people, has things pulled, and others forgotten."""
        rng = self._random("operate")
        with Client(self.address) as client:
            self._look_at_follows(client)
            self._forget_again()
            for _ in range(rng.randrange(1, 4)):
                what = rng.choice((self._follow, self._unfollow, self._pull, self._forget))
                what(rng, client)

    def _look_at_follows(self, client: Client) -> None:
        there = {one["follow"] for one in client.follows()}
        for handle in self.ledger.followed - there:
            self.ledger.lost(f"the follow of {handle} is gone")
        for handle in self.ledger.unfollowed & there:
            self.ledger.lost(f"the follow of {handle} is back")

    def _follow(self, rng: random.Random, client: Client) -> None:
        guest = self.town.somebody()
        self.ledger.posts |= {post.id: post for post in guest.posts}
        entry = {"actor": guest.handle, "subscribe": rng.random() < 0.5}
        client.follow(entry)
        self.ledger.followed.add(guest.handle)
        self.ledger.answered("follows")

    def _unfollow(self, rng: random.Random, client: Client) -> None:
        if not self.ledger.followed:
            return
        handle = rng.choice(sorted(self.ledger.followed))
        self.ledger.followed.discard(handle)
        client.unfollow(handle)
        self.ledger.unfollowed.add(handle)
        self.ledger.answered("unfollows")

    def _pull(self, rng: random.Random, client: Client) -> None:
        client.pull([rng.choice(self.town.writers).handle])
        self.ledger.answered("pulls")

    def _forget(self, rng: random.Random, client: Client) -> None:
        ledger, account = self.ledger, rng.choice(self.town.writers)
        kind = rng.choice(("post", "post", "actor", "domain"))
        if kind == "post":
            names = [post.id for post in account.posts[4:] if post.id not in ledger.absent]
            if not names:
                return
            name = rng.choice(names)
            posts = [name]
        else:
            account = self.town.somebody() if kind == "actor" else self.town.strange_host()
            posts = [post.id for post in account.posts]
            ledger.posts |= {post.id: post for post in account.posts}
            client.fetch(posts[0])
            ledger.answered("fetches")
            ledger.at_least(posts[0], 1)
            name = account.actor_id if kind == "actor" else account.server.host
        ledger.absent.update(posts)
        ledger.forgetting.append(name)
        self._forget_again()

    def _forget_again(self) -> None:
        ledger = self.ledger
        with Client(self.address) as client:
            while ledger.forgetting:
                name = ledger.forgetting[0]
                client.forget(name)
                ledger.forgotten.add(name)
                ledger.purged.update(self._covered(name))
                ledger.answered("forgets")
                ledger.forgetting.pop(0)

    def _covered(self, name: str) -> list[str]:
        """The posts that are forgotten with a post, an actor or a host."""
        posts = self.ledger.posts
        if name in posts:
            return [name]
        return [
            id
            for id, post in list(posts.items())  # others add to it meanwhile
            if name in (post.account.actor_id, post.account.server.host) and name != CROWD
        ]

    # Programs

    def read(self) -> None:
        """Asks for what is held and for what was forgotten."""
        rng = self._random("read")
        with Client(self.address) as client:
            forgotten = sorted(self.ledger.purged)
            for id in rng.sample(forgotten, min(5, len(forgotten))):
                self._ask(client, id)
            held = sorted(self.ledger.posts)
            for id in rng.choices(held, k=40):
                self._ask(client, id)

    def _ask(self, client: Client, id: str) -> None:
        forgotten = id in self.ledger.purged
        try:
            document = client.document(id, only_if_cached=True)
        except (NotFound, Gone, Refused):
            return
        if forgotten:
            self.ledger.lost(f"{id} was forgotten and is served")
        elif id not in self.ledger.absent:
            self.ledger.at_least(id, version_of(document))
        self.ledger.answered("documents served")
