"""The trail of a fetch: what the log says of it, step by step, and the trace of it."""

from __future__ import annotations

import json
import logging
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from station import Station, eventually

from fedpull.cache.records import Cause, Kind, Lease, Want
from fedpull.cli.logs import ConsoleFormatter, JsonFormatter
from fedpull.crawler.traces import open_traces
from fedpull.crawler.trail import number_of
from fedpull.tests.fediverse.families import BY_NAME
from fedpull.tests.fediverse.world import Fediverse

STEPS = ["asked", "hop", "answered", "ingested", "stored"]


def record(message: str, **fields: Any) -> logging.LogRecord:
    made = logging.LogRecord("fedpull.fetch", logging.INFO, "", 0, message, (), None)
    if fields:
        made.fields = fields
    return made


@pytest.mark.parametrize(
    ("message", "fields"),
    [
        pytest.param("a line", {}, id="nothing but text"),
        pytest.param("two\nlines", {"event": "hop", "request": "00ff00ff"}, id="a line break"),
        pytest.param("half a pair \ud800", {"status": 200}, id="what is no UTF-8"),
    ],
)
def test_a_line_of_json_is_one_object(message: str, fields: Mapping[str, Any]) -> None:
    """Whatever a stranger's name holds, a line is one object that every parser takes."""
    line = JsonFormatter().format(record(message, **fields))

    assert "\n" not in line
    line.encode()
    read = json.loads(line)
    assert read["message"] == message
    assert read["part"] == "fetch"
    assert {name: read[name] for name in fields} == fields


def test_the_console_has_the_number_at_the_end() -> None:
    """So that a person finds the other lines of the same fetch."""
    line = ConsoleFormatter().format(record("it\nfailed", request="00ff00ff"))

    assert line.endswith(" info fetch: it\\nfailed [00ff00ff]")


def test_the_number_is_that_of_a_lease() -> None:
    """The same whenever it is asked for, another one for the next lease of the same URL."""

    def lease(until: float) -> Lease:
        want = Want("https://a.example/1", Kind.DOCUMENT, Cause.NEW, 0.0)
        return Lease(want, want.uri, "a.example:443", until)

    assert number_of(lease(1.5)) == number_of(lease(1.5))
    assert number_of(lease(1.5)) != number_of(lease(2.5))


def test_a_fetch_is_one_number_from_the_question_to_the_commit(tmp_path: Path) -> None:
    """In JSON, at `debug`: every step of every fetch, in order, with what it came to."""
    with Fediverse([BY_NAME["mastodon"]]) as world:
        alice = world.servers["mastodon.example"].add_account("alice", posts=3)
        log = {"level": "debug", "format": "json"}
        station = Station(tmp_path, world, follow=[alice.handle], log=log)
        with station.daemon() as running:
            eventually(lambda: len(station.listed(alice.handle)) == 3, "the posts")
    lines = [json.loads(line) for line in running.output().splitlines()]

    events: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in lines:
        if "request" in line:
            events[line["request"]].append(line)
    whole = [one for one in events.values() if one[-1]["event"] == "stored"]
    assert len(whole) >= 3  # WebFinger, the actor, the outbox
    for one in whole:
        names = [line["event"] for line in one]
        assert list(dict.fromkeys(names)) == STEPS
        assert all(line["status"] == 200 for line in one if line["event"] == "hop")
    assert sum(one[-1]["changes"] for one in whole) >= 3
    assert {one[0]["follow"] for one in whole} == {alice.handle}


class Collector(BaseHTTPRequestHandler):
    """Takes what an OpenTelemetry collector takes over HTTP."""

    got: list[ExportTraceServiceRequest]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.got.append(ExportTraceServiceRequest.FromString(body))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@contextmanager
def collector() -> Iterator[tuple[str, list[ExportTraceServiceRequest]]]:
    got: list[ExportTraceServiceRequest] = []
    handler = type("Here", (Collector,), {"got": got})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", got
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class TracedStation(Station):
    """Its processes know of a collector."""

    endpoint = ""

    @property
    def environment(self) -> Mapping[str, str]:
        named = {"OTEL_EXPORTER_OTLP_ENDPOINT": self.endpoint, "OTEL_BSP_SCHEDULE_DELAY": "100"}
        return {**super().environment, **named}


def test_a_collector_gets_a_trace_of_each_fetch(tmp_path: Path) -> None:
    """One span for the fetch, and inside it its requests, the decision and the commit."""
    with Fediverse([BY_NAME["mastodon"]]) as world, collector() as (endpoint, got):
        alice = world.servers["mastodon.example"].add_account("alice", posts=3)
        station = TracedStation(tmp_path, world, follow=[alice.handle])
        station.endpoint = endpoint
        with station.daemon():
            eventually(lambda: len(station.listed(alice.handle)) == 3, "the posts")
    spans = [
        span
        for one in got
        for resource in one.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]

    roots = [span for span in spans if span.name == "fetch"]
    assert len(roots) >= 3
    for root in roots:
        parts = [span for span in spans if span.parent_span_id == root.span_id]
        assert [span.name for span in parts] == ["GET", "ingest", "store"]
        assert all(span.trace_id == root.trace_id for span in parts)
        first, last = parts[0].start_time_unix_nano, parts[-1].end_time_unix_nano
        assert root.start_time_unix_nano <= first <= last <= root.end_time_unix_nano
    urls = {
        attribute.value.string_value
        for root in roots
        for attribute in root.attributes
        if attribute.key == "url.full"
    }
    assert any("/.well-known/webfinger" in url for url in urls)


@pytest.mark.parametrize(
    "environ",
    [
        pytest.param({}, id="no endpoint"),
        pytest.param(
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_SDK_DISABLED": "true"},
            id="switched off",
        ),
    ],
)
def test_without_an_endpoint_nothing_is_traced(environ: Mapping[str, str]) -> None:
    """OpenTelemetry's own variables say where to, and whether."""
    assert open_traces(environ, "1.0") is None
