"""`Cache` in several processes and many threads at once, while a daemon fills the store."""

from __future__ import annotations

import multiprocessing
import os
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from pathlib import Path

from station import PATIENCE, Station, eventually

from fedpull.cache import Cache
from fedpull.client import Client
from fedpull.tests.fediverse.families.cursors import Mastodon
from fedpull.tests.fediverse.world import Fediverse

POSTS = 200
PROCESSES = 2
THREADS = 3


def watch(store: Path) -> tuple[set[str], list[str]]:
    """One process, whose threads share a Cache and read until all is there: what each of them has
    seen, and whatever was wrong."""
    with Cache(store) as cache, ThreadPoolExecutor(THREADS) as threads:
        (store.parent / f"reads-{os.getpid()}").touch()
        ended = list(threads.map(partial(read, cache), [time.monotonic() + PATIENCE] * THREADS))
    wrong = [one for _, told in ended for one in told]
    return set.intersection(*(seen for seen, _ in ended)), wrong


def read(cache: Cache, until: float) -> tuple[set[str], list[str]]:
    """What a list names is whole, stays there, and was told by the log."""
    seen: set[str] = set()
    wrong: list[str] = []
    while len(seen) < POSTS and not wrong and time.monotonic() < until:
        listed = [document.id for document in cache.objects(type="Note")]
        told = {change.id for change in cache.changes()}
        wrong += ["something is listed twice"] if len(listed) > len(set(listed)) else []
        wrong += (f"{id} is not listed any more" for id in seen.difference(listed))
        wrong += (f"{id} is not in the log" for id in set(listed) - told)
        for id in set(listed) - seen:
            document, reference = cache.get(id), cache.reference(id)
            if document is None or reference is None or document.json["id"] != id:
                wrong.append(f"{id} is not whole")
        seen.update(listed)
    return seen, wrong


def test_processes_and_threads_read_while_a_daemon_writes(tmp_path: Path) -> None:
    """Readers that were there before the first post see all of them, each of them whole."""
    with Fediverse() as world:
        alice = world.add(Mastodon("town.example")).add_account("alice", posts=POSTS)
        station = Station(tmp_path, world)
        context = multiprocessing.get_context("spawn")
        with (
            station.daemon() as running,
            ProcessPoolExecutor(PROCESSES, mp_context=context) as pool,
            Client(running.address) as client,
        ):
            readers = [pool.submit(watch, station.store) for _ in range(PROCESSES)]
            eventually(lambda: len([*tmp_path.glob("reads-*")]) == PROCESSES, "they read")
            client.follow({"actor": alice.handle, "backfill": "all"})
            ended = [reader.result() for reader in readers]

    assert [wrong for _, wrong in ended] == [[]] * PROCESSES
    assert [seen for seen, _ in ended] == [{post.id for post in alice.posts}] * PROCESSES
