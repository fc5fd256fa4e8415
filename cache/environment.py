"""The LMDB environment: opening, tables, sharing within a process. The only module that knows lmdb.

It knows table names and flags, not what the rows mean. The map is a reservation, opened once at
`max_bytes` plus a reserve and never grown while running: a live reader would break, and on a full
map LMDB cannot even delete. Invariant: one environment per process and path, counted; what leaves
a transaction is bytes, never a view into the map.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import lmdb

from ..errors import StoreError
from .lock import opening, reserve_readers

if TYPE_CHECKING:  # the classes are generic in the stubs only
    Txn = lmdb.Transaction[bytes]
    Cursor = lmdb.Cursor[bytes]
    Table = lmdb._Database
else:
    Txn, Cursor, Table = lmdb.Transaction, lmdb.Cursor, lmdb._Database

SCHEMA = 6
MIGRATING = b"migrating"  # in `meta`: up to which reference `migration` has come
MIGRATING_FROM = b"migrating_from"  # in `meta`: the oldest schema that rows may still be of
_READERS = 512  # processes and threads that read at once; LMDB's 126 is short of a worker pool
_RESERVE = 0.05  # beyond max_bytes: purge and host state must still write when the store is full
_LEAST_RESERVE = 64 << 20
_FORKED = "was opened before this process was forked"
_UNFORKED = "`spawn`, or a parent that does not have it open"

T = TypeVar("T")


class Tables:
    """The named databases; which is which is said in `layout` and `mail_layout`."""

    __slots__ = (
        "account", "activity", "addressed", "agenda", "body", "change", "closed", "collection",
        "count", "delivery", "destination", "extra", "fanout", "farewell", "follow", "follower",
        "history", "host", "index",
        "key", "key_age", "lane", "local", "member", "member_of", "meta", "minted",
        "moved", "notices", "notification", "outbound", "outbox", "owed", "part",
        "part_digest", "posted", "publication", "queue", "quota",
        "reaction", "ready", "ref", "relisting", "repeated", "resting", "robots", "seeking", "seen",
        "sending", "shared", "slot", "sought", "terms", "thread", "unsorted", "uri", "waiting",
        "walk", "want",
        "window", "word",
    )  # fmt: skip

    account: Table
    activity: Table
    addressed: Table
    agenda: Table
    body: Table
    change: Table
    closed: Table
    collection: Table
    count: Table
    delivery: Table
    destination: Table
    extra: Table
    fanout: Table
    farewell: Table
    follow: Table
    follower: Table
    history: Table
    host: Table
    index: Table
    key: Table
    key_age: Table
    lane: Table
    local: Table
    member: Table
    member_of: Table
    meta: Table
    minted: Table
    moved: Table
    notices: Table
    notification: Table
    outbound: Table
    outbox: Table
    owed: Table
    part: Table
    part_digest: Table
    posted: Table
    publication: Table
    queue: Table
    quota: Table
    reaction: Table
    ready: Table
    ref: Table
    relisting: Table
    repeated: Table
    resting: Table
    robots: Table
    seeking: Table
    seen: Table
    sending: Table
    shared: Table
    slot: Table
    sought: Table
    terms: Table
    thread: Table
    unsorted: Table
    uri: Table
    waiting: Table
    walk: Table
    want: Table
    window: Table
    word: Table

    def __init__(self, env: lmdb.Environment, create: bool) -> None:
        if not create:
            self._open(env, None)
            return
        with env.begin(write=True) as txn:  # one commit for all of a new store
            self._open(env, txn)

    def _open(self, env: lmdb.Environment, txn: Txn | None) -> None:
        for name in self.__slots__:
            # Millions of small fixed entries under few keys: 16 bytes each instead of 40.
            dup = name in ("index", "owed")
            create = txn is not None
            table = env.open_db(name.encode(), txn, create=create, dupsort=dup, dupfixed=dup)
            setattr(self, name, table)


_MOST_TABLES = len(Tables.__slots__) + 8


class Environment:
    """One open environment. Get it with `open_environment`, give it back with `close`."""

    def __init__(self, path: str, map_size: int, group: str | None, write: bool) -> None:
        self.path = path
        self.writable = write
        self.generation = 0
        self.count = 0
        self._map_size = map_size
        self._group = group
        self._lock = threading.Lock()
        self._open()

    def _open(self) -> None:
        from .permissions import give_to_owner, make_folder, share_files

        create = self.writable
        with errors(self.path):
            if create:
                make_folder(self.path, self._group)
            with opening(self.path):
                if create:
                    reserve_readers(self.path, _READERS)
                self._env = self._opened(create)
                give_to_owner(self.path, os.stat(self.path).st_uid)
            try:
                found = self._schema()
                self.t = Tables(self._env, create)
                if create and found != SCHEMA:
                    self._begin_schema(found)
            except BaseException:
                self._env.close()
                raise
            if create:
                self._env.reader_check()  # slots of readers that were killed
                share_files(self.path, self._group)

    def _opened(self, create: bool) -> lmdb.Environment:
        return lmdb.open(
            self.path,
            map_size=self._map_size if create else 0,  # 0: what the writer chose
            readonly=not create,
            create=create,
            sync=True,
            metasync=True,
            writemap=False,
            mode=0o600,
            max_dbs=_MOST_TABLES,
            max_readers=_READERS,
            max_spare_txns=16,
        )

    def _schema(self) -> int | None:
        """The schema that the store was written with; None: it is new."""
        try:
            meta = self._env.open_db(b"meta", create=self.writable)
        except lmdb.NotFoundError:
            raise StoreError(self.path, "is not a store of Fedpull") from None
        with self._env.begin(db=meta) as txn:
            row = txn.get(b"schema")
        found = None if row is None else int(row)
        if found is not None and found > SCHEMA:
            reason = f"was written by a newer version (schema {found})"
            raise StoreError(self.path, reason, f"schema {SCHEMA} or older")
        if found is not None and found < SCHEMA and not self.writable:
            reason = f"was written by an older version (schema {found}) and only read since"
            raise StoreError(self.path, reason, "`fedpull run`, once, which brings it up to date")
        return found

    def _begin_schema(self, found: int | None) -> None:
        """From now on rows of this schema may be there; older ones are marked for `migration`."""
        with self._env.begin(write=True, db=self.t.meta) as txn:
            txn.put(b"schema", b"%d" % SCHEMA)
            if found is not None:
                # An earlier version may have been stopped while it did the same, from who knows
                # which schema on.
                halfway = txn.get(MIGRATING) is not None
                txn.put(MIGRATING_FROM, txn.get(MIGRATING_FROM, b"1" if halfway else b"%d" % found))
                txn.put(MIGRATING, b"")

    def begin(self) -> Txn:
        """A read transaction; end it with `abort`, soon: it pins every page it can see."""
        while True:
            generation = self.generation
            if generation < 0:
                raise StoreError(self.path, _FORKED, _UNFORKED)
            try:
                return self._env.begin()
            except lmdb.MapResizedError:  # the writer was restarted with a larger max_bytes
                self.reopen(generation)
            except lmdb.Error as error:
                raise StoreError(self.path, str(error)) from error

    def read(self, reader: Callable[[Txn, Tables], T]) -> T:
        """What `reader` returns, from one consistent state; retried if the map was reopened."""
        while True:
            generation = self.generation
            txn = self.begin()
            try:
                return reader(txn, self.t)
            except lmdb.Error as error:
                if generation == self.generation:
                    raise StoreError(self.path, str(error)) from error
            finally:
                txn.abort()

    @property
    def forked(self) -> bool:
        return self.generation < 0

    def write(self) -> Txn:
        with errors(self.path):
            return self._env.begin(write=True)

    def reopen(self, generation: int, *, write: bool = False, map_size: int = 0) -> None:
        """Open again: to see a map that grew, or to write where this process only read."""
        with self._lock:
            if generation != self.generation:
                return
            self._env.close()
            self.writable = self.writable or write
            self._map_size = map_size or self._map_size
            self._open()
            self.generation += 1

    def used_bytes(self, txn: Txn) -> int:
        """Bytes of the pages in use: the file's size would count what a purge has set free."""
        pages, psize = 0, 4096
        for name in Tables.__slots__:
            stat = txn.stat(getattr(self.t, name))
            psize = stat["psize"]
            pages += stat["branch_pages"] + stat["leaf_pages"] + stat["overflow_pages"]
        return pages * psize  # with those of the lists in `index` and `owed`: LMDB counts them, too

    def map_use(self) -> tuple[int, int]:
        """Bytes that the map is reserved for, and how far into it pages were ever used."""
        with errors(self.path):
            info = self._env.info()
            return info["map_size"], (info["last_pgno"] + 1) * self._env.stat()["psize"]

    def copy_pages(self, folder: str) -> None:
        """Copy the file as it is at this moment, whoever writes it, and all that its gaps hold."""
        with errors(folder):
            self._env.copy(folder)

    def forget(self) -> None:
        """In a forked child the environment must not be touched, not even closed."""
        self.generation = -1

    def close(self) -> None:
        with _registry_lock:
            self.count -= 1
            if self.count == 0:
                _registry.pop(self.path, None)
                if self.generation >= 0:
                    self._env.close()


_registry: dict[str, Environment] = {}
_inherited: set[str] = set()  # what the parent had open when this process was forked
_registry_lock = threading.Lock()


def open_environment(
    path: str | os.PathLike[str], *, write: bool, max_bytes: int = 0, group: str | None = None
) -> Environment:
    """This process's environment on `path`: py-lmdb allows one, so all who ask share it."""
    real = os.path.realpath(path)
    map_size = max_bytes + max(int(max_bytes * _RESERVE), _LEAST_RESERVE) if write else 0
    with _registry_lock:
        environment = _registry.get(real)
        if environment is None:
            if not write and not os.path.exists(os.path.join(real, "data.mdb")):
                raise StoreError(real, "there is no store here")
            try:
                environment = _registry[real] = Environment(real, map_size, group, write)
            except StoreError as error:
                if real in _inherited:  # LMDB takes it for open in this process
                    raise StoreError(real, _FORKED, _UNFORKED) from error
                raise
        elif write and not environment.writable:
            environment.reopen(environment.generation, write=True, map_size=map_size)
        environment.count += 1
        return environment


def read_through(path: str) -> None:
    """Read every row; StoreError for what cannot be read.

    A damaged page may end the process that reads it: see `verify`, whose child calls this."""
    with errors(path):
        env = lmdb.open(
            path, readonly=True, create=False, max_dbs=_MOST_TABLES, max_readers=_READERS
        )
        with env.begin() as txn:
            names = list(txn.cursor().iternext(values=False))
        for name in names:
            table = env.open_db(name, create=False)
            with env.begin(db=table) as txn:
                deque(txn.cursor().iternext(), maxlen=0)
        env.close()


def is_open(path: str | os.PathLike[str]) -> bool:
    """Whether this process has the store open."""
    with _registry_lock:
        return os.path.realpath(path) in _registry


def _after_fork() -> None:
    _inherited.update(_registry)
    for environment in _registry.values():
        environment.forget()
    _registry.clear()


os.register_at_fork(after_in_child=_after_fork)


@contextmanager
def errors(path: str) -> Iterator[None]:
    """Turn what LMDB and the file system say into a StoreError."""
    try:
        yield
    except (lmdb.VersionMismatchError, lmdb.InvalidError, lmdb.CorruptedError) as error:
        raise StoreError(path, f"is damaged or not a store ({error})") from error
    except lmdb.Error as error:
        raise StoreError(path, str(error)) from error
    except OSError as error:
        raise StoreError(error.filename or path, error.strerror or str(error)) from error
