"""`Cache.get` per second, one thread: on a store of many documents, hot and at random.

    .venv/bin/python benchmarks/cache_get.py [--documents 100000] [--runs 5]

The store is written through its own port; each figure is the median of the runs. A get returns a
Document whose JSON is parsed when somebody looks; the last line shows what that costs.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import corpus

from fedpull.cache import Cache
from fedpull.cache.open import open_store
from fedpull.cache.records import Outcome, Put
from fedpull.crawler.describe import put, stamp_of

GOAL = 300_000
_HOT = 1_000
_GETS = 200_000
_BATCH = 500  # documents an outcome: the writer commits what waits together


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--gets", type=int, default=_GETS)
    parser.add_argument("--dir", help="where to work: the disk that the store is on")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=options.dir) as folder:
        store = Path(folder) / "data"
        ids = fill(store, options.documents)
        with Cache(store) as cache:
            for name, rate in figures(cache, ids, options.gets, options.runs):
                print(f"{name:48} {rate:9.0f} a second (goal {GOAL})", flush=True)
    return 0


def fill(store: Path, documents: int) -> list[str]:
    """Write that many notes; their ids."""
    ids: list[str] = []
    opened = open_store(store, max_bytes=4 << 30)
    puts = _puts(documents)
    pending = []
    while batch := tuple(islice(puts, _BATCH)):
        ids += [one.id for one in batch]
        pending.append(opened.store.apply(Outcome(at=batch[0].fetched_at, puts=batch)))
    for future in pending:
        future.result()
    opened.close()
    return ids


def _puts(documents: int) -> Iterator[Put]:
    at = time.time()
    for note in corpus.notes(documents):
        body = json.dumps(note).encode()
        yield put(note["id"], body, note, stamp_of(note, at), at=at)


def figures(cache: Cache, ids: Sequence[str], gets: int, runs: int) -> Iterator[tuple[str, float]]:
    """Each case and its gets per second."""
    rng = random.Random(1)
    hot = [rng.choice(ids[:_HOT]) for _ in range(gets)]
    anywhere = [rng.choice(ids) for _ in range(gets)]
    absent = [f"{id}/nothing" for id in anywhere]
    cases: tuple[tuple[str, list[str], Callable[[Any], Any]], ...] = (
        (f"get, {_HOT} hot documents", hot, _same),
        (f"get, any of {len(ids)} documents", anywhere, _same),
        ("get, an id that is not there", absent, _same),
        (f"get and parse, {_HOT} hot documents", hot[: gets // 10], _parsed),
    )
    for name, wanted, use in cases:
        _round(cache, wanted[: gets // 10], use)
        yield name, median(len(wanted) / _round(cache, wanted, use) for _ in range(runs))


def _same(document: Any) -> Any:
    return document


def _parsed(document: Any) -> Any:
    return document.json


def _round(cache: Cache, ids: Iterable[str], use: Callable[[Any], Any]) -> float:
    """Seconds of this thread, so that what else the machine does is not counted."""
    get = cache.get
    started = time.thread_time()
    if use is _same:
        for id in ids:
            get(id)
    else:
        for id in ids:
            use(get(id))
    return time.thread_time() - started


if __name__ == "__main__":
    sys.exit(main())
