"""The metrics of `GET /metrics`, for Prometheus: what is counted elsewhere, with what it means.

It counts nothing itself, and no registry but its own is touched. Invariants: a scrape reads
counters, and scans no more than the status does (the follows), but for the hosts, which are counted
now and then (`host_census`); the values of a label are words of ours (no host, no id), so their
number is bounded whatever strangers send.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import product
from typing import get_args

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from ..crawler.protocol.budgets import Spent
from ..crawler.protocol.quotas import REASONS
from .api_http import Answer, Call
from .host_census import Census
from .mail_records import Effect, NotificationState
from .metrics_asking import asking
from .metrics_delivery import delivering
from .metrics_families import counter, counters, gauge, gauges
from .metrics_machine import machine
from .ports import Query
from .records import Totals
from .verbs import Counted, Running, Verbs

_DAY = 86_400.0
_ENDS = tuple(state for state in get_args(NotificationState) if state != "waiting")
# What the inbox counts; what else it may come to count is shown from then on.
_PUSHES = (
    *("accepted", "forwarded", "seen", "unknown", "gone", "forwarded_dropped"),
    *("blocked", "refused_400", "refused_401", "put_off"),
)


class Metrics(Collector):
    """The handler, and the one collector of its registry but that of the process."""

    def __init__(self, query: Query, verbs: Verbs, now: Callable[[], float]) -> None:
        self._query = query
        self._verbs = verbs
        self._now = now
        self._census = Census(query, now)
        self._hosts: Mapping[str, float] = {}
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._registry.register(self)

    async def get(self, call: Call) -> Answer:
        """In the newest format that the caller reads; the text format for everybody else."""
        self._hosts = await self._census.look()
        encode, type = choose_encoder(call.headers.get("accept", ""))
        return Answer(200, encode(self._registry), type)

    def collect(self) -> Iterator[Metric]:
        totals, running = self._query.totals(self._now()), self._verbs.running()
        counted = self._verbs.counted()
        yield from _held(totals, running)
        yield from _refreshing(totals, running)
        yield from asking(counted)
        yield gauges("hosts", "Hosts that were asked, by how they are doing.", "state", self._hosts)
        yield from _pushed(totals, counted)
        yield gauge("followers", "Accepted followers of our actor.", totals.followers)
        yield from delivering(totals, counted)
        yield from _bounded(counted)
        yield from machine(counted, self._query.room(), self._verbs.ills())


def _held(totals: Totals, running: Running) -> Iterator[Metric]:
    info = GaugeMetricFamily("fedpull_build_info", "Always 1.", labels=["version"])
    info.add_metric([running.version], 1)
    yield info
    yield gauge("ready", "1 while it fetches, else 0.", running.ready)
    yield gauge("references", "Ids that are known.", totals.references)
    yield gauge("documents", "Documents that are held.", totals.documents)
    yield gauge("follows", "Actors that are followed.", totals.follows)
    yield counter("changes", "Entries of the change log, ever.", totals.last_seq)
    yield gauge("store_bytes", "Size of what is in the store.", totals.bytes)
    yield gauge("store_max_bytes", "What it may grow to.", totals.max_bytes)
    yield gauge(
        "store_read_only", "1 while the store is full or failing, else 0.", totals.read_only
    )


def _refreshing(totals: Totals, running: Running) -> Iterator[Metric]:
    yield gauge("requests_queued", "Requests that are queued.", totals.due)
    yield gauge("requests_in_flight", "Requests that are being made.", running.in_flight)
    yield gauge("sources", "What is asked again by itself.", totals.sources)
    yield gauge("sources_overdue", "Sources that are due and not asked yet.", totals.backlog)
    yield gauge(
        "lag_seconds", "For how long the most overdue source has been waiting.", totals.lag or 0.0
    )
    yield gauge("budget_limit_requests", "Requests an hour for asking again.", running.budget_limit)
    yield gauge(
        "budget_used_requests", "Requests of the last hour, whatever for.", totals.budget_used
    )
    price = GaugeMetricFamily(
        "fedpull_price_seconds",
        "What waiting must cost before a request is made, in seconds that one new post comes late. "
        "Without a value while it is not known.",
    )
    if totals.price is not None:
        price.add_metric([], totals.price * _DAY)
    yield price
    scarce = totals.price is not None and not totals.floor
    yield gauge("budget_scarce", "1 while the budget decides the price, else 0.", scarce)


def _pushed(totals: Totals, counted: Counted) -> Iterator[Metric]:
    pushes = {**dict.fromkeys(_PUSHES, 0), **counted.inbox}
    yield counters(
        "inbox_requests", "Pushes that were looked at, by what came of them.", "result", pushes
    )
    yield counter("key_fetches", "Keys asked for.", counted.keys.get("asked", 0))
    yield counter(
        "key_fetches_put_off",
        "Keys not asked for, for want of budget.",
        counted.keys.get("over_budget", 0),
    )
    yield gauge("notifications_waiting", "Notifications to be acted upon.", totals.notifications)
    settled = CounterMetricFamily(
        "fedpull_notifications_settled",
        "Notifications that are over, since the start, by how they ended and what they did.",
        labels=["state", "effect"],
    )
    for state, effect in product(_ENDS, get_args(Effect)):
        settled.add_metric([state, effect], counted.mail.get(("notification", state, effect), 0))
    yield settled
    again = sum(n for key, n in counted.mail.items() if key[:2] == ("notification", "waiting"))
    yield counter("notification_retries", "Notifications put off to be tried again.", again)


def _bounded(counted: Counted) -> Iterator[Metric]:
    mail = counted.mail
    refused: dict[str, int] = {reason: mail.get(("quota", reason), 0) for reason in REASONS}
    yield counters(
        "quota_refusals", "What was not asked for or not kept, by the quota.", "reason", refused
    )
    words = (*get_args(Spent), "day")
    spent: dict[str, int] = {what: mail.get(("budget", what), 0) for what in words}
    yield counters(
        "budget_refusals",
        "Requests for threads that were not queued, by what was used up.",
        "spent",
        spent,
    )
    yield counter(
        "evicted_documents", "Documents that made room for others.", mail.get(("evicted",), 0)
    )
    yield counter(
        "evicted_hosts", "Hosts that made room for others.", mail.get(("host evicted",), 0)
    )
