"""Counting what hosts, domains and follows come to, inside a transaction, and asking the limits.

What is too much is decided in `protocol.quotas`; who has to go, in `room`. Counts are kept parsed
while a batch lasts and written once. Invariant: `documents`, `bytes` and `references` of a host are
exactly what the store holds of it that nobody followed owns; those of a domain are the sums of its
hosts'.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..crawler.protocol.listable import FOLLOWED
from ..crawler.protocol.quotas import NUMBER, Reason, Usage
from .environment import MIGRATING
from .intern import known_id
from .layout import BODY, NONE, VERSION
from .quota_rows import BESIDE, FOLLOW, HELD, MENTIONED, Parties, pack, place_of, unpack

if TYPE_CHECKING:
    from .ref_layout import Ref
    from .work import Work


def usage(work: Work, key: bytes) -> Usage:
    """What a party has come to, with the day's counts as of now; changed in place."""
    found = work.usages.get(key)
    if found is None:
        stored = work.txn.get(key, None, work.t.quota)
        found = work.usages[key] = unpack(stored).on(work.now)
        work.usages_before[key] = stored
    return found


def parties(work: Work, uri: str) -> Parties | None:
    """Who a reference counts for; None for what has no host."""
    end = uri.find("/", 8)
    origin = uri if end < 0 else uri[:end]
    try:
        return work.parties[origin]
    except KeyError:
        place, found = place_of(origin), None
        if place is not None:
            found = Parties(place, usage(work, place.host), usage(work, place.domain))
        work.parties[origin] = found
        return found


def flush(work: Work) -> None:
    """Count the new references, and write what was counted."""
    rows: list[tuple[bytes, bytes]] = []
    for id in work.newcomers:
        kept = work.kept.get(id)
        if kept is not None and kept[0]:
            continue
        ref = work.refs[id]
        found = parties(work, ref.uri)
        if found is None or _is_to_come(work, id):
            continue
        rows.append((found.place.key + (HELD if ref.has_body else MENTIONED) + id, b""))
        _add(found, references=1)
    work.newcomers.clear()
    work.counted.clear()
    work.kept.clear()
    work.parties.clear()
    rows.sort()
    work.put_all(work.t.minted, rows)
    for key in sorted(work.usages):
        used, before = work.usages[key], work.usages_before[key]
        if used == Usage(day=used.day):  # of names that are minted most have come to nothing
            if before is not None:
                work.delete(work.t.quota, key)
        elif (row := pack(used)) != before:
            work.put(work.t.quota, key, row)
    work.usages.clear()
    work.usages_before.clear()


# --- what is held


def created(work: Work, id: bytes, ref: Ref) -> None:
    """A body came for a reference that had none; its row says already who owns it."""
    found = parties(work, ref.uri)
    if found is None or _is_to_come(work, id):
        return
    own = _is_own(work, ref)
    work.kept[id] = own, found
    if not _is_newcomer(work, id):  # else `flush` writes its row
        place = found.place
        there = work.txn.delete(place.key + MENTIONED + id, b"", work.t.minted)
        if not own:
            work.put(work.t.minted, place.key + HELD + id, b"")
        _add(found, references=(not own) - there)
    found.host.day_documents += 1
    found.domain.day_documents += 1
    if not own:
        _add(found, documents=1)


def _is_own(work: Work, ref: Ref) -> bool:
    """Whether it is of an actor that is followed, which then is of the same host."""
    if ref.consent & FOLLOWED:
        return True
    author = work.ref(ref.owner, change=False) if ref.owner != NONE else None
    return author is not None and bool(author.consent & FOLLOWED)


def grew(work: Work, id: bytes, size: int) -> None:
    """A body was written; `created` or `changing` was called for it before."""
    kept = work.kept.get(id)
    if kept is None:
        return
    own, (_, host, domain) = kept
    size += BESIDE
    if own:
        host.own_bytes += size
        domain.own_bytes += size
    else:
        host.bytes += size
        domain.bytes += size
    host.day_bytes += size
    domain.day_bytes += size


def changing(work: Work, id: bytes, ref: Ref) -> None:
    """Another body is about to come in the place of one that is held."""
    if id not in work.kept and (kept := _kept(work, id, ref)) is not None:
        work.kept[id] = kept


def shrank(work: Work, id: bytes, ref: Ref, size: int) -> None:
    """So many bytes of its bodies are gone."""
    kept = _kept(work, id, ref) if size else None
    if kept is not None:
        own, found = kept
        _add(found, own_bytes=-size * own, bytes=-size * (not own))


def dropped(work: Work, id: bytes, ref: Ref) -> None:
    """Its body is gone, and its earlier versions; their bytes have been told to `shrank`."""
    kept = _kept(work, id, ref)
    work.kept.pop(id, None)
    if kept is None:
        return
    own, found = kept
    _add(found, documents=own - 1)
    if not _is_newcomer(work, id):  # else `flush` counts it as what is only mentioned
        work.delete(work.t.minted, found.place.key + HELD + id)
        work.put(work.t.minted, found.place.key + MENTIONED + id, b"")
        _add(found, references=int(own))


def adopted(work: Work, id: bytes, ref: Ref, size: int) -> None:
    """What was discovered is a followed actor's, or in a follow's list: it has its room there."""
    found = parties(work, ref.uri)
    if found is not None and work.delete(work.t.minted, found.place.key + HELD + id):
        _add(found, documents=-1, bytes=-size, references=-1, own_bytes=size)


def rehomed(work: Work, id: bytes) -> None:
    """Its author is followed now, or nobody's any more: it takes the room that is for such. What
    came in this very transaction was counted with it."""
    from .documents import stored_body, versions  # which counts here what it writes

    ref = work.ref(id, change=False)
    fresh = id in work.kept or _is_newcomer(work, id)
    found = None if fresh else parties(work, ref.uri)
    if found is None or not ref.has_body or _is_to_come(work, id):
        return
    own, row = _is_own(work, ref), found.place.key + HELD + id
    if own != (work.txn.get(row, None, work.t.minted) is not None):
        return
    size = size_of(work, id, stored_body(work, id), versions(work, id))
    if own:
        adopted(work, id, ref, size)
    else:
        work.put(work.t.minted, row, b"")
        _add(found, documents=1, bytes=size, references=1, own_bytes=-size)


def renamed(work: Work, id: bytes, uri: str) -> None:
    """A reference that is not held loses its name: it belongs to no host any more."""
    found = parties(work, uri)
    if found is not None and work.delete(work.t.minted, found.place.key + MENTIONED + id):
        _add(found, references=-1)


def size_of(work: Work, id: bytes, body: bytes | None, versions: list[bytes]) -> int:
    """What a body and its earlier versions count for: each as `grew` has counted it."""
    rows = (work.txn.get(key, None, work.t.history) for key in versions)
    earlier = sum(len(row) - VERSION.size + BESIDE for row in rows if row is not None)
    return earlier + (len(body) - BODY.size + BESIDE if body is not None else 0)


def count_anew(work: Work) -> None:
    """The migration of an older store begins: what an earlier one, perhaps of an earlier version,
    had counted until it was stopped is counted again."""
    work.txn.drop(work.t.minted, False)
    for key, row in list(work.txn.cursor(work.t.quota)):
        used = unpack(row)
        if key[:1] != FOLLOW:
            used.documents = used.bytes = used.references = used.own_bytes = 0
            work.put(work.t.quota, key, pack(used))


def count_stored(work: Work, id: bytes, size: int) -> None:
    """Count what an older version has stored: once for each reference, in the order of their ids.
    `size`: of its bodies, as `size_of` says."""
    ref = work.ref(id, change=False)
    found = parties(work, ref.uri)
    if found is None or not _is_to_come(work, id):  # a batch begins where the last one ended
        return
    held = ref.has_body
    if held and _is_own(work, ref):
        _add(found, own_bytes=size)
        return
    work.put(work.t.minted, found.place.key + (HELD if held else MENTIONED) + id, b"")
    _add(found, references=1, documents=int(held), bytes=size)


def end_counting(work: Work, count: Callable[[Work, bytes], None]) -> None:
    """All that was stored is counted: what has come in this very transaction, and was still to be,
    is so now."""
    for id in work.newcomers:
        count(work, id)
    work.counted.update(work.newcomers)
    work.newcomers.clear()


def _is_newcomer(work: Work, id: bytes) -> bool:
    """Whether it was made in this transaction, and `flush` counts it."""
    return work.is_new(id) and id not in work.counted


def _kept(work: Work, id: bytes, ref: Ref) -> tuple[bool, Parties] | None:
    """As whose a held document was counted; None: it was not, its migration is still to come."""
    if id in work.kept:
        return work.kept[id]
    found = parties(work, ref.uri)
    if found is None or _is_to_come(work, id):
        return None
    held = work.txn.get(found.place.key + HELD + id, None, work.t.minted)
    return held is None, found


def _is_to_come(work: Work, id: bytes) -> bool:
    """Whether the migration of an older store has yet to come by, and count it."""
    mark = work.txn.get(MIGRATING, None, work.t.meta) if work.migrating else None
    return mark is not None and id > mark


def _add(
    found: Parties,
    *,
    documents: int = 0,
    bytes: int = 0,
    references: int = 0,
    own_bytes: int = 0,
) -> None:
    for party in (found.host, found.domain):
        party.documents = max(party.documents + documents, 0)
        party.bytes = max(party.bytes + bytes, 0)
        party.references = max(party.references + references, 0)
        party.own_bytes = max(party.own_bytes + own_bytes, 0)


# --- what there is no room for


def refuse(work: Work, reason: Reason, host: Usage, domain: Usage) -> None:
    """Count a refusal: for the metrics, and where `hosts` shows it. Of a name of which nothing else
    is known it leaves no row: there is no end of names."""
    work.ended["quota", reason] += 1
    for party in (host, domain):
        if party == Usage(day=party.day):
            continue
        party.refused += 1
        party.reason, party.refused_at = NUMBER[reason], work.now


def may_name(work: Work, uri: str) -> bool:
    """Whether an id may be noted that something mentions: it is known, or its host has room."""
    found = parties(work, uri)
    return found is None or has_room(work, found) or known_id(work, uri) is not None


def has_room(work: Work, found: Parties, times: int = 1) -> bool:
    """Whether one more reference may be known of a host."""
    of_host, of_domain = work.limits.host, work.limits.domain
    return (
        found.host.references < times * of_host.references
        and found.domain.references < times * of_domain.references
    )
