"""Full text: which posts hold some words, newest first, of those that may be listed.

The index of words (`search_files`) only proposes; what is shown is what the store holds and lists
at that moment, so that a deletion or a change of mind counts at once, whether the index knows of it
or not. It needs an extra; without it, or while the index is being built, it says so. Invariant: a
page costs a bounded number of looks, and is short where they are used up.
"""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import BadInput, StoreError
from . import index
from .cursors import decode, encode
from .document import Document
from .environment import Environment, Tables, Txn
from .layout import U64, from_inverted
from .listing import Unknown, keys_of
from .reading import document
from .ref_layout import Ref
from .search_words import expression
from .terms_layout import terms_in
from .views import ObjectFilter

if TYPE_CHECKING:
    from .search_files import Hit, Words

FOLDER = "search"  # in the store's
_CHUNK = 100
_MOST_LOOKS = 2_000
_LATEST = (1 << 63) - 1
NEEDS = "pip install 'fedpull[search]'"


def is_installed() -> bool:
    return find_spec("apsw") is not None


def discard(store: Path) -> None:
    """Remove the index of a store; whoever writes the store builds it anew."""
    shutil.rmtree(store / FOLDER, ignore_errors=True)


class Search:
    """The index of one store, opened when it is first asked."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._words: Words | None = None

    def objects(
        self, wanted: ObjectFilter, limit: int, cursor: str | None
    ) -> tuple[list[Document], str | None]:
        """One page, as `Query.objects` gives it."""
        typed = wanted.text or ""
        if not is_installed():
            raise BadInput("search", "is an extra that is not installed here", NEEDS)
        if wanted.by_start:
            raise BadInput("search", "lists by time of publication only", "no order by start")
        asked = expression("search", typed)
        most = U64.unpack(decode(cursor, 8))[0] if cursor else _LATEST
        words = self._opened()
        found: list[Document] = []
        for _ in range(_MOST_LOOKS // _CHUNK):
            hits = words.find(asked, *_keys_between(wanted, most), _CHUNK)
            for hit in hits:
                if len(found) >= limit:
                    return found, encode(U64.pack(most))
                most = hit.key - 1
                shown = self._shown(hit, wanted)
                if shown is not None:
                    found.append(shown)
            if len(hits) < _CHUNK:
                return found, None
        return found, encode(U64.pack(most))

    def _opened(self) -> Words:
        """The index, if it is built."""
        from .search_files import Damaged, Words

        store = Path(self._environment.path)
        if self._words is not None and not self._words.is_there():
            self.close()
        if self._words is None:
            if not (store / FOLDER).exists():
                raise StoreError("search", "has no index yet", "`fedpull run`, which builds it")
            self._words = Words(store, write=False)
        try:
            place = self._words.place()
        except Damaged:
            self.close()
            raise
        if place is None or place.id is not None:
            raise StoreError(
                "search", "is not ready: its index is being built", "a little patience"
            )
        return self._words

    def _shown(self, hit: Hit, wanted: ObjectFilter) -> Document | None:
        return self._environment.read(lambda txn, t: _shown(txn, t, hit, wanted))

    def close(self) -> None:
        if self._words is not None:
            self._words.close()
            self._words = None


def _keys_between(wanted: ObjectFilter, most: int) -> tuple[int, int]:
    """The keys of the seconds that are asked for."""
    from .search_files import key_of

    least = key_of(0, wanted.since) if wanted.since is not None else 0
    if wanted.until is not None:
        most = min(most, key_of(-1, wanted.until))
    return least, most


def _shown(txn: Txn, t: Tables, hit: Hit, wanted: ObjectFilter) -> Document | None:
    """A post that is held as the index knows it, may be listed, and is what else is asked for."""
    id = U64.pack(hit.id)
    row = txn.get(id, None, t.ref)
    if row is None or Ref.unpack(row).content_hash != hit.hash:
        return None
    terms = terms_in(txn, t, id, row)
    at = from_inverted(terms.when)
    if not terms.live or terms.quiet:
        return None
    if wanted.since is not None and at < wanted.since:
        return None
    if wanted.until is not None and at >= wanted.until:
        return None
    try:
        keys = keys_of(txn, t, wanted)
    except Unknown:
        return None
    if not index.all_keys_of(terms).issuperset(keys):
        return None
    return document(txn, t, id, row)
