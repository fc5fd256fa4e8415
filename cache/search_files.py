"""The search index on disk: SQLite's FTS5, in a folder of its own. The only module that knows apsw.

It knows words and numbers, not what may be shown: whoever asks looks at the store for that. The
words of each post are kept beside the index, compressed, because an entry is only taken out of it
by them; with secure-delete nothing of a post is left in the file then, which an engine of immutable
segments (Lucene's kind) cannot promise before it happens to merge them. SQLite of apsw's own build,
as Python's may be older than secure-delete is (3.42). Invariants: what the index holds is of one
place in the change log, which is written with it; one that is damaged is of no use to anybody, is
discarded and made anew.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import apsw
import zstandard

from ..errors import StoreError
from .search import FOLDER, discard

_FILE = "words.db"
_FORM = 1
_MOST_BYTES = 4 << 20  # of one post's words: far beyond what is ever written
_PATIENCE = 5_000  # milliseconds for which a reader waits for a commit, or the reverse
_NUMBERS = 31  # bits of a key that are the post's number; above are the seconds of its time
_TABLES = """
create virtual table post using fts5(words, content='', tokenize='unicode61 remove_diacritics 2');
insert into post(post, rank) values('secure-delete', 1);
create table kept(id integer primary key, key integer not null, hash blob not null, words blob);
create table place(form integer, began integer, seq integer, id blob);
"""


class Place(NamedTuple):
    """Up to where the index has come: while it is built by number, from then on in the log."""

    seq: int
    id: bytes | None = None  # the last post that was read; None: it is built


class Entry(NamedTuple):
    """A post as it is to be found from now on; without words it is not."""

    id: int
    at: float
    hash: bytes
    words: str


class Hit(NamedTuple):
    """A post whose words match, and the hash of the document that these were in."""

    key: int
    id: int
    hash: bytes


def key_of(id: int, at: float) -> int:
    """A number that sorts by time, so that the engine gives the newest first by itself."""
    seconds = int(min(max(at, 0.0), 4_294_967_295.0))
    return seconds << _NUMBERS | id & (1 << _NUMBERS) - 1


class Words:
    """An open index. One thread at a time uses it; others wait."""

    def __init__(self, store: Path, *, write: bool) -> None:
        self.path = store / FOLDER / _FILE
        self._lock = threading.Lock()
        with _errors(self.path):
            if write:
                self.path.parent.mkdir(mode=0o700, exist_ok=True)
            flags = apsw.SQLITE_OPEN_READONLY
            if write:
                flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
            self._db = apsw.Connection(str(self.path), flags)
            self._file = self.path.stat().st_ino
            self._db.set_busy_timeout(_PATIENCE)
            try:
                if write:
                    self._begin()
                self._check_form()
            except BaseException:
                self._db.close()
                raise

    def _begin(self) -> None:
        self.path.chmod(0o600)
        # Readers need no more than to read: no shared memory as of a write-ahead log.
        self._db.execute("pragma journal_mode=truncate")
        self._db.execute("pragma secure_delete=on")
        self._db.execute("pragma synchronous=normal")
        with self._db:
            if self._db.execute("select 1 from sqlite_schema").get is None:
                self._db.execute(_TABLES)
                self._db.execute("insert into place values(?, 0, 0, x'')", (_FORM,))

    def _check_form(self) -> None:
        form = self._db.execute("select form from place").get
        if form != _FORM:
            raise apsw.CorruptError(f"form {form}")

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def is_there(self) -> bool:
        """Whether this is still the index, which may have been made anew meanwhile."""
        try:
            return self.path.stat().st_ino == self._file
        except OSError:
            return False

    def place(self) -> Place | None:
        """None: it has not been begun."""
        with self._lock, _errors(self.path):
            began, seq, id = self._db.execute("select began, seq, id from place").get
        return Place(seq, id) if began else None

    def move(self, entries: Iterable[Entry], place: Place) -> None:
        """Put posts in, or take them out, and note how far that has come; all of it or nothing."""
        with self._lock, _errors(self.path), self._db:
            for entry in entries:
                self._replace(entry)
            self._db.execute("update place set began=1, seq=?, id=?", (place.seq, place.id))

    def _replace(self, entry: Entry) -> None:
        execute = self._db.execute
        held = execute("select key, words from kept where id=?", (entry.id,)).fetchone()
        if held is not None:
            key, packed = held
            words = _unpack(packed)
            execute("insert into post(post, rowid, words) values('delete', ?, ?)", (key, words))
            execute("delete from kept where id=?", (entry.id,))
        if entry.words:
            key = key_of(entry.id, entry.at)
            execute("insert into post(rowid, words) values(?, ?)", (key, entry.words))
            values = (entry.id, key, entry.hash, _pack(entry.words))
            execute("insert into kept values(?, ?, ?, ?)", values)

    def find(self, expression: str, least: int, most: int, limit: int) -> list[Hit]:
        """Posts that match, newest first, with keys from `least` to `most`."""
        with self._lock, _errors(self.path):
            rows: list[Any] = self._db.execute(
                "select post.rowid, kept.id, kept.hash from post join kept "
                "on kept.id = (post.rowid & 2147483647) "
                "where post match ? and post.rowid between ? and ? "
                "order by post.rowid desc limit ?",
                (expression, least, most, limit),
            ).fetchall()
        return [Hit(*row) for row in rows]


def _pack(words: str) -> bytes:
    return zstandard.ZstdCompressor(3).compress(words.encode())


def _unpack(packed: bytes) -> str:
    return zstandard.ZstdDecompressor().decompress(packed, _MOST_BYTES).decode()


class Damaged(StoreError):
    """What the index holds cannot be read; it is to be made anew."""


@contextmanager
def _errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (apsw.CorruptError, apsw.NotADBError, apsw.SQLError, zstandard.ZstdError) as error:
        raise Damaged(str(path), f"is damaged ({error})") from error
    except (apsw.Error, OSError) as error:
        raise StoreError(str(path), str(error) or type(error).__name__) from error


def writable(store: Path) -> Words:
    """The index to be written, made anew where it is damaged."""
    with contextlib.suppress(Damaged):
        return Words(store, write=True)
    discard(store)
    return Words(store, write=True)
