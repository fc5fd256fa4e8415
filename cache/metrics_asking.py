"""The metrics of what we ask of others: requests, what they were for, and what came of them.

It counts nothing itself. Invariant: the labels are words of ours, each there from the start, so
that the first of its kind is a rise from 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import get_args

from prometheus_client.metrics_core import Metric

from .fetched import WAITS, Fetched
from .histogram import Buckets
from .metrics_families import counter, counters, histogram, histograms, table
from .records import Cause
from .verbs import Counted

_FAILED = "failed_"
_CAUSES = tuple(cause.name.lower() for cause in Cause)
_NONE = Buckets(WAITS, (0,) * (len(WAITS) + 1))


def asking(counted: Counted) -> Iterator[Metric]:
    """In the order of the documentation."""
    door = counted.door
    yield counter("requests", "HTTP requests of ours.", door.get("requests", 0))
    yield counters(
        "request_failures",
        "Requests that got no answer, by why.",
        "kind",
        {
            name.removeprefix(_FAILED): count
            for name, count in door.items()
            if name.startswith(_FAILED)
        },
    )
    yield counter(
        "request_retries",
        "Requests sent again as an idle connection had been closed.",
        door.get("retried", 0),
    )
    yield histogram(
        "request_seconds", "From a request to the end of its response.", counted.answers
    )
    yield counter("sent_bytes", "Bytes of requests, inside TLS.", door.get("bytes_sent", 0))
    yield counter(
        "received_bytes",
        "Bytes of responses as they came, inside TLS and still compressed.",
        door.get("bytes_received", 0),
    )
    unchanged = door.get("not_modified", 0)
    yield counters(
        "conditional_requests",
        "Requests for what is held already that were answered, by the answer.",
        "result",
        {"unchanged": unchanged, "changed": door.get("conditional", 0) - unchanged},
    )
    yield counter("redirects", "Redirects that were followed.", door.get("redirects", 0))
    yield counter("connections", "Connections that were opened.", door.get("connections", 0))
    yield counter(
        "addresses_refused",
        "IP addresses of hosts that may not be contacted.",
        door.get("addresses_refused", 0),
    )
    yield counter(
        "knocks", "Requests made again in another form of signature.", door.get("knocks", 0)
    )
    yield from _fetching(counted)
    robots = counted.robots
    yield counter("robots_fetches", "robots.txt files asked for.", robots.get("robots_asked", 0))
    yield counter(
        "robots_refusals", "Requests that a robots.txt forbids.", robots.get("robots_refused", 0)
    )


def _fetching(counted: Counted) -> Iterator[Metric]:
    fetched: dict[tuple[str, ...], int] = {
        (cause, outcome): counted.fetched.get((cause, outcome), 0)
        for cause, outcome in product(_CAUSES, get_args(Fetched))
    }
    yield table(
        "fetches",
        "What was fetched from the queue, by why and by what came of it.",
        ("cause", "outcome"),
        fetched,
    )
    yield histograms(
        "fetch_wait_seconds",
        "From when something was due until its answer came, by why it was wanted.",
        "cause",
        {cause: counted.waited.get(cause, _NONE) for cause in _CAUSES},
    )
