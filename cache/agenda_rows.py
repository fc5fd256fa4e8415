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
from .ref_layout import Ref, half, minutes_within, single, whole_seconds
from .work import Work

KEY = Struct(">BI8s")
_NOTICES = Struct(">eeeB")


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
        return None if row is None else Notices(*_NOTICES.unpack(row))

    def save_notices(self, id: bytes, notices: Notices | None) -> None:
        work = self._work
        if notices is None:
            work.delete(work.t.notices, id)
            return
        counts = (notices.hits, notices.observed, notices.signals)
        row = _NOTICES.pack(*map(half, counts), min(notices.pending, 255))
        work.put(work.t.notices, id, row)


def agenda_key(line: int, due: float, id: bytes) -> bytes:
    return KEY.pack(line, whole_seconds(due), id)


def source_of(ref: Ref) -> Source:
    """What the agenda reads of a reference's row."""
    fetched = ref.fetched_at
    # A date of birth that is not stated, or lies in the future, is the day when we first had it.
    born = ref.published if ref.published <= fetched else fetched
    return Source(
        kind=ref.kind,
        host=host_of(ref.uri),
        last=ref.verified_at,
        due=float(ref.due),
        interval=ref.interval,
        changes=ref.changes,
        exposure=ref.exposure,
        weight=ref.weight,
        burst=ref.burst,
        profile_x=ref.profile_x,
        profile_y=ref.profile_y,
        born=born if ref.kind == Kind.POST else 0.0,
        shortest=ref.shortest * 60.0,
        longest=ref.longest * 60.0,
        not_before=float(ref.not_before),
        placed=ref.placed,
        failures=ref.failures,
        bucket=ref.bucket,
        bound=ref.bound,
    )


def keep(ref: Ref, source: Source) -> None:
    """Write what the agenda made of a source into its reference's row."""
    ref.set_source(source.kind, source.bound, placed=source.placed)
    ref.verified_at = source.last
    ref.due, ref.interval = whole_seconds(source.due), single(source.interval)
    ref.changes, ref.exposure = single(source.changes), single(source.exposure)
    ref.weight, ref.burst = half(source.weight), half(source.burst)
    ref.profile_x, ref.profile_y = half(source.profile_x), half(source.profile_y)
    bound(ref, source.shortest, source.longest, source.not_before)
    ref.failures = source.failures
    ref.bucket = source.bucket


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
