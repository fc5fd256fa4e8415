"""The families of metrics as prometheus-client has them, under our names: made in one line each.

It counts nothing and knows no metric. Invariant: every name begins with `fedpull_`.
"""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.utils import floatToGoString

from .histogram import Buckets


def gauge(name: str, help: str, value: float) -> Metric:
    return GaugeMetricFamily(f"fedpull_{name}", help, value=float(value))


def gauges(name: str, help: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(f"fedpull_{name}", help, labels=[label])
    for word, value in values.items():
        family.add_metric([word], float(value))
    return family


def counter(name: str, help: str, value: float) -> Metric:
    return CounterMetricFamily(f"fedpull_{name}", help, value=float(value))


def counters(name: str, help: str, label: str, values: Mapping[str, int]) -> Metric:
    return table(name, help, (label,), {(word,): count for word, count in values.items()})


def table(
    name: str, help: str, labels: tuple[str, ...], values: Mapping[tuple[str, ...], int]
) -> Metric:
    """A counter with several labels."""
    family = CounterMetricFamily(f"fedpull_{name}", help, labels=labels)
    for words, count in values.items():
        family.add_metric(words, count)
    return family


def histogram(name: str, help: str, found: Buckets) -> Metric:
    return HistogramMetricFamily(f"fedpull_{name}", help, bounds(found), found.sum)


def histograms(name: str, help: str, label: str, found: Mapping[str, Buckets]) -> Metric:
    family = HistogramMetricFamily(f"fedpull_{name}", help, labels=[label])
    for word, buckets in found.items():
        family.add_metric([word], bounds(buckets), buckets.sum)
    return family


def bounds(found: Buckets) -> list[tuple[str, float]]:
    names = [*map(floatToGoString, found.bounds), "+Inf"]
    return list(zip(names, map(float, found.counts), strict=True))
