"""Whole tables read a slice at a time, and what is found in them changed a batch at a time.

It knows no rows. Reading pins old pages and writing keeps others waiting, so neither takes longer
than some 30 ms. For a thread of its own: it waits for the writer. Invariant: between two slices or
batches it looks whether to stop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from .environment import Environment, Tables, Txn

if TYPE_CHECKING:
    from .work import Work
    from .writer import Writer

T = TypeVar("T")
_SLICE = 5_000  # rows
BATCH = 500  # each may be a body with its history and its index entries


class StoppedError(Exception):
    """The process is going down."""


class Slices:
    """`stopped` says whether to stop."""

    def __init__(
        self, environment: Environment, writer: Writer, now: float, stopped: Callable[[], bool]
    ) -> None:
        self._environment = environment
        self._writer = writer
        self._now = now
        self._stopped = stopped

    def find(
        self, name: str, pick: Callable[[Txn, Tables, bytes, bytes], T | None], first: bytes = b""
    ) -> Iterator[T]:
        """What `pick` makes of the rows of a table, where it makes something of them, from the key
        `first` on. The rows may be changed while it runs."""
        start: bytes | None = first

        def reader(txn: Txn, t: Tables) -> tuple[list[T], bytes | None]:
            cursor = txn.cursor(getattr(t, name))
            rows = list(islice(cursor, _SLICE)) if cursor.set_range(start or b"") else []
            found = [made for key, row in rows if (made := pick(txn, t, key, row)) is not None]
            return found, rows[-1][0] + b"\0" if len(rows) == _SLICE else None

        while start is not None:
            self._go_on()
            found, start = self._environment.read(reader)
            yield from found

    def each(self, found: Iterable[T], change: Callable[[Work, T], object]) -> int:
        """Make a change for each that is found; for how many it was true that it did something."""
        items, count = iter(found), 0
        while batch := list(islice(items, BATCH)):
            self._go_on()
            count += self._writer.submit(partial(self._batch, batch, change)).result()
        return count

    def _batch(self, batch: list[T], change: Callable[[Work, T], object], work: Work) -> int:
        work.now = max(work.now, self._now)
        return sum(change(work, one) is True for one in batch)

    def _go_on(self) -> None:
        if self._stopped():
            raise StoppedError
