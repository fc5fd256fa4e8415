"""What comes of pushes by strangers, and of those about an actor itself, or about ours."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from follow_cases import creates, outbox
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


def _rules() -> Any:
    from fedpull.config.model import Follow as Rules

    return Rules(actor=ALICE)


def test_a_stranger_causes_no_request(tmp_path: Path) -> None:
    """Whatever somebody sends of whom we hold nothing, nobody is asked anything."""
    with MailPocket(tmp_path) as pocket:
        pocket.followed(**HOURLY)
        types = ["Create", "Update", "Delete", "Announce", "Move", "Undo", "Add", "Remove", "Like"]
        for type in [*types, "Flag", "View", "EmojiReact", "Block", "Accept", "Reject"]:
            for object in (ELSEWHERE, CARL, SEVENTH):
                pocket.push(activity(type, object, CARL))

        assert pocket.asked == []
        assert {note.state for note in pocket.opened.query.notifications(100)} == {"ignored"}


def test_another_hosts_copy_is_not_touched(tmp_path: Path) -> None:
    """Updates and Deletes of what lies elsewhere evict nothing and ask nothing."""
    with MailPocket(tmp_path) as pocket:
        pocket.followed(**HOURLY)
        pocket.pages |= {ELSEWHERE: foreign(), CARL: carl()}
        pocket.push(activity("Announce", ELSEWHERE))
        pocket.asked.clear()

        for type in ("Update", "Delete", "Create"):
            pocket.push(activity(type, ELSEWHERE))

        assert pocket.asked == []
        assert pocket.held(ELSEWHERE)


def test_what_is_passed_on_is_looked_at_when_there_is_time(tmp_path: Path) -> None:
    """A followed actor forwards a Delete of a reply that is held: its origin decides, one 404 does
    not."""
    with MailPocket(tmp_path) as pocket:
        pocket.followed(**HOURLY)
        pocket.pages |= {ELSEWHERE: foreign(), CARL: carl()}
        pocket.push(activity("Announce", ELSEWHERE))
        pocket.pages[ELSEWHERE] = 404
        pocket.asked.clear()

        settled = pocket.push(activity("Delete", ELSEWHERE, CARL), signer=ALICE)
        ignored = pocket.push(activity("Delete", ELSEWHERE, CARL), signer=BOB)

        assert settled.state == "done"
        assert ignored.state == "ignored"
        assert pocket.asked == [ELSEWHERE]
        assert pocket.held(ELSEWHERE)


def test_a_flood_of_pushes_is_bounded_and_evicts_nothing(tmp_path: Path) -> None:
    """Beyond its share of the hour a sender causes no request; what is held is served meanwhile."""
    with MailPocket(tmp_path) as pocket:
        pocket.followed(*creates(7, 7), **HOURLY)
        for n in range(1_500):
            pocket.receive(activity("Announce", f"https://victim.example/{n}"))
        pocket.work()
        pocket.run(2_000)

        assert len(pocket.asked) == 1_000
        assert pocket.held(SEVENTH)
        left = {note.outcome for note in pocket.opened.query.notifications(2_000)}
        assert "too many this hour: left to the next visit of its outbox" in left

        pocket.clock.at += 3_600
        pocket.receive(activity("Announce", "https://victim.example/late"))
        pocket.work()
        pocket.run(2_000)

        assert "https://victim.example/late" in pocket.asked


def test_a_flood_of_follows_is_bounded(tmp_path: Path) -> None:
    """One server with many actors has so many of them read in an hour, and no more."""
    with MailPocket(tmp_path) as pocket:
        for n in range(1_200):
            pocket.receive(activity("Follow", OURS.actor, f"https://fans.example/{n}"))
        pocket.work()
        pocket.run(2_000)

        assert len(set(pocket.asked)) == 1_000
        assert pocket.opened.query.followers(9) == []


def test_who_moves_is_followed_where_both_sides_say_so(tmp_path: Path) -> None:
    """The actor is asked at once, and the follow goes on at its new place."""
    there = "https://new.example/users/alice"
    with MailPocket(tmp_path) as pocket:
        pocket.followed(**HOURLY)
        pocket.pages[ALICE] = actor(movedTo=there)
        pocket.pages[there] = actor(
            id=there,
            inbox=f"{there}/inbox",
            outbox=f"{there}/outbox",
            alsoKnownAs=[ALICE],
        )
        pocket.pages[f"{there}/outbox"] = outbox(id=f"{there}/outbox")

        pocket.push(activity("Move", ALICE, target="https://liar.example/eve"))

        follow = pocket.opened.query.follow(ALICE)
        assert follow is not None
        assert (follow.actor, follow.moved_from) == (there, ALICE)
        assert "https://liar.example/eve" not in pocket.asked


def test_an_actor_that_is_gone_goes_with_what_it_posted(tmp_path: Path) -> None:
    """Its Delete is a reason to ask; its origin's 410 ends it."""
    with MailPocket(tmp_path) as pocket:
        pocket.followed(*creates(3), **HOURLY)
        pocket.pages[ALICE] = 410

        pocket.push(activity("Delete", ALICE))

        assert pocket.asked[0] == ALICE
        assert pocket.state(ALICE) == "gone"
        assert [id for _, id, _ in pocket.changes("deleted")].count(ALICE) == 1
        assert not any(pocket.held(f"{ALICE}/{n}") for n in (1, 2, 3))


def test_who_blocks_us_is_not_read_any_more_until_that_is_undone(tmp_path: Path) -> None:
    """Neither by the clock, nor by a pull, nor after a restart."""
    with MailPocket(tmp_path) as pocket:
        pocket.followed(*creates(1), **HOURLY)
        block = activity("Block", OURS.actor)

        pocket.push(block)
        pocket.pages[OUTBOX] = outbox(*creates(2))
        silent = [*pocket.later(7_200), *pocket.mend()]
        pocket.start([_rules()])
        silent += pocket.later(7_200)
        ignored = pocket.push(activity("Create", f"{ALICE}/2"))

        assert OUTBOX not in silent
        assert ignored.outcome == "its actor blocks us"
        follow = pocket.opened.query.follow(ALICE)
        assert follow is not None
        assert follow.last_error == "blocks us: not read any more"

        pocket.push(activity("Undo", block))

        assert OUTBOX in pocket.asked
        assert pocket.held(f"{ALICE}/2")
        follow = pocket.opened.query.follow(ALICE)
        assert follow is not None
        assert (follow.blocked, follow.last_error) == (None, None)
        pocket.sound()


def test_who_follows_us_is_answered_once_its_inbox_is_known(tmp_path: Path) -> None:
    """Its document is read for its inbox; what it sends meanwhile waits behind."""
    with MailPocket(tmp_path) as pocket:
        pocket.pages[CARL] = carl()
        follow = activity("Follow", OURS.actor, CARL)

        first = pocket.receive(follow)
        second = pocket.receive(activity("Undo", follow, CARL))
        pocket.work()
        waiting = [pocket.note(n or 0) for n in (first, second)]
        pocket.run()
        pocket.work()
        answered = pocket.note(first or 0).state
        pocket.clock.at += 6
        pocket.work()

        assert [(note.state, note.attempts) for note in waiting] == [("waiting", 1), ("waiting", 0)]
        assert answered == "done"
        assert [pocket.note(n or 0).state for n in (first, second)] == ["done", "done"]
        assert pocket.opened.query.followers(9) == []
        [sent] = pocket.opened.query.deliveries(9)
        assert (sent.inbox, sent.state) == (f"{CARL}/inbox", "waiting")
        assert pocket.sends == 1


def test_reactions_are_told_in_one_change_for_each_object(tmp_path: Path) -> None:
    """However many come, once a while, and never for what is not held."""
    with MailPocket(tmp_path) as pocket:
        pocket.followed(*creates(7, 7), **HOURLY)
        before = len(pocket.changes())
        for n in range(50):
            pocket.push(activity("Like", SEVENTH, f"https://fans.example/{n}"))
        pocket.push(activity("Like", SEVENTH, "https://fans.example/1"))
        pocket.push(activity("EmojiReact", SEVENTH, CARL, content="🎉"))
        pocket.push(activity("Announce", SEVENTH, CARL))
        pocket.push(activity("Undo", activity("Like", SEVENTH, CARL), CARL))
        pocket.push(activity("Like", ELSEWHERE, CARL))
        asyncio.run(pocket.processing.flush_counts())
        asyncio.run(pocket.processing.flush_counts())

        told = pocket.changes()[before:]
        assert told == [("counted", SEVENTH, "likes=50 reacts=1 shares=1")]
        assert pocket.asked == []
        pocket.sound()
