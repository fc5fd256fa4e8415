"""Looking for who is named: where their mail goes, as they say themselves, sooner or later.

The store is real, time is the test's, and an origin is a function that serves a document or fails.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from publishing_cases import ALICE, BOB, RULES, WE, Press, follower, is_held
from stepping import SteppingClock
from store_cases import NOW, apply, clean, store_at
from store_cases import note as document

from fedpull.cache.mail_records import Delivery
from fedpull.cache.publication_records import Publication
from fedpull.cache.records import Entry, Members, Reference
from fedpull.crawler.desk import unknown
from fedpull.crawler.fanout import Fanout
from fedpull.crawler.protocol.delivering import Schedule
from fedpull.errors import FedpullError, Gone, NotFound, Refused, TimedOut, Unreachable

MINUTE, DAY = 60.0, 86_400.0
SCHEDULE = Schedule((MINUTE, 5 * MINUTE), 7 * DAY)
EVEN = (1.0 - 0.8) / (1.4 - 0.8)  # the chance at which times are what the schedule says
Origin = Callable[[], dict[str, Any]]


@dataclass
class Office:
    """A press, and what looks for whom it names; `origins` are the servers out there."""

    press: Press
    origins: dict[str, Origin] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.clock = SteppingClock(NOW)
        self.press.clock.at = NOW
        opened = self.press.opened
        self.fanout = Fanout(
            opened.publisher,
            opened.query,
            self._fetch,
            RULES,
            self.clock,
            SCHEDULE,
            lambda: None,
            lambda: EVEN,
        )

    async def _fetch(self, id: str, wait: float) -> Reference:
        self.asked.append(id)
        says = self.origins[id]()
        if says:
            put = document(id, kind=says.pop("kind", "actor"), type="Person", says=says)
            apply(self.press.opened, self.clock.now(), puts=(put,))
        return self.press.opened.query.reference(id) or unknown(id)

    async def live(self, seconds: float) -> None:
        """Do what is due, as time goes on."""
        until = self.clock.now() + seconds
        await self.fanout.drain()
        while (due := self.press.opened.publisher.next_sought()) is not None and due <= until:
            self.clock.step(due)
            await self.fanout.drain()
        self.clock.step(until)

    async def publish(self, to: str = BOB) -> Publication:
        body = f'{{"type": "Note", "to": ["{to}"]}}'.encode()
        return await self.press.publishing.publish(body)

    def rows(self) -> list[Delivery]:
        """Those whose inbox is known, or that are over."""
        found = self.press.opened.query.deliveries(100)
        return [row for row in reversed(found) if not is_held(row)]


def fails(error: type[FedpullError], reason: str = "is away") -> Origin:
    def origin() -> dict[str, Any]:
        raise error(BOB, reason)

    return origin


def first(times: int, before: Origin, after: Origin) -> Origin:
    """One thing so many times, then another."""
    count = iter(range(times))
    return lambda: after() if next(count, None) is None else before()


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop run until `condition` holds: the writer's thread tells nobody."""
    while True:
        if condition():
            return
        await asyncio.sleep(0)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with store_at(tmp_path) as opened:
        yield Office(Press(opened))
        clean(opened)


async def test_not_known(office: Office) -> None:
    """An actor who is not held is asked once, and held from then on."""
    office.origins[BOB] = lambda: {"name": "Bob"}
    await office.publish()
    await office.publish()

    await office.live(0)

    assert [row.inbox for row in office.rows()] == [f"{BOB}/inbox"] * 2
    assert office.asked == [BOB]


@pytest.mark.parametrize("error", [Unreachable, TimedOut, NotFound])
async def test_away(office: Office, error: type[FedpullError]) -> None:
    """Who cannot be asked is asked again by the schedule of deliveries."""
    office.origins[BOB] = first(3, fails(error), lambda: {"name": "Bob"})
    await office.publish()

    await office.live(MINUTE - 1)
    assert len(office.asked) == 1
    await office.live(1)
    assert len(office.asked) == 2
    await office.live(10 * MINUTE)

    assert len(office.asked) == 4
    assert [(row.inbox, row.state) for row in office.rows()] == [(f"{BOB}/inbox", "waiting")]


async def test_away_for_good(office: Office) -> None:
    """What has waited for longer than a delivery may is told as expired, with the reason."""
    office.origins[BOB] = fails(Unreachable)
    await office.publish()

    await office.live(8 * DAY)

    (row,) = office.rows()
    assert (row.inbox, row.state, row.last_error) == (BOB, "expired", "its actor: is away")
    asked = len(office.asked)
    await office.live(8 * DAY)
    assert len(office.asked) == asked


async def test_silent(office: Office) -> None:
    """An answer that does not come in time is no answer, and is waited for again."""
    office.origins[BOB] = first(1, dict, lambda: {"name": "Bob"})
    await office.publish()

    await office.live(MINUTE)

    assert [row.inbox for row in office.rows()] == [f"{BOB}/inbox"]


IN_VAIN: dict[str, tuple[Origin, str]] = {
    "gone": (fails(Gone, "is gone"), "its actor: is gone"),
    "kept out": (fails(Refused, "is blocked"), "its actor: is blocked"),
    "no inbox": (lambda: {"inbox": None}, "its document names no inbox on its own origin"),
    "an inbox of another host": (
        lambda: {"inbox": "https://evil.example/inbox"},
        "its document names no inbox on its own origin",
    ),
    "no actor at all": (
        lambda: {"kind": "object"},
        "its document names no inbox on its own origin",
    ),
    "a collection": (
        lambda: {"type": "Collection", "inbox": None},
        "it is a collection, and no actors are kept of it",
    ),
}


@pytest.mark.parametrize(("origin", "error"), IN_VAIN.values(), ids=IN_VAIN.keys())
async def test_in_vain(office: Office, origin: Origin, error: str) -> None:
    """Who has no inbox gets nothing, and a delivery says why."""
    office.origins[BOB] = origin
    await office.publish()

    await office.live(0)

    (row,) = office.rows()
    assert (row.inbox, row.state, row.last_error) == (BOB, "given_up", error)


async def test_others_are_served(office: Office) -> None:
    """One who fails keeps nobody else waiting (Q19)."""
    office.origins[BOB] = fails(Unreachable)
    office.origins[ALICE] = lambda: {"name": "Alice"}
    await office.press.publishing.publish(
        b'{"type":"Note","to":["%s","%s"]}' % (BOB.encode(), ALICE.encode())
    )

    await office.live(0)

    assert [row.inbox for row in office.rows()] == [f"{ALICE}/inbox"]


async def test_nobody_waits_for_who_is_slow(office: Office) -> None:
    """While an actor takes its time to answer, others are looked for and found, and what is
    published meanwhile is queued."""
    never, answers = asyncio.Event(), office.fanout.fetch

    async def fetch(id: str, wait: float) -> Reference:
        if id == BOB:
            await never.wait()
        return await answers(id, wait)

    office.fanout.fetch = fetch
    office.origins[ALICE] = lambda: {"name": "Alice"}
    office.press.follow(follower(1))
    office.fanout.start()
    await office.publish(f'{BOB}","{ALICE}')
    office.fanout.poke()
    await until(lambda: len(office.rows()) == 1)
    await office.publish(WE.followers)
    office.fanout.poke()
    await until(lambda: len(office.rows()) == 2)
    await office.fanout.stop()

    assert [row.inbox for row in office.rows()] == [f"{ALICE}/inbox", "https://h1.example/inbox"]


async def test_a_collection_that_is_kept(office: Office) -> None:
    """A collection stands for those of its members that are held as actors."""
    group = "https://c.example/group"
    opened = office.press.opened
    actor = document(ALICE, kind="actor", type="Person")
    post = document(1)
    entries = tuple(Entry(one) for one in (ALICE, post.id, BOB))
    apply(opened, puts=(actor, post), members=Members(group, entries))
    office.origins[group] = lambda: {"type": "Collection", "inbox": None}
    await office.publish(group)

    await office.live(0)

    assert [row.inbox for row in office.rows()] == [f"{ALICE}/inbox"]


async def test_by_itself(office: Office) -> None:
    """While it runs it goes on by itself: when it is told, and when the time has come."""
    office.origins[BOB] = first(1, fails(Unreachable), lambda: {"name": "Bob"})
    queued = asyncio.Event()
    office.fanout.queued = queued.set
    office.fanout.start()
    await office.publish()
    office.fanout.poke()
    waits = office.press.opened.publisher.waits
    await until(lambda: bool(office.asked and office.clock.waiting and not waits()))
    office.clock.step(office.clock.now() + MINUTE)
    await until(lambda: bool(office.rows()))
    await office.fanout.stop()

    assert queued.is_set()
    assert office.asked == [BOB, BOB]
