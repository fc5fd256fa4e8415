"""A daemon that is killed at any moment, and a parent that knows what it had acknowledged.

    python tests/crash_oracle.py ROUNDS [SEED]

In each round the real process, with TLS to simulated hosts, follows, is pushed to, publishes,
delivers, forgets and is read from, until SIGKILL ends it: after so many answers, requests, commits
or writes to its file (in the midst of a commit, then), or while it is still starting. Its store is
opened, checked, and compared with all that was acknowledged in this life and every one before. At
last it is let run until nothing is left to do, and nothing may be missing. A line a round and a
summary as JSON; exit 1 on any loss. The seed decides what is done and when it ends; which of the
two is faster the machine decides, so what is demanded holds for every order.
"""

from __future__ import annotations

import json
import random
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crash_ledger import Ledger
from crash_store import Audit
from crash_work import Work
from crash_world import Town
from public_station import PublicStation
from push_cases import mail
from station import PATIENCE, Running, eventually

from fedpull.client import Client

_META, _NUMBER = 4096, 144  # LMDB's two first pages, and where each says which commit it is of
_LOOK = 0.0005
_LONG = (0.2,) * 18_000  # an inbox that stumbles gets what has waited at one a second
# What a life ends after, and after how many of that at most.
MOMENTS = {"answers": 30, "requests": 60, "commits": 40, "writes": 80, "start": 12}
_WEIGHTS = (2, 2, 2, 2, 1)


@dataclass(slots=True)
class Oracle:
    """One installation over all its lives."""

    station: PublicStation
    town: Town
    ledger: Ledger
    seed: int
    kills: Counter[str]

    def round(self, number: int) -> str:
        """One life and its audit; what there is to say of it."""
        began, before = time.monotonic(), sum(self.ledger.answers.values())
        known = len(self.ledger.losses)
        rng = random.Random(f"{self.seed}/{number}")
        [moment] = rng.choices(list(MOMENTS), _WEIGHTS)
        count = rng.randrange(1, MOMENTS[moment])
        self._live(moment, count, f"{self.seed}/{number}")
        self.kills[moment] += 1
        self.town.world.settle()
        Audit(self.station.store, self.town, self.ledger).run()
        lost = self.ledger.losses[known:]
        told = (
            f"round {number}: killed after {count} {moment}, "
            f"{sum(self.ledger.answers.values()) - before} acknowledged, "
            f"{len(lost)} lost, {time.monotonic() - began:.1f} s"
        )
        return "\n  LOST ".join((told, *lost))

    def _live(self, moment: str, count: int, seed: str) -> None:
        running = Running(self.station, self.station.start("run", output=subprocess.PIPE))
        threads: list[threading.Thread] = []
        reached = self._reached(moment, count)
        try:
            if moment != "start":
                self._wait_until_ready(running)
                work = Work(self.town, self.ledger, running.address, seed)
                reached = self._reached(moment, count)
                listening, threads = work.listen(), work.threads()
                self._await(lambda: reached() or not any(t.is_alive() for t in threads), running)
                threads.append(listening)
            else:
                self._await(reached, running)
            if running.process.poll() is not None:
                self.ledger.lost(f"the daemon ended by itself: {running.output()[-2_000:]}")
        finally:
            running.process.kill()
            running.process.wait()
            for thread in threads:
                thread.join()
            running.close()
        self._read_output(running)

    def _wait_until_ready(self, running: Running) -> None:
        try:
            running.wait_until_ready()
        except AssertionError:
            self.ledger.lost(f"the daemon did not start: {running.output()[-2_000:]}")
            raise

    def _read_output(self, running: Running) -> None:
        if "Traceback" in running.output():
            at = running.output().index("Traceback")
            self.ledger.lost(f"the daemon said: {running.output()[at : at + 3_000]}")

    def _await(self, condition: Callable[[], bool], running: Running) -> None:
        never, end = threading.Event(), time.monotonic() + PATIENCE
        while not condition() and running.process.poll() is None:
            if time.monotonic() > end:
                self.ledger.lost("nothing happened for a minute")
                return
            never.wait(_LOOK)

    def _reached(self, moment: str, count: int) -> Callable[[], bool]:
        """Whether so much has happened from now on."""
        file = self.station.store / "data.mdb"
        seen: dict[str, Callable[[], int]] = {
            "answers": lambda: sum(self.ledger.answers.values()),
            "requests": lambda: len(self.town.world.log.entries),
            "commits": lambda: last_commit(file),
        }
        if moment not in seen:
            return _Writes(file, count).reached
        look = seen[moment]
        until = look() + count
        return lambda: look() >= until

    def settle(self) -> None:
        """A last life, without a kill, until nothing is left to do; and the last audit."""
        with self.station.daemon() as running:
            work = Work(self.town, self.ledger, running.address, f"{self.seed}/last")
            for thread in work.threads():
                thread.join()
            work.again()
            with Client(running.address) as client:
                client.pull()
            eventually(lambda: not self._busy(), "all came to an end", _LONG)
            with Client(running.address) as client:
                client.pull()
        self._read_output(running)
        self.town.world.settle()
        self.audit(self.ledger)

    def audit(self, ledger: Ledger) -> None:
        """Compare the store, in which nothing is left to do, with a ledger."""
        Audit(self.station.store, self.town, ledger).run(settled=True)

    def _busy(self) -> bool:
        with mail(self.station) as query:
            return bool(
                query.notifications(1, state="waiting") or query.deliveries(1, state="waiting")
            )

    def summary(self) -> dict[str, Any]:
        taken = self.town.taken()
        return {
            "rounds": self.kills.total(),
            "seed": self.seed,
            "kills": dict(self.kills),
            "acknowledged": dict(self.ledger.answers),
            "documents": len(self.ledger.held),
            "changes": len(self.ledger.log),
            "deliveries": len(taken),
            "repeated": sum(taken.values()) - len(taken),
            "losses": len(self.ledger.losses),
            "lost": self.ledger.losses[:50],
        }


class _Writes:
    """Counts how often a file was seen to have changed: of a commit, its pages or its end."""

    def __init__(self, file: Path, count: int) -> None:
        self._file = file
        self._left = count
        self._at = file.stat().st_mtime_ns

    def reached(self) -> bool:
        at = self._file.stat().st_mtime_ns
        if at != self._at:
            self._at = at
            self._left -= 1
        return self._left <= 0


def last_commit(file: Path) -> int:
    """The number of the latest commit, as the file's first pages state it."""
    with file.open("rb") as opened:
        pages = [opened.read(_META) for _ in range(2)]
    return max(int(struct.unpack_from("<Q", page, _NUMBER)[0]) for page in pages)


@contextmanager
def living(folder: Path, seed: int) -> Iterator[Oracle]:
    """An installation that has not lived yet, and the hosts around it, which are there."""
    town = Town(posts=30)
    with town.world:
        oracle = Oracle(town.station(folder), town, Ledger(), seed, Counter())
        for writer in town.writers:
            oracle.ledger.posts |= {post.id: post for post in writer.posts}
        yield oracle


def main() -> int:
    began, rounds = time.monotonic(), int(sys.argv[1])
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    folder = tempfile.TemporaryDirectory(prefix="crash-oracle-")
    with folder as path, living(Path(path), seed) as oracle:
        for number in range(rounds):
            print(oracle.round(number), flush=True)
        oracle.settle()
        summary = oracle.summary() | {"seconds": round(time.monotonic() - began)}
    print(json.dumps(summary, indent=1))
    return 1 if summary["losses"] else 0


if __name__ == "__main__":
    sys.exit(main())
