"""From a lease to the one request that it allows: the URL, the types that count, the validators.

Pure. Invariant: validators go to the URL that they came from, and to no other; with them goes the
form of signature under which they came.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..cache.records import Kind, Lease
from .answer import Accept, Ask, Obedience
from .protocol.walk import Walk

_ACCEPT: Mapping[Kind, Accept] = {
    Kind.FINGER: "jrd",
    Kind.DOCUMENT: "activity",
    Kind.PAGE: "activity",
}

# In a stored walk: no page was read yet. The walk of a long backfill is not parsed for every page.
_AT_START = b'"pages":0,'


def asks(lease: Lease, robots: Obedience = "obey") -> Ask:
    """What is asked for a lease. Those of a document are kept with it, those of the page where a
    visit begins with its walk. `robots`: whether a robots.txt binds it."""
    kind = lease.want.kind
    etag, modified, form = lease.etag, lease.last_modified, lease.form
    if kind is Kind.PAGE and lease.walk is not None and _AT_START in lease.walk:
        walk = Walk.from_json(lease.walk)
        if walk.pages == 0 and walk.next == lease.url:
            etag, modified, form = walk.etag, walk.last_modified, walk.form
    return Ask(
        url=lease.url,
        accept=_ACCEPT[kind],
        etag=etag,
        last_modified=modified,
        page=kind is Kind.PAGE,
        form=form,
        robots=robots,
    )
