"""What the inbox hears and makes little of: replays, news of strangers, forwards, the blocked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from inbox_cases import (
    ALICE,
    EVIL,
    HOME,
    NOTE,
    NOW,
    Scene,
    activity,
    actor,
    scene,
    together,
)


@pytest.fixture
async def at(tmp_path: Path) -> Any:
    made = scene(tmp_path)
    yield made
    made.opened.close()


# What is heard, and comes to nothing or to little.


async def test_a_replay_is_taken_once(at: Scene) -> None:
    """G18: the same request again is 202 and nothing else, also when both come at once."""
    at.hold(actor())
    message = at.signed(activity())

    together_ = await together(at.take(message), at.take(message))
    again = await at.take(message)

    assert [*together_, again.status] == [202, 202, 202]
    assert len(at.notifications) == 1


async def test_the_same_activity_signed_anew_is_taken_once(at: Scene) -> None:
    """A sender that has not seen our answer tries again with a new signature."""
    at.hold(actor())

    first, second = await at.push(activity()), await at.push(activity(), at=NOW - 5)

    assert (first.status, second.status) == (202, 202)
    assert len(at.notifications) == 1


@pytest.mark.parametrize("type", ["Delete", "Update"])
async def test_news_of_people_whom_nobody_knows(at: Scene, type: str) -> None:
    """Servers tell everybody who was deleted: 202, no key asked for, nothing written."""
    before = at.rows()
    for number in range(100):
        who = f"https://big.example/users/{number}"
        assert (await at.push(activity(type, by=who, about=who))).status == 202

    assert at.origins.asked == []
    assert at.rows() == before


@pytest.mark.parametrize(
    ("served", "status", "looked"),
    [
        pytest.param(410, 202, [ALICE], id="410: we look ourselves"),
        pytest.param(
            {"id": ALICE, "type": "Tombstone"}, 202, [ALICE], id="a Tombstone: we look ourselves"
        ),
        pytest.param(404, 401, [], id="404: nothing"),
        pytest.param(502, 503, [], id="trouble: later"),
    ],
)
async def test_an_actor_that_deletes_itself(
    at: Scene, served: Any, status: int, looked: list[str]
) -> None:
    """F8: who is gone has no key left to sign with; its origin says so when we ask for it."""
    at.hold(actor(publicKey=None))
    at.origins.served[ALICE] = served
    before = at.rows()

    told = await at.push(activity("Delete", about=ALICE))

    assert (told.status, at.looked) == (status, looked)
    assert at.notifications == []
    assert at.rows() == before


@pytest.mark.parametrize("gone", [EVIL, f"{HOME}/users/suspended", f"{ALICE}2"])
async def test_somebody_elses_key_that_is_gone_deletes_nobody(at: Scene, gone: str) -> None:
    """What is 410 must be the actor, or below it; its server has said so of others for long."""
    at.hold(actor(publicKey=None))
    at.origins.served[gone] = 410

    told = await at.push(activity("Delete", about=ALICE), key_id=f"{gone}#main-key")

    assert (told.status, at.looked) == (401, [])


async def test_that_somebody_is_gone_is_looked_into_once(at: Scene) -> None:
    """Nobody has signed such a farewell: however many come, what the origin said is believed."""
    at.hold(actor(publicKey=None))
    key = f"{ALICE}/main-key"
    at.origins.served[key] = 410

    told = [await at.push(activity("Delete", about=ALICE), key_id=key) for _ in range(5)]

    assert [answer.status for answer in told] == [202] * 5
    assert (at.looked, at.origins.asked) == ([ALICE], [key])


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        pytest.param(activity(), [(EVIL, "Create", NOTE, True)], id="a post is a hint at most"),
        pytest.param(
            activity("Delete", about=NOTE), [(EVIL, "Delete", NOTE, True)], id="so is its end"
        ),
        pytest.param(activity("Like", about=NOTE), [], id="a like of somebody else's is none"),
        pytest.param(activity(about={"type": "Note"}), [], id="without an id it is nothing"),
    ],
)
async def test_what_is_forwarded_is_the_signers(at: Scene, value: Any, kept: list[Any]) -> None:
    """I3: the signer is not the actor, so it is never taken for the actor's word."""
    at.hold(actor())
    at.origins.serve(actor(EVIL))

    told = await at.push(value, key_id=f"{EVIL}#main-key")

    assert told.status == 202
    assert at.notifications == kept


@pytest.mark.parametrize(
    "who",
    [
        pytest.param("key", id="in the key id"),
        pytest.param("actor", id="as the actor"),
        pytest.param("object", id="in what it is about"),
    ],
)
async def test_who_is_blocked_is_not_heard(tmp_path: Path, who: str) -> None:
    """I19: 403 before any key is asked for."""
    at = scene(tmp_path, blocked=lambda id: "evil.example" in id)
    value = activity(by=EVIL if who == "actor" else ALICE, about=EVIL if who == "object" else NOTE)
    before = at.rows()

    told = await at.push(value, key_id=f"{EVIL if who == 'key' else HOME + '/a'}#main-key")

    assert told.status == 403
    assert at.origins.asked == []
    assert at.rows() == before
    at.opened.close()
