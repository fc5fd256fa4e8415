"""Making room: what is taken in of a host or domain that has used up its own, and what goes for it.

It decides by `protocol.quotas` and counts by `quota`. Who brings more makes room out of its own:
the oldest of that host's documents that nobody follows go, so that no host can crowd out another.
Invariant: of a followed actor's own, and of what a follow's list shows, nothing goes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..crawler.protocol.listable import FOLLOWED
from ..crawler.protocol.quotas import REASONS, Reason, Usage, over_keeping
from . import follows, marks, purge, quota
from .documents import set_extra, stored_body, versions
from .index import terms_of
from .intern import FOLLOW, known_id, word_of
from .layout import LOCAL, NONE, STATE_NUMBER
from .quota_asks import may_list
from .quota_rows import HELD, Place
from .records import State

if TYPE_CHECKING:
    from .records import Entry, Members, Put
    from .work import Work

# Documents that are looked at to make room for one. Most can go; each that cannot leaves the line.
_LOOKED_AT = 8


_UNKNOWN, _FAILED = STATE_NUMBER[State.UNKNOWN], STATE_NUMBER[State.FAILED]


def takes(work: Work, put: Put) -> bool:
    """Whether a document is to be kept; room is made for it where that can be done."""
    found = quota.parties(work, put.id)
    if found is None:
        return True
    place, host, domain = found
    limits, size = work.limits, len(put.body)
    # Whosever it is, there is room: so for all but the hosts that this module is about.
    if (
        host.documents < limits.host.documents
        and domain.documents < limits.domain.documents
        and host.bytes + size < limits.host.bytes
        and domain.bytes + size < limits.domain.bytes
        and host.own_bytes + size < limits.host.own_bytes
        and domain.own_bytes + size < limits.domain.own_bytes
        and quota.has_room(work, found)
    ):
        return True
    id = known_id(work, put.id)
    if id is not None and work.ref(id, change=False).has_body:
        return True  # another version: how many there are is bounded
    own = _would_be_own(work, put)
    reason = over_keeping(host, domain, size, limits, own=own)
    if reason is not None and not own:
        reason = _after_eviction(work, place, host, domain, size)
    if reason is None and not own and id is None and not quota.has_room(work, found):
        reason = "references"
    if reason is None:
        return True
    quota.refuse(work, reason, host, domain)
    if id is not None:
        _say(work, id, reason)
    return False


def _would_be_own(work: Work, put: Put) -> bool:
    owner = known_id(work, put.stamp.owner) if put.stamp.owner else None
    named = [id for id in (owner, known_id(work, put.id)) if id is not None]
    return any(work.ref(id, change=False).consent & FOLLOWED for id in named)


def _say(work: Work, id: bytes, reason: Reason) -> None:
    """For `explain`. Whoever mentions it later may have it asked for again."""
    work.ref(id).state = _FAILED
    set_extra(work, id, {"last_error": f"not kept: {REASONS[reason]}"})


def _after_eviction(
    work: Work, place: Place, host: Usage, domain: Usage, size: int
) -> Reason | None:
    """Why there is still no room, after the oldest of its host that may go went."""
    reason: Reason | None = None
    for _ in range(_LOOKED_AT):
        reason = over_keeping(host, domain, size, work.limits, own=False)
        if reason is None or not evict_oldest(work, place):
            return reason
    return over_keeping(host, domain, size, work.limits, own=False)


def evict_oldest(work: Work, place: Place) -> bool:
    """Look at the oldest document of a host that counts as discovered; False: there is none."""
    cursor = work.txn.cursor(work.t.minted)
    prefix = place.key + HELD
    if not cursor.set_range(prefix) or not cursor.key().startswith(prefix):
        return False
    id = cursor.key()[9:]
    if not evict(work, id):
        kept = quota.size_of(work, id, stored_body(work, id), versions(work, id))
        quota.adopted(work, id, work.ref(id), kept)
    return True


def evict(work: Work, id: bytes) -> bool:
    """Let a document go that nobody follows; False: somebody does, or it is not held."""
    if not work.ref(id, change=False).has_body or _is_wanted(work, id):
        return False
    ref = work.ref(id)
    purge.call_off(work, id, ref)
    marks.purge(work, id, ref, work.now, "evicted")
    ref.state = _UNKNOWN
    set_extra(work, id, {"reason": "evicted", "target": "", "last_error": ""})
    work.ended["evicted",] += 1
    found = quota.parties(work, ref.uri)
    for party in (found.host, found.domain) if found is not None else ():
        party.evicted += 1
    return True


def _is_wanted(work: Work, id: bytes) -> bool:
    """Whether somebody follows it: its author, itself, or who has a list that shows it; or we have
    published it."""
    ref = work.ref(id, change=False)
    if ref.verified_by == LOCAL:
        return True
    author = work.ref(ref.owner, change=False) if ref.owner != NONE else ref
    if (ref.consent | author.consent) & FOLLOWED:
        return True
    return any(follows.stands(work, follow) for follow in terms_of(work, id).follows)


def entries(work: Work, page: Members) -> tuple[Entry, ...]:
    """Those items of a page that are noted. What a follow lists is, up to a number in all, and of
    other hosts in a day; of another's collection no more than there is room for, as each may be an
    id that nobody has ever met."""
    if page.follow:
        follow = word_of(work, FOLLOW, page.follow)
        return tuple(one for one in page.entries if may_list(work, one.object, follow))
    return tuple(one for one in page.entries if quota.may_name(work, one.object))
