"""Whether what is discovered is asked for, within the quotas of its host, domain and follow.

What is too much is decided in `protocol.quotas`; this looks up and counts. Invariant: what somebody
asks for by name, what leads a follow on, and what looks again at what is held is never refused
here; what a follow lists on its own host is, once its lists have named more than a store has room
for.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import orjson

from ..crawler.protocol.quotas import Asks, Reason, Usage, over_asking, walk_again
from ..crawler.protocol.uri import host_port
from . import hosts, walks
from .intern import FOLLOW, known_id, word_of
from .layout import NONE, host_key
from .quota import has_room, refuse, usage
from .quota_rows import FOLLOW as OF_FOLLOW
from .quota_rows import HOST as OF_HOST
from .quota_rows import Parties, place_of
from .records import PARKED, Cause, Kind, Want

if TYPE_CHECKING:
    from .work import Work

# What somebody asks for by name, what leads a follow on, and what looks again at what is held:
# bounded by who is followed, by what is held, and by `api_demand`.
_LEADING = frozenset({"handle", "confirm", "actor", "outbox", "check", "deleted", "moved"})


def may_ask(work: Work, want: Want, host: str, *, new: bool) -> bool:
    """Whether a request may be queued at a host for what is discovered, and count it. `new`: there
    is no reference for it yet."""
    place = place_of(want.uri)
    if place is None or want.relation in _LEADING or (want.relation == "asked" and not want.root):
        return True
    follow = word_of(work, FOLLOW, want.follow) if want.follow else NONE
    if want.relation == "item" and host == _home(work, follow):
        return not new or may_list(work, want.uri, follow)
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


def may_list(work: Work, uri: str, follow: bytes) -> bool:
    """Whether an id that a follow's page lists is noted: one that is known is; of those that nobody
    has met so many in all, and so many of other hosts than its own in a day."""
    place = place_of(uri)
    if place is None or known_id(work, uri) is not None:
        return True
    home, of_follow = _home(work, follow), usage(work, OF_FOLLOW + follow)
    own = home is not None and place.key == host_key(home)
    reason: Reason | None = None
    parties = Parties(place, usage(work, place.host), usage(work, place.domain))
    # Who is followed has as much room again as what is discovered there, which may take all of it.
    full = not has_room(work, parties, times=2)
    if full or of_follow.references >= work.limits.domain.references:
        reason = "references"
    elif not own and of_follow.day_documents >= work.limits.follow:
        reason = "follow"
    if reason is not None:
        refuse(work, reason, usage(work, place.host), usage(work, place.domain))
        return False
    of_follow.references += 1
    of_follow.day_documents += not own
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


def _home(work: Work, follow: bytes) -> str | None:
    """The host of a follow's outbox: what it lists of its own is no discovery."""
    if follow == NONE:
        return None
    if follow not in work.homes:
        stored = work.txn.get(follow, None, work.t.follow)
        outbox = orjson.loads(stored).get("outbox") if stored is not None else None
        work.homes[follow] = host_port(outbox) if outbox else None
    return work.homes[follow]
