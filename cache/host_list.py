"""From the frontier's rows of hosts to what readers get. It judges and changes nothing."""

from __future__ import annotations

from ..crawler.protocol import breaker
from ..crawler.protocol.knock import fresh
from ..crawler.protocol.quotas import REASONS
from ..crawler.protocol.uri import host_port
from . import destinations, windows
from .environment import Tables, Txn
from .host_state import HostHealth, reason, standing
from .layout import host_key, some
from .outbound_layout import Destination
from .queue_layout import HostRow
from .quota_rows import HOST as OF_HOST
from .quota_rows import unpack
from .views import Host, HostDelivery, HostKept, HostWindow

HOSTS_A_READ = 500
_UNTAKEN = "has taken no delivery on {} days, and nothing else was asked of it since"
_NOTHING = HostKept()


def read_hosts(txn: Txn, t: Tables, start: bytes, now: float | None) -> tuple[list[Host], bytes]:
    """Some hosts from a key on, and the key to go on from; empty: these were the last."""
    found: list[Host] = []
    cursor = txn.cursor(t.host)
    more = cursor.set_range(start)
    while more and len(found) < HOSTS_A_READ:
        key = cursor.key()
        row = HostRow.unpack(cursor.value())
        found.append(_host(row, now, _kept(txn, t, key), _delivery(txn, t, row.name)))
        start = key + b"\0"
        more = cursor.next()
    return found, start if more else b""


def read_host(txn: Txn, t: Tables, name: str, now: float | None) -> Host | None:
    """One host by its name; None: it was never asked, and nothing was sent to it."""
    key = host_key(name)
    row, sent = txn.get(key, None, t.host), _delivery(txn, t, name)
    if row is not None:
        return _host(HostRow.unpack(row), now, _kept(txn, t, key), sent)
    return None if sent is None else _only_sent(sent, now)


def read_only_sent(
    txn: Txn, t: Tables, start: bytes, now: float | None
) -> tuple[list[Host], bytes]:
    """Some hosts that nothing was asked of, but to take deliveries, and the key to go on from."""
    found: list[Host] = []
    cursor = txn.cursor(t.destination)
    more = cursor.set_range(start)
    left = HOSTS_A_READ
    while more and left:
        key, one = cursor.key(), Destination.unpack(cursor.value())
        if txn.get(host_key(host_port(one.origin)), None, t.host) is None:
            found.append(_only_sent(one, now))
        start, left = key + b"\0", left - 1
        more = cursor.next()
    return found, b"" if left else start


def _only_sent(one: Destination, now: float | None) -> Host:
    sent = _sent(one, now)
    return Host(
        host=host_port(one.origin),
        state=sent.state,
        until=sent.until,
        failures=sent.failures,
        last_error=sent.last_error,
        requests=0,
        why=_UNTAKEN.format(sent.days) if sent.state == "dead" else sent.last_error,
        delivery=sent,
    )


def _sent(one: Destination, now: float | None) -> HostDelivery:
    health = one.health
    at = now if now is not None else health.at
    return HostDelivery(
        state=breaker.standing(health, at),
        until=health.until if health.until > at else None,
        failures=health.failures,
        since=health.since,
        days=health.days,
        waiting=one.waiting,
        last_error=health.error or None,
    )


def _delivery(txn: Txn, t: Tables, name: str) -> Destination | None:
    """The origin to which deliveries go worst; most installations send nothing."""
    if not txn.stat(t.destination)["entries"]:
        return None
    found = destinations.of_host(txn, t, name)
    return max(found, key=lambda one: (one.health.days, one.health.failures), default=None)


def _kept(txn: Txn, t: Tables, key: bytes) -> HostKept:
    row = txn.get(OF_HOST + key, None, t.quota)
    if row is None:
        return _NOTHING
    usage = unpack(row)
    return HostKept(
        references=usage.references,
        documents=usage.documents,
        bytes=usage.bytes,
        own_bytes=usage.own_bytes,
        refused=usage.refused,
        evicted=usage.evicted,
        reason=REASONS[usage.why] if usage.why is not None else None,
        refused_at=usage.refused_at or None,
    )


def _host(host: HostRow, now: float | None, kept: HostKept, sent: Destination | None) -> Host:
    health = HostHealth(
        host.failures,
        host.throttles,
        host.refusals,
        some(host.since),
        host.until,
        host.last_error,
        host.strange,
    )
    at = now if now is not None else host.next_at
    spent = windows.opens(host.windows, host.requests, at, waited_for=True)
    part = windows.allowance(host.allowance, host.allowance_at, at)
    running = tuple(one for one in host.windows if one.resets > at)
    slowed = host.slowed if running or part < 1.0 else 0.0
    until = max(host.until, spent)
    state, why = standing(health, at), reason(health, at)
    if host.blocked:
        state, why = "blocked", "the operator wants nothing to do with it"
    elif state in ("ok", "slow") and (spent > at or slowed):
        state = "paused" if spent > at else "slow"
        why = "the limit that it announces is spent" if spent > at else why or _slower(part)
    elif sent is not None and sent.health.dead and host.next_at <= sent.health.at:
        state, why = "dead", why or _UNTAKEN.format(sent.health.days)
    return Host(
        host=host.name,
        state=state,
        until=until if until > at else None,
        failures=host.failures,
        last_error=host.last_error or None,
        requests=host.requests,
        in_flight=host.in_flight,
        due=host.queued,
        backlog=host.backlog,
        lag=float(host.lag) if host.lag else None,
        knock=fresh(host.knock, at),
        delay=host.delay if host.delay and at < host.delay_until else None,
        why=why,
        gap=slowed or None,
        pace=part,
        windows=tuple(_window(one, host.requests) for one in running),
        kept=kept,
        delivery=None if sent is None else _sent(sent, now),
    )


def _slower(part: float) -> str:
    if part < 1.0:
        return f"has answered 429, and is asked at {part:.0%} of the full pace"
    return "is asked at the pace of the limit that it announces"


def _window(window: windows.Window, requests: int) -> HostWindow:
    left = window.remaining(requests)
    return HostWindow(window.name, window.quota, window.span, left, window.resets)
