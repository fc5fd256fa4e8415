"""What keeps the search index in step with the store: first all that is held, then the change log.

It reads the store as everybody may, and never holds up the writer. It judges nothing: what must not
be shown is left out by whoever searches, by what the store says then. Invariants: a post that the
log tells of is in the index as it is held now, or not at all, before the place behind that change
is noted; a kill costs nothing but a batch.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from time import monotonic

from ..crawler.protocol.strictjson import parse_object
from ..errors import BadInput, StoreError, TooOld
from . import changes, search_files
from .codec import unpack
from .counters import Counters
from .environment import Environment, Tables, Txn, open_environment
from .layout import BODY, CLASSES, NONE, U64, from_inverted
from .ref_layout import Ref
from .search import discard
from .search_files import Damaged, Entry, Place, Words
from .search_words import words_of
from .terms_layout import terms_in
from .views import Change

_log = logging.getLogger(__name__)

_BATCH = 100  # posts in a read transaction, which pins old pages: some 10 ms
# After a batch it rests for as long as that took, twice: a crawl at full speed needs the processor,
# and who searches can wait for a second.
_SHARE = 2.0
_RETRY = 30.0


class SearchFeed:
    """A thread of its own. `told` is for the writer's listeners."""

    def __init__(self, store: Path) -> None:
        self._store = store
        self._environment = open_environment(store, write=False)
        self._news = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="search-feed", daemon=True)

    def start(self) -> None:
        self._news.set()
        self._thread.start()

    def told(self, changes: Sequence[Change]) -> None:
        self._news.set()

    def stop(self) -> None:
        """Idempotent; what is not done yet is done after the next start."""
        self._over.set()
        self._news.set()
        if self._thread.is_alive():
            self._thread.join()
        self._environment.close()

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                words = search_files.writable(self._store)
                try:
                    self._follow(words)
                finally:
                    words.close()
            except Damaged as error:
                _log.warning("%s: the search index is made anew", error)
                discard(self._store)
            except StoreError as error:
                _log.error("the search index stands still: %s", error)
                self._over.wait(_RETRY)

    def _follow(self, words: Words) -> None:
        while not self._over.is_set():
            self._news.wait()
            self._news.clear()
            for took in catch_up(self._environment, words):
                if self._over.wait(took * _SHARE):
                    return


def catch_up(environment: Environment, words: Words) -> Iterator[float]:
    """Bring the index up to date with the store, a batch at a time; how long each took."""
    while True:
        began = monotonic()
        place = _next(environment, words)
        if place is None:
            return
        yield monotonic() - began


def _next(environment: Environment, words: Words) -> Place | None:
    """One batch, and where that led; None: there is nothing to do."""
    place = words.place()
    last = environment.read(lambda txn, t: Counters.read(txn, t).last_seq)
    if place is None or place.seq > last:  # the second: an older backup of the store is back
        if place is not None:
            raise Damaged(str(words.path), "is ahead of the store")
        place = Place(last, NONE)
        words.move((), place)
        return place
    if place.id is not None:
        entries, after = environment.read(lambda txn, t: _held(txn, t, place.id or NONE))
        return _moved(words, entries, Place(place.seq, after))
    if place.seq == last:
        return None
    try:
        ids, seq = environment.read(lambda txn, t: changes.touched(txn, t, place.seq, _BATCH))
    except TooOld as error:
        raise Damaged(str(words.path), error.reason) from error
    return _moved(words, environment.read(lambda txn, t: _entries(txn, t, ids)), Place(seq))


def _moved(words: Words, entries: Iterable[Entry], place: Place) -> Place:
    words.move(entries, place)
    return place


def _held(txn: Txn, t: Tables, after: bytes) -> tuple[list[Entry], bytes | None]:
    """The next posts by their number, and the last of them; None: there are no more."""
    cursor = txn.cursor(t.body)
    more = cursor.set_range(after)
    if more and cursor.key() == after:
        more = cursor.next()
    ids: list[bytes] = []
    while more and len(ids) < _BATCH:
        ids.append(cursor.key())
        more = cursor.next()
    return _entries(txn, t, ids), ids[-1] if ids and more else None


def _entries(txn: Txn, t: Tables, ids: Iterable[bytes]) -> list[Entry]:
    return [_entry(txn, t, id) for id in ids]


def _entry(txn: Txn, t: Tables, id: bytes) -> Entry:
    """A post as it is held now."""
    row, body = txn.get(id, None, t.ref), txn.get(id, None, t.body)
    number = U64.unpack(id)[0]
    if row is None or body is None or CLASSES[(ref := Ref.unpack(row)).cls] != "object":
        return Entry(number, 0.0, b"", "")
    try:
        words = words_of(parse_object(unpack(body[0], body[BODY.size :])))
    except (BadInput, StoreError):
        words = ""
    at = from_inverted(terms_in(txn, t, id, row).when)
    return Entry(number, at, ref.content_hash, words)


def bring_up_to_date(store: Path, told: Callable[[int], None]) -> None:
    """All of it at once, for a command beside no running daemon; `told` of every batch."""
    environment = open_environment(store, write=False)
    try:
        for _ in range(2):
            words = search_files.writable(store)
            try:
                for count, _ in enumerate(catch_up(environment, words), 1):
                    told(count)
                return
            except Damaged:
                discard(store)
            finally:
                words.close()
    finally:
        environment.close()
