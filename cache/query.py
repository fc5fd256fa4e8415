"""The Query port on LMDB. Every call is one short read transaction on the last commit.

It parses no bodies and never writes. Invariant: what a call returns is of one moment, and refers to
nothing in the store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING

from . import absent, changes, listing, reading
from .counters import Counters
from .cursors import decode, encode
from .document import Document
from .environment import Environment, Tables, Txn
from .intern import find_id, uri_of, word_text
from .publication_query import PublicationQuery
from .terms_layout import terms_in
from .thread_view import ThreadTree
from .views import (
    Change,
    CollectionView,
    Counts,
    ObjectFilter,
    Reads,
    Reference,
    State,
    Thread,
    Version,
)

if TYPE_CHECKING:  # a program that only reads documents loads neither these nor what they need
    from ..crawler.protocol.blocks import Blocks
    from ..crawler.protocol.policy import Policy
    from ..crawler.protocol.robots_memory import Robots
    from .backlog import Figures
    from .health import Health
    from .mail_records import (
        Account,
        Delivery,
        DeliveryState,
        Follower,
        FollowerState,
        Notification,
        NotificationState,
    )
    from .records import CheckReport, Follow, Host, Totals, Want
    from .search import Search
    from .vitals import Room


class LmdbQuery(PublicationQuery):
    """See `ports.Query`. `health` and `live` come from the writer, where this process has one."""

    def __init__(
        self,
        environment: Environment,
        health: Health | None = None,
        live: Callable[[float], Figures] | None = None,
    ) -> None:
        self._environment = environment
        self._health = health
        self._live = live

    def document(self, id: str) -> Document | None:
        def reader(txn: Txn, t: Tables) -> Document | None:
            known = find_id(txn, t, id)
            return None if known is None else reading.document(txn, t, known)

        return self._environment.read(reader)

    def reference(self, id: str) -> Reference | None:
        def reader(txn: Txn, t: Tables) -> Reference | None:
            known = find_id(txn, t, id)
            return None if known is None else reading.reference(txn, t, known)

        return self._environment.read(reader)

    def served(self, id: str) -> tuple[Reference | None, Document | None]:
        def reader(txn: Txn, t: Tables) -> tuple[Reference | None, Document | None]:
            name, found = id, None
            for _ in range(reading.MAX_NAMES):
                known = find_id(txn, t, name)
                if known is None:
                    return None, None
                found = reading.reference(txn, t, known, consent=False)
                if found.state is not State.REDIRECTED or found.target is None:
                    return found, reading.document(txn, t, known)
                name = found.target
            return found, None

        return self._environment.read(reader)

    def references(self, ids: Iterable[str]) -> dict[str, Reference]:
        listed = tuple(ids)

        def reader(txn: Txn, t: Tables) -> dict[str, Reference]:
            known = ((id, find_id(txn, t, id)) for id in listed)
            return {
                id: reading.reference(txn, t, key, consent=False)
                for id, key in known
                if key is not None
            }

        return self._environment.read(reader)

    def states(self, ids: Iterable[str]) -> dict[str, State]:
        listed = tuple(ids)

        def reader(txn: Txn, t: Tables) -> dict[str, State]:
            known = ((id, find_id(txn, t, id)) for id in listed)
            return {id: reading.state(txn, t, key) for id, key in known if key is not None}

        return self._environment.read(reader)

    def known_members(self, collection: str, ids: Iterable[str]) -> set[str]:
        listed = tuple(ids)

        def reader(txn: Txn, t: Tables) -> set[str]:
            within = find_id(txn, t, collection)
            if within is None:
                return set()
            return {id for id in listed if _is_member(txn, t, within, find_id(txn, t, id))}

        return self._environment.read(reader)

    def absent_members(
        self,
        collection: str,
        placed: Sequence[str],
        listed: Iterable[str],
        *,
        after: str | None = None,
        head: bool = False,
    ) -> tuple[Reference, ...]:
        page = absent.Page(tuple(placed), frozenset(listed), after, head)
        return self._environment.read(lambda txn, t: absent.members(txn, t, collection, page))

    def offered_to(self, id: str) -> tuple[str, ...]:
        def reader(txn: Txn, t: Tables) -> tuple[str, ...]:
            known = find_id(txn, t, id)
            row = txn.get(known, None, t.ref) if known is not None else None
            if known is None or row is None:
                return ()
            return tuple(word_text(txn, t, key) for key in terms_in(txn, t, known, row).follows)

        return self._environment.read(reader)

    def thread(self, id: str) -> ThreadTree | None:
        from .thread_tree import tree

        return self._environment.read(lambda txn, t: tree(txn, t, id))

    def thread_for(self, follow: str, root: str, now: float) -> Thread | None:
        from .thread_rows import thread_of

        return self._environment.read(lambda txn, t: thread_of(txn, t, follow, root, now))

    def threads(self, id: str, now: float) -> tuple[Thread, ...]:
        from .thread_rows import threads_of

        return self._environment.read(lambda txn, t: threads_of(txn, t, id, now))

    def threaded(self, follow: str, ids: Iterable[str]) -> set[str]:
        from .thread_rows import threaded

        listed = tuple(ids)
        return self._environment.read(lambda txn, t: threaded(txn, t, follow, listed))

    def threads_due(self, follow: str, now: float) -> list[Want]:
        from .thread_rows import due

        return self._environment.read(lambda txn, t: due(txn, t, follow, now))

    def objects(
        self, filter: ObjectFilter, limit: int, cursor: str | None = None
    ) -> tuple[list[Document], str | None]:
        if filter.text is not None:
            return self._search.objects(filter, limit, cursor)
        return self._environment.read(lambda txn, t: listing.objects(txn, t, filter, limit, cursor))

    @cached_property
    def _search(self) -> Search:
        from .search import Search

        return Search(self._environment)

    def collection(
        self, id: str, limit: int = 500, cursor: str | None = None
    ) -> CollectionView | None:
        return self._environment.read(lambda txn, t: _collection(txn, t, id, limit, cursor))

    def reads(self, id: str) -> Reads | None:
        from .reads import reads

        return self._environment.read(lambda txn, t: reads(txn, t, id))

    def changes(self, since: int | None, limit: int = 500) -> list[Change]:
        return self._environment.read(lambda txn, t: changes.read(txn, t, since, limit))

    def history(self, id: str) -> list[Version]:
        def reader(txn: Txn, t: Tables) -> list[Version]:
            known = find_id(txn, t, id)
            return [] if known is None else reading.history(txn, t, known)

        return self._environment.read(reader)

    def follows(self) -> list[Follow]:
        from .follow_list import follows

        return self._environment.read(follows)

    def follow(self, key: str) -> Follow | None:
        from .follow_list import follow

        return self._environment.read(lambda txn, t: follow(txn, t, key))

    def notifications(
        self, limit: int, before: int | None = None, state: NotificationState | None = None
    ) -> list[Notification]:
        from .mail_reading import notifications

        return self._environment.read(lambda txn, t: notifications(txn, t, limit, before, state))

    def followers(
        self, limit: int, after: str | None = None, state: FollowerState | None = None
    ) -> list[Follower]:
        from .mail_reading import followers

        return self._environment.read(lambda txn, t: followers(txn, t, limit, after, state))

    def deliveries(
        self,
        limit: int,
        before: int | None = None,
        state: DeliveryState | None = None,
        host: str | None = None,
        activity: str | None = None,
    ) -> list[Delivery]:
        from .outbound_reading import deliveries

        return self._environment.read(
            lambda txn, t: deliveries(txn, t, limit, before, state, host, activity)
        )

    def delivery(self, id: int) -> Delivery | None:
        from .outbound_reading import delivery

        return self._environment.read(lambda txn, t: delivery(txn, t, id))

    def account(self, activity: str) -> Account | None:
        from .accounts import account

        return self._environment.read(lambda txn, t: account(txn, t, activity))

    def counts(self, id: str) -> Counts:
        from .mail_reading import counts

        return self._environment.read(lambda txn, t: counts(txn, t, id))

    def hosts(self, now: float | None = None) -> Iterator[Host]:
        """Every host; with `now` its state is that of then, else that of its last request."""
        from .host_list import read_hosts, read_only_sent

        for read in (read_hosts, read_only_sent):
            hosts, start = self._environment.read(partial(read, start=b"", now=now))
            yield from hosts
            while start:
                hosts, start = self._environment.read(partial(read, start=start, now=now))
                yield from hosts

    def host(self, name: str, now: float | None = None) -> Host | None:
        from .host_list import read_host

        return self._environment.read(lambda txn, t: read_host(txn, t, name, now))

    def robots(self, host: str) -> Robots | None:
        from .robots import read

        return self._environment.read(lambda txn, t: read(txn, t, host))

    def blocks(self) -> Blocks:
        from .policy_rows import blocks

        return self._environment.read(blocks)

    def has_forgotten(self, policy: Policy) -> bool:
        from .policy_rows import digests, done

        return self._environment.read(done)[1] == digests(policy)[1]

    def totals(self, now: float | None = None) -> Totals:
        from .backlog import behind, figures
        from .destinations import dead
        from .follow_list import count
        from .mail_layout import MailCounters
        from .records import Totals

        def reader(txn: Txn, t: Tables) -> Totals:
            counters = Counters.read(txn, t)
            used = self._environment.used_bytes(txn)
            if self._live is not None and now is not None:
                refresh = self._live(now)
            else:
                refresh = figures(txn, t, now)
            backlog, lag = behind(txn, t, now) if now is not None else (0, None)
            limit = self._health.max_bytes if self._health is not None else 0
            return Totals(
                references=counters.references,
                documents=counters.documents,
                follows=count(txn, t),
                due=counters.due,
                in_flight=counters.in_flight,
                bytes=used,
                max_bytes=limit,
                read_only=self._health is None or self._health.read_only,
                last_seq=counters.last_seq,
                sources=refresh.sources,
                backlog=backlog,
                lag=lag,
                budget_used=refresh.used,
                price=refresh.price,
                floor=refresh.floor,
                notifications=txn.stat(t.waiting)["entries"],
                deliveries=txn.stat(t.lane)["entries"],
                dead_servers=dead(txn, t),
                followers=MailCounters.read(txn, t).accepted,
            )

        return self._environment.read(reader)

    def room(self) -> Room:
        from .vitals import room

        return room(self._environment)

    def check(self) -> CheckReport:
        from .check import check

        return self._environment.read(check)


def _is_member(txn: Txn, t: Tables, collection: bytes, id: bytes | None) -> bool:
    if id is None:
        return False
    return any(
        txn.get(collection + id + flag, None, t.member_of) is not None for flag in (b"\0", b"\1")
    )


def _collection(
    txn: Txn, t: Tables, uri: str, limit: int, cursor: str | None
) -> CollectionView | None:
    import orjson

    id = find_id(txn, t, uri)
    if id is None:
        return None
    stored = txn.get(id, None, t.collection)
    about = orjson.loads(stored) if stored is not None else {}
    place = decode(cursor, 8) if cursor else b""
    items: dict[str, None] = {}  # own and announced are two members, but one item
    rows = txn.cursor(t.member)
    more = rows.set_range(id + place)
    if more and place and rows.key() == id + place:
        more = rows.next()
    if stored is None and not (more and rows.key()[:8] == id):
        return None
    while more and rows.key()[:8] == id and len(items) < limit:
        place = rows.key()[8:]
        items[uri_of(txn, t, rows.value()[:8]) or ""] = None
        more = rows.next()
    beyond = more and rows.key()[:8] == id
    return CollectionView(
        id=uri,
        items=tuple(items),
        cursor=encode(place) if beyond else None,
        complete=about.get("complete", False),
        total_items=about.get("total"),
        kind=about.get("kind", "ok"),
    )
