"""From stored rows to what readers get of what we have published. It writes nothing.

Invariant: the items of an outbox page stand where they stood when they were published; what a call
returns is one page at most.
"""

from __future__ import annotations

from .environment import Tables, Txn
from .layout import U64
from .mail_layout import digest
from .publication_records import LocalObject, OutboxPage, Publication
from .publication_rows import PAGE, Published, unpack_local, unpack_publication


def publication(txn: Txn, t: Tables, id: str) -> Publication | None:
    row = txn.get(digest(id), None, t.publication)
    found = None if row is None else unpack_publication(row)[0]
    return found if found is not None and found.activity == id else None


def local(txn: Txn, t: Tables, id: str) -> LocalObject | None:
    row = txn.get(digest(id), None, t.local)
    found = None if row is None else unpack_local(row)
    return found if found is not None and found.id == id else None


def page(txn: Txn, t: Tables, number: int | None) -> OutboxPage | None:
    """A page by its number, None: the newest."""
    total = Published.read(txn, t).outbox
    last = -(-total // PAGE)
    wanted = last if number is None else number
    if not 1 <= wanted <= last:
        return None
    end = min(wanted * PAGE, total)
    there = [at(txn, t, position) for position in range(end, (wanted - 1) * PAGE, -1)]
    changed = max(one.changed for one in there)
    together = sum(int(one.changed) == int(changed) for one in there)
    items, full = tuple(one.body for one in there), end == wanted * PAGE
    return OutboxPage(wanted, last, total, items, changed, full, together)


def at(txn: Txn, t: Tables, position: int) -> Publication:
    """What stands at a place of the outbox, which counts from 1."""
    key = txn.get(U64.pack(position), None, t.outbox)
    row = None if key is None else txn.get(key, None, t.publication)
    if row is None:
        raise LookupError(position)
    return unpack_publication(row)[0]


def total(txn: Txn, t: Tables) -> int:
    """How many items the outbox has."""
    return Published.read(txn, t).outbox
