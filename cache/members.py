"""Membership of collections: which objects, in the origin's order, offered or announced.

What order means is decided in `place`; this applies it. A member is an object id (and whether it
was announced), never an activity id: those are minted per request by some servers.
Invariant: `member` and `member_of` say the same, one row each per member.
"""

from __future__ import annotations

import orjson

from . import purge, quota, quota_rows
from .index import list_for, unlist
from .intern import FOLLOW, id_of, known_id, word_of
from .layout import (
    ANNOUNCED,
    from_position,
    pack_member,
    position_key,
)
from .place import GAP, Ground, NoRoomError, place, spread
from .records import Collection, Entry, Members, Relink
from .work import Work

_FLAGS = (b"\0", b"\1")  # offered, announced
_ENOUGH = 1 << 16  # room between neighbours after making some


def set_collection(work: Work, item: Collection) -> None:
    """Note what is known of a collection; what the item does not say stays as it was."""
    id = id_of(work, item.id)
    stored = work.txn.get(id, None, work.t.collection)
    old = orjson.loads(stored) if stored is not None else {}
    complete = item.complete if item.complete is not None else old.get("complete", False)
    total = item.total_items if item.total_items is not None else old.get("total")
    row = {"kind": item.kind, "complete": complete, "total": total}
    work.put(work.t.collection, id, orjson.dumps(row))


def add(work: Work, page: Members) -> None:
    """Take in the items of one page."""
    collection = id_of(work, page.collection)
    entries = list({(entry.object, entry.announced): entry for entry in page.entries}.values())
    ids = [id_of(work, entry.object) for entry in entries]
    keys = [id + _FLAGS[entry.announced] for id, entry in zip(ids, entries, strict=True)]
    known, places = _places(work, collection, page, keys)
    for old, new in zip(known, places, strict=True):
        if old is not None and old != new:
            _move_away(work, collection, old)
    rows: list[tuple[bytes, bytes]] = []
    owners: list[tuple[bytes, bytes]] = []
    for id, key, entry, old, new in zip(ids, keys, entries, known, places, strict=True):
        if old != new:
            at = position_key(new)
            row = pack_member(id, entry.object, entry.activity, entry.announced)
            rows.append((collection + at, row))
            owners.append((collection + key, at))
    work.put_all(work.t.member, sorted(rows))
    work.put_all(work.t.member_of, sorted(owners))
    if page.follow:
        follow = word_of(work, FOLLOW, page.follow)
        for id, entry in zip(ids, entries, strict=True):
            list_for(work, id, follow, entry.announced)
        _shorten(work, collection, follow, sum(old is None for old in known))


def _shorten(work: Work, collection: bytes, follow: bytes, came: int) -> None:
    """Of a follow's list the end goes that is too much: it may name ids without end, known ones or
    its own. What is held of it stays, and the follow's; what is not counts for it no more."""
    used = quota.usage(work, quota_rows.FOLLOW + follow)
    used.documents += came
    around = _Around(work, collection)
    while used.documents > work.limits.listed and (last := around.last()) is not None:
        key = collection + position_key(last)
        row = work.txn.get(key, b"", work.t.member) or b""
        purge.members(work, [(key, row)])
        if not work.ref(row[:8], change=False).has_body:
            unlist(work, row[:8], follow)
            used.references = max(used.references - 1, 0)
        used.documents -= 1


def relink(work: Work, item: Relink) -> None:
    """Put the object of an activity in the place that its URL had taken."""
    collection, old = known_id(work, item.collection), known_id(work, item.old)
    if collection is None or old is None:
        return
    for flag in _FLAGS:
        position = _position(work, collection, old + flag)
        if position is None:
            continue
        _move_away(work, collection, position)
        work.delete(work.t.member_of, collection + old + flag)
        if item.entry is not None:
            id = id_of(work, item.entry.object)
            if _position(work, collection, id + bytes((item.entry.announced,))) is None:
                _write(work, collection, position, id, item.entry)
    if item.follow:
        follow = word_of(work, FOLLOW, item.follow)
        unlist(work, old, follow)
        if item.entry is not None:
            list_for(work, id_of(work, item.entry.object), follow, item.entry.announced)


def _position(work: Work, collection: bytes, key: bytes) -> int | None:
    """The position of a member; its key is the object's id and whether it was announced."""
    found = work.txn.get(collection + key, None, work.t.member_of)
    return None if found is None else from_position(found)


def _write(work: Work, collection: bytes, position: int, id: bytes, entry: Entry) -> None:
    key = position_key(position)
    row = pack_member(id, entry.object, entry.activity, entry.announced)
    work.put(work.t.member, collection + key, row)
    work.put(work.t.member_of, collection + id + bytes((entry.announced,)), key)


def _move_away(work: Work, collection: bytes, position: int) -> None:
    work.delete(work.t.member, collection + position_key(position))


def _places(
    work: Work, collection: bytes, page: Members, keys: list[bytes]
) -> tuple[list[int | None], list[int]]:
    """Where the page's items were and where they belong; asks again after room was made."""
    while True:
        known = [None if work.is_new(key[:8]) else _position(work, collection, key) for key in keys]
        ground = _ground(work, collection, page, known)
        try:
            return known, place(known, ground, at_head=page.first or page.upward)
        except NoRoomError as crowded:
            _make_room(work, collection, crowded.low)


def _ground(work: Work, collection: bytes, page: Members, known: list[int | None]) -> Ground:
    held = [position for position in known if position is not None]
    if len(held) == len(known):
        return Ground()
    after: int | None = None
    if page.after is not None and not held:
        after = _last_place(work, collection, page.after)
    around = _Around(work, collection)
    following = {position: around.after(position) for position in held}
    if after is not None:
        following[after] = around.after(after)
    return Ground(
        first=around.first(),
        last=around.last(),
        before=around.before(min(held)) if held else None,
        after=after,
        following=following,
    )


def _last_place(work: Work, collection: bytes, uri: str) -> int | None:
    """The last position of an item; one that was an activity's URL has left it to its object."""
    item = known_id(work, uri)
    if item is None:
        return None
    target = work.extra(item, change=False).get("target")
    relinked = known_id(work, target) if target else None
    positions = [
        _position(work, collection, id + flag)
        for id in (item, relinked)
        if id is not None
        for flag in _FLAGS
    ]
    return max((at for at in positions if at is not None), default=None)


class _Around:
    """Neighbours in one collection's order."""

    def __init__(self, work: Work, collection: bytes) -> None:
        self._cursor = work.txn.cursor(work.t.member)
        self._collection = collection

    def first(self) -> int | None:
        return self._here(self._cursor.set_range(self._collection))

    def last(self) -> int | None:
        beyond = int.from_bytes(self._collection, "big") + 1
        if self._cursor.set_range(beyond.to_bytes(8, "big")):
            return self._here(self._cursor.prev())
        return self._here(self._cursor.last())

    def after(self, position: int) -> int | None:
        return self._here(self._cursor.set_range(self._collection + position_key(position + 1)))

    def before(self, position: int) -> int | None:
        if self._cursor.set_range(self._collection + position_key(position)):
            return self._here(self._cursor.prev())
        return self._here(self._cursor.last())

    def _here(self, found: bool) -> int | None:
        key = self._cursor.key() if found else b""
        return from_position(key[8:]) if key[:8] == self._collection else None


def _make_room(work: Work, collection: bytes, low: int) -> None:
    """Spread the neighbours of a crowded spot over the smallest stretch that has room.

    Doubling the stretch makes the cost of n insertions at one spot O(n log n), whoever chooses it.
    """
    around = _Around(work, collection)
    stretch = [low]
    reach = 16
    while True:
        while len(stretch) < reach and (at := around.before(stretch[0])) is not None:
            stretch.insert(0, at)
        while len(stretch) < 2 * reach and (at := around.after(stretch[-1])) is not None:
            stretch.append(at)
        left, right = around.before(stretch[0]), around.after(stretch[-1])
        if left is None or right is None:
            break
        if (right - left) // (len(stretch) + 1) >= _ENOUGH:
            break
        reach *= 2
    if left is None and right is None:
        left = -GAP * (len(stretch) // 2)
    rows: list[bytes] = []
    for position in stretch:
        row = work.txn.get(collection + position_key(position), b"", work.t.member)
        rows.append(row or b"")
        if work.memo.watched is not None and row:  # it moves to where was looked already, perhaps
            work.memo.watched.add(row[:8])
        _move_away(work, collection, position)
    for position, row in zip(spread(len(stretch), left, right), rows, strict=True):
        key = position_key(position)
        work.put(work.t.member, collection + key, row)
        flag = bytes((row[8] & ANNOUNCED,))
        work.put(work.t.member_of, collection + row[:8] + flag, key)
