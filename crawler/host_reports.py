"""What the requests of one chain taught about their hosts, as reports for the frontier. Pure.

It does not know why something was asked. Invariant: every slot that a turn of the chain has taken
is given back by exactly one report.
"""

from __future__ import annotations

from ..cache.records import HostReport
from .answer import Answer, FetchFailed
from .protocol import media


def reports(
    source: Answer | FetchFailed, now: float, *, page: bool = False, leased: bool = True
) -> tuple[HostReport, ...]:
    """One report a hop. The first hop at another host than those before has had a turn; so has the
    very first one, unless the chain began with a lease, which is its own slot."""
    found = []
    hops = source.hops
    for index, hop in enumerate(hops):
        last = index == len(hops) - 1
        wait = media.retry_after(source.headers, now) if last and hop.status in (429, 503) else None
        first_there = all(earlier.host != hop.host for earlier in hops[:index])
        found.append(
            HostReport(
                host=hop.host,
                ok=hop.status is not None and hop.status < 500,
                page=page,
                status=hop.status,
                error=hop.error,
                pause=None if wait is None else now + wait,
                refused=hop.status in (401, 403),
                sent=hop.sent,
                slot=first_there and (index > 0 or not leased),
            )
        )
    return tuple(found)
