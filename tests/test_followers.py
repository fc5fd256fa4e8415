"""Followers whose own documents say something new: another inbox, or that they are no more."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from stepping import SteppingClock
from store_cases import ALICE, BOB, NOW, clean, note, store_at, want

from fedpull.cache.mail_records import Follower
from fedpull.cache.open import Opened
from fedpull.cache.records import Lease, Mark, Outcome, Put, State
from fedpull.crawler.followers import Followers

FOLLOWER = Follower(ALICE, f"{ALICE}/inbox", None, "accepted", f"{ALICE}/follows/1", NOW)
SHARED = "https://events.example/inbox"


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    with store_at(tmp_path) as found:
        found.mailbox.put_follower(FOLLOWER, (), NOW).result()
        yield found
        clean(found)


def told(opened: Opened, **what: Any) -> list[Follower]:
    """An outcome was written: who follows us now."""
    us, query, mailbox = "https://pull.example", opened.query, opened.mailbox
    followers = Followers(f"{us}/actor", us, query, mailbox, SteppingClock(NOW), lambda: None)
    lease = Lease(want(), ALICE, "a.example:443", NOW + 60)
    followers.settled(lease, Outcome(at=NOW, **what))
    opened.mailbox.recover().result()  # behind what it has written
    return opened.query.followers(9)


def actor(id: str, **more: Any) -> Put:
    put = note(id, kind="actor", type="Person", actor=id)
    document = {"id": id, "type": "Person", "inbox": f"{id}/inbox"} | more
    return replace(put, body=json.dumps(document).encode())


@pytest.mark.parametrize(
    ("put", "inbox", "shared"),
    [
        pytest.param(
            actor(ALICE, inbox=f"{ALICE}/in", endpoints={"sharedInbox": f"{ALICE}/shared"}),
            *(f"{ALICE}/in", f"{ALICE}/shared"),
            id="its own, and a shared one",
        ),
        pytest.param(
            actor(ALICE, inbox="https://evil.example/inbox"),
            *(FOLLOWER.inbox, None),
            id="one of another origin does not count",
        ),
        pytest.param(
            replace(actor(ALICE, inbox=f"{ALICE}/in"), verified_by="embedded"),
            *(FOLLOWER.inbox, None),
            id="nor what stands in another document",
        ),
        pytest.param(actor(BOB, inbox=f"{BOB}/in"), FOLLOWER.inbox, None, id="nor somebody else's"),
    ],
)
def test_an_inbox_that_moves(opened: Opened, put: Put, inbox: str, shared: str | None) -> None:
    """What goes to a follower goes to where its own document says."""
    assert told(opened, puts=(put,)) == [replace(FOLLOWER, inbox=inbox, shared_inbox=shared)]


def test_who_is_deleted_follows_nobody(opened: Opened) -> None:
    """And is not counted any more; who only cannot be reached is."""
    assert told(opened, marks=(Mark(ALICE, State.FAILED), Mark(BOB, State.GONE))) == [FOLLOWER]
    assert told(opened, marks=(Mark(ALICE, State.GONE),)) == []
    assert opened.mailbox.followed_by() == 0
