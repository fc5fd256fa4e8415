"""The refresh loop on the store itself: choosing, recording and sweeping among many references.

    .venv/bin/python benchmarks/refresh_store.py [--references 1000000] [--dir /var/tmp]

Small notes, one body for each, on 5,000 hosts; written through the store's own port. Times are of
the writer's thread, without the disk; sizes are those of LMDB's tables. `choose` is a tick of the
loop in the middle of a backlog, `record` a 304 that is taken in alone in its transaction, `joined`
one that comes with others (what is written at their end and the commit counted as well), `sweep` a
reference come by.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from fedpull.cache.agenda_rows import WorkRows
from fedpull.cache.environment import Tables
from fedpull.cache.open import Opened, open_store
from fedpull.cache.records import HostReport, Lease, Mark, Outcome, Politeness, Put, Terms
from fedpull.cache.work import Work
from fedpull.crawler.protocol.version import Stamp, content_hash

NOW = 1_700_000_000.0
DAY = 86_400.0
_HOSTS = 5_000
_POSTS = 20  # of an account
_BATCH = 500
_TICKS, _PROMOTED = 40, 250
_SWEPT = 2_000


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--references", type=int, default=1_000_000)
    parser.add_argument("--dir", help="where to work: the disk that the store is on")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=options.dir) as folder:
        before = _memory()
        opened = open_store(
            Path(folder) / "data",
            max_bytes=64 << 30,
            politeness=Politeness(concurrency=50, gap=0.0),
            budget=_PROMOTED * 20.0 / 0.95,  # a full bucket each tick
        )
        try:
            filled = _fill(opened, options.references)
            print(f"begin:  {filled:7.1f} us a document, whole put", flush=True)
            for line in _sizes(opened):
                print(line)
            for line in _loop(opened):
                print(line, flush=True)
            print(f"memory: {_memory() - before:7.0f} MiB beyond the imports")
        finally:
            opened.close()
    return 0


def _fill(opened: Opened, references: int) -> float:
    spent = 0.0
    waiting: list[Future[float]] = []
    for start in range(0, references, _BATCH):
        puts = tuple(_note(n) for n in range(start, min(start + _BATCH, references)))
        waiting.append(_timed(opened, Outcome(at=NOW, puts=puts)))
        if len(waiting) > 8:
            spent += waiting.pop(0).result()
    return (spent + sum(one.result() for one in waiting)) / references * 1e6


def _timed(opened: Opened, outcome: Outcome) -> Future[float]:
    from fedpull.cache.store import apply

    def job(work: Work) -> float:
        begun = time.thread_time()
        apply(work, outcome)
        return time.thread_time() - begun

    return opened.store._writer.submit(job)


def _note(n: int) -> Put:
    account = n // _POSTS
    actor = f"https://h{account % _HOSTS}.example/users/u{account}"
    id = f"{actor}/statuses/{110_000_000_000_000_000 + n * 65_536}"
    document: dict[str, Any] = {"id": id, "type": "Note", "attributedTo": actor, "content": "hello"}
    when = NOW - (n * 7919 % 1000) * DAY / 3
    return Put(
        id=id,
        body=json.dumps(document).encode(),
        stamp=Stamp(content_hash(document), None, actor, when, "object", "Note"),
        terms=Terms(actor=actor, types=("Note",), published=when),
        fetched_at=NOW,
        verified_by="embedded",
    )


def _sizes(opened: Opened) -> list[str]:
    environment = opened.query._environment

    def reader(txn: Any, t: Tables) -> dict[str, int]:
        sizes = {}
        for name in Tables.__slots__:
            stat = txn.stat(getattr(t, name))
            pages = stat["branch_pages"] + stat["leaf_pages"] + stat["overflow_pages"]
            sizes[name] = pages * stat["psize"]
        return sizes

    sizes = environment.read(reader)
    references = opened.query.totals().references
    body = sizes.pop("body")
    total = sum(sizes.values()) / references
    largest = sorted(sizes.items(), key=lambda item: -item[1])[:6]
    parts = ", ".join(f"{name} {size / references:.0f}" for name, size in largest)
    held = f"{body / references:.0f}"
    return [f"disk:   {total:7.0f} bytes a reference beside the body ({held}): {parts}"]


def _loop(opened: Opened) -> list[str]:
    """Two months later: everything is due, so every tick fills the budget."""
    later = NOW + 60 * DAY
    choose: list[float] = []
    record: list[float] = []
    together: list[float] = []
    for step in range(_TICKS):
        now = later + step * 180.0
        promoted, seconds = _chosen(opened, now)
        choose.append(seconds / max(promoted, 1))
        outcomes = [_not_modified(it, now) for it in opened.frontier.lease(now, 1000, 60).result()]
        if step % 2:
            together.append(_at_once(opened, outcomes))
        else:
            record += [_timed(opened, outcome).result() for outcome in outcomes]
    swept = _swept(opened, later + DAY)
    return [
        f"choose: {_median(choose) * 1e6:7.1f} us for each that is queued",
        f"record: {_median(record) * 1e6:7.1f} us for each 304 that comes alone",
        f"joined: {_median(together) * 1e6:7.1f} us for each where they come at once, all counted",
        f"sweep:  {swept * 1e6:7.1f} us a reference",
    ]


def _not_modified(taken: Lease, now: float) -> Outcome:
    report = HostReport(taken.host, ok=True, status=304)
    return Outcome(now, lease=taken, marks=(Mark(taken.want.uri, verified=True),), hosts=(report,))


def _at_once(opened: Opened, outcomes: Sequence[Outcome]) -> float:
    """Seconds of the writer's thread an outcome, from the first of them to behind their commit."""
    submit = opened.store._writer.submit
    begun = submit(lambda work: time.thread_time()).result()
    for done in [opened.store.apply(outcome) for outcome in outcomes]:
        done.result()
    return (submit(lambda work: time.thread_time()).result() - begun) / max(len(outcomes), 1)


def _chosen(opened: Opened, now: float) -> tuple[int, float]:
    refresh = opened.frontier._refresh

    def job(work: Work) -> tuple[int, float]:
        work.now = now
        begun = time.thread_time()
        promoted = refresh._promote_due(work, WorkRows(work), now)
        return promoted, time.thread_time() - begun

    return opened.store._writer.submit(job).result()


def _swept(opened: Opened, now: float) -> float:
    """Seconds a reference, of ten slices."""
    refresh = opened.frontier._refresh

    def job(work: Work) -> float:
        work.now = now
        begun = time.thread_time()
        refresh._owed = float(_SWEPT)
        refresh._sweep(work, WorkRows(work), now)
        return time.thread_time() - begun

    times = [opened.store._writer.submit(job).result() for _ in range(10)]
    return _median(times) / min(_SWEPT, opened.query.totals().references)


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


def _memory() -> float:
    """MiB of our own: the pages of the map that are in memory are the system's to take back."""
    rows = Path("/proc/self/status").read_text().splitlines()
    return next(int(row.split()[1]) for row in rows if row.startswith("RssAnon")) / 1024


if __name__ == "__main__":
    sys.exit(main())
