"""Leasing: who is asked next, and giving back. It fetches nothing and starts no timer.

Hosts stand in one line for each cause, the most urgent cause first, whoever waited longest first
within it; a host gets one lease a round. Invariants: a row is leased at most once at a time; a
lease is a row in `slot` until its outcome, its end or a restart, so a crash gives it back.
"""

from __future__ import annotations

from collections.abc import Sequence

from . import hosts, wants
from .account import Account
from .host_state import LONGEST_PAUSE
from .intern import known_id, text_of
from .layout import F64, NONE, U64, host_key, micros
from .queue_layout import CAUSES, KINDS, TURN, HostRow, Row
from .records import PARKED, Cause, Kind, Lease, Want
from .walks import load as load_walk
from .work import Work

_MOST_SECONDS = 3_600.0  # of a lease
# Of one cause documents go before pages, which only lead to more of them; but every so many
# requests of a host are a page's turn, so that hundreds of replies do not keep an outbox waiting.
_PAGE_EVERY = 4
# Intervals end at 30 days, so what is planned further ahead was planned by a wrong clock.
_MOST_AHEAD = 31 * 86_400.0
# Whatever its validators say, once in so long a document is asked for in full: a server may go on
# saying that nothing has changed.
_WHOLE_EVERY = 30 * 86_400.0
_SET_BACK = 60.0  # smaller steps are waited out
_PARKED = U64.pack(micros(PARKED))
# Without these a follow does not go on; what it lists, and what that leads to, is all the rest.
_LEADING = frozenset({b"handle", b"confirm", b"actor", b"outbox", b"moved"})
# What a follow has led to beyond its share of the hour waits so long, and others go first.
_NEXT_SHARE = 600.0
_MOST_PUT_OFF = 16  # rows of a host, for one lease


def lease(
    work: Work, now: float, limit: int, seconds: float, last: Cause = Cause.BACKFILL
) -> list[Lease]:
    """Up to `limit` leases on what is due, none less urgent than `last`."""
    _look_at_clock(work, now)
    _expire(work, now)
    until = now + min(seconds, _MOST_SECONDS)
    leases: list[Lease] = []
    passed: set[bytes] = set()
    while len(leases) < limit:
        hosts.settle(work)
        causes = CAUSES[: last + 1]
        most = limit - len(leases) + len(passed)
        line = [key for key in _line(work, now, most, causes) if key not in passed]
        if not line:
            break
        for key in line:
            found = _lease_one(work, key, now, until, last)
            if found is None:
                passed.add(key)
            else:
                leases.append(found)
    return leases


def least_urgent(account: Account, now: float) -> Cause:
    """The least urgent cause for which the hour's budget still allows a request."""
    refused = _refused(account, now)
    return max(cause for cause in CAUSES if cause not in refused)


def _refused(account: Account, now: float) -> tuple[Cause, ...]:
    """The causes for which the hour's budget allows no more requests."""
    refused = () if account.left(now) >= 1.0 else (Cause.NEW, Cause.REFRESH)
    return refused if account.left(now, backfill=True) >= 1.0 else (*refused, Cause.BACKFILL)


def _line(work: Work, now: float, limit: int, causes: Sequence[Cause]) -> list[bytes]:
    """Hosts that can be asked now, in their order."""
    found: list[bytes] = []
    latest = U64.pack(micros(now + 2 * hosts.STEP_BACK))
    cursor = work.txn.cursor(work.t.ready)
    for cause in causes:
        more = cursor.set_range(bytes((cause,)))
        while more and len(found) < limit:
            key = cursor.key()
            if key[0] != cause or key[1:9] > latest:
                break
            found.append(key[9:])
            more = cursor.next()
    return found


def _lease_one(work: Work, key: bytes, now: float, until: float, last: Cause) -> Lease | None:
    """A lease on the most urgent row of a host, if it may be asked at all and has one of `last` or
    a more urgent cause."""
    host = hosts.get(work, key)
    work.unsettled.add(key)
    if host.blocked or host.in_flight >= hosts.capacity(work, host):
        return None
    if hosts.free_at(host) > now:
        return None
    for _ in range(_MOST_PUT_OFF):
        best = _most_urgent(work, key, host, now, last)
        if best is None:
            return None
        row = _row_of(work, best)
        if _has_its_share(work, row, now):
            page = best.kind == Kind.PAGE
            hosts.take(work, key, host, now, page, paid=row.promoted, cause=CAUSES[row.cause])
            wants.lease_out(work, best.id, best.kind, row, until)
            return _describe(work, best.id, KINDS[best.kind], row, host, now)
        wants.postpone(work, best.id, best.kind, row, now + _NEXT_SHARE)
    return None


def _has_its_share(work: Work, row: Row, now: float) -> bool:
    """Whether the follow that has led to a row has a request left for it; it is counted."""
    if row.follow == NONE or row.promoted or row.cause <= Cause.PUSH or row.relation in _LEADING:
        return True
    if row.cause == Cause.BACKFILL and row.relation == b"item":
        return True  # first sights have a part of the hour for all of them
    prices, follows = work.agenda.prices, work.txn.stat(work.t.follow)["entries"]
    if not prices.account.may_lead(row.follow, follows, now, spare=prices.at_floor):
        return False
    prices.account.led(row.follow, now)
    return True


def _most_urgent(
    work: Work, key: bytes, host: HostRow, now: float, last: Cause
) -> hosts.Group | None:
    """The head of a host's queue whose turn it is."""
    best: hosts.Group | None = None
    account = work.agenda.prices.account
    refused = _refused(account, now)
    pages_turn = host.requests % _PAGE_EVERY == _PAGE_EVERY - 1
    paced = host.paced and not hosts.is_in_pace(work, host, now, waited_for=False)
    spent = paced and not hosts.is_in_pace(work, host, now, waited_for=True)
    for group in hosts.groups(work, key):
        if group.due > now or group.cause > last:
            continue
        if spent if group.cause == Cause.ON_DEMAND else paced:
            continue
        if group.cause in refused and not _row_of(work, group).promoted:
            if group.cause == Cause.BACKFILL:
                account.refuse_backfill(now)
            continue  # what is promoted was paid for when it was
        # Groups come by kind, so of one cause the first kind wins.
        overtakes = pages_turn and group.kind == Kind.PAGE
        if best is not None and group.cause >= best.cause + overtakes:
            continue
        if group.kind == Kind.PAGE and hosts.page_at(work, key, host, now) > now:
            continue
        best = group
    return best


def _row_of(work: Work, group: hosts.Group) -> Row:
    return Row.unpack(work.txn.get(group.id + bytes((group.kind,)), None, work.t.want) or b"")


def _describe(work: Work, id: bytes, kind: Kind, row: Row, host: HostRow, now: float) -> Lease:
    ref = work.ref(id, change=False)
    want = Want(
        uri=ref.uri,
        kind=kind,
        cause=CAUSES[row.cause],
        due=row.due,
        follow=text_of(work, row.follow) if row.follow != NONE else "",
        relation=row.relation.decode(),
        depth=row.depth,
        attempts=row.attempts,
        refetch=row.refetch,
        scheduled=row.scheduled,
        root=work.ref(row.root, change=False).uri if row.root != NONE else "",
    )
    url = ref.uri.partition("#")[0]
    if kind is Kind.PAGE:
        walk, next_url = load_walk(work.txn, work.t, id) or (None, None)
        return Lease(want, next_url or url, host.name, row.until, walk)
    # Who looks at an actor for the first time has to see it, whoever has seen it before.
    first_look = row.relation == b"actor" and not row.scheduled
    # Nor does "not modified" say where the replies to a reply are.
    first_look = first_look or (row.relation == b"reply" and row.depth > 0)
    if kind is Kind.DOCUMENT and ref.has_body and not first_look:
        extra = work.extra(id, change=False)
        if 0.0 <= now - float(extra.get("whole", 0.0)) < _WHOLE_EVERY:
            etag, modified = extra.get("etag"), extra.get("last_modified")
            form = extra.get("form", "unsigned")
            return Lease(want, url, host.name, row.until, None, etag, modified, form)
    return Lease(want, url, host.name, row.until)


def release(work: Work, lease: Lease) -> None:
    """Give a lease back: its slot, and its row, which the answer has satisfied."""
    id = known_id(work, lease.want.uri)
    if id is None:
        return
    kind = lease.want.kind
    key = host_key(lease.host)
    slot = U64.pack(micros(lease.until)) + key + id + bytes((kind,))
    if work.delete(work.t.slot, slot):
        hosts.give_back(work, key)
    stored = work.txn.get(id + bytes((kind,)), None, work.t.want)
    if stored is None:
        return  # its follow was dropped meanwhile
    row = Row.unpack(stored)
    # A lease that ended before its answer came may be somebody else's by now.
    if row.until not in (0.0, lease.until):
        return
    follow = text_of(work, row.follow) if row.follow != NONE else ""
    same = (follow, row.relation.decode()) == (lease.want.follow, lease.want.relation)
    if same and not row.flags & Row.AGAIN:
        wants.remove(work, id, kind, row)
    elif row.until:
        # Somebody else has come to want it meanwhile, for something else or for what is newer.
        wants.requeue(work, id, kind, row, row.due)


def turn(work: Work, name: str, now: float, page: bool, held: bool, since: float) -> float | None:
    """A slot outside the queue, or when to ask again."""
    _expire(work, now)
    key, host = hosts.named(work, name)
    wait = hosts.free_at(host)
    if host.paced:  # a chain that has begun is waited for, as a person is
        wait = max(wait, hosts.paced_at(work, host, now, waited_for=True))
    if since:
        wait = max(wait, min(since, now) + hosts.gap(work, host, now))
    if page:
        wait = max(wait, hosts.page_at(work, key, host, now))
    if wait > now:
        return wait
    if held:  # the caller's own slot goes on; only its next request is counted
        hosts.take(work, key, host, now, page)
        hosts.give_back(work, key)
        return None
    if host.in_flight >= hosts.capacity(work, host):
        return now + max(work.politeness.gap, 0.05)
    hosts.take(work, key, host, now, page)
    hosts.begin_turn(work, key, host, now + work.politeness.lease)
    return None


def recover(work: Work, now: float) -> int:
    """Give back what a process that died had leased."""
    _look_at_clock(work, now)
    return _end_slots(work, b"\xff" * 8, now)


def _expire(work: Work, now: float) -> None:
    _end_slots(work, U64.pack(micros(now)), now)


def _end_slots(work: Work, latest: bytes, now: float) -> int:
    """End the slots up to a time; their rows wait again. How many leases there were."""
    ended = 0
    cursor = work.txn.cursor(work.t.slot)
    keys: list[bytes] = []
    more = cursor.first()
    while more and (key := cursor.key())[:8] <= latest:
        keys.append(key)
        more = cursor.next()
    for key in keys:
        host, id, kind = key[8:16], key[16:24], key[24]
        if kind == TURN:
            hosts.end_turn(work, host, hosts.get(work, host), U64.unpack_from(key)[0])
            continue
        ended += 1
        work.delete(work.t.slot, key)
        hosts.give_back(work, host)
        stored = work.txn.get(id + bytes((kind,)), None, work.t.want)
        if stored is not None:
            row = Row.unpack(stored)
            if row.until and row.slot_key(id, kind) == key:
                wants.requeue(work, id, kind, row, min(row.due, now))
    return ended


def _look_at_clock(work: Work, now: float) -> None:
    """A clock that was set back must not freeze what was planned by the old one."""
    clock = work.counters.clock
    if now >= clock:
        if now > clock:
            work.counters.clock = now
        return
    if clock - now > _SET_BACK:
        _rewind(work, now)
        work.counters.clock = now


def _rewind(work: Work, now: float) -> None:
    """Bring every stored future time within its maximum from now. Rare, so a scan will do."""
    _end_slots(work, b"\xff" * 8, now)
    latest = U64.pack(micros(now + _MOST_AHEAD))
    for key in list(work.txn.cursor(work.t.queue).iternext(values=False)):
        if latest < key[10:18] < _PARKED:
            stored = work.txn.get(key[18:26] + key[8:9], None, work.t.want)
            row = Row.unpack(stored or b"")
            wants.postpone(work, key[18:26], key[8], row, now + _MOST_AHEAD)
    for key in list(work.txn.cursor(work.t.host).iternext(values=False)):
        host = hosts.get(work, key)
        host.until = min(host.until, now + LONGEST_PAUSE)
        host.next_at = min(host.next_at, now + hosts.gap(work, host, now))
        host.since = min(host.since, now)  # NaN, for none, stays
        host.allowance_at = min(host.allowance_at, now)
        host.windows = ()  # the next answer tells
        work.unsettled.add(key)
    for key, at in list(work.txn.cursor(work.t.window)):
        if F64.unpack(at)[0] > now:
            work.put(work.t.window, key, F64.pack(now))
