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

from crash_ledger import Ledger, Own, current, text, version_of
from crash_world import CROWD, Town

from fedpull.client import Client
from fedpull.errors import FedpullError, Gone, NotFound, Refused, Unreachable
from fedpull.tests.fediverse.model import Account, Activity, Json

PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
ORIGIN = "https://pull.example"
FOLLOWERS = f"{ORIGIN}/actor/followers"
_DEAD = (OSError, http.client.HTTPException, Unreachable)


class Work:
    """The work of one life of the daemon at `address`."""

    def __init__(self, town: Town, ledger: Ledger, address: str, seed: str) -> None:
        self.town = town
        self.ledger = ledger
        self.address = address
        self.seed = seed

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
        self._push_again()
        self._publish_again()
        self._forget_again()

    def _guarded(self, job: Callable[[], None]) -> None:
        try:
            job()
        except _DEAD:
            return  # it was killed; what had no answer stands in the ledger
        except FedpullError as error:
            self.ledger.lost(f"{job.__name__}: {type(error).__name__}: {error}")

    def _random(self, who: str) -> random.Random:
        return random.Random(f"{self.seed}/{who}")

    def _listen(self) -> None:
        with Client(self.address) as client:
            for change in client.stream(self.ledger.last_seq):
                self.ledger.entry(change["seq"], change["kind"], change["id"])
                self.ledger.answered("changes read")

    # Others

    def push(self) -> None:
        """The hosts post, edit, delete, boost, like and follow, and tell of all but some of it.

        What strangers tell of strangers is answered 202 and dropped: those who tell are known."""
        rng = self._random("push")
        self._push_again()
        for _ in range(rng.randrange(2, 9)):
            account = rng.choice(self.town.writers)
            what = rng.choice(("post", "post", "silence", "edit", "delete", "boost", "like", "fan"))
            if account.posts[0].id not in self.ledger.held:
                what = "fan"
            self.ledger.unheard += getattr(self, f"_{what}")(rng, account)
            self._push_again()

    def _post(self, rng: random.Random, account: Account) -> list[Activity]:
        post = account.post(text(1))
        self.ledger.posts[post.id] = post
        return [account.activities[-1]]

    def _silence(self, rng: random.Random, account: Account) -> list[Activity]:
        """A post that is found by asking alone."""
        self._post(rng, account)
        return []

    def _edit(self, rng: random.Random, account: Account) -> list[Activity]:
        posts = [post for post in account.posts[1:] if post.deleted is None]
        if not posts:
            return []
        post = rng.choice(posts)
        account.edit(post, text(current(post) + 1))
        return [account.activities[-1]]

    def _delete(self, rng: random.Random, account: Account) -> list[Activity]:
        posts = [post for post in account.posts[4:] if post.deleted is None]
        if not posts:
            return []
        account.delete(rng.choice(posts))
        return [account.activities[-1]]

    def _boost(self, rng: random.Random, account: Account) -> list[Activity]:
        return [account.boost(account.posts[0])]

    def _like(self, rng: random.Random, account: Account) -> list[Activity]:
        return [self.town.somebody().act("Like", account.posts[0].id)]

    def _fan(self, rng: random.Random, account: Account) -> list[Activity]:
        """Somebody follows us, and half of them think better of it."""
        guest = self.town.somebody()
        follow = guest.act("Follow", f"{ORIGIN}/actor")
        if rng.random() < 0.5:
            return [follow]
        guest.delete(follow)
        return [follow, guest.activities[-1]]

    def _push_again(self) -> None:
        ledger = self.ledger
        while ledger.unheard:
            activity = ledger.unheard[0]
            status = activity.account.push(activity).status
            if status == 202:
                ledger.heard[activity.id] = activity
                ledger.answered("pushes")
            elif activity.object not in ledger.absent:
                ledger.lost(f"the push of {activity.id} was answered {status}")
            ledger.unheard.pop(0)

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
            for id, post in posts.items()
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
