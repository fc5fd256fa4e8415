"""kill -9 while pushes come in: what was acknowledged is acted upon, and once."""

from __future__ import annotations

import http.client
import random
import threading
from collections import Counter
from pathlib import Path

import pytest
from public_station import PublicStation, holds
from push_cases import notifications, waiting
from station import Running, eventually

from fedpull.cache import Cache
from fedpull.tests.fediverse.families import BY_NAME
from fedpull.tests.fediverse.model import Account
from fedpull.tests.fediverse.world import Fediverse

SELDOM = {"min": "1h", "max": "7d"}


def pushed(account: Account, text: str, acknowledged: list[str], kept: list[str]) -> None:
    """One post, announced; noted if the daemon said that it had heard."""
    post = account.post(text)
    try:
        status = account.push(post).status
    except (OSError, http.client.HTTPException):
        return  # it died before it could answer
    if status == 202:
        acknowledged.append(post.activity_id)
        kept.append(post.id)


def killed_in_the_middle(
    running: Running, account: Account, rng: random.Random, round: int
) -> tuple[list[str], list[str]]:
    """Some pushes in order, then several at once, in the midst of which it is killed."""
    acknowledged: list[str] = []
    kept: list[str] = []
    for number in range(rng.randrange(6)):
        pushed(account, f"{round}/{number}", acknowledged, kept)
    threads = [
        threading.Thread(target=pushed, args=(account, f"{round}/at once {n}", acknowledged, kept))
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads[: rng.randrange(4)]:
        thread.join()
    running.process.kill()
    running.process.wait()
    for thread in threads:
        thread.join()
    return acknowledged, kept


@pytest.mark.parametrize(
    "rounds", [5, pytest.param(60, marks=[pytest.mark.slow, pytest.mark.timeout(900)])]
)
def test_what_was_acknowledged_is_acted_upon_once(tmp_path: Path, rounds: int) -> None:
    """Every 202 has one notification that is done in the end, and its post is kept; the change log
    has each post once.
    """
    rng = random.Random(rounds)
    with Fediverse([BY_NAME["mastodon"]]) as world:
        alice = world.servers["mastodon.example"].add_account("alice", posts=2)
        station = PublicStation(tmp_path, world, follow=[{"actor": alice.handle, "every": SELDOM}])
        acknowledged: list[str] = []
        kept: list[str] = []
        for round in range(rounds):
            with station.daemon() as running:
                if round == 0:
                    eventually(lambda: len(holds(station, alice)) == 2, "what was there")
                heard, named = killed_in_the_middle(running, alice, rng, round)
                acknowledged += heard
                kept += named
        with station.daemon() as running:
            eventually(lambda: not waiting(station), "all is settled")
            eventually(lambda: set(kept) <= holds(station, alice), "all is kept")
            noted = notifications(station)

    counted = Counter(one.activity for one in noted)
    states = {one.activity: one.state for one in noted}
    assert len(acknowledged) >= rounds
    assert [id for id in acknowledged if counted[id] != 1] == []
    assert {states[id] for id in acknowledged} == {"done"}
    with Cache(station.store) as cache:
        created = Counter(change.id for change in cache.changes() if change.kind == "created")
    assert {created[id] for id in kept} == {1}
    assert station.run("check").code == 0
