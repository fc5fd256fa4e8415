"""From the frontier's rows of hosts to what readers get. It judges and changes nothing."""

from __future__ import annotations

from ..crawler.protocol.knock import fresh
from ..crawler.protocol.quotas import REASONS
from . import windows
from .environment import Tables, Txn
from .host_state import HostHealth, reason, standing
from .layout import host_key, some
from .queue_layout import HostRow
from .quota_rows import HOST as OF_HOST
from .quota_rows import unpack
from .views import Host, HostKept, HostWindow

HOSTS_A_READ = 500
_NOTHING = HostKept()


def read_hosts(txn: Txn, t: Tables, start: bytes, now: float | None) -> tuple[list[Host], bytes]:
    """Some hosts from a key on, and the key to go on from."""
    found: list[Host] = []
    cursor = txn.cursor(t.host)
    more = cursor.set_range(start)
    while more and len(found) < HOSTS_A_READ:
        key = cursor.key()
        found.append(_host(cursor.value(), now, _kept(txn, t, key)))
        start = key + b"\0"
        more = cursor.next()
    return found, start


def read_host(txn: Txn, t: Tables, name: str, now: float | None) -> Host | None:
    """One host by its name; None: it was never asked."""
    key = host_key(name)
    row = txn.get(key, None, t.host)
    return None if row is None else _host(row, now, _kept(txn, t, key))


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


def _host(row: bytes, now: float | None, kept: HostKept) -> Host:
    host = HostRow.unpack(row)
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
    )


def _slower(part: float) -> str:
    if part < 1.0:
        return f"has answered 429, and is asked at {part:.0%} of the full pace"
    return "is asked at the pace of the limit that it announces"


def _window(window: windows.Window, requests: int) -> HostWindow:
    left = window.remaining(requests)
    return HostWindow(window.name, window.quota, window.span, left, window.resets)
