"""The metrics of what we run on: the event loop, the log, the store's writer, its map and disk.

It counts nothing itself. Invariant: it looks at the store's figures, never into its rows.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.metrics_core import Metric

from .metrics_families import counter, counters, gauge, histogram
from .verbs import Counted
from .vitals import Room

_LEVELS = ("warning", "error", "critical")


def machine(counted: Counted, room: Room, ills: tuple[str, ...]) -> Iterator[Metric]:
    """In the order of the documentation."""
    yield gauge("alive", "1 while the process is well, 0 when it is to be restarted.", not ills)
    yield histogram(
        "event_loop_delay_seconds",
        "How much later than planned the event loop came to a timer, looked at twice a second.",
        counted.loop,
    )
    yield counters(
        "log_messages",
        "Lines of the log that are worth a look, by level.",
        "level",
        {level: counted.logged.get(level, 0) for level in _LEVELS},
    )
    written = counted.written
    yield histogram(
        "store_commit_seconds", "How long the disk took for each commit.", written.commits
    )
    yield counter("store_jobs", "Jobs that the store's writer has done.", written.jobs)
    yield gauge("store_jobs_waiting", "Jobs that wait for the store's writer.", written.waiting)
    yield gauge("store_map_bytes", "Size of the map, which is reserved once.", room.map_bytes)
    yield gauge("store_map_used_bytes", "How far into the map there ever was data.", room.map_used)
    yield gauge("store_file_bytes", "What the store's file takes on disk.", room.file_bytes)
    yield gauge("disk_free_bytes", "What the store's disk has left for us.", room.disk_free)
