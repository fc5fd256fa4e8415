"""The origins of inboxes, inside a transaction: what waits for each, and when it may be asked.

It judges no answer (`protocol.breaker` does). Invariants: `sending` has one row for each origin
with something waiting, at the time when it may be asked or, while a request is under way, when its
lease ends; an origin with nothing waiting is remembered for its failures only, for a while, and no
more than MOST_RESTING of them are, whoever mints them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..crawler.protocol import breaker
from ..crawler.protocol.uri import origin as origin_of
from .environment import Tables, Txn
from .layout import U64, time_key
from .mail_layout import digest, keys_under
from .outbound_layout import Destination

if TYPE_CHECKING:
    from .work import Work

# 10 MB. Fedify's state of its breakers grew without bound (CVE-2026-69132).
MOST_RESTING = 20_000
_SPARE = 16  # dropped in one transaction
_LINES = (b"\0", b"\1")  # in `sending`: those that are up, those that fail
DEAD = b"dead"  # in `meta`


def load(work: Work, place: bytes) -> Destination | None:
    row = work.txn.get(place, None, work.t.destination)
    return None if row is None else Destination.unpack(row)


def head(work: Work, place: bytes) -> tuple[float, int] | None:
    """The earliest delivery of an origin: when it is due, and its number."""
    key = next(keys_under(work.txn.cursor(work.t.outbound), place), None)
    if key is None:
        return None
    return U64.unpack(key[16:24])[0] / 1e6, U64.unpack(key[24:])[0]


def ready(work: Work, now: float, limit: int, *, failing: bool) -> list[bytes]:
    """The origins that may be asked now. Those that fail stand apart: each may take ten seconds,
    and they would be in the way of all others."""
    found: list[bytes] = []
    prefix = _LINES[failing]
    until = prefix + time_key(now)
    for key in keys_under(work.txn.cursor(work.t.sending), prefix):
        if len(found) >= limit or key[:9] > until:
            break
        found.append(key[9:])
    return found


def next_ready(txn: Txn, t: Tables) -> float | None:
    """When the next origin may be asked."""
    keys = (next(keys_under(txn.cursor(t.sending), line), None) for line in _LINES)
    times = [U64.unpack(key[1:9])[0] / 1e6 for key in keys if key is not None]
    return min(times, default=None)


def sending_key(row: Destination, at: float) -> bytes:
    return _LINES[row.health.failures > 0] + time_key(at)


def settle(work: Work, place: bytes, row: Destination) -> None:
    """Bring `sending`, `resting` and the origin's row in line with what changed."""
    first = head(work, place)
    sending, resting = b"", b""
    if first is not None:
        sending = sending_key(row, max(row.leased or row.health.until, first[0]))
    elif row.health != breaker.UP:
        resting = time_key(forgotten_at(row.health))
    for table, was, now in (
        (work.t.sending, row.sending, sending),
        (work.t.resting, row.resting, resting),
    ):
        if was != now:
            if was:
                work.delete(table, was + place)
            if now:
                work.put(table, now + place, b"")
    row.sending, row.resting = sending, resting
    kept = bool(sending or resting)
    _count_dead(work, row.was_dead, kept and row.health.dead)
    row.was_dead = row.health.dead
    if kept:
        work.put(work.t.destination, place, row.pack())
    else:
        work.delete(work.t.destination, place)


def dead(txn: Txn, t: Tables) -> int:
    """How many are dead; kept, since a scrape must not look at all."""
    return int(txn.get(DEAD, b"0", t.meta))


def _count_dead(work: Work, was: bool, now: bool) -> None:
    if was != now:
        work.put(work.t.meta, DEAD, b"%d" % (dead(work.txn, work.t) + now - was))


def forgotten_at(health: breaker.Health) -> float:
    # What is up and only has its pace kept is up once that is over.
    return max(health.until, health.at + breaker.REMEMBERED if health.failures else 0.0)


def forget_old(work: Work, now: float) -> None:
    """Drop a few of those that are remembered for nothing any more, or too many."""
    over = work.txn.stat(work.t.resting)["entries"] - MOST_RESTING
    cursor = work.txn.cursor(work.t.resting)
    more = cursor.first()
    gone: list[bytes] = []
    while more and len(gone) < _SPARE and ((key := cursor.key())[:8] <= time_key(now) or over > 0):
        gone.append(key)
        over -= 1
        more = cursor.next()
    for key in gone:
        one = load(work, key[8:])
        work.delete(work.t.resting, key)
        work.delete(work.t.destination, key[8:])
        _count_dead(work, one is not None and one.health.dead, False)


def heard_from(work: Work, actor: str, now: float) -> bytes | None:
    """Something of an actor has come in: its server, where one that failed may be tried once, out
    of turn."""
    place = digest(origin_of(actor))
    row = load(work, place)
    if row is None or row.leased:
        return None
    health = breaker.heard_from(row.health, now)
    if health is row.health:
        return None
    row.health = health
    settle(work, place, row)
    return place


def release(work: Work) -> int:
    """Give back the leases of a process that died."""
    count = 0
    for place, row in list(work.txn.cursor(work.t.destination)):
        destination = Destination.unpack(row)
        if destination.leased:
            destination.leased = 0.0
            settle(work, place, destination)
            count += 1
    return count


def of_host(txn: Txn, t: Tables, host: str) -> Iterator[Destination]:
    """The origins of a host ("host:port"), one for each scheme."""
    for scheme in ("https", "http"):
        row = txn.get(digest(origin_of(f"{scheme}://{host}/")), None, t.destination)
        if row is not None:
            yield Destination.unpack(row)
