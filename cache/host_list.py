"""From the frontier's rows of hosts to what readers get. It judges and changes nothing."""

from __future__ import annotations

from ..crawler.protocol.knock import fresh
from .environment import Tables, Txn
from .host_state import HostHealth, standing
from .layout import host_key, some
from .queue_layout import HostRow
from .records import Host

HOSTS_A_READ = 500


def read_hosts(txn: Txn, t: Tables, start: bytes, now: float | None) -> tuple[list[Host], bytes]:
    """Some hosts from a key on, and the key to go on from."""
    found: list[Host] = []
    cursor = txn.cursor(t.host)
    more = cursor.set_range(start)
    while more and len(found) < HOSTS_A_READ:
        found.append(_host(cursor.value(), now))
        start = cursor.key() + b"\0"
        more = cursor.next()
    return found, start


def read_host(txn: Txn, t: Tables, name: str, now: float | None) -> Host | None:
    """One host by its name; None: it was never asked."""
    row = txn.get(host_key(name), None, t.host)
    return None if row is None else _host(row, now)


def _host(row: bytes, now: float | None) -> Host:
    host = HostRow.unpack(row)
    health = HostHealth(
        host.failures,
        host.throttles,
        host.refusals,
        some(host.since),
        host.until,
        host.last_error,
    )
    at = now if now is not None else host.next_at
    return Host(
        host=host.name,
        state="blocked" if host.blocked else standing(health, at),
        until=host.until if host.until > at else None,
        failures=host.failures,
        last_error=host.last_error or None,
        requests=host.requests,
        in_flight=host.in_flight,
        due=host.queued,
        backlog=host.backlog,
        lag=float(host.lag) if host.lag else None,
        knock=fresh(host.knock, at),
        delay=host.delay if host.delay and at < host.delay_until else None,
    )
