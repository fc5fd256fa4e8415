"""What a push does to the store and to the network: hints, each asked for once, in order."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from follow_cases import creates, outbox, post
from ingest_cases import ALICE, OUTBOX, actor
from mail_pocket import (
    BOB,
    CARL,
    ELSEWHERE,
    HOURLY,
    OURS,
    SEVENTH,
    MailPocket,
    activity,
    carl,
    foreign,
)

from fedpull.cache.records import State


def _rules() -> Any:
    from fedpull.config.model import Follow as Rules

    return Rules(actor=ALICE)


def test_what_is_pushed_is_asked_for_once_and_listed_and_the_poll_does_not_ask_again(
    tmp_path: Path,
) -> None:
    """Pushed, then polled by an outbox that embeds it or names it only: one GET of the object."""
    for embeds in (True, False):
        with MailPocket(tmp_path / str(embeds)) as pocket:
            pocket.followed(*creates(3), **HOURLY)
            pocket.pages[SEVENTH] = post(7)

            settled = pocket.push(activity("Create", post(7)))

            assert (settled.state, settled.outcome) == ("done", "its origin is asked")
            assert pocket.asked == [SEVENTH]
            assert SEVENTH in pocket.listed(ALICE)

            item = creates(7, 7)[0]
            pocket.pages[OUTBOX] = outbox(
                item if embeds else item | {"object": SEVENTH}, *creates(3)
            )
            polled = pocket.later(3_700)

            assert OUTBOX in polled
            assert pocket.asked.count(SEVENTH) == 1
            assert SEVENTH in pocket.members(OUTBOX)
            pocket.sound()


def test_the_pushed_text_is_never_kept(tmp_path: Path) -> None:
    """What the origin serves is stored; what was pushed beside it appears nowhere."""
    with MailPocket(tmp_path) as pocket:
        pocket.followed(**HOURLY)
        pocket.pages[SEVENTH] = post(7, content="as the origin says")

        pocket.push(activity("Create", post(7, content="as the push says")))

        document = pocket.opened.query.document(SEVENTH)
        assert document is not None
        assert document.json["content"] == "as the origin says"


REFUSED_HERE = [
    ("what is gone at its origin", 410, "gone"),
    ("what its origin has for followers only", post(7, to=[f"{ALICE}/followers"]), "refused"),
    ("what its origin says is another one's", post(7, attributedTo=CARL), "failed"),
    ("what its origin does not have", 404, "failed"),
]


@pytest.mark.parametrize(
    ("served", "state"), [case[1:] for case in REFUSED_HERE], ids=[case[0] for case in REFUSED_HERE]
)
def test_only_the_origin_is_believed(tmp_path: Path, served: Any, state: str) -> None:
    """However well a push is signed, what its origin does not confirm is not kept."""
    with MailPocket(tmp_path) as pocket:
        pocket.followed(**HOURLY)
        pocket.pages[SEVENTH] = served

        pocket.push(activity("Create", post(7)))

        assert pocket.state(SEVENTH) == state
        assert not pocket.held(SEVENTH)
        assert pocket.listed(ALICE) == []


def test_the_types_boosts_and_parents_of_the_follow_are_obeyed(tmp_path: Path) -> None:
    """A push brings what a poll would bring: of the types that are kept, with what it answers."""
    with MailPocket(tmp_path) as pocket:
        pocket.followed(types=["Event"], boosts=False, **HOURLY)
        pocket.pages |= {SEVENTH: post(7), ELSEWHERE: foreign()}
        pocket.pages[f"{ALICE}/8"] = post(8, type="Event", inReplyTo=f"{BOB}/1")
        pocket.pages[f"{BOB}/1"] = post(1, BOB, type="Event")

        pocket.push(activity("Create", SEVENTH))
        pocket.push(activity("Create", f"{ALICE}/8"))
        pocket.push(activity("Announce", ELSEWHERE))

        assert pocket.asked[:2] == [SEVENTH, f"{ALICE}/8"]
        assert pocket.state(SEVENTH) == "refused"
        assert pocket.listed(ALICE) == [f"{ALICE}/8"]
        assert pocket.held(f"{BOB}/1")
        assert ELSEWHERE not in pocket.asked


def test_replies_to_what_was_pushed_are_read_as_the_follow_wants(tmp_path: Path) -> None:
    """With `replies` the thread of a pushed post is begun as that of a polled one."""
    with MailPocket(tmp_path) as pocket:
        pocket.followed(replies=1, **HOURLY)
        replies = {"id": f"{SEVENTH}/replies", "type": "Collection", "items": [f"{BOB}/1"]}
        pocket.pages[SEVENTH] = post(7, replies=replies)
        pocket.pages[f"{SEVENTH}/replies"] = replies
        pocket.pages[f"{BOB}/1"] = post(1, BOB, inReplyTo=SEVENTH)

        pocket.push(activity("Create", SEVENTH))
        pocket.run()

        assert pocket.held(f"{BOB}/1")


def test_a_boost_is_asked_for_where_it_comes_from(tmp_path: Path) -> None:
    """A followed actor's boost of another host's public post; not of what hides, nor of a boost."""
    with MailPocket(tmp_path) as pocket:
        pocket.followed(**HOURLY)
        hidden, again = "https://other.example/notes/2", "https://other.example/acts/3"
        pocket.pages |= {
            ELSEWHERE: foreign(),
            CARL: carl(),
            hidden: foreign(hidden, to=[f"{CARL}/followers"]),
            again: activity("Announce", ELSEWHERE, CARL) | {"id": again},
        }

        for object in (ELSEWHERE, hidden, again):
            pocket.push(activity("Announce", object))

        assert pocket.listed(ALICE) == [ELSEWHERE]
        assert pocket.asked.count(ELSEWHERE) == 1
        assert (pocket.state(hidden), pocket.state(again)) == ("refused", "refused")
        pocket.sound()


def test_what_is_held_already_is_listed_without_a_request(tmp_path: Path) -> None:
    """A post that came otherwise is shown in the list of whoever posts or boosts it."""
    with MailPocket(tmp_path) as pocket:
        pocket.followed(**HOURLY)
        pocket.pages |= {ELSEWHERE: foreign(), CARL: carl()}
        pocket.push(activity("Announce", ELSEWHERE))
        pocket.push(activity("Undo", activity("Announce", ELSEWHERE)))

        assert pocket.listed(ALICE) == []

        asked = list(pocket.asked)
        pocket.push(activity("Announce", ELSEWHERE))

        assert pocket.listed(ALICE) == [ELSEWHERE]
        assert pocket.asked == asked
        pocket.sound()


def test_an_edit_is_fetched_and_an_edit_that_is_held_is_not(tmp_path: Path) -> None:
    """An Update is a reason to ask, once."""
    with MailPocket(tmp_path) as pocket:
        pocket.followed(*creates(7, 7), **HOURLY)
        edited = post(7, content="edited", updated="2026-08-02T00:00:00Z")
        pocket.pages[SEVENTH] = edited

        pocket.push(activity("Update", edited))
        pocket.clock.at += 60
        again = pocket.push(activity("Update", edited))

        assert pocket.asked == [SEVENTH]
        assert (again.state, again.outcome) == ("ignored", "held already")
        assert pocket.changes("updated") == [("updated", SEVENTH, None)]


def test_an_edit_that_is_pushed_while_its_object_is_fetched_is_not_lost(tmp_path: Path) -> None:
    """The answer that is under way may be from before the edit: it is asked once more."""
    with MailPocket(tmp_path) as pocket:
        pocket.followed(*creates(7, 7), **HOURLY)
        pocket.pages[SEVENTH] = post(7, content="second", updated="2026-08-02T00:00:00Z")
        pocket.receive(activity("Update", SEVENTH))
        pocket.work()
        [lease] = pocket.lease()
        came = pocket.outcome(lease)
        pocket.pages[SEVENTH] = post(7, content="third", updated="2026-08-03T00:00:00Z")
        pocket.receive(activity("Update", SEVENTH))
        pocket.work()
        pocket.settle(lease, came)
        pocket.run()

        document = pocket.opened.query.document(SEVENTH)
        assert document is not None
        assert document.json["content"] == "third"
        assert pocket.asked == [SEVENTH, SEVENTH]
        pocket.sound()


ENDS = [("404", 404, "gone"), ("410", 410, "gone")]
ENDS += [("a Tombstone", {"id": SEVENTH, "type": "Tombstone"}, "tombstone")]  # type: ignore[list-item]


def test_what_one_batch_decides_is_known_to_the_rest_of_it(tmp_path: Path) -> None:
    """Follow and Undo, Block and a post, Create and Delete: worked off at once as one by one."""
    with MailPocket(tmp_path) as pocket:
        pocket.followed(**HOURLY)
        pocket.pages |= {CARL: carl(), SEVENTH: post(7)}
        pocket.push(activity("Follow", OURS.actor, CARL))
        pocket.clock.at += 6
        block, follow = activity("Block", OURS.actor), activity("Follow", OURS.actor, CARL)
        came = [
            follow,
            activity("Undo", follow, CARL),
            activity("Create", SEVENTH),
            activity("Delete", SEVENTH),
            block,
            activity("Create", f"{ALICE}/8"),
        ]
        numbers = [pocket.receive(one) or 0 for one in came]
        pocket.work()
        pocket.pages[SEVENTH] = 404
        pocket.run()

        assert [pocket.note(number).outcome for number in numbers] == [
            "accepted",
            "follows us no more",
            "its origin is asked",
            "its origin is asked",
            "blocks us: not read any more",
            "its actor blocks us",
        ]
        assert pocket.opened.query.followers(9) == []
        assert not pocket.held(SEVENTH)


@pytest.mark.parametrize(
    ("served", "reason"), [case[1:] for case in ENDS], ids=[case[0] for case in ENDS]
)
def test_a_deletion_is_verified_and_purges(tmp_path: Path, served: Any, reason: str) -> None:
    """Delete, one look at the origin, and nothing of the post is left."""
    with MailPocket(tmp_path) as pocket:
        pocket.followed(*creates(7, 7), **HOURLY)
        pocket.pages[SEVENTH] = served

        pocket.push(activity("Delete", {"id": SEVENTH, "type": "Tombstone"}))

        assert pocket.asked == [SEVENTH]
        assert pocket.changes("deleted") == [("deleted", SEVENTH, reason)]
        assert not pocket.held(SEVENTH)
        pocket.sound()


def test_a_deletion_that_the_origin_does_not_confirm_deletes_nothing(tmp_path: Path) -> None:
    """It is asked at once and once more ten minutes later; the copy stays."""
    with MailPocket(tmp_path) as pocket:
        pocket.followed(*creates(7, 7), every={"min": "1d", "max": "1d"})
        pocket.pages[SEVENTH] = post(7)

        pocket.push(activity("Delete", SEVENTH))
        pocket.later(601)

        assert pocket.asked == [SEVENTH, SEVENTH]
        assert pocket.held(SEVENTH)


@pytest.mark.parametrize("served", [404, 410, post(7)], ids=["404", "410", "200"])
@pytest.mark.parametrize("first", ["Delete", "Update"])
def test_pushes_that_overtake_one_another_end_the_same(
    tmp_path: Path, first: str, served: Any
) -> None:
    """Delete or Update before Create leaves what Create before them leaves: what the origin has."""
    ends = []
    for order in ((first, "Create"), ("Create", first)):
        with MailPocket(tmp_path / "-".join(order)) as pocket:
            pocket.followed(**HOURLY)
            pocket.pages[SEVENTH] = served
            for type in order:
                pocket.push(activity(type, SEVENTH))
                pocket.clock.at += 60
            pocket.later(700)
            ends.append((pocket.held(SEVENTH), pocket.state(SEVENTH) == State.RESOLVED))
            pocket.sound()

    assert ends[0] == ends[1]


def test_a_deletion_that_came_first_is_remembered_over_a_restart(tmp_path: Path) -> None:
    """For six hours the first 404 of what is pushed then is believed."""
    with MailPocket(tmp_path) as pocket:
        pocket.followed(**HOURLY)
        pocket.push(activity("Delete", SEVENTH))
    with MailPocket(tmp_path) as pocket:
        pocket.pages |= {ALICE: actor(), OUTBOX: outbox()}
        pocket.clock.at += 3_600
        asyncio.run(pocket.follows.start([_rules()], queue=True))
        asyncio.run(pocket.processing._remember())

        settled = pocket.push(activity("Create", SEVENTH))

        assert settled.outcome == "deleted already: its origin is asked"
        assert pocket.state(SEVENTH) == "gone"
