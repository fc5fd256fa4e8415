"""In which order notifications are settled, and what becomes of those that cannot be."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import orjson
import pytest
from follow_cases import creates
from ingest_cases import ALICE
from mail_pocket import (
    BOB,
    CARL,
    DAVE,
    DAY,
    HOURLY,
    OURS,
    SEVENTH,
    MailPocket,
    activity,
    carl,
)
from pocket import Stepping

from fedpull.cache.mail_records import Settlement
from fedpull.crawler.notified_memory import PutOff
from fedpull.crawler.processing import Processing
from fedpull.errors import StoreError


def test_the_order_of_a_sender_is_kept(tmp_path: Path) -> None:
    """Like, Undo, Like: what was said last holds, however much is worked off at once."""
    with MailPocket(tmp_path) as pocket:
        pocket.followed(*creates(7, 7), **HOURLY)
        like = activity("Like", SEVENTH, CARL)
        pocket.receive(like)
        pocket.receive(activity("Undo", like, CARL))
        pocket.receive(activity("Like", SEVENTH, CARL))
        pocket.work()
        asyncio.run(pocket.processing.flush_counts())

        assert pocket.changes("counted") == [("counted", SEVENTH, "likes=1 reacts=0 shares=0")]


class Breaking:
    """A mailbox that cannot settle some numbers, or for a time nothing."""

    def __init__(self, mailbox: Any, broken: set[int], down: int = 0) -> None:
        self._mailbox = mailbox
        self._broken = broken
        self.down = down

    def settle(self, settlements: Sequence[Settlement], now: float) -> Future[int]:
        bad = any(one.id in self._broken and one.state == "done" for one in settlements)
        if bad or self.down > 0:
            self.down -= 1
            failed: Future[int] = Future()
            failed.set_exception(StoreError("", "is broken"))
            return failed
        return self._mailbox.settle(settlements, now)  # type: ignore[no-any-return]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._mailbox, name)


def test_one_that_cannot_be_settled_is_given_up_and_holds_up_nobody_else(tmp_path: Path) -> None:
    """Five tries with growing pauses, then it has failed, with the reason; others go on at once."""
    with MailPocket(tmp_path) as pocket:
        pocket.followed(*creates(7, 7), **HOURLY)
        bad = pocket.receive(activity("Like", SEVENTH, CARL))
        behind = pocket.receive(activity("Like", SEVENTH, CARL))
        other = pocket.receive(activity("Like", SEVENTH, BOB))
        assert bad is not None
        assert behind is not None
        assert other is not None
        pocket.processing.mailbox = Breaking(pocket.opened.mailbox, {bad})
        seen = []
        for wait in (0.0, 10.0, 60.0, 600.0, 3_600.0):
            pocket.clock.at += wait
            pocket.work()
            seen.append(
                (pocket.note(bad).state, pocket.note(behind).state, pocket.note(other).state)
            )

        assert seen == [("waiting", "waiting", "done")] * 4 + [("failed", "done", "done")]
        assert pocket.note(bad).attempts == 5
        assert "is broken" in pocket.note(bad).outcome
        assert pocket.note(behind).attempts == 1


def test_an_error_of_ours_is_one_notifications_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug that one message meets is written with it, by its kind; no text of it is."""
    with MailPocket(tmp_path) as pocket:
        pocket.followed(*creates(7, 7), **HOURLY)
        decided = Processing._decide

        def broken(self: Processing, note: Any, *rest: Any) -> Settlement:
            if note.type == "Move":
                raise ZeroDivisionError("secret")
            return decided(self, note, *rest)

        monkeypatch.setattr(Processing, "_decide", broken)
        bad = pocket.push(activity("Move", ALICE))
        good = pocket.push(activity("Like", SEVENTH, BOB))

        assert (bad.state, bad.outcome) == ("waiting", "could not be processed: ZeroDivisionError")
        assert good.state == "done"


def test_nothing_is_lost_while_the_store_cannot_be_written(tmp_path: Path) -> None:
    """The loop waits, a little longer each time, and goes on; nothing counts as a failed try."""
    with MailPocket(tmp_path) as pocket:
        pocket.followed(*creates(7, 7), **HOURLY)
        number = pocket.receive(activity("Like", SEVENTH, CARL))
        assert number
        breaking = Breaking(pocket.opened.mailbox, set(), down=6)
        pocket.processing.mailbox = breaking
        for _ in range(2):
            with pytest.raises(StoreError):
                pocket.work()

        assert (pocket.note(number).state, pocket.note(number).attempts) == ("waiting", 0)

        breaking.down = 0
        pocket.work()

        assert pocket.note(number).state == "done"


def test_what_waited_at_a_restart_still_goes_first(tmp_path: Path) -> None:
    """A sender's order holds over a restart, too."""
    with MailPocket(tmp_path) as pocket:
        follow = activity("Follow", OURS.actor, CARL)
        pocket.receive(follow)
        pocket.work()
        undo = pocket.receive(activity("Undo", follow, CARL))
    with MailPocket(tmp_path) as pocket:
        asyncio.run(pocket.processing._remember())
        pocket.work()

        assert pocket.note(undo or 0).outcome == "waits for an earlier one of its sender"


def test_what_waited_behind_it_goes_on_with_it(tmp_path: Path) -> None:
    """The document that a Follow waits for comes between two tries, which are far apart."""
    with MailPocket(tmp_path) as pocket:
        first = pocket.receive(activity("Follow", OURS.actor, CARL))
        like = pocket.receive(activity("Like", SEVENTH, CARL))
        for wait in (0, 6, 31, 301):
            pocket.clock.at += wait
            pocket.work()
        pocket.pages[CARL] = carl()
        pocket.run()
        pocket.work()

        assert [pocket.note(n or 0).state for n in (first, like)] == ["done", "ignored"]


def test_who_waits_does_not_fill_the_inbox_for_all(tmp_path: Path) -> None:
    """Behind a Follow that cannot be answered a sender has only so much waiting, and all of them
    together; what is beyond that fails, and what need not wait is worked off."""
    with MailPocket(tmp_path) as pocket:
        pocket.followed(*creates(7, 7), **HOURLY)
        pocket.processing.put_off = PutOff(most=4, most_behind=2)
        of_carl = [pocket.receive(activity("Follow", OURS.actor, CARL)) for _ in range(4)]
        of_dave = [pocket.receive(activity("Follow", OURS.actor, DAVE)) for _ in range(3)]
        like = pocket.receive(activity("Like", SEVENTH, BOB))
        pocket.work()

        states = [[pocket.note(n or 0).state for n in of] for of in (of_carl, of_dave)]
        assert states == [["waiting"] * 3 + ["failed"], ["waiting", "failed", "failed"]]
        assert "too much waits" in pocket.note(of_carl[3] or 0).outcome
        assert pocket.note(like or 0).state == "done"

        pocket.clock.at += 60.0 * 60 * 24
        asyncio.run(pocket.processing.flush_counts())
        assert pocket.processing.put_off.add(DAVE, 1_000, pocket.clock.at)


def test_what_waited_and_is_no_more_holds_up_nobody(tmp_path: Path) -> None:
    """A notification may be settled or forgotten by others: those behind it go on."""
    with MailPocket(tmp_path) as pocket:
        first = pocket.receive(activity("Follow", OURS.actor, CARL))
        pocket.work()
        mailbox, now = pocket.opened.mailbox, pocket.clock.at
        mailbox.settle([Settlement(first or 0, now, "failed", "taken away")], now).result()
        then = pocket.receive(activity("Like", SEVENTH, CARL))
        pocket.clock.at += 6
        for _ in range(3):
            asyncio.run(pocket.processing.work())

        assert pocket.note(then or 0).outcome == "not held"


def test_what_was_settled_meanwhile_does_not_wait_again(tmp_path: Path) -> None:
    """The document for which a Follow waited comes late, and names no inbox any more."""
    with MailPocket(tmp_path) as pocket:
        pocket.pages[CARL] = {key: value for key, value in carl().items() if key != "inbox"}
        first = pocket.receive(activity("Follow", OURS.actor, CARL))
        pocket.work()
        mailbox, now = pocket.opened.mailbox, pocket.clock.at
        mailbox.settle([Settlement(first or 0, now, "done", "meanwhile")], now).result()
        pocket.run()
        asyncio.run(pocket.processing.work())
        pocket.clock.at += 6
        then = pocket.receive(activity("Like", SEVENTH, CARL))
        asyncio.run(pocket.processing.work())

        assert pocket.note(then or 0).outcome == "not held"


def test_who_follows_again_and_again_has_only_so_many_answers_waiting(tmp_path: Path) -> None:
    """Each Follow has an id of its own; the inbox that the answers go to may never take one."""
    with MailPocket(tmp_path) as pocket:
        pocket.pages[CARL] = carl()
        pocket.push(activity("Follow", OURS.actor, CARL))
        for _ in range(40):
            pocket.push(activity("Follow", OURS.actor, CARL))

        assert len(pocket.opened.query.deliveries(99)) == 20
        pocket.clock.at += 3_600
        pocket.push(activity("Follow", OURS.actor, CARL))
        assert len(pocket.opened.query.deliveries(99)) == 21


class Slow(Stepping):
    """Each look at it takes a while, as if what lies between were work."""

    def monotonic(self) -> float:
        self.at += 0.015
        return self.at


def test_a_batch_leaves_the_loop_after_some_milliseconds(tmp_path: Path) -> None:
    """However many notifications wait, and whatever it takes to look into each."""
    with MailPocket(tmp_path) as pocket:
        pocket.pages[CARL] = carl()
        numbers = [pocket.receive(activity("Like", SEVENTH, f"{CARL}{n}")) for n in range(5)]
        pocket.processing.clock = Slow()
        worked = [asyncio.run(pocket.processing.work()) for _ in range(4)]

        assert worked == [2, 2, 1, 0]
        assert all(pocket.note(n or 0).state == "ignored" for n in numbers)


def test_an_accept_is_answered_with_what_was_asked(tmp_path: Path) -> None:
    """The letter that goes out names the Follow that it accepts."""
    with MailPocket(tmp_path) as pocket:
        pocket.pages[CARL] = carl()
        follow = activity("Follow", OURS.actor, CARL)
        pocket.push(follow)
        pocket.clock.at += 6
        pocket.work()

        [errand] = pocket.opened.mailbox.errands(pocket.clock.at, 9, 60.0, DAY).result()
        letter = orjson.loads(errand.body)
        assert (letter["type"], letter["object"]["id"]) == ("Accept", follow["id"])
        [follower] = pocket.opened.query.followers(9)
        assert (follower.actor, follower.state) == (CARL, "accepted")
