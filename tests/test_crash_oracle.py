"""Everything that the product does, killed at any moment and compared with what it acknowledged."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from crash_ledger import Ledger
from crash_oracle import Oracle, living

# Some of each kind in a minute; FEDPULL_CRASH_ROUNDS=500 for a night.
ROUNDS = int(os.environ.get("FEDPULL_CRASH_ROUNDS", "4"))
pytestmark = pytest.mark.timeout(240 + 30 * ROUNDS)
NOTHING = ("https://pull.example/activities/none", "https://pull.example/objects/none")


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Oracle]:
    """It was killed so often, and then let run until nothing was left to do."""
    with living(tmp_path_factory.mktemp("killed"), seed=1) as oracle:
        for number in range(ROUNDS):
            print(oracle.round(number))
        oracle.settle()
        yield oracle


def test_nothing_that_was_acknowledged_is_lost_whenever_it_is_killed(lived: Oracle) -> None:
    """Posts, pushes, publications, deliveries, follows, what was forgotten and the change log."""
    summary = lived.summary()

    assert summary["lost"] == []
    assert summary["rounds"] == ROUNDS
    assert summary["acknowledged"]["publications"] > 0
    assert summary["deliveries"] > 0


def a_push(true: Ledger) -> Ledger:
    activity = next(iter(true.heard.values()))
    return replace(true, heard={**true.heard, "https://h0.example/none": activity})


def a_stranger(true: Ledger) -> Ledger:
    return replace(true, heard={})


def a_publication(true: Ledger) -> Ledger:
    own = replace(next(iter(true.own.values())), secret=True)
    asked = {**true.asked, "none": own}
    return replace(true, published={**true.published, "none": NOTHING}, asked=asked)


def an_unasked_publication(true: Ledger) -> Ledger:
    public = [key for key in true.published if not true.asked[key].secret]
    others = {key: ids for key, ids in true.published.items() if key != public[-1]}
    return replace(true, published=others, own={})


def the_outbox(true: Ledger) -> Ledger:
    return replace(true, outbox=["https://pull.example/activities/before", *true.outbox])


def a_version(true: Ledger) -> Ledger:
    held = {id: version + 1 for id, version in true.held.items()}
    return replace(true, held=held)


def a_forgotten_post(true: Ledger) -> Ledger:
    held = [id for id in true.held if not true.may_be_absent(id)]
    return replace(true, purged={*true.purged, held[0]})


def a_held_post(true: Ledger) -> Ledger:
    post = replace(next(iter(true.posts.values())), id="https://h0.example/none")
    return replace(true, posts={**true.posts, post.id: post}, held={**true.held, post.id: 1})


def a_change(true: Ledger) -> Ledger:
    entry = ("created", "https://h0.example/none")
    return replace(true, log={**true.log, true.last_seq + 1: entry})


def another_change(true: Ledger) -> Ledger:
    return replace(true, log={**true.log, 3: ("created", "https://h0.example/none")})


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        pytest.param(a_push, "is kept 0 times", id="a push that was acknowledged is not there"),
        pytest.param(a_stranger, "was never pushed", id="a push is there that nobody sent"),
        pytest.param(a_publication, "was published and is not", id="a publication is not there"),
        pytest.param(
            an_unasked_publication, "which nobody published", id="one is there that nobody made"
        ),
        pytest.param(the_outbox, "the outbox has lost", id="the outbox has moved"),
        pytest.param(a_version, "is at version", id="an older version than was served is held"),
        pytest.param(a_forgotten_post, "and is back", id="what was forgotten is back"),
        pytest.param(a_held_post, "was held and is not", id="what was served is not there"),
        pytest.param(a_change, "was read and is not there", id="the log ends before what was read"),
        pytest.param(another_change, "change 3 was", id="the log says something else"),
    ],
)
def test_whoever_remembers_something_else_is_told(
    lived: Oracle, changed: Callable[[Ledger], Ledger], said: str
) -> None:
    """An audit that finds nothing is worth something only if it would."""
    ledger = changed(replace(lived.ledger, losses=[]))

    lived.audit(ledger)

    assert [loss for loss in ledger.losses if said in loss]
