"""What the tests of publishing share: who we are, small notes, a store that publishes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from store_cases import NOW

from fedpull.cache.mail_records import Delivery, Follower
from fedpull.cache.open import Opened
from fedpull.cache.publication_records import Publication
from fedpull.cache.records import Reference
from fedpull.crawler.protocol.publishable import We
from fedpull.crawler.protocol.uri import UrlRules
from fedpull.crawler.publishing import Publishing

ORIGIN = "https://pull.example"
WE = We(f"{ORIGIN}/actor", f"{ORIGIN}/actor/followers", ORIGIN)
PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
RULES = UrlRules(own_origins=frozenset({ORIGIN}))
ALICE, BOB = "https://a.example/users/alice", "https://b.example/users/bob"


def note(text: str = "hello", to: Any = "as:Public", **more: Any) -> dict[str, Any]:
    return {"type": "Note", "content": text, "to": to, **more}


@dataclass
class Clock:
    """A time that the test sets."""

    at: float = NOW

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at

    def call_later(self, seconds: float, call: Callable[[], None]) -> Any:
        raise NotImplementedError


@dataclass
class Press:
    """Publishes into a store, and fans out when it is told to."""

    opened: Opened
    clock: Clock = field(default_factory=Clock)
    count: int = 0

    def __post_init__(self) -> None:
        self.publishing = Publishing(
            WE,
            lambda now: {"id": WE.actor, "type": "Application", "inbox": f"{WE.actor}/inbox"},
            self.opened.query,
            self.opened.publisher,
            self.clock,
            RULES,
            lambda name: None,
            lambda: None,
            self._chance,
        )

    def _chance(self, size: int) -> bytes:
        self.count += 1
        return self.count.to_bytes(size, "big")

    def publish(self, value: dict[str, Any], key: str | None = None) -> Publication:
        """Each a second after the one before."""
        self.clock.at += 1.0
        return asyncio.run(self.publishing.publish(json.dumps(value).encode(), key))

    def known(self, id: str) -> Reference | None:
        return asyncio.run(self.publishing.known(id))

    def fan_out(self) -> None:
        while self.opened.publisher.fan_out(RULES, self.clock.at).result():
            pass

    def inboxes(self, one: Publication) -> list[str]:
        """Where an activity is queued for, in order."""
        return [row.inbox for row in self.rows(one)]

    def rows(self, one: Publication) -> list[Delivery]:
        """Its deliveries whose inbox is known, or that are over."""
        found = self.opened.query.deliveries(1_000, activity=one.activity)
        return [row for row in reversed(found) if not is_held(row)]

    def follow(self, *followers: Follower) -> None:
        for one in followers:
            self.opened.mailbox.put_follower(one, (), self.clock.at).result()


def is_held(row: Delivery) -> bool:
    """Whether it waits for its inbox to be known, and stands under the id of its actor."""
    return row.state == "waiting" and row.inbox == row.recipient


def follower(n: int, host: str = "", shared: bool = True, **more: Any) -> Follower:
    host = host or f"h{n}.example"
    actor = f"https://{host}/users/{n}"
    values: dict[str, Any] = {
        "inbox": f"{actor}/inbox",
        "shared_inbox": f"https://{host}/inbox" if shared else None,
        "state": "accepted",
        **more,
    }
    return Follower(actor, follow=f"{actor}#follow", at=NOW, **values)


def read(body: bytes) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(body)
    return value
