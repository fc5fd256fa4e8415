"""What every implementation of the Mailbox port must do: mail is kept once and acted upon once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import lmdb
import pytest
from mail_cases import GUEST, HOUR, INBOX, LIKE, PUSH, key_of, received, settled
from store_cases import ALICE, FOLLOW, IMPLEMENTATIONS, NOW, apply, clean, lease, note, want

from fedpull.cache.mail_records import Follower, Notification, Reaction, Send
from fedpull.cache.open import Opened, open_reader
from fedpull.cache.records import Cause, Counts, Follow, Mark, State
from fedpull.crawler.protocol.pushed import Pushed
from fedpull.errors import BadInput, StoreError

DAY = 86_400.0


@pytest.fixture(params=IMPLEMENTATIONS)
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opened]:
    with IMPLEMENTATIONS[request.param](tmp_path / "store") as store:
        yield store
        clean(store)


def receive(opened: Opened, *numbers: int, at: float = NOW, **more: Any) -> list[int | None]:
    return opened.mailbox.receive([received(n, **more) for n in numbers], at).result()


def waiting(opened: Opened, at: float = NOW, limit: int = 100) -> list[int]:
    return [one.id for one in opened.mailbox.waiting(at, limit)]


def settle(opened: Opened, id: int, at: float = NOW, **more: Any) -> int:
    return opened.mailbox.settle([settled(id, at, **more)], at).result()


def one(opened: Opened, id: int) -> Notification:
    [found] = opened.query.notifications(1, before=id + 1)
    return found


def test_what_came_is_listed_with_what_it_is_about(opened: Opened) -> None:
    """A notification says who sent it where, what it is about, and that it waits."""
    [id] = receive(opened, 1)
    assert id is not None
    known = one(opened, id)

    assert (known.sender, known.target, known.at) == (GUEST, INBOX, NOW)
    assert (known.type, known.activity, known.object) == (PUSH.type, PUSH.activity, PUSH.object)
    assert (known.state, known.attempts, known.outcome, known.due) == ("waiting", 0, "", NOW)
    assert known.pushed == PUSH
    assert not known.forwarded


def test_notifications_wait_in_order_of_receipt(opened: Opened) -> None:
    """What came first is looked at first; what is not due yet does not show."""
    receive(opened, 1, 2)
    receive(opened, 3, at=NOW + 1)

    assert opened.mailbox.next_waiting() == NOW
    assert waiting(opened) == [1, 2]
    assert waiting(opened, NOW + 1) == [1, 2, 3]
    assert waiting(opened, NOW + 1, 2) == [1, 2]


AGAIN: list[tuple[str, dict[str, Any], float, bool]] = [
    ("the same signature within its time is a replay", {"activity": ""}, 2 * HOUR, False),
    ("the same signature is forgotten after some hours", {"activity": ""}, 6 * HOUR, True),
    ("the same activity signed anew is known", {"fingerprint": bytes(16)}, 20 * HOUR, False),
    ("the same activity is forgotten after two days", {"fingerprint": bytes(16)}, 2 * DAY, True),
    ("another sender's activity of that id is not the same",
     {"fingerprint": bytes(16), "sender": ALICE}, 0.0, True),
    ("another activity is not the same",
     {"fingerprint": bytes(16), "activity": "https://g.example/9"}, 0.0, True),
    ("a clock that was set back forgets nothing", {"fingerprint": bytes(16)}, -HOUR, False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("more", "later", "kept"), [row[1:] for row in AGAIN], ids=[row[0] for row in AGAIN]
)
def test_what_was_seen_is_not_kept_again(
    opened: Opened, more: dict[str, Any], later: float, kept: bool
) -> None:
    """A signature is remembered for twice its validity, an activity for a day."""
    first = {key: value for key, value in more.items() if key == "activity" and not value}
    receive(opened, 1, **first)

    [again] = receive(opened, 1, at=NOW + later, **more)

    assert (again is not None) == kept


def test_what_is_undone_may_be_said_again(opened: Opened) -> None:
    """Misskey's Follow has one id whenever it is sent, and its Undo another; each is heard after
    the other, and neither twice."""
    follow = Pushed("Follow", GUEST, "https://g.example/follows/1", "https://pull.example/actor")
    whole = Pushed("Undo", GUEST, f"{follow.activity}/undo", follow.object, inner="Follow")
    whole = replace(whole, inner_id=follow.activity)
    by_id = Pushed("Undo", GUEST, f"{follow.activity}/undo", follow.activity)
    said = [follow, follow, whole, whole, follow, by_id, by_id, follow]
    came = [
        replace(received(n), pushed=one, fingerprint=n.to_bytes(16, "big"))
        for n, one in enumerate(said)
    ]

    kept = opened.mailbox.receive(came, NOW).result()

    assert [number is not None for number in kept] == [
        *(True, False, True, False),
        *(True, True, False, True),
    ]
    foreign = replace(came[2], sender=ALICE, fingerprint=b"foreign" + bytes(9))
    assert opened.mailbox.receive([foreign], NOW).result() != [None]
    assert opened.mailbox.receive([replace(came[0], fingerprint=bytes(16))], NOW).result() == [None]


def test_what_comes_twice_at_once_is_kept_once(opened: Opened) -> None:
    """Also within one call, and across calls that share a commit."""
    first = opened.mailbox.receive([received(1), received(1), received(2)], NOW)
    second = opened.mailbox.receive([received(2), received(3)], NOW)

    assert (first.result(), second.result()) == ([1, None, 2], [None, 3])
    assert opened.mailbox.seen(received(1).fingerprint, NOW)
    assert not opened.mailbox.seen(received(9).fingerprint, NOW)


def test_what_is_over_is_forgotten_as_new_mail_comes(opened: Opened) -> None:
    """The memory of what was seen does not grow with time."""
    for day in range(0, 40, 4):
        receive(opened, *range(day * 100, day * 100 + 20), at=NOW + day * DAY)

    assert _rows(opened, "seen") <= 3 * 40


def _rows(opened: Opened, table: str) -> int:
    environment = opened.query._environment
    return environment.read(lambda txn, t: int(txn.stat(getattr(t, table))["entries"]))


def test_too_much_waiting_is_refused_whole(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is dropped silently: the sender is told to come again."""
    monkeypatch.setattr("fedpull.cache.receipts.MOST_WAITING", 3)
    receive(opened, 1, 2)

    with pytest.raises(StoreError):
        receive(opened, 3, 4)
    assert receive(opened, 3) == [3]
    settle(opened, 1)
    assert receive(opened, 4) == [4]


def test_a_full_store_takes_no_mail_and_still_settles(tmp_path: Path) -> None:
    """Past max_bytes the inbox refuses; what asks for nothing is settled all the same."""
    with IMPLEMENTATIONS["lmdb"](tmp_path) as opened:
        receive(opened, 1, 2)
        opened.mailbox._writer.health.full = True
        with pytest.raises(StoreError):
            receive(opened, 3)
        with pytest.raises(StoreError):
            settle(opened, 1, wants=(want(),))
        assert settle(opened, 1, state="ignored") == 1
        assert waiting(opened) == [2]


def test_a_store_from_before_there_was_mail_gets_its_tables(tmp_path: Path) -> None:
    """A writer makes them; a reader says that one has to come first."""
    with IMPLEMENTATIONS["lmdb"](tmp_path) as opened:
        apply(opened, puts=(note(1),))
    with lmdb.open(str(tmp_path), max_dbs=64) as environment:
        for name in ("notification", "waiting", "seen", "follower", "count", "delivery", "lane"):
            table = environment.open_db(name.encode())
            with environment.begin(write=True) as txn:
                txn.drop(table)
    with pytest.raises(StoreError):
        open_reader(tmp_path)
    with IMPLEMENTATIONS["lmdb"](tmp_path) as opened:
        assert receive(opened, 1) == [1]
        assert opened.query.document(note(1).id) is not None
        clean(opened)


def test_a_settlement_is_applied_whole_and_once(opened: Opened) -> None:
    """Its wants, marks and states are there together; a second one does nothing."""
    opened.store.put_follow(Follow(FOLLOW, actor=ALICE)).result()
    apply(opened, puts=(note(1),))
    receive(opened, 1)
    effects: dict[str, Any] = {
        "wants": (want(note(2).id, cause=Cause.PUSH, follow=FOLLOW),),
        "marks": (Mark(note(1).id, State.GONE, "tombstone", purge=True),),
        "subscription": (FOLLOW, "yes"),
        "block": (FOLLOW, "https://a.example/blocks/1"),
    }

    assert settle(opened, 1, state="done", outcome="asked its origin", **effects) == 1
    assert settle(opened, 1, state="failed", wants=(want(note(3).id),)) == 0
    known, follow = one(opened, 1), opened.query.follow(FOLLOW)

    assert (known.state, known.outcome, known.attempts) == ("done", "asked its origin", 1)
    assert opened.query.document(note(1).id) is None
    assert opened.query.reference(note(3).id) is None
    assert follow is not None
    assert (follow.subscribed, follow.blocked) == ("yes", "https://a.example/blocks/1")


def test_a_push_is_fetched_before_what_is_new(opened: Opened) -> None:
    """What a notification asks for is queued as a push."""
    opened.frontier.want([want(note(1).id)]).result()
    receive(opened, 1)
    settle(opened, 1, wants=(want(note(2).id, cause=Cause.PUSH),))

    assert [taken.want.uri for taken in lease(opened)] == [note(2).id]


def test_a_notification_that_failed_waits_for_its_next_try(opened: Opened) -> None:
    """It is tried again later, counts its attempts, and may give up."""
    receive(opened, 1)
    settle(opened, 1, state="waiting", outcome="the store was busy", due=NOW + 60)
    assert (waiting(opened), opened.mailbox.next_waiting()) == ([], NOW + 60)
    settle(opened, 1, NOW + 60, state="waiting", due=NOW + 90, tried=False)
    settle(opened, 1, NOW + 90, state="failed", outcome="gave up")
    known = one(opened, 1)

    assert (known.state, known.attempts, known.outcome) == ("failed", 2, "gave up")
    assert opened.mailbox.next_waiting() is None


def test_one_bad_settlement_changes_nothing(opened: Opened) -> None:
    """What cannot be applied leaves its notification waiting, and nothing of it behind."""
    receive(opened, 1)
    bad = settled(1, NOW, wants=(want(note(1).id),), sends=(Send("https://x/1", "no inbox", b""),))

    assert isinstance(opened.mailbox.settle([bad], NOW).exception(), BadInput)
    assert waiting(opened) == [1]
    assert opened.query.reference(note(1).id) is None


def test_lists_go_from_the_latest_on_in_pages(opened: Opened) -> None:
    """`before` goes on where a page ended; a state picks."""
    receive(opened, 1, 2, 3, 4)
    settle(opened, 3, state="ignored")

    def ids(*args: Any) -> list[int]:
        return [known.id for known in opened.query.notifications(*args)]

    assert (ids(2), ids(2, 3), ids(9, None, "ignored")) == ([4, 3], [2, 1], [3])
    assert (ids(9, None, "waiting"), ids(9, 1), ids(9, 99)) == ([4, 2, 1], [], [4, 3, 2, 1])


def test_what_is_over_is_kept_for_a_week(opened: Opened) -> None:
    """Settled notifications go after seven days; what waits stays however old it is."""
    receive(opened, 1, 2, 3)
    settle(opened, 2)
    receive(opened, 4, at=NOW + 8 * DAY)
    settle(opened, 4, NOW + 8 * DAY)

    assert [known.id for known in opened.query.notifications(9)] == [4, 3, 1]


def test_only_so_many_settled_ones_are_kept(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oldest go when there are more."""
    monkeypatch.setattr("fedpull.cache.settling.MOST_SETTLED", 3)
    for n in range(1, 9):
        receive(opened, n)
        settle(opened, n)

    assert [known.id for known in opened.query.notifications(9)] == [8, 7, 6]


def test_a_key_is_remembered_with_the_mail_that_it_signed(opened: Opened) -> None:
    """For a week; a newer one of its id takes its place, and it can be dropped."""
    first, second = key_of("https://g.example/u/1#main-key"), key_of("https://g.example/u/1#k2")
    receive(opened, 1, key=first)
    receive(opened, 2, key=second)
    receive(opened, 3, at=NOW + 60, key=replace(first, owner=GUEST))
    mailbox = opened.mailbox

    assert mailbox.key(first.id, NOW + 60) == replace(first, owner=GUEST)
    assert mailbox.key(second.id, NOW + 6 * DAY) == second
    assert mailbox.key(second.id, NOW + 8 * DAY) is None
    assert mailbox.key("https://g.example/u/1", NOW) is None
    mailbox.drop_key(first.id).result()
    mailbox.drop_key(first.id).result()
    assert mailbox.key(first.id, NOW + 60) is None


def test_the_oldest_keys_make_room(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server with a million users costs no more than the limit."""
    monkeypatch.setattr("fedpull.cache.receipts.MOST_KEYS", 3)
    ids = [f"https://g.example/u/{n}#main-key" for n in range(6)]
    for n, id in enumerate(ids):
        receive(opened, n, key=key_of(id))

    assert [opened.mailbox.key(id, NOW) is not None for id in ids] == [False] * 3 + [True] * 3


def test_followers_are_kept_counted_and_dropped(opened: Opened) -> None:
    """By their actor; only the accepted are counted."""
    bob = Follower(
        "https://b.example/bob", "https://b.example/bob/inbox", None, "pending", "x", NOW
    )
    eve = replace(bob, actor="https://e.example/eve", shared_inbox="https://e.example/inbox")
    opened.mailbox.put_follower(bob, (), NOW).result()
    receive(opened, 1, 2, 3)
    settle(opened, 1, follower=replace(eve, state="accepted"))
    settle(opened, 2, follower=replace(bob, state="accepted"))
    settle(opened, 2, drop_follower=bob.actor)
    assert opened.mailbox.followed_by() == 2
    assert opened.mailbox.follower(eve.actor) == replace(eve, state="accepted")
    listed = opened.query.followers(9)
    assert {known.actor for known in listed} == {bob.actor, eve.actor}
    assert opened.query.followers(9, listed[0].actor) == listed[1:]
    assert opened.query.followers(9, state="pending") == []
    settle(opened, 3, drop_follower=bob.actor)

    assert opened.mailbox.followed_by() == 1
    assert opened.mailbox.follower(bob.actor) is None


def react(opened: Opened, *reactions: Reaction) -> None:
    """In a notification of their own."""
    number = len(opened.query.notifications(99)) + 1
    receive(opened, number)
    settle(opened, number, reactions=reactions)


def test_reactions_count_once_an_actor_and_kind(opened: Opened) -> None:
    """Whoever likes twice is one, whoever takes it back none; what is not held is not counted."""
    apply(opened, puts=(note(1),))
    share = replace(LIKE, kind="share")
    other = replace(LIKE, actor=ALICE)
    react(opened, LIKE, LIKE, share, other, replace(LIKE, object=note(2).id))
    assert opened.query.counts(note(1).id) == Counts(likes=2, shares=1)
    react(opened, replace(LIKE, undone=True), replace(LIKE, undone=True))

    assert opened.query.counts(note(1).id) == Counts(likes=1, shares=1)
    assert opened.query.counts(note(2).id) == Counts()


def test_counts_are_told_once_for_what_has_moved(opened: Opened) -> None:
    """One change an object and interval, and none where it came back to what was told."""
    apply(opened, puts=(note(1), note(2)))
    seq = opened.query.totals().last_seq
    react(opened, LIKE, replace(LIKE, actor=ALICE), replace(LIKE, object=note(2).id, kind="react"))
    assert opened.mailbox.flush_counts(NOW + 60).result() == 2
    assert opened.mailbox.flush_counts(NOW + 120).result() == 0
    react(opened, replace(LIKE, undone=True))
    react(opened, LIKE)
    assert opened.mailbox.flush_counts(NOW + 180).result() == 0

    told = opened.query.changes(seq)
    assert [(change.kind, change.id, change.reason) for change in told] == [
        ("counted", note(1).id, "likes=2 reacts=0 shares=0"),
        ("counted", note(2).id, "likes=0 reacts=1 shares=0"),
    ]
    assert (told[0].at, told[0].actor, told[0].type) == (NOW + 60, ALICE, "Note")


def test_what_is_purged_takes_its_reactions_along(opened: Opened) -> None:
    """Nothing is left to be counted or told, and a return begins anew."""
    apply(opened, puts=(note(1),))
    react(opened, LIKE)
    apply(opened, marks=(Mark(note(1).id, State.GONE, "gone", purge=True),))

    assert opened.query.counts(note(1).id) == Counts()
    assert opened.mailbox.flush_counts(NOW).result() == 0
    assert _rows(opened, "reaction") == 0


def test_a_post_counts_only_so_many(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the limit nobody is added, and whoever is counted can still leave."""
    monkeypatch.setattr("fedpull.cache.reactions.MOST", 2)
    apply(opened, puts=(note(1),))
    fans = [replace(LIKE, actor=f"https://g.example/u/{n}") for n in range(4)]
    react(opened, *fans)
    react(opened, replace(fans[0], undone=True), replace(fans[3], undone=True))

    assert opened.query.counts(note(1).id) == Counts(likes=1)


def test_a_subscription_is_written_with_what_tells_of_it(opened: Opened) -> None:
    """Its state stays over answers that change the follow; without a follow nothing is sent."""
    follow = Follow(FOLLOW, actor=ALICE)
    opened.store.put_follow(follow).result()
    send = Send("https://pull.example/follows/1", f"{ALICE}/inbox", b"{}")
    subscribe = opened.mailbox.subscribe

    assert subscribe(FOLLOW, send.activity, "pending", (send,), NOW).result() is True
    assert subscribe("@no@a.example", "x", "pending", (send,), NOW).result() is False
    known = opened.query.follow(FOLLOW)
    assert known is not None
    assert (known.subscribed, known.subscription) == ("pending", send.activity)
    assert [one.activity for one in opened.query.deliveries(9)] == [send.activity]
