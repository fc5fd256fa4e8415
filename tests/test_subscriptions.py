"""The Follows that we send: once, as soon as they can be, and taken back when no longer wanted."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from stepping import SteppingClock
from store_cases import ALICE, BOB, FOLLOW, NOW, apply, clean, note, store_at, want

from fedpull.cache.mail_records import Sent
from fedpull.cache.open import Opened
from fedpull.cache.records import Follow, Lease, Outcome
from fedpull.config.model import Follow as Rules
from fedpull.crawler.protocol import following
from fedpull.crawler.subscriptions import Subscriptions

US, BASE = "https://pull.example/actor", "https://pull.example"
WANTED = Rules.model_construct(actor=FOLLOW, subscribe=True)
UNWANTED = Rules.model_construct(actor=FOLLOW, subscribe=False)
DAY = 86_400.0


@dataclass
class Desk:
    """A store with one follow, and what subscribes for it."""

    opened: Opened
    clock: SteppingClock = field(default_factory=lambda: SteppingClock(NOW))
    changed: list[str] = field(default_factory=list)
    pokes: int = 0

    def subscriptions(self) -> Subscriptions:
        """Those of a new start."""
        query, mailbox = self.opened.query, self.opened.mailbox
        return Subscriptions(US, BASE, query, mailbox, self.clock, self.changed.append, self.poke)

    def poke(self) -> None:
        self.pokes += 1

    def follow(self, **more: Any) -> Follow:
        follow = Follow(FOLLOW, **{"actor": ALICE, **more})
        self.opened.store.put_follow(follow).result()
        return follow

    def know(self, actor: str = ALICE, inbox: str | None = None) -> None:
        """The actor's document comes in."""
        put = note(actor, kind="actor", type="Person", actor=actor)
        document = {"id": actor, "type": "Person", "inbox": inbox or f"{actor}/inbox"}
        apply(
            self.opened,
            puts=(
                replace(
                    put,
                    body=json.dumps(document).encode(),
                    stamp=replace(put.stamp, content_hash=_hash(document)),
                ),
            ),
        )

    @property
    def state(self) -> tuple[str, str | None]:
        follow = self.opened.query.follow(FOLLOW)
        assert follow is not None
        return follow.subscribed, follow.subscription

    @property
    def letters(self) -> list[tuple[str, str]]:
        """What was sent: its type and its inbox, in order."""
        errands = self.opened.mailbox.errands(self.clock.now(), 99, 60.0, 7 * DAY).result()
        found = []
        while errands:
            for errand in errands:
                found.append((json.loads(errand.body)["type"], errand.delivery.inbox))
                done = Sent(errand.delivery.id, "delivered", counted=True, status=202)
                self.opened.mailbox.sent([done], NOW).result()
            errands = self.opened.mailbox.errands(self.clock.now(), 99, 60.0, 7 * DAY).result()
        return found


def _hash(document: dict[str, Any]) -> bytes:
    from fedpull.crawler.protocol.version import content_hash

    return content_hash(document)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with store_at(tmp_path) as opened:
        yield Desk(opened)
        clean(opened)


async def test_a_follow_is_sent_once(desk: Desk) -> None:
    """To the actor's own inbox, by its URI; not again at the next start, whatever came of it."""
    desk.follow()
    desk.know()
    await desk.subscriptions().start([WANTED])
    state, id = desk.state
    await desk.subscriptions().start([WANTED])

    assert (state, id) == ("pending", following.follow_id(BASE, ALICE, NOW))
    assert desk.letters == [("Follow", f"{ALICE}/inbox")]
    assert (desk.changed, desk.pokes) == ([FOLLOW], 1)
    for answer in ("yes", "rejected"):
        desk.opened.mailbox.subscribe(FOLLOW, id, answer, (), NOW).result()
        await desk.subscriptions().start([WANTED])
        assert desk.letters == []


async def test_it_waits_for_the_actor(desk: Desk) -> None:
    """Nothing is sent before its document is held; the outcome that brings it sends it."""
    subscriptions = desk.subscriptions()
    await subscriptions.start([WANTED])
    follow = desk.follow()
    subscriptions.settled(*settled(follow))
    await subscriptions.stop()
    assert desk.letters == []
    desk.know()
    subscriptions.settled(*settled(follow))
    await subscriptions.stop()

    assert desk.letters == [("Follow", f"{ALICE}/inbox")]


def settled(now: Follow, was: Follow | None = None) -> tuple[Lease, Outcome]:
    """An outcome of a follow."""
    lease = Lease(want(ALICE, follow=FOLLOW, relation="actor"), ALICE, "a.example:443", NOW)
    return lease, Outcome(NOW, follow=now, follow_was=was or now)


def _drop(desk: Desk) -> Future[bool]:
    desk.know()
    return desk.opened.store.drop_follow(FOLLOW, NOW)


NOT_SENT: list[tuple[str, Callable[[Desk], object]]] = [
    ("an inbox on another host is not believed", lambda desk: desk.know(inbox=f"{BOB}/inbox")),
    ("a follow that was dropped is not sent for", _drop),
]


@pytest.mark.parametrize("case", [row[1] for row in NOT_SENT], ids=[row[0] for row in NOT_SENT])
async def test_nothing_is_sent(desk: Desk, case: Callable[[Desk], object]) -> None:
    """Where there is nobody to send it to."""
    desk.follow()
    case(desk)
    await desk.subscriptions().start([WANTED])

    assert desk.letters == []


ENDS: list[tuple[str, str, list[str]]] = [
    ("one that stands is taken back", "yes", ["Undo"]),
    ("one that nobody has answered is taken back", "pending", ["Undo"]),
    ("one that was rejected stands nowhere", "rejected", []),
    ("where none was sent there is none to take back", "no", []),
]


@pytest.mark.parametrize("how", ["removed", "subscribe: false", "gone from the file"])
@pytest.mark.parametrize(("state", "sent"), [row[1:] for row in ENDS], ids=[row[0] for row in ENDS])
async def test_a_subscription_that_is_not_wanted_ends(
    desk: Desk, state: str, sent: list[str], how: str
) -> None:
    """Its Undo names the Follow that was sent, and is sent once."""
    id = None if state == "no" else following.follow_id(BASE, ALICE, NOW - DAY)
    desk.follow(subscribed=state, subscription=id)
    desk.know()
    subscriptions = desk.subscriptions()
    if how == "removed":
        await subscriptions.remove(FOLLOW)
    else:
        await subscriptions.align([UNWANTED] if how == "subscribe: false" else [])
    assert [type for type, _ in desk.letters] == sent
    assert desk.state == ("no", None)
    await desk.subscriptions().align([])
    assert desk.letters == []


async def test_a_follow_that_is_wanted_again_has_another_id(desk: Desk) -> None:
    """Servers drop an activity whose id they have seen."""
    desk.follow()
    desk.know()
    await desk.subscriptions().start([WANTED])
    first = desk.state[1]
    await desk.subscriptions().align([UNWANTED])
    desk.clock.step(NOW + 60)
    await desk.subscriptions().start([WANTED])

    assert desk.state[0] == "pending"
    assert desk.state[1] not in (None, first)
    assert [type for type, _ in desk.letters] == ["Follow", "Undo", "Follow"]


async def test_an_actor_that_has_moved_is_asked_at_its_new_place(desk: Desk) -> None:
    """The old one's subscription was to its pushes; it is taken back, and a new one sent."""
    was = desk.follow(subscribed="yes", subscription=f"{BASE}/follows/1")
    desk.know()
    desk.know(BOB)
    subscriptions = desk.subscriptions()
    await subscriptions.start([WANTED])
    now = replace(was, actor=BOB, subscribed="no", subscription=None)
    desk.opened.store.put_follow(now).result()
    subscriptions.settled(*settled(now, was))
    await subscriptions.stop()

    assert sorted(desk.letters) == [("Follow", f"{BOB}/inbox"), ("Undo", f"{ALICE}/inbox")]


async def test_what_is_being_sent_is_taken_back_where_its_follow_is_dropped(desk: Desk) -> None:
    """The Follow is on its way to disk when the operator unfollows."""
    subscriptions = desk.subscriptions()
    await subscriptions.start([WANTED])
    follow = desk.follow()
    desk.know()
    subscriptions.settled(*settled(follow))
    await asyncio.sleep(0)  # it has begun
    await subscriptions.remove(FOLLOW)

    assert [type for type, _ in desk.letters] == ["Follow", "Undo"]
    assert desk.state == ("no", None)


async def test_a_follow_that_expired_on_its_way_is_sent_at_the_next_start(desk: Desk) -> None:
    """Their server was away for longer than our patience; it is asked again, in a new Follow."""
    desk.follow()
    desk.know()
    await desk.subscriptions().start([WANTED])
    first = desk.state[1]
    desk.clock.step(NOW + 8 * DAY)
    assert desk.letters == []
    await desk.subscriptions().start([WANTED])

    assert desk.state[1] != first
    assert desk.letters == [("Follow", f"{ALICE}/inbox")]


async def test_a_follow_that_nobody_takes_does_not_wait_for_an_answer(desk: Desk) -> None:
    """Its inbox refuses it for good: it is not pending any more, and the next start asks again."""
    desk.follow()
    desk.know()
    subscriptions = desk.subscriptions()
    await subscriptions.start([WANTED])
    [errand] = desk.opened.mailbox.errands(NOW, 9, 60.0, DAY).result()
    refused = Sent(errand.delivery.id, "given_up", counted=True, status=403, error="no")
    desk.opened.mailbox.sent([refused], NOW).result()
    subscriptions.lost()
    desk.clock.step(NOW + 60.0)
    await subscriptions.stop()
    after = desk.state
    await desk.subscriptions().start([WANTED])

    assert after == ("no", None)
    assert desk.state[0] == "pending"


def test_how_many_let_us_follow_is_counted_once_in_a_while(desk: Desk) -> None:
    """Strangers may ask for it as often as they like."""
    subscriptions = desk.subscriptions()
    before = subscriptions.count()
    desk.follow(subscribed="yes", subscription=f"{BASE}/follows/1")
    soon = subscriptions.count()
    desk.clock.step(desk.clock.now() + 60.0)

    assert (before, soon, subscriptions.count()) == (0, 0, 1)


def test_the_activities_about_following() -> None:
    """What they say, byte for byte the same each time."""
    id = following.follow_id(BASE, ALICE, NOW)
    follow, undo = following.follow(US, ALICE, id), following.undo(US, ALICE, id)
    accept = following.accept(US, BASE, ALICE, f"{ALICE}/follows/1")
    reject = following.reject(US, BASE, ALICE, "")
    read = [json.loads(letter.body) for letter in (follow, undo, accept, reject)]

    assert id.startswith(f"{BASE}/follows/")
    assert read[0] == {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": id,
        "type": "Follow",
        "actor": US,
        "object": ALICE,
        "to": [ALICE],
    }
    assert (read[1]["type"], read[1]["object"]["id"]) == ("Undo", id)
    theirs = {"id": f"{ALICE}/follows/1", "type": "Follow", "actor": ALICE, "object": US}
    assert (read[2]["type"], read[2]["object"]) == ("Accept", theirs)
    assert "id" not in read[3]["object"]
    assert len({one["id"] for one in read}) == 4
    assert following.accept(US, BASE, ALICE, f"{ALICE}/follows/1") == accept
