"""How the frontier's rows look; a continuation of `layout` under the same rules."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan
from struct import Struct
from typing import ClassVar

import orjson

from ..crawler.protocol.knock import Known
from .layout import NONE, U64, micros
from .records import PARKED, Cause, Kind, Want
from .windows import Window

_ROW = Struct(">8sBd8sdHHB")
TURN = 255  # in a slot's key: a request outside the queue

KINDS = tuple(Kind)
CAUSES = tuple(Cause)


@dataclass(slots=True)
class Row:
    """A want as it is queued. `until` > 0: it is leased until then, and in `slot`, not `queue`."""

    host: bytes
    cause: int
    due: float
    follow: bytes = NONE
    until: float = 0.0
    depth: int = 0
    attempts: int = 0
    flags: int = 0
    relation: bytes = b""
    root: bytes = NONE

    REFETCH: ClassVar[int] = 1
    SCHEDULED: ClassVar[int] = 2
    ROOTED: ClassVar[int] = 4  # in the stored row: the root's id stands before the relation
    PROMOTED: ClassVar[int] = 8  # by the refresh loop, whose account has paid for it
    AGAIN: ClassVar[int] = 16  # leased, and news came since: the answer may be older than that

    def pack(self) -> bytes:
        rooted = self.root != NONE
        head = _ROW.pack(
            self.host,
            self.cause,
            self.due,
            self.follow,
            self.until,
            self.depth,
            self.attempts,
            self.flags | self.ROOTED * rooted,
        )
        return head + self.root + self.relation if rooted else head + self.relation

    @classmethod
    def unpack(cls, row: bytes) -> Row:
        found = cls(*(*_ROW.unpack_from(row), row[_ROW.size :]))
        if found.flags & cls.ROOTED:
            found.flags ^= cls.ROOTED
            found.root, found.relation = found.relation[:8], found.relation[8:]
        return found

    @classmethod
    def of(cls, want: Want, host: bytes, follow: bytes, root: bytes = NONE) -> Row:
        flags = cls.REFETCH * want.refetch | cls.SCHEDULED * want.scheduled
        depth, attempts = min(max(want.depth, 0), 65535), min(max(want.attempts, 0), 65535)
        relation = want.relation.encode()
        return cls(host, want.cause, want.due, follow, 0.0, depth, attempts, flags, relation, root)

    @property
    def refetch(self) -> bool:
        return bool(self.flags & self.REFETCH)

    @property
    def scheduled(self) -> bool:
        return bool(self.flags & self.SCHEDULED)

    @property
    def promoted(self) -> bool:
        return bool(self.flags & self.PROMOTED)

    @property
    def pending(self) -> bool:
        """Counts as work of its follow that is still ahead."""
        return self.attempts == 0 and not self.scheduled

    @property
    def parked(self) -> bool:
        """Stands in its host's queue, and is due only once somebody brings it forward."""
        return self.due >= PARKED

    def queue_key(self, id: bytes, kind: int) -> bytes:
        return self.host + bytes((kind, self.cause)) + U64.pack(micros(self.due)) + id

    def slot_key(self, id: bytes, kind: int) -> bytes:
        return U64.pack(micros(self.until)) + self.host + id + bytes((kind,))

    def owed_key(self) -> bytes:
        return self.follow + (b"\0" if self.pending else b"\1")


_HOST = Struct(">HHHHIQQddddB")


@dataclass(slots=True)
class HostRow:
    """A host's politeness and health. `turns` are the ends of its slots outside the queue."""

    name: str
    failures: int = 0  # in a row: connect, time-out, 5xx
    throttles: int = 0  # in a row: 429 or 503 that named no time
    refusals: int = 0  # in a row: 401 or 403
    in_flight: int = 0
    queued: int = 0
    requests: int = 0
    pages: int = 0  # page requests so far; the number of the next row in `window`
    since: float = nan  # the first of `failures`
    until: float = 0.0  # paused until then
    next_at: float = 0.0  # the gap after the latest request
    ready_at: float = nan  # its row in `ready`: time and cause
    ready_cause: int = 0
    last_error: str = ""
    turns: tuple[int, ...] = ()
    lag: int = 0  # seconds by which the latest source to be asked again was late
    backlog: int = 0  # its sources that were put off, as far as is known
    knock: Known | None = None  # what it reads of our signatures
    blocked: bool = False  # nothing of it is leased
    delay: float = 0.0  # the gap that its robots.txt asks for, until then
    delay_until: float = 0.0
    windows: tuple[Window, ...] = ()  # the limits that it announces
    slowed: float = 0.0  # seconds between two requests by these limits, where that is slower
    allowance: float = 1.0  # the part of the full pace since its latest 429, and when that was
    allowance_at: float = 0.0
    strange: int = 0  # in a row: answers of no type that servers of the Fediverse send

    def pack(self) -> bytes:
        return _HOST.pack(
            min(self.failures, 65535),
            min(self.throttles, 65535),
            min(self.refusals, 65535),
            min(self.in_flight, 65535),
            self.queued,
            self.requests,
            self.pages,
            self.since,
            self.until,
            self.next_at,
            self.ready_at,
            self.ready_cause,
        ) + orjson.dumps(self._rest())

    @property
    def paced(self) -> bool:
        """Whether anything but the stated politeness holds for it; for most hosts nothing does."""
        return bool(self.windows or self.allowance_at)

    def _rest(self) -> list[object]:
        rest: list[object] = [self.name, self.last_error, self.turns, self.lag, self.backlog]
        if not (self.knock or self.blocked or self.delay or self.paced or self.strange):
            return rest
        kept: tuple[object, ...] | None = None
        if (knock := self.knock) is not None:  # without an identity there is none
            kept = (knock.form, knock.until, knock.failed, knock.since, knock.challenge)
            kept = (*kept, knock.post, knock.post_until)
        more: list[object] = [kept, self.blocked, self.delay, self.delay_until]
        if self.windows or self.allowance_at or self.strange:
            windows = tuple(map(tuple, self.windows))
            more += (windows, self.slowed, self.allowance, self.allowance_at, self.strange)
        elif not self.delay:
            more = more[:2] if self.blocked else more[: kept is not None]
        return rest + more

    @classmethod
    def unpack(cls, row: bytes) -> HostRow:
        # Rows of schema 1 end with the turns; the last is there where an identity has knocked.
        name, last_error, turns, *more = orjson.loads(row[_HOST.size :])
        host = cls(*(name, *_HOST.unpack_from(row), last_error, tuple(turns), *more[:2]))
        host.blocked = len(more) > 3 and more[3]
        if len(more) > 5:
            host.delay, host.delay_until = more[4:6]
        if len(more) > 6:
            windows, host.slowed, host.allowance, host.allowance_at, host.strange = more[6:11]
            host.windows = tuple(Window(*one) for one in windows)
        if len(more) > 2 and more[2] is not None:
            form, until, failed, *others = more[2]
            host.knock = Known(form, until, tuple(failed), *others)
        return host
