"""The port through which the API and the commands ask for what reading cannot give.

Typed only: `daemon.py` wires the implementation, so that the cache knows nothing of the crawler.
Every method raises FedpullError with the subject that the caller named.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..crawler.protocol.blocklist import Blocklist
from ..crawler.protocol.blocks import Difference
from ..crawler.protocol.forgotten import Entry
from .fetched import Fetched
from .histogram import Buckets
from .mail_records import Follower
from .publication_records import Publication
from .records import Follow, Reference
from .vitals import Written


@dataclass(frozen=True, slots=True)
class Pulled:
    """What a pull did for one actor. `complete`: nothing of its outbox is left to read."""

    actor: str
    new: int = 0
    updated: int = 0
    deleted: int = 0
    requests: int = 0
    complete: bool = False
    error: str | None = None
    outbox_kind: str | None = None  # as a follow's


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep came to: documents that were purged, and the keys of follows that it touched."""

    purged: int
    follows: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Running:
    """What only the process knows. `budget_limit` is in requests an hour."""

    version: str
    uptime: float
    in_flight: int
    ready: bool
    reasons: tuple[str, ...] = ()  # why it is not ready, or does less than it was told to
    budget_limit: int = 0


@dataclass(frozen=True, slots=True)
class Counted:
    """What the process has counted since it started, by words of ours: no host, no id."""

    door: Mapping[str, int]  # requests of ours; `failed_KIND` for what stood in the way
    robots: Mapping[str, int]
    inbox: Mapping[str, int]  # pushes, by what their senders were told
    keys: Mapping[str, int]
    mail: Mapping[tuple[str, ...], int]  # as `Mailbox.ended`
    delivering: int = 0  # deliveries in flight
    delivered: Buckets = Buckets()  # noqa: RUF009 (frozen): how long each try took
    delivery_errors: Mapping[str, int] = field(default_factory=dict)  # by what went wrong
    fetched: Mapping[tuple[str, Fetched], int] = field(default_factory=dict)  # by cause
    waited: Mapping[str, Buckets] = field(default_factory=dict)  # by cause, until it had an answer
    answers: Buckets = Buckets()  # noqa: RUF009 (frozen): how long answers to requests took
    loop: Buckets = Buckets()  # noqa: RUF009 (frozen): how late the loop's timers were
    logged: Mapping[str, int] = field(default_factory=dict)  # lines, by level
    written: Written = Written()  # noqa: RUF009 (frozen)


@dataclass(frozen=True, slots=True)
class Reloaded:
    """The blocklists as they are in force now, and what that has changed."""

    difference: Difference
    lists: tuple[Blocklist, ...]


class Verbs(Protocol):
    """Fetch, pull, follow, forget: on the loop's thread."""

    async def fetch(self, id_or_handle: str, *, depth: int = 0, wait: float = 30.0) -> Reference:
        """Resolve now; one request however many ask. Returns when resolved, or after `wait`
        seconds with the reference as it is then (`state` unknown or as before)."""

    def check(self, id: str) -> None:
        """Have a document that is held asked for again, soon; nobody waits for it."""

    def vet(self, id: str) -> None:
        """Raise BadInput or Refused for what no fetch would ask for, whatever is known of it."""

    async def pull(
        self,
        actors: Sequence[str] = (),
        progress: Callable[[Sequence[Pulled]], None] | None = None,
    ) -> list[Pulled]:
        """Bring the named (or all followed) actors up to date. An actor that is not followed is
        pulled once with the defaults of a follow."""

    async def follow(self, entry: str | Mapping[str, Any]) -> Follow:
        """Add a follow, as in the YAML; it goes to `follows.yaml`."""

    async def unfollow(self, actor: str) -> None:
        """Remove a follow of `follows.yaml`; BadInput for one of the operator's own file."""

    async def judge_follower(self, actor: str, *, accept: bool) -> Follower:
        """Accept or reject whoever has asked to follow our actor; NotFound for anybody else."""

    async def publish(self, body: bytes, key: str | None = None) -> Publication:
        """Publish an object or an activity, a JSON text: on disk when this returns, and on its way
        behind it. `key`: the caller's name for this request, under which it may be made again."""

    async def forget(self, name: str) -> int:
        """Purge an id, an actor with all that it wrote, or a domain, for good; how many documents
        that were."""

    async def remember(self, name: str) -> None:
        """Take back what `forget` was told: it may be fetched again. NotFound: it was not."""

    def forgotten(self) -> tuple[Entry, ...]:
        """What is to be forgotten, oldest first."""

    async def reload_blocklists(self) -> Reloaded:
        """Read the configured blocklists anew; where one cannot be read, nothing changes."""

    def boosts(self) -> Mapping[str, bool]:
        """Of each configured follow, by its key, whether what its actor announces is read."""

    def running(self) -> Running: ...

    def ills(self) -> tuple[str, ...]:
        """Why the process should be started again; empty while it is well."""

    def counted(self) -> Counted: ...
