"""Lists of the index as a reader goes through them: one, or what stands in several at once.

It knows neither what a list is of nor what an entry leads to. Lists have one order, so whatever
stands in all of them is found by leaping: each is asked for its next entry at or behind the
furthest that another has come to, which passes over all that is of no use. Invariants: entries that
wait to be sorted in (`unsorted`) stand in their places; a walk never takes more steps than it may,
and says from where it goes on.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from heapq import merge

from .environment import Tables, Txn
from .unsorted import Unsorted

SIZE = 16
FIRST, LAST = bytes(SIZE), b"\xff" * SIZE


def behind(value: bytes) -> bytes:
    """The next value that there could be."""
    if value == LAST:
        return LAST
    return (int.from_bytes(value, "big") + 1).to_bytes(SIZE, "big")


class List:
    """The entries of one key."""

    def __init__(self, txn: Txn, t: Tables, waiting: Unsorted, key: bytes) -> None:
        self._key = key
        self._cursor = txn.cursor(t.index)
        self._waiting = waiting.values(key)
        # LMDB keeps the number of a key's values.
        there = self._cursor.count() if self._cursor.set_key(key) else 0
        self.count = there + len(self._waiting)

    def seek(self, value: bytes) -> bytes | None:
        """The first entry at or behind a value."""
        cursor, waiting = self._cursor, self._waiting
        there = cursor.value() if cursor.set_range_dup(self._key, value) else None
        if waiting:
            place = bisect_left(waiting, value)
            if place < len(waiting) and (there is None or waiting[place] < there):
                return waiting[place]
        return there

    def walk(self, start: bytes = FIRST) -> Iterator[bytes]:
        """The entries from a value on."""
        cursor = self._cursor
        there = cursor.iternext_dup() if cursor.set_range_dup(self._key, start) else iter(())
        if not self._waiting:
            return there
        return merge(there, self._waiting[bisect_left(self._waiting, start) :])


class Walk:
    """What stands in all of some lists, from a value on, in at most so many steps.

    When it has ended, `over` says whether that is all there is; else it goes on from `place`.
    """

    def __init__(self, lists: list[List], start: bytes, most: int) -> None:
        self.place = start
        self.steps = 0  # whoever does more with an entry than to pass over it adds to these
        self.over = False
        self._most = most
        # The shortest first: it leaps the furthest.
        self._lists = sorted(lists, key=lambda one: one.count)

    def __iter__(self) -> Iterator[bytes]:
        return self._through() if len(self._lists) == 1 else self._leap()

    def _through(self) -> Iterator[bytes]:
        for value in self._lists[0].walk(self.place):
            if self.steps >= self._most:
                self.place = value
                return
            self.steps += 1
            yield value
        self.over = True

    def _leap(self) -> Iterator[bytes]:
        lists, value = self._lists, self.place
        while True:
            agreed = number = 0
            while agreed < len(lists):
                if self.steps >= self._most:
                    self.place = value
                    return
                self.steps += 1
                found = lists[number].seek(value)
                if found is None:
                    self.over = True
                    return
                agreed = agreed + 1 if found == value else 1
                value = found
                number = (number + 1) % len(lists)
            yield value
            value = behind(value)
