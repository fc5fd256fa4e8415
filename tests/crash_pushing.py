"""What the hosts around a daemon tell it, while it waits to be killed: pushes, in their order.

Nothing is judged here but the status that they get. Invariant: what has no answer stays first in
the line and is sent again, as any server does, and what is behind it comes after.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from crash_ledger import Ledger, current, text
from crash_world import Town
from public_station import ORIGIN

from fedpull.tests.fediverse.model import Account, Activity


@dataclass(frozen=True, slots=True)
class Pushing:
    """The sending side of the town. Raises what a connection raises when the daemon has died."""

    town: Town
    ledger: Ledger

    def push(self, seed: str) -> None:
        """The hosts post, edit, delete, boost, like and follow, and tell of all but some of it.

        What strangers tell of strangers is answered 202 and dropped: those who tell are known."""
        rng = random.Random(seed)
        self.again()
        for _ in range(rng.randrange(2, 9)):
            account = rng.choice(self.town.writers)
            what = rng.choice(("post", "post", "silence", "edit", "delete", "boost", "like", "fan"))
            if account.posts[0].id not in self.ledger.held:
                what = "fan"
            self.ledger.unheard += getattr(self, f"_{what}")(rng, account)
            self.again()

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

    def again(self) -> None:
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
