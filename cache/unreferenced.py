"""Collects references that are not held and that nothing points at any more, the oldest first.

    whose ids are too many -> what is pointed at -> who goes -> what lists them -> they themselves
        -> where that was not enough: the oldest documents, with which other ids lose their pointers

Most ids are met once: in a list, as what a post answers, as what was evicted. So a host that goes
on for long enough would end at its limit of references, with ids that lead nowhere. Only hosts and
domains that come near it are looked at, all of them once the store is nearly full; ids of the
others are worth what is known of them. For a thread of its own. Invariant: nothing that a row
points at, that waits to be asked, or that is held is deleted; whatever interrupts it, the store is
sound, as members and threads go before what they lead to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from itertools import repeat
from typing import TYPE_CHECKING

import orjson

from ..crawler.protocol.listable import FOLLOWED
from ..crawler.protocol.quotas import Limits
from ..errors import StoreError
from . import purge, quota, quota_rows, room
from .environment import Environment, Tables, Txn
from .layout import STATE_NUMBER, uri_key
from .pointed import Ids, Pointed
from .queue_layout import KINDS
from .quota_rows import MENTIONED, Place, place_of
from .records import State
from .ref_layout import HAS_BODY, IS_SOURCE, PLACED, Ref
from .slices import Slices, StoppedError
from .terms_layout import TermsRow

if TYPE_CHECKING:
    from .work import Work
    from .writer import Writer

# Of the limit: from here on ids are collected, down to there.
_FROM, _TO = 7 / 8, 1 / 2
_STORE_FROM = 0.8  # of `store.max_bytes`
# What failed is told to whoever asks again for a day at most (`negative`). What is gone, refused or
# elsewhere is known for longer: an outbox may name it at each visit.
_FAILED_FOR = 86_400.0
_KNOWN_FOR = 90 * 86_400.0
# Where everything is pointed at, looking again soon would find the same.
_REST = 6 * 3_600.0
_MOST_MEMBERS = 2_000  # of one collection that go in one transaction
_MOST_EVICTED = 10_000  # documents, in one run
_PART_EVICTED = 8  # of what is held of a host
_PLAIN = frozenset({STATE_NUMBER[State.UNKNOWN], STATE_NUMBER[State.FAILED]})
_FAILED = STATE_NUMBER[State.FAILED]


class Collector:
    """Lives as long as the store is open. `collect` is called every hour or so."""

    def __init__(self, environment: Environment, writer: Writer, limits: Limits) -> None:
        self._environment = environment
        self._writer = writer
        self._limits = limits
        self._rests_until = 0.0

    def collect(self, now: float, stopped: Callable[[], bool]) -> int:
        """Delete what may go, where there is too much; how many references that was."""
        if self._rests_until - _REST <= now < self._rests_until:  # unless the clock was set back
            return 0
        slices = Slices(self._environment, self._writer, now, stopped)
        health = self._writer.health
        full = health.bytes >= _STORE_FROM * health.max_bytes
        try:
            over = _over(slices, self._limits)
            crowded = self._environment.read(_members) >= self._limits.members
            if not (over or full or crowded):
                return 0
            began = self._writer.submit(_begin).result()
            if began is None:
                return 0  # what is held of an older version is being counted
            self._rests_until = now + _REST
            pointed, limits = Pointed(*began, now), self._limits
            run = _Run(self._environment, slices, limits, pointed, over, now, everything=full)
            gone = run.collect(crowded * limits.members)
        except StoppedError:
            return 0
        finally:
            with suppress(StoreError):
                self._writer.submit(lambda work: work.memo.watch(False)).result()
        if 2 * gone >= sum(over.values()) > 0:
            self._rests_until = now
        return gone


def _begin(work: Work) -> tuple[int, int] | None:
    if work.migrating:
        return None
    work.memo.watch(True)
    return work.counters.last_id, work.counters.last_seq


def _members(txn: Txn, t: Tables) -> int:
    return int(txn.stat(t.member)["entries"])


def _over(slices: Slices, limits: Limits) -> dict[bytes, int]:
    """The hosts and domains that come near their limit, and how many of their ids are to go."""
    shares = {quota_rows.HOST: limits.host, quota_rows.DOMAIN: limits.domain}

    def near(txn: Txn, t: Tables, key: bytes, row: bytes) -> tuple[bytes, int] | None:
        share = shares.get(key[:1])
        if share is None:
            return None
        count = quota_rows.unpack(row).references
        return (
            (key, count - int(_TO * share.references))
            if count >= _FROM * share.references
            else None
        )

    return dict(slices.find("quota", near))


class _Run:
    """One collection. `over`: how many ids of a party are to go."""

    def __init__(
        self,
        environment: Environment,
        slices: Slices,
        limits: Limits,
        pointed: Pointed,
        over: dict[bytes, int],
        now: float,
        *,
        everything: bool,
    ) -> None:
        self._environment = environment
        self._slices = slices
        self._limits = limits
        self._pointed = pointed
        self._over = over
        self._now = now
        self._everything = everything
        self._places: dict[bytes, Place | None] = {}

    def collect(self, most_members: int) -> int:
        slices, pointed = self._slices, self._pointed
        pointed.read(slices)
        going = Ids(pointed.last)
        for id in self._chosen():
            going.add(id)
        if most_members:
            self._shorten(most_members * 3 // 4)
        slices.each(
            slices.find("member", lambda txn, t, key, row: self._lists(going, key, row)),
            self._unlist,
        )
        slices.each(
            slices.find("thread", lambda txn, t, key, row: self._is_of(going, key)), purge.thread
        )
        gone = slices.each(
            slices.find("minted", lambda txn, t, key, row: key[9:] if key[9:] in going else None),
            self._drop,
        )
        self._evict()
        return gone

    def _chosen(self) -> Iterator[bytes]:
        """Who goes: of each host in the order in which its ids were met."""
        left = dict(self._over)

        def pick(txn: Txn, t: Tables, key: bytes, _: bytes) -> bytes | None:
            id = key[9:]
            if key[8:9] != MENTIONED or self._pointed.has(id):
                return None
            place = self._place(txn, t, key[:8], id)
            parties = [one for one in (place.host, place.domain) if one in left] if place else []
            if not (self._everything or any(left[one] > 0 for one in parties)):
                return None
            if not self._may_go(txn, t, id):
                return None
            for one in parties:
                left[one] -= 1
            return id

        return self._slices.find("minted", pick)

    def _place(self, txn: Txn, t: Tables, host: bytes, id: bytes) -> Place | None:
        if host not in self._places:
            row = txn.get(id, None, t.ref)
            self._places[host] = place_of(Ref.unpack(row).uri) if row is not None else None
        return self._places[host]

    def _may_go(self, txn: Txn, t: Tables, id: bytes) -> bool:
        """Whether there is no more to a reference than what is known of past requests for it."""
        row = txn.get(id, None, t.ref)
        if row is None:
            return False
        ref = Ref.unpack(row)
        if ref.flags & (HAS_BODY | IS_SOURCE | PLACED) or ref.consent & FOLLOWED:
            return False
        if ref.terms:
            terms = TermsRow.unpack(ref)
            lists = (txn.get(follow, None, t.follow) for follow in terms.follows)
            if terms.answered or any(row is not None for row in lists):
                return False
        if any(txn.get(id + bytes((kind,)), None, t.want) is not None for kind in KINDS):
            return False
        if any(txn.get(id, None, table) is not None for table in (t.walk, t.relisting, t.farewell)):
            return False
        return self._is_stale(ref, txn.get(id, None, t.extra))

    def _is_stale(self, ref: Ref, extra: bytes | None) -> bool:
        """Whether what came of past requests is of no use any more."""
        if ref.state not in _PLAIN:
            known_for = _KNOWN_FOR
        elif ref.state == _FAILED:
            known_for = _FAILED_FOR
        else:
            return True
        log = orjson.loads(extra).get("log", ()) if extra is not None else ()
        latest = max(
            [at for at in (ref.verified_at, *(line[0] for line in log)) if at == at], default=0.0
        )
        return not 0.0 <= self._now - latest < known_for

    def _lists(self, going: Ids, key: bytes, row: bytes) -> tuple[bytes, bytes] | None:
        return (key, row) if row[:8] in going and not self._pointed.is_list(key[:8]) else None

    def _unlist(self, work: Work, member: tuple[bytes, bytes]) -> bool:
        """Take what goes out of a list, unless somebody has named it since."""
        if self._is_named(work, member[1][:8]):
            return False
        _take_out(work, member)
        return True

    def _shorten(self, most: int) -> None:
        """Where there are too many members: those of the oldest lists go that nobody follows, and
        that no thread is read from."""
        over = self._environment.read(_members) - most

        def pick(txn: Txn, t: Tables, key: bytes, row: bytes) -> tuple[bytes, bytes] | None:
            nonlocal over
            if over <= 0 or self._pointed.has(key[:8]):
                return None
            over -= 1
            return key, row

        self._slices.each(self._slices.find("member", pick), _take_out)

    def _is_of(self, going: Ids, key: bytes) -> bytes | None:
        """Rows of threads that are over, with the post or the collection that goes."""
        return key if key[8:16] in going or (key[16:24] in going if key[16:24] else False) else None

    def _is_named(self, work: Work, id: bytes) -> bool:
        """Whether somebody has come to point at it meanwhile, or has to do with it in this very
        transaction."""
        self._pointed.go_on(work)
        if id in work.refs or id in work.extras or id in work.terms or self._pointed.has(id):
            return True
        row = work.txn.get(id, None, work.t.ref)
        return row is None or work.memo.was_named(id, Ref.unpack(row).uri)

    def _drop(self, work: Work, id: bytes) -> bool:
        if self._is_named(work, id) or not self._may_go(work.txn, work.t, id):
            return False
        cursor = work.txn.cursor(work.t.member)
        members: list[tuple[bytes, bytes]] = []
        more = cursor.set_range(id)
        while more and cursor.key()[:8] == id and len(members) < _MOST_MEMBERS:
            members.append(cursor.item())
            more = cursor.next()
        purge.members(work, members)
        if len(members) == _MOST_MEMBERS:
            return False  # a list without end: the rest goes with the next collection
        uri = Ref.unpack(work.txn.get(id, b"", work.t.ref) or b"").uri
        quota.renamed(work, id, uri)
        work.delete(work.t.uri, uri_key(uri))
        for table in (work.t.ref, work.t.extra, work.t.collection, work.t.notices):
            work.delete(table, id)
        work.counters.references -= 1
        return True

    def _evict(self) -> None:
        """Where that was not enough, ids are named by what is held: the oldest of it makes room,
        and the ids go with the next collection."""
        left = _MOST_EVICTED
        for place in [one for one in self._places.values() if one is not None]:
            held, crowded = self._environment.read(partial(self._left, place))
            if crowded and left > 0:
                count = min(max(held // _PART_EVICTED, 1), left)
                left -= self._slices.each(repeat(place, count), room.evict_oldest)

    def _left(self, place: Place, txn: Txn, t: Tables) -> tuple[int, bool]:
        """How many documents of a host there are, and whether it still has too many ids."""
        host = quota_rows.unpack(txn.get(place.host, None, t.quota))
        domain = quota_rows.unpack(txn.get(place.domain, None, t.quota))
        crowded = (
            host.references >= _FROM * self._limits.host.references
            or domain.references >= _FROM * self._limits.domain.references
        )
        return host.documents, crowded


def _take_out(work: Work, member: tuple[bytes, bytes]) -> None:
    """Take a member out of a list, which then is not all that its origin has."""
    purge.members(work, [member])
    collection = member[0][:8]
    stored = work.txn.get(collection, None, work.t.collection)
    if stored is not None and (about := orjson.loads(stored)).get("complete"):
        work.put(work.t.collection, collection, orjson.dumps(about | {"complete": False}))
