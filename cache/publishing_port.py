"""The ports of what we publish; a continuation of `ports`, under the same rules."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Protocol

from .publication_records import Entry, Found, LocalObject, OutboxPage, Publication, Sought
from .records import Put

if TYPE_CHECKING:
    from ..crawler.protocol.uri import UrlRules


class Publisher(Protocol):
    """What we publish, and whom it is queued for: in batches, so that no number of followers holds
    up who else writes. What is queued is a row, so a kill loses and repeats nothing."""

    def publish(self, entry: Entry, now: float) -> Future[Publication]:
        """Write an activity, what it makes of an object of ours, and that it is to be fanned out,
        together."""

    def show(self, put: Put) -> Future[None]:
        """Keep an activity of ours as a document, too."""

    def repeated(self, key: str, asked: bytes, now: float) -> Publication | None:
        """What was published for the same request under the caller's `key` before, which is told
        for a day; BadInput where the key was for another request."""

    def fan_out(self, rules: UrlRules, now: float) -> Future[bool]:
        """Queue deliveries of the oldest publication that is not queued for all: one batch.
        Whether there is more to do. What `rules` let nobody ask is not sent to either: that becomes
        a delivery which says so."""

    def waits(self) -> bool:
        """Whether there is something for `fan_out` to do."""

    def sought(self, now: float, limit: int) -> list[Sought]:
        """Actors whose inboxes are to be looked for now."""

    def next_sought(self) -> float | None:
        """When the next one is to be looked for; None: none is."""

    def found(
        self, found: Sequence[Found], rules: UrlRules, now: float, ttl: float
    ) -> Future[None]:
        """Queue what waited for actors whose inboxes are known now; what has waited for longer than
        `ttl` seconds, or is given up, becomes a delivery that says so."""


class Published(Protocol):
    """The part of `ports.Query` that is about what we publish."""

    def publication(self, id: str) -> Publication | None:
        """An activity of ours by its id, whoever may read it."""

    def local(self, id: str) -> LocalObject | None:
        """An object of ours by its id, whoever may read it; deleted ones too."""

    def outbox(self, number: int | None = None) -> OutboxPage | None:
        """A page of our outbox, counted from 1, the oldest; None: the newest. None where there is
        no such page, as while nothing public was published."""

    def outbox_total(self) -> int:
        """How many public activities of ours there are."""
