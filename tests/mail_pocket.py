"""The crawler on one page with an inbox: what is pushed is kept, settled and asked for, on a clock
that is set. No sockets and no signatures: what comes in here is taken for authenticated."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from itertools import count
from typing import Any

from follow_cases import outbox, post
from ingest_cases import ALICE, HOST, OUTBOX, PUBLIC, actor
from pocket import Pocket

from fedpull.cache.mail_records import Notification, Received
from fedpull.cache.records import Lease, Outcome
from fedpull.crawler.notified_case import Ours
from fedpull.crawler.processing import Processing
from fedpull.crawler.protocol.pushed import read_pushed

_NUMBERS = count(1)
OURS = Ours("https://pull.example/actor", "https://pull.example")


@dataclass
class MailPocket(Pocket):
    """`push` what others send; `work` until nothing is due."""

    ours: Ours = OURS
    sends: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        opened = self.opened
        self.processing = Processing(
            opened.mailbox,
            opened.query,
            self.follows,
            self.clock,
            self.ours,
            lambda: None,
            self._sending,
        )

    def told(self, lease: Lease, outcome: Outcome) -> None:
        super().told(lease, outcome)
        self.processing.settled(lease, outcome)

    def _sending(self) -> None:
        self.sends += 1

    def receive(self, document: dict[str, Any], signer: str | None = None) -> int | None:
        """What the inbox does before it says 202; the number of the notification."""
        pushed = read_pushed(document)
        sender = signer or pushed.actor
        came = Received(
            sender,
            f"{self.ours.actor}/inbox",
            pushed,
            forwarded=sender != pushed.actor,
            fingerprint=next(_NUMBERS).to_bytes(16, "big"),
        )
        [number] = self.opened.mailbox.receive([came], self.clock.now()).result()
        return number

    def work(self) -> None:
        """What the daemon does when it is told that something came."""

        async def until_done() -> None:
            while await self.processing.work():
                pass

        asyncio.run(until_done())

    def push(self, document: dict[str, Any], signer: str | None = None) -> Notification:
        """Received, settled, asked for: what became of it."""
        number = self.receive(document, signer)
        assert number is not None
        self.work()
        self.run()
        return self.note(number)

    def note(self, number: int) -> Notification:
        [found] = self.opened.query.notifications(1, before=number + 1)
        assert found.id == number
        return found

    def followed(self, *items: Any, **rules: Any) -> None:
        """Alice, whose outbox is read once."""
        self.pages |= {ALICE: actor(), OUTBOX: outbox(*items)}
        self.follow(ALICE, **rules)
        self.run()
        self.asked.clear()

    def changes(self, kind: str | None = None) -> list[tuple[str, str, str | None]]:
        found = self.opened.query.changes(0, 10_000)
        return [(one.kind, one.id, one.reason) for one in found if kind in (None, one.kind)]


def activity(type: str, object: Any, owner: str = ALICE, **more: Any) -> dict[str, Any]:
    """An activity as its server sends it; each has an id of its own."""
    return {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": f"{owner}/acts/{next(_NUMBERS)}",
        "type": type,
        "actor": owner,
        "to": [PUBLIC],
        "object": object,
    } | more


# What the tests of processing talk about

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
