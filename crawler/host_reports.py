"""What the requests of one chain taught about their hosts, as reports for the frontier. Pure.

It does not know why something was asked. Invariants: every slot that a turn of the chain has
taken is given back by exactly one report; a ladder of knocks is one refusal at most.
"""

from __future__ import annotations

from ..cache.records import HostReport
from .answer import Answer, FetchFailed, Hop
from .protocol.rate_limits import announced, retry_after


def reports(
    source: Answer | FetchFailed, now: float, *, page: bool = False, leased: bool = True
) -> tuple[HostReport, ...]:
    """One report a hop. The first hop at another host than those before has had a turn; so has the
    very first one, unless the chain began with a lease, which is its own slot."""
    found = []
    hops = source.hops
    for index, hop in enumerate(hops):
        last = index == len(hops) - 1
        headers = hop.headers or (source.headers if last else hop.headers)
        wait = retry_after(headers, now) if hop.status in (429, 503) else None
        first_there = all(earlier.host != hop.host for earlier in hops[:index])
        status = _said(hop, source, last)
        found.append(
            HostReport(
                host=hop.host,
                ok=hop.failed or (status is not None and status < 500),
                page=page,
                status=status,
                error=hop.error,
                pause=None if wait is None else now + wait,
                refused=status in (401, 403),
                knock=hop.knock,
                sent=hop.sent,
                slot=first_there and (index > 0 or not leased),
                limits=announced(headers, now) if headers else (),
            )
        )
    return tuple(found)


def _said(hop: Hop, source: Answer | FetchFailed, last: bool) -> int | None:
    """What a hop says of its host. A knock that failed says nothing, whatever its status, but that
    the host lets nobody in when it was the last: a ladder that led nowhere is one refusal."""
    if not hop.failed:
        return hop.status
    interrupted = isinstance(source, Answer) and source.interrupted
    return source.status if last and not interrupted else None
