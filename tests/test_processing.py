"""What a push does to the store and to the network: hints, each asked for once, in order."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import orjson
import pytest
from follow_cases import creates, outbox, post
from ingest_cases import ALICE, HOST, OUTBOX, actor
from mail_pocket import OURS, MailPocket, activity
from pocket import Stepping
from traces import traces

from fedpull.cache.mail_records import Settlement
from fedpull.cache.records import State
from fedpull.crawler.notified_memory import PutOff
from fedpull.crawler.processing import Processing
from fedpull.errors import StoreError

HOURLY = {"every": {"min": "1h", "max": "1h"}}
SEVENTH = f"{ALICE}/7"
ELSEWHERE = "https://other.example/notes/1"
CARL = "https://other.example/users/carl"
BOB = f"{HOST}/users/bob"
DAVE = "https://third.example/users/dave"
DAY = 86_400.0


def foreign(id: str = ELSEWHERE, **more: Any) -> dict[str, Any]:
    return post(1, CARL) | {"id": id} | more


def carl() -> dict[str, Any]:
    return actor(id=CARL, inbox=f"{CARL}/inbox", outbox=f"{CARL}/outbox")


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


def test_after_a_downtime_the_poll_fills_the_gap_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What was posted while nobody listened comes with the next visit, and the log says how much of
    it no push had told of."""
    caplog.set_level("INFO", "fedpull.crawler.processing")
    with MailPocket(tmp_path) as pocket:
        pocket.followed(*creates(1), **HOURLY)
        mailbox, now = pocket.opened.mailbox, pocket.clock.at
        mailbox.subscribe(ALICE, "https://pull.example/follows/1", "yes", [], now).result()
        pocket.follows.forget_state(ALICE)
        pocket.pages[f"{ALICE}/5"] = post(5)
        pocket.push(activity("Create", f"{ALICE}/5"))

        pocket.pages[OUTBOX] = outbox(*creates(5))
        pocket.later(3_700)
        told = [record.getMessage() for record in caplog.records]
        pocket.pages[OUTBOX] = outbox(*creates(5))
        pocket.later(3_700)

        assert told == [f"{ALICE}: 3 new items that no push had told of"]
        assert len(caplog.records) == 1
        assert sorted(pocket.listed(ALICE)) == [f"{ALICE}/{n}" for n in (1, 2, 3, 4, 5)]
        assert pocket.asked.count(f"{ALICE}/5") == 1


def test_a_push_is_a_notice_for_its_outbox_and_no_reason_to_read_it(tmp_path: Path) -> None:
    """The outbox waits for its time; what pushes are worth is learnt at its next visit."""
    with MailPocket(tmp_path) as pocket:
        pocket.followed(*creates(1), **HOURLY)
        before = pocket.opened.query.reference(OUTBOX)
        pocket.pages[f"{ALICE}/2"] = post(2)

        pocket.push(activity("Create", f"{ALICE}/2"))
        after = pocket.opened.query.reference(OUTBOX)

        assert OUTBOX not in pocket.asked
        assert before is not None
        assert after is not None
        assert after.next_check == before.next_check
        pocket.sound()


def test_a_push_leaves_no_trace_of_its_text(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Every key, value, dictionary, change and line of the log is searched: of what was pushed
    nothing is there."""
    caplog.set_level("DEBUG")
    marks = {word: f"marker-{word}-7Q" for word in ("content", "name", "tag", "type", "emoji")}
    body = post(
        7,
        content=marks["content"],
        name=marks["name"],
        summary=marks["content"],
        tag=[{"type": "Hashtag", "name": marks["tag"]}],
        secret={"type": marks["type"]},
    )
    with MailPocket(tmp_path) as pocket:
        pocket.followed(*creates(1), **HOURLY)
        pocket.pages |= {SEVENTH: post(7, content="from its origin"), ELSEWHERE: 404}
        for type in ("Create", "Update", "Announce", "Add", "Remove", "Delete", "Flag"):
            pocket.push(activity(type, body, summary=marks["content"]))
            pocket.push(activity("Undo", activity(type, body, name=marks["name"])))
            pocket.push(activity(type, [body], CARL, content=marks["content"]))
        pocket.push(activity(marks["type"], body))
        pocket.push(activity("EmojiReact", SEVENTH, CARL, content=marks["emoji"]))
        pocket.push(activity("Like", SEVENTH, CARL, content=marks["emoji"]))
        pocket.push(activity("Follow", OURS.actor, CARL, summary=marks["content"]))
        pocket.push(activity("Move", ALICE, target=actor(id=CARL, summary=marks["content"])))
        asyncio.run(pocket.processing.flush_counts())

        document = pocket.opened.query.document(SEVENTH)
        assert document is not None
        assert document.json["content"] == "from its origin"
    for mark in marks.values():
        assert traces(tmp_path, mark) == []
        assert mark not in caplog.text


def test_the_search_for_traces_finds_what_is_kept(tmp_path: Path) -> None:
    """In a compressed body that an edit has replaced, and in a reference's row."""
    with MailPocket(tmp_path) as pocket:
        pocket.followed(**HOURLY)
        pocket.pages[SEVENTH] = post(7, content="needle-in-a-body " * 20)
        pocket.push(activity("Create", SEVENTH))
        pocket.pages[SEVENTH] = post(7, content="edited", updated="2026-08-02T00:00:00Z")
        pocket.push(activity("Update", SEVENTH, content="x"))

    tables = {place.split()[0] for place in traces(tmp_path, "needle-in-a-body")}
    assert "history" in tables
    assert "body" not in tables
    assert any(place.startswith("ref ") for place in traces(tmp_path, SEVENTH))
