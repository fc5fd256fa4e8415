"""Subscriptions, and push and poll as one stream: nothing twice, nothing missed, over restarts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from public_station import ACTOR, QUICK, PublicStation, holds
from push_cases import mail, settled, waiting
from station import eventually
from traces import traces

from fedpull.tests.fediverse.documents import PUBLIC
from fedpull.tests.fediverse.families import BY_NAME
from fedpull.tests.fediverse.model import Account, Post
from fedpull.tests.fediverse.posting import Delivered
from fedpull.tests.fediverse.server import Server
from fedpull.tests.fediverse.world import Fediverse

SELDOM = {"min": "1h", "max": "7d"}


@pytest.fixture
def world() -> Iterator[Fediverse]:
    with Fediverse([BY_NAME["mastodon"], BY_NAME["gotosocial"]]) as running:
        yield running


@pytest.fixture
def server(world: Fediverse) -> Server:
    return world.servers["mastodon.example"]


@pytest.fixture
def alice(server: Server) -> Account:
    return server.add_account("alice", posts=5)


def entry(account: Account, **more: Any) -> dict[str, Any]:
    return {"actor": account.handle, "every": SELDOM, "subscribe": True, **more}


def posted(server: Server, type: str) -> list[Delivered]:
    return [one for one in server.delivered if one.document.get("type") == type]


def subscribed(station: PublicStation) -> list[str]:
    with mail(station) as query:
        return [one.subscribed for one in query.follows()]


def test_a_subscription_from_follow_to_undo(
    tmp_path: Path, world: Fediverse, server: Server, alice: Account
) -> None:
    """One signed Follow; their Accept; a push that costs one GET; no second Follow after a restart;
    an Undo of the same Follow when it is no longer wanted.
    """
    server.answers_follows = "accept"
    station = PublicStation(tmp_path, world, follow=[entry(alice)])
    with station.daemon():
        eventually(lambda: subscribed(station) == ["yes"], "the subscription")
        [follow] = posted(server, "Follow")
        eventually(lambda: len(holds(station, alice)) == 5, "what was there")
        mark = world.log.mark()
        post = alice.post("pushed to who subscribed")
        assert alice.push(post).status == 202
        eventually(lambda: post.id in holds(station, alice), "the post")
        asked = [one.target for one in world.log.since(mark)]
    with station.daemon():
        assert subscribed(station) == ["yes"]
    assert len(posted(server, "Follow")) == 1
    station.configure(follow=[entry(alice, subscribe=False)])
    with station.daemon():
        eventually(lambda: alice.followers == {}, "the Undo")

    assert (follow.signer, follow.status) == (ACTOR, 202)
    assert (follow.document["actor"], follow.document["object"]) == (ACTOR, alice.actor_id)
    assert [one for one in asked if "/statuses/" in one] == [post.id.partition(".example")[2]]
    [undo] = posted(server, "Undo")
    assert undo.document["object"]["id"] == follow.document["id"]


def test_a_rejected_subscription_is_told_and_not_repeated(
    tmp_path: Path, world: Fediverse, server: Server, alice: Account
) -> None:
    """They said no: it is read by polling all the same."""
    server.answers_follows = "reject"
    station = PublicStation(tmp_path, world, follow=[entry(alice)])
    with station.daemon():
        eventually(lambda: subscribed(station) == ["rejected"], "the rejection")
        eventually(lambda: len(holds(station, alice)) == 5, "what can be read")
    with station.daemon():
        assert subscribed(station) == ["rejected"]

    assert len(posted(server, "Follow")) == 1


def test_a_subscription_that_nobody_answers_stays_pending(
    tmp_path: Path, world: Fediverse, server: Server, alice: Account
) -> None:
    """Also over a restart; the Follow was delivered once."""
    station = PublicStation(tmp_path, world, follow=[entry(alice)])
    with station.daemon():
        eventually(lambda: len(posted(server, "Follow")) == 1, "the Follow")
        assert subscribed(station) == ["pending"]
    with station.daemon():
        assert subscribed(station) == ["pending"]

    assert len(posted(server, "Follow")) == 1


def test_a_host_that_was_down_gets_the_follow_later(
    tmp_path: Path, world: Fediverse, server: Server, alice: Account
) -> None:
    """The delivery waits in the store, over a restart."""
    server.answers_follows = "accept"
    delivery = {"retry": ["1s"] * 20, "ttl": "7d"}
    station = PublicStation(tmp_path, world, follow=[entry(alice, subscribe=False)])
    with station.daemon():
        eventually(lambda: len(holds(station, alice)) == 5, "what was there")
    station.configure(follow=[entry(alice)], delivery=delivery)
    world.down(server.host)
    with station.daemon():
        eventually(lambda: subscribed(station) == ["pending"], "the Follow is on its way")
    assert posted(server, "Follow") == []
    world.up(server.host)
    with station.daemon():
        eventually(lambda: subscribed(station) == ["yes"], "the subscription")

    assert len(posted(server, "Follow")) == 1


def test_what_was_pushed_the_poll_does_not_fetch_again(tmp_path: Path, world: Fediverse) -> None:
    """GoToSocial lists URLs: each post would cost a request of its own."""
    server = world.servers["gotosocial.example"]
    dora = server.add_account("dora", posts=3)
    station = PublicStation(tmp_path, world, follow=[entry(dora, every=QUICK, subscribe=False)])
    with station.daemon():
        eventually(lambda: len(holds(station, dora)) == 3, "what was there")
        mark = world.log.mark()
        post = dora.post("pushed, and listed")
        assert dora.push(post).status == 202
        settled(station, post.activity_id)
        eventually(lambda: post.id in holds(station, dora), "the post")
        pages = world.log.count(server.host, "/outbox", since=mark)
        eventually(
            lambda: world.log.count(server.host, "/outbox", since=mark) > pages + 1, "a poll"
        )

        assert world.log.count(server.host, f"/statuses/{post.key}", since=mark) == 1


def test_after_a_downtime_the_poll_fills_the_gap_and_says_so(
    tmp_path: Path, world: Fediverse, server: Server, alice: Account
) -> None:
    """What was pushed to nobody is listed by the outbox; the log tells how many posts came so."""
    server.answers_follows = "accept"
    station = PublicStation(tmp_path, world, follow=[entry(alice, every=QUICK)])
    with station.daemon():
        eventually(lambda: subscribed(station) == ["yes"], "the subscription")
        eventually(lambda: len(holds(station, alice)) == 5, "what was there")
        first = alice.post("pushed")
        assert alice.push(first).status == 202
        eventually(lambda: first.id in holds(station, alice), "the pushed post")
    missed = [alice.post(f"missed {number}") for number in range(3)]
    with station.daemon() as running:
        eventually(lambda: {one.id for one in missed} <= holds(station, alice), "what was missed")
        running.wait_for_line("that no push had told of")


MARKER = "Zq7-only-the-push-says-this"


def spoken(account: Account, post: Post, type: str) -> dict[str, Any]:
    """An activity that says MARKER wherever a sender can say anything."""
    return {
        "id": f"{post.id}#{SAID.index(type)}",
        "type": type,
        "actor": account.actor_id,
        "summary": MARKER,
        MARKER: MARKER,
        "published": MARKER,
        "to": [PUBLIC],
        "content": f"<p>{MARKER}</p>",
        "instrument": {"type": MARKER, "name": MARKER},
        "object": {
            "id": post.id,
            "type": ["Note", MARKER],
            "attributedTo": account.actor_id,
            "content": f"<p>{MARKER}</p>",
            "contentMap": {"en": MARKER},
            "name": MARKER,
            "updated": MARKER,
            "tag": [{"type": "Hashtag", "name": f"#{MARKER}", "href": "https://x.example/t"}],
            "attachment": [{"type": "Document", "name": MARKER, "mediaType": MARKER}],
        },
    }


SAID = ("Create", "Update", "Delete", "Announce", "Like", "Flag", "View", "Undo", MARKER)


def test_what_a_push_says_leaves_no_trace(tmp_path: Path, world: Fediverse, alice: Account) -> None:
    """Whoever says it: every key, value, dictionary and free page of the store is searched, and the
    log. The search finds what the origin says.
    """
    stranger = world.servers["gotosocial.example"].add_account("stranger", posts=1)
    station = PublicStation(tmp_path, world, follow=[entry(alice, subscribe=False)])
    with station.daemon() as running:
        eventually(lambda: len(holds(station, alice)) == 5, "what was there")
        for number, type in enumerate(SAID):
            post = alice.post(f"the origin says {number}")
            for account in (alice, stranger):
                told = account.push(spoken(account, post, type))
                assert told.status in (202, 400, 401)
                assert MARKER not in str(told)
        last = alice.post("the origin says the last word")
        assert alice.push(last).status == 202
        eventually(lambda: last.id in holds(station, alice), "the last post")
        eventually(lambda: not waiting(station), "everything was acted upon")
    assert MARKER not in running.output()
    assert traces(station.store, "the origin says the last word") != []
    assert traces(station.store, MARKER) == []
