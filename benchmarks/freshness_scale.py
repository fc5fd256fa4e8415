"""What choosing and recording cost among many references, and what they take of memory.

    .venv/bin/python benchmarks/freshness_scale.py [--references 1000000] [--ids PREFIX]

The shipped agenda over rows in memory; `refresh_store.py` measures it over LMDB. A third each of
outboxes, actors and posts on a host for every fifty; one request a day for each. The ids are made
up while they are added, so that all memory that is counted is the scheduler's.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from freshness_adapter import Scheduler

KINDS = ("outbox", "actor", "post")
TICK, TICKS = 60.0, 30
DAY = 86_400.0
PAGE = 4_096


def resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--references", type=int, default=1_000_000)
    parser.add_argument("--ids", default="s", help="what the ids begin with")
    given = parser.parse_args(arguments)
    n = given.references

    before = resident()
    scheduler = Scheduler(n / 24.0)
    began = time.process_time()
    for i in range(n):
        history = [-(i % 97 + 1) * 0.7 * DAY] if i % 3 != 1 else []
        kind = KINDS[i % 3]
        scheduler.add(f"{given.ids}{i}", 0.0, f"h{i // 50}", kind, 1.0, history, -100.0 * DAY)
    adding = (time.process_time() - began) / n
    print(
        f"{n} references: {(resident() - before) / n:.1f} bytes each, {adding * 1e6:.1f} us to add"
    )

    scheduler.due(TICK, 1)  # the first call solves the price
    choosing = recording = chosen = 0.0
    for tick in range(2, TICKS):
        now = tick * TICK
        began = time.process_time()
        due = scheduler.due(now, max(int(n / DAY * TICK), 1))
        choosing += time.process_time() - began
        began = time.process_time()
        for id in due:
            scheduler.observe(id, now, False)
        recording += time.process_time() - began
        chosen += len(due)
    # What is chosen in a tick has its share of the sweep in it: two sources are come by for each.
    print(f"choosing {choosing / chosen * 1e6:.1f} us, recording {recording / chosen * 1e6:.1f} us")


if __name__ == "__main__":
    main(sys.argv[1:])
