"""How the rows of threads look, and what readers get of them. It writes nothing.

| key | value |
|---|---|
| follow, root | ThreadRow: what one follow has had fetched of the thread of one post |
| follow, root, collection | ListingRow: a collection of that thread |
| follow, none | SumRow: how many threads the follow has, and what they came to |

The follow is NONE for what was asked on demand. A collection's ways back to its threads, one for
each follow, stand with what is rarely needed of its reference.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import isnan, nan
from struct import Struct
from typing import TYPE_CHECKING, Any

import orjson

from ..crawler.protocol import budgets
from ..crawler.protocol.thread import MAX_DAILY, QUIET_AGE, pause, places
from .intern import FOLLOW, find_id, find_word, uri_of, word_text
from .layout import NONE, some
from .views import Thread

if TYPE_CHECKING:  # readers that ask for no threads load no wants
    from .environment import Tables, Txn
    from .records import Want

_THREAD = Struct(">dddIQ")
_THREAD_OLDER = Struct(">dddI")  # until schema 4 no bytes were counted
_LISTING = Struct(">dHI")
_SUM = Struct(">IQII")
# Of the pause: the agenda plans with it, and rounds its bounds.
_PAUSE = 0.9
BACK = "threads"  # in the collection's extra: pairs of follow and root, as hexadecimal ids
_DAY, _MOST_DAYS = 86_400.0, 30


@dataclass(slots=True)
class ThreadRow:
    """`born` is when the post was published, as far as that can be believed; `fetched` counts the
    requests that were queued, those that failed and are tried again as well; `size` are the bytes
    of the documents that were kept for it."""

    started: float
    born: float
    read: float = nan  # when a visit of one of its collections ended last
    fetched: int = 0
    size: int = 0

    def pack(self) -> bytes:
        return _THREAD.pack(self.started, self.born, self.read, self.fetched, self.size)

    @classmethod
    def unpack(cls, row: bytes) -> ThreadRow:
        older = len(row) == _THREAD_OLDER.size
        return cls(*(_THREAD_OLDER if older else _THREAD).unpack(row))

    def used_up(self, budget: budgets.Budget, now: float) -> budgets.Spent | None:
        """What of a budget is used up."""
        account = budgets.Account(self.fetched, self.size, self.started)
        return budgets.over(budget, account, now)

    def age(self, now: float) -> float:
        return max(now - self.born, 0.0)

    def why_over(self, now: float) -> str:
        """Why nothing more is read of it by itself; empty where it is."""
        if self.used_up(budgets.FOLLOW, now) is not None:
            return "size"
        return "age" if self.age(now) > QUIET_AGE else ""


@dataclass(slots=True)
class ListingRow:
    """One collection of a thread, and how many levels of replies it may bring."""

    read: float = nan  # when the last visit ended
    levels: int = 0
    visits: int = 0
    relation: bytes = b""

    def pack(self) -> bytes:
        return _LISTING.pack(self.read, self.levels, self.visits) + self.relation

    @classmethod
    def unpack(cls, row: bytes) -> ListingRow:
        return cls(*(*_LISTING.unpack_from(row), row[_LISTING.size :]))

    def rests(self, thread: ThreadRow, now: float) -> bool:
        """Whether the last visit is too recent for another one. A time that lies ahead was noted
        by a clock that has been set back since."""
        if isnan(self.read) or self.read > now:
            return False
        return now < self.read + _PAUSE * pause(thread.age(self.read))


@dataclass(slots=True)
class SumRow:
    """How many threads a follow has, and the requests that they came to; those of `day`, the latest
    for which any were queued."""

    threads: int = 0
    fetched: int = 0
    day: int = 0
    on_day: int = 0

    @classmethod
    def load(cls, txn: Txn, t: Tables, follow: bytes) -> SumRow:
        row = txn.get(follow + NONE, None, t.thread)
        return cls() if row is None else cls(*_SUM.unpack(row))

    def pack(self) -> bytes:
        return _SUM.pack(self.threads, self.fetched, self.day, self.on_day)

    def room(self, now: float) -> float | None:
        """From when on there is room for one more request, which `count` takes; None: not in a
        month, in which threads are over."""
        today = int(now // _DAY)
        if not today <= self.day <= today + _MOST_DAYS:  # long ago, or by a clock that was wrong
            self.day, self.on_day = today, 0
        if self.on_day >= MAX_DAILY:
            self.day, self.on_day = self.day + 1, 0
        return self.day * _DAY if self.day <= today + _MOST_DAYS else None

    def count(self, *, is_new: bool) -> None:
        """One more request, for a thread that had none before or for one that had."""
        self.on_day += 1
        self.threads += is_new
        self.fetched += 1


def ways_back(extra: dict[str, Any]) -> list[bytes]:
    """The keys of the threads that a collection was read for, from what is kept of it."""
    return [bytes.fromhex(key) for key in extra.get(BACK, ())]


def threads_of(txn: Txn, t: Tables, uri: str, now: float) -> tuple[Thread, ...]:
    """What is known of the thread of a post, for each follow that has had it read; be it for the
    sake of another post in the same conversation."""
    root = find_id(txn, t, uri)
    if root is None:
        return ()
    follows = (NONE, *txn.cursor(t.follow).iternext(values=False))
    keys = dict.fromkeys([*(follow + root for follow in follows), *_conversations(txn, t, root)])
    found = (_thread(txn, t, key[:8], key[8:], now) for key in keys)
    return tuple(one for one in found if one is not None)


def _conversations(txn: Txn, t: Tables, post: bytes) -> Iterator[bytes]:
    """The keys of the threads that the collections named by a post are read for."""
    from .reading import document

    held = document(txn, t, post)
    found = places(held.json, 2) if held is not None else ()
    for place in found:
        collection = find_id(txn, t, place.url)
        row = txn.get(collection, None, t.extra) if collection is not None else None
        yield from ways_back(orjson.loads(row)) if row is not None else ()


def thread_of(txn: Txn, t: Tables, follow: str, uri: str, now: float) -> Thread | None:
    """What one follow has had fetched of the thread of a post."""
    key, root = find_word(txn, t, FOLLOW, follow) if follow else NONE, find_id(txn, t, uri)
    return None if key is None or root is None else _thread(txn, t, key, root, now)


def _thread(txn: Txn, t: Tables, follow: bytes, root: bytes, now: float) -> Thread | None:
    row = txn.get(follow + root, None, t.thread)
    if row is None:
        return None
    thread = ThreadRow.unpack(row)
    return Thread(
        follow=word_text(txn, t, follow),
        started=thread.started,
        born=thread.born,
        read=some(thread.read),
        fetched=thread.fetched,
        over=thread.why_over(now),
    )


def threaded(txn: Txn, t: Tables, follow: str, uris: Iterable[str]) -> set[str]:
    """Those posts of which a collection of replies was asked for already, for this follow."""
    key = find_word(txn, t, FOLLOW, follow)
    return set() if key is None else {uri for uri in uris if _has_listing(txn, t, key, uri)}


def _has_listing(txn: Txn, t: Tables, follow: bytes, uri: str) -> bool:
    root = find_id(txn, t, uri)
    return root is not None and next(listings(txn, t, follow + root), None) is not None


def listings(txn: Txn, t: Tables, thread: bytes) -> Iterator[tuple[bytes, ListingRow]]:
    """The collections of a thread; `thread` is the key of its row."""
    cursor = txn.cursor(t.thread)
    more = cursor.set_range(thread + b"\0")
    while more and cursor.key()[:16] == thread:
        yield cursor.key()[16:], ListingRow.unpack(cursor.value())
        more = cursor.next()


def due(txn: Txn, t: Tables, follow: str, now: float) -> list[Want]:
    """The collections of a follow's threads that may be read again now."""
    key = find_word(txn, t, FOLLOW, follow)
    found: list[Want] = []
    cursor = txn.cursor(t.thread)
    more = key is not None and cursor.set_range(key)
    thread, thread_key = ThreadRow(0.0, 0.0), b""
    while more and cursor.key()[:8] == key:
        at, row = cursor.key(), cursor.value()
        more = cursor.next()
        if len(at) == 16:
            if at[8:] != NONE:
                thread, thread_key = ThreadRow.unpack(row), at
        elif at[:16] == thread_key and not thread.why_over(now):
            listing = ListingRow.unpack(row)
            if (
                listing.levels
                and not listing.rests(thread, now)
                and _holds_a_thread(txn, t, at[16:])
            ):
                uri, root = uri_of(txn, t, at[16:]), uri_of(txn, t, at[8:16])
                if uri is not None and root is not None:
                    found.append(want_of(uri, listing, follow, root, now))
    return found


def _holds_a_thread(txn: Txn, t: Tables, collection: bytes) -> bool:
    """False for what turned out to be no collection; True before it was read."""
    row = txn.get(collection, None, t.collection)
    return row is None or orjson.loads(row)["kind"] in ("ok", "empty")


def want_of(uri: str, listing: ListingRow, follow: str, root: str, now: float) -> Want:
    """What asks for a collection again."""
    from .records import Cause, Kind, Want

    relation = listing.relation.decode()
    return Want(uri, Kind.PAGE, Cause.REFRESH, now, follow, relation, listing.levels, root=root)
