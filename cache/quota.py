"""Counting what hosts, domains and follows come to, inside a transaction, and asking the limits.

What is too much is decided in `protocol.quotas`; who has to go, in `room`. Counts are kept parsed
while a batch lasts and written once. Invariant: `documents`, `bytes` and `references` of a host are
exactly what the store holds of it that nobody followed owns; those of a domain are the sums of its
hosts'.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import orjson

from ..crawler.protocol.listable import FOLLOWED
from ..crawler.protocol.quotas import NUMBER, REASONS, Asks, Reason, Usage, over_asking, walk_again
from ..crawler.protocol.uri import host_port
from . import hosts, walks
from .environment import MIGRATING
from .intern import FOLLOW, known_id, word_of
from .layout import BODY, NONE, VERSION, host_key
from .quota_rows import FOLLOW as OF_FOLLOW
from .quota_rows import HELD, MENTIONED, Place, pack, place_of, unpack
from .quota_rows import HOST as OF_HOST
from .records import PARKED, Cause, Kind, Want

if TYPE_CHECKING:
    from .ref_layout import Ref
    from .work import Work

# What somebody asks for by name, what leads a follow on, and what looks again at what is held:
# bounded by who is followed, by what is held, and by `api_demand`.
_LEADING = frozenset({"handle", "confirm", "actor", "outbox", "check", "deleted", "moved"})


def usage(work: Work, key: bytes) -> Usage:
    """What a party has come to, with the day's counts as of now; changed in place."""
    found = work.usages.get(key)
    if found is None:
        stored = work.txn.get(key, None, work.t.quota)
        found = work.usages[key] = unpack(stored)
        work.usages_before[key] = stored
    return found.on(work.now)


def flush(work: Work) -> None:
    """Count the new references, and write what was counted."""
    rows: list[tuple[bytes, bytes]] = []
    for id in work.newcomers:
        ref = work.refs[id]
        place = place_of(ref.uri)
        if place is None or work.kept.get(id) or _is_to_come(work, id):
            continue
        held = HELD if ref.has_body else MENTIONED
        rows.append((place.key + held + id, b""))
        usage(work, place.host).references += 1
        usage(work, place.domain).references += 1
    work.newcomers.clear()
    work.kept.clear()
    rows.sort()
    work.put_all(work.t.minted, rows)
    for key in sorted(work.usages):
        found, before = work.usages[key], work.usages_before[key]
        if found == Usage(day=found.day):  # of names that are minted most have come to nothing
            if before is not None:
                work.delete(work.t.quota, key)
        elif (row := pack(found)) != before:
            work.put(work.t.quota, key, row)
    work.usages.clear()
    work.usages_before.clear()


# --- what is held


def created(work: Work, id: bytes, ref: Ref) -> None:
    """A body came for a reference that had none; its row says already who owns it."""
    place = place_of(ref.uri)
    if place is None or _is_to_come(work, id):
        return
    own = work.kept[id] = _is_own(work, ref)
    if not work.is_new(id):  # else `flush` writes its row
        key = place.key + MENTIONED + id
        there = work.txn.delete(key, b"", work.t.minted)
        if not own:
            work.put(work.t.minted, place.key + HELD + id, b"")
        _add(work, place, references=(not own) - there)
    _add(work, place, documents=not own)
    for party in (usage(work, place.host), usage(work, place.domain)):
        party.day_documents += 1


def _is_own(work: Work, ref: Ref) -> bool:
    """Whether it is of an actor that is followed, on that actor's own host."""
    if ref.consent & FOLLOWED:
        return True
    author = work.ref(ref.owner, change=False) if ref.owner != NONE else None
    return author is not None and bool(author.consent & FOLLOWED)


def grew(work: Work, id: bytes, size: int) -> None:
    """A body was written; `created` or `changing` was called for it before."""
    place = place_of(work.ref(id, change=False).uri)
    if place is None or (own := work.kept.get(id)) is None:
        return
    _add(work, place, own_bytes=size * own, bytes=size * (not own))
    usage(work, place.host).day_bytes += size
    usage(work, place.domain).day_bytes += size


def changing(work: Work, id: bytes, ref: Ref) -> None:
    """Another body is about to come in the place of one that is held."""
    if id not in work.kept:
        own = _held_as_own(work, id, ref)
        if own is not None:
            work.kept[id] = own


def shrank(work: Work, id: bytes, ref: Ref, size: int) -> None:
    """So many bytes of its bodies are gone."""
    place = place_of(ref.uri)
    own = work.kept.get(id) if id in work.kept else _held_as_own(work, id, ref)
    if place is not None and own is not None:
        _add(work, place, own_bytes=-size * own, bytes=-size * (not own))


def dropped(work: Work, id: bytes, ref: Ref) -> None:
    """Its body is gone, and its earlier versions; their bytes have been told to `shrank`."""
    place = place_of(ref.uri)
    own = work.kept.pop(id) if id in work.kept else _held_as_own(work, id, ref)
    if place is None or own is None:
        return
    _add(work, place, documents=own - 1)
    if not work.is_new(id):  # else `flush` counts it as what is only mentioned
        work.delete(work.t.minted, place.key + HELD + id)
        work.put(work.t.minted, place.key + MENTIONED + id, b"")
        _add(work, place, references=int(own))


def adopted(work: Work, id: bytes, ref: Ref, size: int) -> None:
    """What was discovered is a followed actor's, or in a follow's list: it has its room there."""
    place = place_of(ref.uri)
    if place is not None and work.delete(work.t.minted, place.key + HELD + id):
        _add(work, place, documents=-1, bytes=-size, references=-1, own_bytes=size)


def renamed(work: Work, id: bytes, uri: str) -> None:
    """A reference that is not held loses its name: it belongs to no host any more."""
    place = place_of(uri)
    if place is not None and work.delete(work.t.minted, place.key + MENTIONED + id):
        _add(work, place, references=-1)


def size_of(work: Work, id: bytes, body: bytes | None, versions: list[bytes]) -> int:
    """Bytes of a body and its earlier versions, as stored."""
    rows = (work.txn.get(key, None, work.t.history) for key in versions)
    earlier = sum(len(row) - VERSION.size for row in rows if row is not None)
    return earlier + (len(body) - BODY.size if body is not None else 0)


def count_stored(work: Work, id: bytes, size: int) -> None:
    """Count what an older version has stored: once for each reference, in the order of their ids.
    `size`: of its bodies, as `size_of` says."""
    ref = work.ref(id, change=False)
    place = place_of(ref.uri)
    if place is None or not _is_to_come(work, id):  # a batch begins where the last one ended
        return
    own = ref.has_body and _is_own(work, ref)
    if own:
        _add(work, place, own_bytes=size)
        return
    held = ref.has_body
    work.put(work.t.minted, place.key + (HELD if held else MENTIONED) + id, b"")
    _add(work, place, references=1, documents=int(held), bytes=size)


def _held_as_own(work: Work, id: bytes, ref: Ref) -> bool | None:
    """As what a held document was counted; None: it was not, as its migration is still to come."""
    place = place_of(ref.uri)
    if place is None:
        return None
    if work.txn.get(place.key + HELD + id, None, work.t.minted) is not None:
        return False
    return None if _is_to_come(work, id) else True


def _is_to_come(work: Work, id: bytes) -> bool:
    """Whether the migration of an older store has yet to come by, and count it."""
    mark = work.txn.get(MIGRATING, None, work.t.meta) if work.migrating else None
    return mark is not None and id > mark


def _add(
    work: Work,
    place: Place,
    *,
    documents: int = 0,
    bytes: int = 0,
    references: int = 0,
    own_bytes: int = 0,
) -> None:
    for party in (usage(work, place.host), usage(work, place.domain)):
        party.documents = max(party.documents + documents, 0)
        party.bytes = max(party.bytes + bytes, 0)
        party.references = max(party.references + references, 0)
        party.own_bytes = max(party.own_bytes + own_bytes, 0)


# --- what is asked for


def may_ask(work: Work, want: Want, host: str, *, new: bool) -> bool:
    """Whether a request may be queued at a host for what is discovered, and count it. `new`: there
    is no reference for it yet."""
    place = place_of(want.uri)
    if place is None or want.relation in _LEADING or (want.relation == "asked" and not want.root):
        return True
    follow = word_of(work, FOLLOW, want.follow) if want.follow else NONE
    if want.relation == "item" and host == _home(work, follow):
        return True
    key = host_key(host)
    row = hosts.load(work, key)
    asks = Asks(
        queued=row.queued if row is not None else 0,
        frontier=work.counters.due,
        new_host=row is None,
        new_reference=new,
        actor=want.relation == "author",
    )
    of_domain = usage(work, place.domain)
    # A host that was never asked has no row of its own until it is.
    of_host = usage(work, place.host) if row is not None else Usage()
    of_follow = usage(work, OF_FOLLOW + follow) if follow != NONE else None
    reason = over_asking(asks, of_host, of_domain, of_follow, work.limits)
    if reason is not None:
        refuse(work, reason, of_host, of_domain)
        return False
    of_host = usage(work, place.host)
    for party in (of_host, of_domain):
        party.day_requests += 1
        party.day_actors += asks.actor and new
    of_domain.day_hosts += asks.new_host
    if of_follow is not None:
        of_follow.day_requests += 1
    return True


def rested(work: Work, want: Want, host: str) -> Want:
    """The next page of a walk, put off where it would outrun what the walk has led to."""
    if want.kind is not Kind.PAGE or want.cause is Cause.ON_DEMAND or want.due >= PARKED:
        return want
    key, id = host_key(host), known_id(work, want.uri)
    row = hosts.load(work, key)
    if row is None or id is None or walks.load(work.txn, work.t, id) is None:
        return want  # it begins
    now = work.now or want.due
    due = walk_again(usage(work, OF_HOST + key), row.queued, work.limits, now)
    return replace(want, due=due) if due > want.due else want


def refuse(work: Work, reason: Reason, host: Usage, domain: Usage) -> None:
    """Count a refusal: for the metrics, and where `hosts` shows it."""
    work.ended["quota", reason] += 1
    for party in (host, domain):
        party.refused += 1
        party.reason, party.refused_at = NUMBER[reason], work.now


def said(reason: Reason) -> str:
    return f"not asked for: {REASONS[reason]}"


def _home(work: Work, follow: bytes) -> str | None:
    """The host of a follow's outbox: what it lists of its own is no discovery."""
    if follow == NONE:
        return None
    if follow not in work.homes:
        stored = work.txn.get(follow, None, work.t.follow)
        outbox = orjson.loads(stored).get("outbox") if stored is not None else None
        work.homes[follow] = host_port(outbox) if outbox else None
    return work.homes[follow]


def may_name(work: Work, uri: str) -> bool:
    """Whether an id may be noted that something mentions: it is known, or its host has room."""
    place = place_of(uri)
    return place is None or has_room(work, place) or known_id(work, uri) is not None


def has_room(work: Work, place: Place) -> bool:
    """Whether one more reference may be known of a host."""
    host, domain = usage(work, place.host), usage(work, place.domain)
    limits = work.limits
    return host.references < limits.host.references and domain.references < limits.domain.references
