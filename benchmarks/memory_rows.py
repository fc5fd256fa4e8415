"""The agenda's rows in packed memory, for simulations: about 55 bytes a source, ids included.

What LMDB is to the shipped store. It holds rows and a calendar and decides nothing. Sources are
numbered; a number's place in the calendar is a link in a list of its slot, so that it is taken out
in one step. Invariant: what `load` gives is what `save` was given, but for single precision.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, insort
from collections.abc import Iterator
from struct import Struct

from fedpull.cache.calendar_lines import LINES, SCALES
from fedpull.crawler.protocol.source import DAY, Kind, Notices, Source

# last, due, interval, changes, exposure; weight, burst, profile; host, when hosts have caps; kind
# and flags, failures; bucket; the neighbours in the calendar.
_ROW = "<IIIffeeee%dsBBHII"
_LINKS = Struct("<II")
_POST = Struct("<I")  # a post has no burst and no daily profile: its birth stands there
_POST_AT = 22
_PLACED = 4
_BOUND = 8
_NONE = 0xFFFFFFFF
_SHORTEST, _LONGEST = 60.0, 30.0 * DAY
# Slots of an interval. What stands in one is due at its end: a hundredth of an interval late.
_SLOTS = 64


class MemoryRows:
    """Rows by number; see `cache.agenda.Rows`."""

    def __init__(self, epoch: int = 400 * 86_400, *, hosts: bool = True) -> None:
        self._row = Struct(_ROW % (4 if hosts else 0))
        self._links_at = self._row.size - _LINKS.size
        # Added to all times, so that a trace may begin at 0 and know of what was before.
        self._epoch = epoch
        self._rows = bytearray()
        self._heads: list[dict[int, int]] = [{} for _ in range(LINES)]
        self._order: list[list[int]] = [[] for _ in range(LINES)]
        widths = [max(int(60 * 2 ** (scale / 2) / _SLOTS), 1) for scale in range(SCALES)]
        self._width = [*widths, *widths, 10]
        self._notices: dict[int, bytes] = {}

    def __len__(self) -> int:
        return len(self._rows) // self._row.size

    def new(self) -> int:
        number = len(self)
        self._rows += bytes(self._row.size)
        return number

    def load(self, id: int) -> Source | None:
        (last, due, seconds, changes, exposure, weight, burst, x, y, host, flags, failures, bucket,
         _, _) = self._row.unpack_from(self._rows, id * self._row.size)  # fmt: skip
        kind = flags & 3
        born = 0.0
        if kind == Kind.POST:
            born = float(
                _POST.unpack_from(self._rows, id * self._row.size + _POST_AT)[0] - self._epoch
            )
            burst = x = y = 0.0
        placed, bound = flags & _PLACED > 0, flags // _BOUND & 3
        return Source(
            kind, host, float(last - self._epoch), float(due - self._epoch), float(seconds),
            changes, exposure, weight, burst, x, y, born, _SHORTEST, _LONGEST, 0.0, placed,
            failures, bucket, bound,
        )  # fmt: skip

    def save(self, id: int, source: Source) -> None:
        start = id * self._row.size
        flags = source.kind | _PLACED * source.placed | source.bound * _BOUND
        last, due = round(source.last) + self._epoch, round(source.due) + self._epoch
        links = _LINKS.unpack_from(self._rows, start + self._links_at)
        self._row.pack_into(
            self._rows, start, last, due, round(source.interval), source.changes, source.exposure,
            source.weight, source.burst, source.profile_x, source.profile_y, source.host, flags,
            source.failures, source.bucket, *links,
        )  # fmt: skip
        if source.kind == Kind.POST:
            born = min(max(round(source.born) + self._epoch, 0), _NONE)
            _POST.pack_into(self._rows, start + _POST_AT, born)

    def place(self, id: int, line: int, due: float) -> None:
        slot = int(due // self._width[line])
        heads = self._heads[line]
        head = heads.get(slot, _NONE)
        if head == _NONE:
            insort(self._order[line], slot)
        else:
            self._link(head, before=id)
        heads[slot] = id
        _LINKS.pack_into(self._rows, id * self._row.size + self._links_at, _NONE, head)

    def unplace(self, id: int, line: int, due: float) -> None:
        before, after = self._links(id)
        if after != _NONE:
            self._link(after, before=before)
        if before != _NONE:
            self._link(before, after=after)
            return
        slot = int(due // self._width[line])
        if after != _NONE:
            self._heads[line][slot] = after
            return
        del self._heads[line][slot]
        order = self._order[line]
        del order[bisect_left(order, slot)]

    def line(self, line: int) -> Iterator[tuple[float, int]]:
        slot = None
        while True:
            order = self._order[line]
            at = 0 if slot is None else bisect_left(order, slot + 1)
            if at == len(order):
                return
            slot = order[at]
            id = self._heads[line][slot]
            while id != _NONE:
                after = self._links(id)[1]
                yield float((slot + 1) * self._width[line]), id
                id = after

    def _links(self, id: int) -> tuple[int, int]:
        before, after = _LINKS.unpack_from(self._rows, id * self._row.size + self._links_at)
        return before, after

    def _link(self, id: int, *, before: int | None = None, after: int | None = None) -> None:
        was_before, was_after = self._links(id)
        _LINKS.pack_into(
            self._rows,
            id * self._row.size + self._links_at,
            was_before if before is None else before,
            was_after if after is None else after,
        )

    def notices(self, id: int) -> Notices | None:
        row = self._notices.get(id)
        return None if row is None else Notices(*_NOTICES.unpack(row))

    def save_notices(self, id: int, notices: Notices | None) -> None:
        if notices is None:
            self._notices.pop(id, None)
        else:
            self._notices[id] = _NOTICES.pack(
                notices.hits, notices.observed, notices.signals, notices.exposure,
                notices.pending, notices.heard, notices.direct,
            )  # fmt: skip


_NOTICES = Struct("<ffffBf?")


_EIGHT = 8


class Names:
    """Ids of sources, as bytes one after the other, and a table that finds their numbers.

    A table of Python strings would take more memory than all the rest.
    """

    _PARTS = 1024

    def __init__(self) -> None:
        self._text = bytearray()
        self._lengths = array("H")
        self._starts = array("I")  # of every eighth
        self._tables = [array("I", [_NONE] * 8) for _ in range(self._PARTS)]
        self._used = array("I", [0] * self._PARTS)

    def add(self, name: str) -> int:
        number = len(self._lengths)
        if number % _EIGHT == 0:
            self._starts.append(len(self._text))
        text = name.encode()
        self._text += text
        self._lengths.append(len(text))
        part = hash(name) % self._PARTS
        if self._used[part] >= 0.85 * len(self._tables[part]):
            self._grow(part)
        self._insert(self._tables[part], name, number)
        self._used[part] += 1
        return number

    def find(self, name: str) -> int:
        """The number of a name; KeyError for one that was not added."""
        mixed = hash(name)
        table = self._tables[mixed % self._PARTS]
        size = len(table)
        text = name.encode()
        at = mixed // self._PARTS % size
        while (number := table[at]) != _NONE:
            if self._bytes(number) == text:
                return number
            at = (at + 1) % size
        raise KeyError(name)

    def name(self, number: int) -> str:
        return self._bytes(number).decode()

    def _bytes(self, number: int) -> bytes:
        first = number - number % _EIGHT
        start = self._starts[number // _EIGHT] + sum(self._lengths[first:number])
        return bytes(self._text[start : start + self._lengths[number]])

    def _grow(self, part: int) -> None:
        old = self._tables[part]
        table = array("I", [_NONE] * (len(old) * 5 // 4 + 1))
        for number in old:
            if number != _NONE:
                self._insert(table, self.name(number), number)
        self._tables[part] = table

    def _insert(self, table: array[int], name: str, number: int) -> None:
        size = len(table)
        at = hash(name) // self._PARTS % size
        while table[at] != _NONE:
            at = (at + 1) % size
        table[at] = number
