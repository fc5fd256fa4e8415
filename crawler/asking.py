"""From a lease to the one request that it allows: the URL, the types that count, the validators.

Pure. Invariant: validators go to the URL that they came from, and to no other.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..cache.records import Kind, Lease
from .answer import Accept, Ask
from .protocol.walk import Walk

_ACCEPT: Mapping[Kind, Accept] = {
    Kind.FINGER: "jrd",
    Kind.DOCUMENT: "activity",
    Kind.PAGE: "activity",
}


def asks(lease: Lease) -> Ask:
    """What is asked for a lease. Those of a document are kept with it, those of the page where a
    visit begins with its walk."""
    kind = lease.want.kind
    etag, modified = lease.etag, lease.last_modified
    if kind is Kind.PAGE and lease.walk is not None and lease.url == lease.want.uri:
        walk = Walk.from_json(lease.walk)
        if walk.pages == 0:
            etag, modified = walk.etag, walk.last_modified
    return Ask(
        url=lease.url,
        accept=_ACCEPT[kind],
        etag=etag,
        last_modified=modified,
        page=kind is Kind.PAGE,
    )
