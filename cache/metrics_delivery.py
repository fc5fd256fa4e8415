"""The metrics of what goes out, some under the names that servers of the Fediverse share.

It counts nothing. Invariant: the values of a label are words of ours, so their number is bounded.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.metrics_core import Metric

from ..crawler.protocol.delivering import ERRORS
from .mail_records import DeliveryState
from .metrics_families import bounds, counter, counters, gauge
from .records import Totals
from .verbs import Counted

_OVER = tuple(state for state in get_args(DeliveryState) if state != "waiting")


def delivering(totals: Totals, counted: Counted) -> Iterator[Metric]:
    mail, took = counted.mail, counted.delivered
    yield gauge("deliveries_waiting", "Deliveries to be made.", totals.deliveries)
    yield gauge("deliveries_in_flight", "Deliveries that are being made.", counted.delivering)
    ended = {state: mail.get(("delivery", state), 0) for state in _OVER}
    yield counters("deliveries", "Deliveries that are over, since the start.", "state", ended)
    yield counter(
        "delivery_retries",
        "Deliveries put off to be tried again.",
        mail.get(("delivery", "waiting"), 0),
    )
    yield gauge(
        "dead_servers", "Servers on which deliveries failed for seven days.", totals.dead_servers
    )
    yield GaugeMetricFamily(
        "activitypub_queue_size", "Deliveries to be made.", value=float(totals.deliveries)
    )
    yield HistogramMetricFamily(
        "activitypub_delivery_duration_seconds",
        "How long each try of a delivery took, with name, connection and TLS.",
        bounds(took),
        took.sum,
    )
    errors = CounterMetricFamily(
        "activitypub_delivery_errors",
        "Tries of deliveries that did not arrive, by why.",
        labels=["type"],
    )
    for kind in ERRORS:
        errors.add_metric([kind], counted.delivery_errors.get(kind, 0))
    yield errors
