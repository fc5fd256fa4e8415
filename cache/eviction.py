"""Makes room in a store that is nearly full: documents that nobody follows go, the oldest first.

    nearly full -> the next that may go, in the order in which their ids were met -> enough, or all

What follows' lists show, what a followed actor owns and what we have published stays; so a store in
which only such things are held fills up, and says so. What went is told as `evicted` in the change
log, and may be asked for again. For a thread of its own: `slices` sees to it that nobody waits.
Invariant: what is wanted when its turn comes stays, whatever was read before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from ..crawler.protocol.listable import FOLLOWED
from . import room
from .environment import Environment, Tables, Txn
from .layout import LOCAL, NONE
from .ref_layout import HAS_BODY, Ref
from .slices import Slices, StoppedError
from .terms_layout import terms_in

if TYPE_CHECKING:
    from .writer import Writer

# Of `store.max_bytes`: from here on documents go, down to there. The crawl pauses at 1.
_FROM, _TO = 0.95, 0.90
# What a document takes beside its body: its index entries, and most of its reference.
_BESIDE = 600
# What was wanted when its turn came is looked at again so much later; where everything is wanted,
# looking again sooner would find the same.
_REST = 3_600.0


class Evictor:
    """Lives as long as the store is open. `make_room` is called every few seconds."""

    def __init__(self, environment: Environment, writer: Writer) -> None:
        self._environment = environment
        self._writer = writer
        self._behind = b""  # the last id that was looked at: those before it went, or are wanted
        self._began = 0.0  # at the first of all ids
        self._rests_until = 0.0

    def make_room(self, now: float, stopped: Callable[[], bool]) -> int:
        """Evict until there is room again; how many documents went."""
        health = self._writer.health
        if health.bytes < _FROM * health.max_bytes:
            return 0
        if self._rests_until - _REST <= now < self._rests_until:  # unless the clock was set back
            return 0
        slices = Slices(self._environment, self._writer, now, stopped)
        gone = 0
        if not self._began <= now < self._began + _REST:
            self._began, self._behind = now, b""
        try:
            whole = False  # whether a look at all of them is under way
            while (needed := self._used() - int(_TO * health.max_bytes)) > 0:
                whole = whole or not self._behind
                went = slices.each(self._next(slices, needed), room.evict)
                gone += went
                if not went and whole:
                    self._rests_until = now + _REST
                    break
        except StoppedError:
            return gone
        return gone

    def _used(self) -> int:
        return self._environment.read(lambda txn, t: self._environment.used_bytes(txn))

    def _next(self, slices: Slices, needed: int) -> Iterator[bytes]:
        """The next that may go, about as many as `needed` bytes are."""
        for id, size in slices.find("ref", _may_go, self._behind):
            self._behind = id + b"\0"
            needed -= size + _BESIDE
            yield id
            if needed <= 0:
                return
        self._behind = b""


def _may_go(txn: Txn, t: Tables, id: bytes, row: bytes) -> tuple[bytes, int] | None:
    """A document that nobody wants, as far as this transaction sees, with the size of its body."""
    ref = Ref.unpack(row)
    if not ref.flags & HAS_BODY or ref.consent & FOLLOWED or ref.verified_by == LOCAL:
        return None
    author = txn.get(ref.owner, None, t.ref) if ref.owner != NONE else None
    if author is not None and Ref.unpack(author).consent & FOLLOWED:
        return None
    follows = terms_in(txn, t, id, row).follows
    if any(txn.get(follow, None, t.follow) is not None for follow in follows):
        return None
    return id, len(txn.get(id, b"", t.body) or b"")
