"""The reader of a store that does not exist yet: it knows nothing, and says so without failing.

A stranger's first `fedpull list` is no error. Invariant: it answers as an empty store would.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..cache.document import Document
from ..cache.mail_records import (
    Account,
    Delivery,
    DeliveryState,
    Follower,
    FollowerState,
    Notification,
    NotificationState,
)
from ..cache.permissions import refuse_unreadable
from ..cache.publication_records import LocalObject, OutboxPage, Publication
from ..cache.records import (
    Change,
    CheckReport,
    CollectionView,
    Counts,
    Follow,
    Host,
    ObjectFilter,
    Reads,
    Reference,
    State,
    Thread,
    Totals,
    Version,
    Want,
)
from ..cache.thread_view import ThreadTree
from ..cache.vitals import Room
from ..crawler.protocol.blocks import Blocks
from ..crawler.protocol.policy import Policy
from ..errors import StoreError

if TYPE_CHECKING:
    from ..crawler.protocol.robots_memory import Robots


def there_is_none(path: Path) -> bool:
    """Whether nothing was ever stored there; what LMDB writes first is its data file.

    Raises StoreError where the path leads to something that can never be a store."""
    if path.exists() and not path.is_dir():
        raise StoreError(str(path), "is not a folder", "`store.path` to name a folder")
    refuse_unreadable(path)
    return not (path / "data.mdb").exists()


class NoStore:
    """See `cache.ports.Query`."""

    def document(self, id: str) -> Document | None:
        return None

    def reference(self, id: str) -> Reference | None:
        return None

    def served(self, id: str) -> tuple[Reference | None, Document | None]:
        return None, None

    def references(self, ids: Iterable[str]) -> dict[str, Reference]:
        return {}

    def states(self, ids: Iterable[str]) -> dict[str, State]:
        return {}

    def offered_to(self, id: str) -> tuple[str, ...]:
        return ()

    def known_members(self, collection: str, ids: Iterable[str]) -> set[str]:
        return set()

    def absent_members(
        self,
        collection: str,
        placed: Sequence[str],
        listed: Iterable[str],
        *,
        after: str | None = None,
        head: bool = False,
    ) -> tuple[Reference, ...]:
        return ()

    def thread(self, id: str) -> ThreadTree | None:
        return None

    def thread_for(self, follow: str, root: str, now: float) -> Thread | None:
        return None

    def threads(self, id: str, now: float) -> tuple[Thread, ...]:
        return ()

    def threaded(self, follow: str, ids: Iterable[str]) -> set[str]:
        return set()

    def threads_due(self, follow: str, now: float) -> list[Want]:
        return []

    def objects(
        self, filter: ObjectFilter, limit: int, cursor: str | None = None
    ) -> tuple[list[Document], str | None]:
        return [], None

    def collection(
        self, id: str, limit: int = 500, cursor: str | None = None
    ) -> CollectionView | None:
        return None

    def reads(self, id: str) -> Reads | None:
        return None

    def changes(self, since: int | None, limit: int = 500) -> list[Change]:
        return []

    def history(self, id: str) -> list[Version]:
        return []

    def follows(self) -> list[Follow]:
        return []

    def follow(self, key: str) -> Follow | None:
        return None

    def notifications(
        self, limit: int, before: int | None = None, state: NotificationState | None = None
    ) -> list[Notification]:
        return []

    def followers(
        self, limit: int, after: str | None = None, state: FollowerState | None = None
    ) -> list[Follower]:
        return []

    def deliveries(
        self,
        limit: int,
        before: int | None = None,
        state: DeliveryState | None = None,
        host: str | None = None,
        activity: str | None = None,
    ) -> list[Delivery]:
        return []

    def delivery(self, id: int) -> Delivery | None:
        return None

    def account(self, activity: str) -> Account | None:
        return None

    def counts(self, id: str) -> Counts:
        return Counts()

    def hosts(self, now: float | None = None) -> Iterator[Host]:
        return iter(())

    def host(self, name: str, now: float | None = None) -> Host | None:
        return None

    def robots(self, host: str) -> Robots | None:
        return None

    def blocks(self) -> Blocks:
        return Blocks()

    def has_forgotten(self, policy: Policy) -> bool:
        return True

    def totals(self, now: float | None = None) -> Totals:
        return Totals()

    def publication(self, id: str) -> Publication | None:
        return None

    def local(self, id: str) -> LocalObject | None:
        return None

    def outbox(self, number: int | None = None) -> OutboxPage | None:
        return None

    def outbox_total(self) -> int:
        return 0

    def room(self) -> Room:
        return Room(0, 0, 0, 0)

    def check(self) -> CheckReport:
        return CheckReport(0, 0, 0)
