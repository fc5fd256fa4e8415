"""What somebody can do who signs well, on the same host as a followed actor: nothing to that actor.

Every row is signed by mallory's own good key; the hosts of mallory and alice are one, so whoever
compares hosts where owners count has lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from public_station import ACTOR, INBOX, PublicStation, holds
from push_cases import followers, mail, waiting
from station import eventually

from fedpull.cache.records import Follow
from fedpull.tests.fediverse.documents import PUBLIC
from fedpull.tests.fediverse.families import BY_NAME
from fedpull.tests.fediverse.model import Account, Json
from fedpull.tests.fediverse.world import Fediverse


@dataclass
class Neighbours:
    """Alice is followed and subscribed to, and follows us; mallory is nobody to us."""

    world: Fediverse
    station: PublicStation
    alice: Account
    mallory: Account

    @property
    def follow(self) -> Follow:
        with mail(self.station) as query:
            [follow] = query.follows()
            return follow

    def state(self) -> tuple[object, ...]:
        """All that a push could change for alice."""
        follow = self.follow
        return (
            follow.actor,
            follow.subscribed,
            follow.subscription,
            follow.blocked,
            followers(self.station),
            holds(self.station, self.alice),
        )


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neighbours]:
    with Fediverse([BY_NAME["mastodon"], BY_NAME["pleroma"]]) as world:
        server = world.servers["mastodon.example"]
        server.answers_follows = "accept"
        alice, mallory = server.add_account("alice", posts=4), server.add_account("mallory")
        entry = {"actor": alice.handle, "subscribe": True, "every": {"min": "1h", "max": "7d"}}
        station = PublicStation(tmp_path_factory.mktemp("neighbours"), world, follow=[entry])
        with station.daemon():
            there = Neighbours(world, station, alice, mallory)
            eventually(lambda: len(holds(station, alice)) == 4, "what was there")
            eventually(lambda: there.follow.subscribed == "yes", "the subscription")
            assert alice.push(alice.act("Follow", ACTOR), to=INBOX).status == 202
            eventually(lambda: followers(station) == [alice.actor_id], "the follower")
            yield there


def _follow(here: Neighbours) -> Json:
    """Our own Follow of alice."""
    id = here.follow.subscription
    return {"id": id, "type": "Follow", "actor": ACTOR, "object": here.alice.actor_id}


def _theirs(here: Neighbours) -> Json:
    """Alice's Follow of us."""
    [follow] = [one for one in here.alice.activities if one.verb == "Follow"]
    return here.alice.server.pushed(follow)


def _post(here: Neighbours) -> Json:
    post = here.alice.posts[0]
    return {
        "id": post.id,
        "type": "Note",
        "attributedTo": here.mallory.actor_id,
        "content": "mine now",
        "to": [PUBLIC],
    }


Say = Callable[[Neighbours], Json]
ROWS: dict[str, Say] = {
    "rejects our Follow of alice": lambda h: {"type": "Reject", "object": _follow(h)},
    "rejects it by its id": lambda h: {"type": "Reject", "object": _follow(h)["id"]},
    "accepts it once more": lambda h: {"type": "Accept", "object": _follow(h)},
    "undoes alice's acceptance": lambda h: {
        "type": "Undo",
        "object": {"type": "Accept", "actor": h.alice.actor_id, "object": _follow(h)},
    },
    "undoes alice's Follow of us": lambda h: {"type": "Undo", "object": _theirs(h)},
    "undoes it by its id": lambda h: {"type": "Undo", "object": _theirs(h)["id"]},
    "undoes it as if it were alice's": lambda h: {
        "type": "Undo",
        "object": {"type": "Follow", "actor": h.alice.actor_id, "object": ACTOR},
    },
    "deletes a post of alice's": lambda h: {"type": "Delete", "object": h.alice.posts[0].id},
    "deletes it as a Tombstone": lambda h: {
        "type": "Delete",
        "object": {"id": h.alice.posts[0].id, "type": "Tombstone"},
    },
    "says that the post is mallory's": lambda h: {"type": "Update", "object": _post(h)},
    "creates it once more": lambda h: {"type": "Create", "object": _post(h)},
    "deletes alice": lambda h: {"type": "Delete", "object": h.alice.actor_id},
    "moves alice to mallory": lambda h: {
        "type": "Move",
        "object": h.alice.actor_id,
        "target": h.mallory.actor_id,
    },
    "blocks us in alice's name": lambda h: {
        "type": "Block",
        "object": {"id": ACTOR, "attributedTo": h.alice.actor_id},
    },
    "takes the post out of alice's outbox": lambda h: {
        "type": "Remove",
        "object": h.alice.posts[0].id,
        "target": h.alice.outbox_url,
    },
    "adds something to alice's outbox": lambda h: {
        "type": "Add",
        "object": f"{h.mallory.actor_id}/statuses/1",
        "target": h.alice.outbox_url,
    },
    "announces what alice deletes": lambda h: {
        "type": "Announce",
        "object": {"type": "Delete", "actor": h.alice.actor_id, "object": h.alice.posts[0].id},
    },
    "has alice for an actor besides": lambda h: {
        "type": "Delete",
        "actor": [h.mallory.actor_id, h.alice.actor_id],
        "object": h.alice.posts[0].id,
    },
    "has alice for an actor": lambda h: {
        "type": "Delete",
        "actor": h.alice.actor_id,
        "object": h.alice.posts[0].id,
    },
    "has alice for an embedded actor": lambda h: {
        "type": "Reject",
        "actor": {"id": h.alice.actor_id, "type": "Person"},
        "object": _follow(h),
    },
    "blocks us as alice": lambda h: {
        "type": "Block",
        "actor": h.alice.actor_id,
        "object": ACTOR,
    },
    "undoes alice's Follow as alice": lambda h: {
        "type": "Undo",
        "actor": h.alice.actor_id,
        "object": _theirs(h),
    },
}


@pytest.mark.parametrize("what", ROWS)
def test_nothing_changes_for_alice_when_mallory(here: Neighbours, what: str) -> None:
    """Refused, ignored, or at most a question to the origin, which says that all is as it was."""
    before = here.state()
    mark = here.world.log.mark()
    document: dict[str, Any] = {
        "id": f"{here.mallory.actor_id}#{list(ROWS).index(what)}",
        "to": [PUBLIC],
        **ROWS[what](here),
    }
    for to in (INBOX, ""):
        told = here.mallory.push({**document, "id": f"{document['id']}{to[:1]}"}, to=to)
        assert told.status in (202, 400, 401), told
    eventually(lambda: not waiting(here.station), "all is settled")
    # What is asked because of it has been answered when a later push of alice's has arrived.
    post = here.alice.post(f"after mallory {what}")
    assert here.alice.push(post).status == 202
    eventually(lambda: post.id in holds(here.station, here.alice), "alice's next post")
    here.alice.delete(post)
    assert here.alice.push(post).status == 202
    eventually(lambda: post.id not in holds(here.station, here.alice), "and its end")

    assert here.state() == before
    assert len([one for one in here.world.log.since(mark) if "mallory" in one.target]) <= 2
