"""The agenda's rows on LMDB: sources in the references' rows, their places in `agenda`.

It decides nothing; `agenda` does. What is placed in a transaction is collected in its Work and
written sorted at its end. Invariant: a source that says that it is placed has exactly one row in
`agenda`, at its line and due time, and no other source has any.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from struct import Struct

from ..crawler.protocol.source import Kind, Notices, Source
from ..crawler.protocol.uri import host_port
from .layout import host_key
from .ref_layout import BOUND, KIND, PLACED, Ref, half, minutes_within, whole_seconds
from .work import Work

KEY = Struct(">BI8s")
_POST = int(Kind.POST)
_NOTICES = Struct(">eeeeBI")
_DIRECT = b"d"  # behind a row: what these notices tell of is asked for by itself


class WorkRows:
    """See `agenda.Rows`. Lives as long as the transaction does."""

    __slots__ = ("_work",)

    def __init__(self, work: Work) -> None:
        self._work = work

    def load(self, id: bytes) -> Source | None:
        ref = self._work.ref(id, change=False)
        return source_of(ref) if ref.is_source else None

    def save(self, id: bytes, source: Source) -> None:
        keep(self._work.ref(id), source)

    def place(self, id: bytes, line: int, due: float) -> None:
        self._work.placings[agenda_key(line, due, id)] = True

    def unplace(self, id: bytes, line: int, due: float) -> None:
        self._work.placings[agenda_key(line, due, id)] = False

    def line(self, line: int) -> Iterator[tuple[float, bytes]]:
        """Those of a line in the order of their due times."""
        self._work.flush_agenda()
        cursor = self._work.txn.cursor(self._work.t.agenda)
        more = cursor.set_range(bytes((line,)))
        while more:
            at, due, id = KEY.unpack(cursor.key())
            if at != line:
                return
            yield float(due), id
            # From the key on: what was yielded may have been taken away meanwhile.
            more = cursor.set_range(KEY.pack(line, due, id) + b"\0")

    def notices(self, id: bytes) -> Notices | None:
        row = self._work.txn.get(id, None, self._work.t.notices)
        if row is None:
            return None
        notices = Notices(*_NOTICES.unpack_from(row))
        notices.direct = row.endswith(_DIRECT, _NOTICES.size)
        return notices

    def save_notices(self, id: bytes, notices: Notices | None) -> None:
        work = self._work
        if notices is None:
            work.delete(work.t.notices, id)
            return
        heard = whole_seconds(notices.heard)
        counts = (notices.hits, notices.observed, notices.signals, notices.exposure)
        row = _NOTICES.pack(*map(half, counts), min(notices.pending, 255), heard)
        work.put(work.t.notices, id, row + _DIRECT if notices.direct else row)


def agenda_key(line: int, due: float, id: bytes) -> bytes:
    return KEY.pack(line, whole_seconds(due), id)


def source_of(ref: Ref) -> Source:
    """What the agenda reads of a reference's row."""
    flags = ref.flags
    return Source(  # by position, in half the time: this is done for every answer
        flags // KIND & 3,
        host_of(ref.uri),
        ref.verified_at,
        float(ref.due),
        ref.interval,
        ref.changes,
        ref.exposure,
        ref.weight,
        ref.burst,
        ref.profile_x,
        ref.profile_y,
        born_of(ref) if flags // KIND & 3 == _POST else 0.0,
        ref.shortest * 60.0,
        ref.longest * 60.0,
        float(ref.not_before),
        flags & PLACED != 0,
        ref.failures,
        ref.bucket,
        flags // BOUND & 3,
    )


def born_of(ref: Ref) -> float:
    """A date of birth that is not stated, or lies in the future, is the day when we had it."""
    return ref.published if ref.published <= ref.fetched_at else ref.fetched_at


def keep(ref: Ref, source: Source) -> None:
    """Write what the agenda made of a source into its reference's row. Its bounds and its weight
    are not the agenda's to change; the estimates it keeps within what the row can hold."""
    ref.set_source(source.kind, source.bound, placed=source.placed)
    ref.verified_at = source.last
    ref.due, ref.interval = whole_seconds(source.due), source.interval
    ref.changes, ref.exposure = source.changes, source.exposure
    ref.burst, ref.profile_x, ref.profile_y = source.burst, source.profile_x, source.profile_y
    ref.failures, ref.bucket = source.failures, source.bucket


def bound(ref: Ref, shortest: float, longest: float, not_before: float) -> None:
    """Within which limits a reference may be asked again."""
    ref.shortest, ref.longest = _minutes(shortest, longest)
    ref.not_before = whole_seconds(not_before)


# A store has a handful of them: a few `every`, a few types.
_minutes = lru_cache(4_096)(minutes_within)


def host_of(uri: str) -> bytes:
    """The key of the host that is asked for a URI."""
    end = uri.find("/", 8)  # behind https:// and http://h
    return _host_key(uri[:end] if end > 0 else uri)


@lru_cache(20_000)  # hosts; what is asked in one hour lies on a few thousand
def _host_key(place: str) -> bytes:
    return host_key(host_port(place))
