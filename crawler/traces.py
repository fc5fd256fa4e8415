"""Fetches as OpenTelemetry traces, for whoever has a collector; the only module that knows it.

It needs the extra `otel`, and is on where OpenTelemetry's own variables name an endpoint
(OTEL_EXPORTER_OTLP_ENDPOINT and its kin). A trace is written when its fetch is over, from what is
known by then, so that nothing on the way waits for it. Invariant: a collector that is slow or gone
costs traces and nothing else.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from .trail import Course

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

log = logging.getLogger(__name__)

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_NANO = 1_000_000_000


def open_traces(environ: Mapping[str, str], version: str) -> OtelTraces | None:
    """What sends traces where the environment says; None where it says nothing."""
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    if not any(environ.get(name) for name in _ENDPOINTS):
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        log.warning("%s is set, but no traces are sent: install fedpull[otel]", _ENDPOINTS[0])
        return None
    named = {"service.name": environ.get("OTEL_SERVICE_NAME") or "fedpull"}
    provider = TracerProvider(resource=Resource.create({**named, "service.version": version}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    log.info("traces are sent to %s", next(filter(None, map(environ.get, _ENDPOINTS))))
    return OtelTraces(provider)


class OtelTraces:
    """Makes the spans of a fetch: each request of it, the decision, the commit."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("fedpull")

    def close(self) -> None:
        """Send what is left; may take seconds where the collector is slow."""
        self._provider.shutdown()

    def tell(self, number: str, course: Course, ended: float, changes: int, error: str) -> None:
        from opentelemetry.trace import SpanKind, StatusCode, set_span_in_context

        lease = course.lease
        begun = min((hop.sent for hop in course.hops if hop.sent), default=course.answered)
        what: dict[str, Any] = {
            "url.full": lease.url,
            "server.address": lease.host,
            "fedpull.request": number,
            "fedpull.cause": lease.want.cause.name.lower(),
            "fedpull.follow": lease.want.follow,
            "http.response.body.size": course.bytes,
        }
        if course.status is not None:
            what["http.response.status_code"] = course.status
        root = self._tracer.start_span("fetch", attributes=what, start_time=_nanos(begun))
        inside = set_span_in_context(root)

        def span(name: str, start: float, end: float, /, kind: SpanKind, **more: Any) -> None:
            attributes = {key.replace("__", "."): value for key, value in more.items()}
            part = self._tracer.start_span(
                name, inside, kind, attributes=attributes, start_time=_nanos(start)
            )
            part.end(_nanos(max(start, end)))

        sent = [hop for hop in course.hops if hop.sent]
        ends = [*(later.sent for _, later in pairwise(sent)), course.answered]
        for hop, end in zip(sent, ends, strict=True):
            more = {"http__response__status_code": hop.status} if hop.status is not None else {}
            span("GET", hop.sent, end, SpanKind.CLIENT, server__address=hop.host, **more)
        decided = course.decided or course.answered
        span("ingest", course.answered, decided, SpanKind.INTERNAL)
        span("store", decided, ended, SpanKind.INTERNAL, fedpull__changes=changes)
        if wrong := course.error or error:
            root.set_attribute("error.type", wrong)
            root.set_status(StatusCode.ERROR, wrong)
        root.end(_nanos(max(begun, ended)))


def _nanos(seconds: float) -> int:
    return int(seconds * _NANO)
