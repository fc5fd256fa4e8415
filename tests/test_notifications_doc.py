"""The examples of docs/notifications.md, run as they stand beside a daemon that is pushed to."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from follow_cases import creates
from ingest_cases import ALICE, actor
from mail_pocket import MailPocket, activity
from public_station import ACTOR, PublicStation, holds
from station import eventually

from fedpull.cache import Cache
from fedpull.client import Client
from fedpull.tests.fediverse.families import BY_NAME
from fedpull.tests.fediverse.world import Fediverse

DOC = Path(__file__).resolve().parent.parent / "docs" / "notifications.md"
SELDOM = {"min": "1h", "max": "7d"}


def blocks(address: str) -> list[str]:
    """The Python of the page, with the address of the daemon that runs here."""
    found = re.findall(r"^```python\n(.*?)^```", DOC.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert len(found) == 8
    return [block.replace("http://127.0.0.1:8787", address) for block in found]


@pytest.mark.timeout(240)
def test_the_handlers_of_the_documentation_tell_what_was_pushed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each kind of activity is pushed to a real daemon; the page's handlers tell of each."""
    with Fediverse([BY_NAME["mastodon"], BY_NAME["pleroma"]]) as world:
        alice = world.servers["mastodon.example"].add_account("alice", posts=2)
        bob = world.find(BY_NAME["pleroma"]).add_account("bob", posts=1)
        alice.server.answers_follows = "accept"
        station = PublicStation(
            tmp_path, world, follow=[{"actor": alice.handle, "every": SELDOM, "subscribe": True}]
        )
        with station.daemon() as running, Client(running.address) as client:
            eventually(lambda: len(holds(station, alice)) == 2, "what was there")
            doc: dict[str, Any] = {}
            monkeypatch.chdir(station.store.parent)
            *handlers, show = blocks(running.address)
            for block in handlers:
                exec(compile(block, str(DOC), "exec"), doc)
            _, since = doc["catch_up"](station.store)

            def told(*expected: str) -> None:
                """Catches up until all of it was said."""
                heard: list[str] = []

                def look() -> bool:
                    nonlocal since
                    said, since = doc["catch_up"](station.store, since)
                    heard.extend(said)
                    return all(one in heard for one in expected)

                eventually(look, f"{expected} among {heard}")

            post, kept = alice.post("first"), alice.posts[0]
            alice.push(post)
            told(f"new Note by {alice.actor_id}: <p>first</p>")
            alice.edit(post, "second")
            alice.push(post)
            told(f"{post.id} was <p>first</p>, is <p>second</p>")
            alice.delete(post)
            alice.push(post)
            told(f"{post.id} is deleted (gone)")
            boost = alice.boost(bob.posts[0])
            alice.push(boost)
            told(f"new Note by {bob.actor_id}: {content(station, bob.posts[0].id)}")
            with Cache(station.store) as cache:
                assert doc["boosts"](cache, alice.actor_id) == [bob.posts[0].id]
            bob.push(bob.act("Like", kept.id))
            bob.push(bob.act("Follow", ACTOR))
            eventually(lambda: doc["on_followers"](client) == [bob.actor_id], "the follower")
            exec(compile(show, str(DOC), "exec"), doc)

            assert doc["on_subscriptions"](client)[alice.actor_id][0] == "yes"
            assert bob.actor_id in capsys.readouterr().out


def test_the_handlers_tell_of_reactions_and_of_who_has_moved(tmp_path: Path) -> None:
    """What comes once a minute, or once in a life."""
    there = "https://new.example/users/alice"
    doc: dict[str, Any] = {}
    for block in blocks("")[:6]:
        exec(compile(block, str(DOC), "exec"), doc)
    with MailPocket(tmp_path) as pocket:
        pocket.followed(*creates(1))
        _, since = doc["catch_up"](tmp_path)
        pocket.push(activity("Like", f"{ALICE}/1", "https://fans.example/1"))
        asyncio.run(pocket.processing.flush_counts())
        pocket.pages[ALICE] = actor(movedTo=there)
        places = {"id": there, "inbox": f"{there}/inbox", "outbox": f"{there}/outbox"}
        pocket.pages[there] = actor(alsoKnownAs=[ALICE], **places)
        pocket.push(activity("Move", ALICE, target=there))

        said, _ = doc["catch_up"](tmp_path, since)

    assert f"{ALICE}/1 has 1 likes, 0 shares" in said
    assert f"{ALICE} has moved to {there}" in said


def content(station: PublicStation, id: str) -> str:
    eventually(lambda: _content(station, id) is not None, id)
    return _content(station, id) or ""


def _content(station: PublicStation, id: str) -> str | None:
    with Cache(station.store) as cache:
        document = cache.get(id)
        return None if document is None else document.content
