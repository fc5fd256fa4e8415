"""Calls of the private API per CPU-second of the daemon, and how long they take while it crawls.

    .venv/bin/python benchmarks/api.py [--documents 100000] [--seconds 5] [--profile FILE]

A daemon of its own on loopback over a store that is filled first. CPU seconds are the daemon's
alone, user and system, so that the client and what else the machine does are not counted. Beside it
a bare twisted.web resource answers as many bytes: the ratio of the two holds on any machine. Then a
second daemon backfills from nginx as fast as it can while its documents are read at a steady pace:
`p99` is what one of a hundred of these readers waits for at least. `--profile` has the first daemon
profiled (cProfile; its figures are then those of the profiler).
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any
from urllib.parse import quote

import corpus
import nginx
import uvloop
from contenders.plan import Plan
from entrants import configuration

from fedpull.cache.open import open_store
from fedpull.cache.records import Follow, Outcome
from fedpull.crawler.describe import put, stamp_of

GOAL, GOAL_P99, GOAL_LIST = 5_000, 25.0, 20.0
_HOT = 1_000
_READ = "https://read.example"
_BATCH = 500
_BYTES = 2_500  # about what a note has
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Figures:
    """Calls for each second of the daemon's CPU and of the clock, and how long each took in ms."""

    per_cpu: float
    per_second: float
    waits: tuple[float, ...]

    def at(self, place: float) -> float:
        return self.waits[min(int(len(self.waits) * place), len(self.waits) - 1)]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=5.0, help="for each kind of call")
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--crawl", type=int, default=8_000, help="posts to crawl; 0: leave it out")
    parser.add_argument("--profile", help="profile the daemon into this file")
    parser.add_argument("--dir", help="where to work: the disk that the store is on")
    options = parser.parse_args(arguments)
    uvloop.install()
    with tempfile.TemporaryDirectory(prefix="bench-", dir=options.dir) as name:
        folder = Path(name)
        ids = fill(folder / "data", options.documents)
        _configure(folder, {"follow": [f"{_READ}/users/alice"]})
        with _daemon(folder, options.profile) as daemon, _bare(folder) as bare:
            _settle(daemon)
            least = _load(bare, [_call("/")], options.seconds, options.connections)
            print(_line("a bare twisted.web resource", least, None), flush=True)
            for case, calls, goal in _cases(ids):
                figures = _load(daemon, calls, options.seconds, options.connections)
                print(
                    f"{_line(case, figures, goal)}; {figures.per_cpu / least.per_cpu:.0%} of bare"
                )
        if options.crawl and nginx.path() is not None:
            _while_crawling(folder, ids, options.crawl)
    return 0


def _line(case: str, figures: Figures, goal: int | None) -> str:
    aim = f" (goal {goal})" if goal else ""
    return (
        f"{case:44} {figures.per_cpu:7.0f} per CPU-second{aim}, {figures.per_second:6.0f} a second,"
        f" median {figures.at(0.5):5.1f} ms, p99 {figures.at(0.99):5.1f} ms"
    )


def fill(store: Path, documents: int) -> list[str]:
    """A follow, and that many notes of its; their ids."""
    opened = open_store(store, max_bytes=8 << 30)
    alice = f"{_READ}/users/alice"
    opened.store.put_follow(Follow(alice, actor=alice)).result()
    at, ids, waiting = time.time(), [], []
    notes = corpus.notes(documents)
    while batch := [_renamed(note) for note in islice(notes, _BATCH)]:
        ids += [note["id"] for note in batch]
        puts = tuple(
            put(one["id"], json.dumps(one).encode(), one, stamp_of(one, at), at=at, follow=alice)
            for one in batch
        )
        waiting.append(opened.store.apply(Outcome(at, puts=puts)))
    for future in waiting:
        future.result()
    opened.close()
    return ids


def _renamed(note: Json) -> Json:
    """On a host of its own, so that no crawl asks for it."""
    text = json.dumps(note).replace(f"https://{corpus.HOST}", _READ)
    return dict(json.loads(text))


def _cases(ids: Sequence[str]) -> Iterator[tuple[str, list[bytes], int | None]]:
    rng = random.Random(1)
    hot = [rng.choice(ids[:_HOT]) for _ in range(5_000)]
    anywhere = [rng.choice(ids) for _ in range(50_000)]

    def documents(wanted: Sequence[str], *headers: str) -> list[bytes]:
        return [_call(f"/v1/document?id={quote(id, safe='')}", *headers) for id in wanted]

    yield f"GET /v1/document, {_HOT} hot ones", documents(hot), GOAL
    yield f"GET /v1/document, any of {len(ids)}", documents(anywhere), GOAL
    yield "GET /v1/document, 304", documents(hot, "If-None-Match: *"), None
    yield "GET /v1/document, gzip", documents(hot, "Accept-Encoding: gzip"), None
    yield "GET /v1/reference", [_call(f"/v1/reference?id={quote(i, safe='')}") for i in hot], None
    yield "GET /v1/objects, 50 of them", [_call("/v1/objects?limit=50")], None
    yield "GET /v1/changes, 500 of them", [_call("/v1/changes?limit=500")], None
    yield "GET /healthz", [_call("/healthz")], None


def _call(target: str, *headers: str) -> bytes:
    lines = (f"GET {target} HTTP/1.1", "Host: 127.0.0.1", *headers)
    return "\r\n".join((*lines, "", "")).encode()


def _configure(folder: Path, more: Json) -> None:
    basis: Json = {
        "listen": {"api": "tcp:0:interface=127.0.0.1"},
        "store": {"path": "data", "max_bytes": "8GiB"},
        "log": {"level": "warning"},
    }
    # JSON is YAML.
    (folder / "fedpull.yaml").write_text(json.dumps({**more, **basis}), "utf-8")


@dataclass(frozen=True, slots=True)
class _Daemon:
    pid: int
    address: tuple[str, int]

    def cpu(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text("ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def _daemon(folder: Path, profile: str | None = None) -> Iterator[_Daemon]:
    profiled = ["-m", "cProfile", "-o", str(Path(profile).resolve())] if profile else []
    command = [sys.executable, *profiled, "-m", "fedpull", "-c", str(folder / "fedpull.yaml")]
    (folder / "data" / "api").unlink(missing_ok=True)
    with subprocess.Popen([*command, "run"], cwd=folder, stderr=sys.stderr) as process:
        try:
            yield _Daemon(process.pid, _address(folder / "data" / "api", process))
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


@contextmanager
def _bare(folder: Path) -> Iterator[_Daemon]:
    script, file = Path(__file__).parent / "contenders" / "bare_twisted.py", folder / "bare"
    command = [sys.executable, str(script), str(file), str(_BYTES)]
    with subprocess.Popen(command, cwd=folder) as process:
        try:
            yield _Daemon(process.pid, _address(file, process))
        finally:
            process.terminate()
            process.wait()


def _address(file: Path, process: subprocess.Popen[bytes]) -> tuple[str, int]:
    while not (file.exists() and file.read_text("utf-8")):
        if process.poll() is not None:
            raise SystemExit("the daemon has ended")
        time.sleep(0.05)
    host, _, port = file.read_text("utf-8").removeprefix("http://").rpartition(":")
    return host, int(port)


class _Caller(asyncio.Protocol):
    """One connection with one call on its way; `done` is told how long each took."""

    transport: asyncio.Transport

    def __init__(self, calls: Iterator[bytes], done: Callable[[float], None]) -> None:
        self._calls = calls
        self._done = done
        self._data = b""
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.ask()

    def ask(self) -> None:
        call = next(self._calls, None)
        if call is None:
            self.transport.close()
            return
        self._started = time.perf_counter()
        self.transport.write(call)

    def data_received(self, data: bytes) -> None:
        self._data += data
        head, end, rest = self._data.partition(b"\r\n\r\n")
        if not end:
            return
        if head[9:12] not in (b"200", b"304"):
            raise SystemExit(self._data.decode())
        length = 0
        if (at := head.find(b"Content-Length: ")) >= 0:
            length = int(head[at + 16 :].partition(b"\r\n")[0])
        if len(rest) >= length:
            self._data = rest[length:]
            self._done(time.perf_counter() - self._started)
            self.ask()

    def connection_lost(self, error: Exception | None) -> None:
        self.ended.set_result(None)


def _load(daemon: _Daemon, calls: list[bytes], seconds: float, connections: int) -> Figures:
    """As many calls as there may be in that time."""
    waits: list[float] = []

    async def run() -> tuple[float, float]:
        until = time.perf_counter() + seconds
        endless = cycle(calls)
        wanted = iter(lambda: next(endless) if time.perf_counter() < until else None, None)
        before, started = daemon.cpu(), time.perf_counter()
        loop = asyncio.get_running_loop()
        callers = [
            (await loop.create_connection(lambda: _Caller(wanted, waits.append), *daemon.address))[
                1
            ]
            for _ in range(connections)
        ]
        await asyncio.gather(*(caller.ended for caller in callers))
        return daemon.cpu() - before, time.perf_counter() - started

    cpu, wall = asyncio.run(run())
    count = len(waits)
    return Figures(count / cpu, count / wall, tuple(sorted(wait * 1e3 for wait in waits)))


def _while_crawling(folder: Path, ids: Sequence[str], posts: int) -> None:
    """Reads at a steady pace, from the first document that is crawled to the last."""
    there = corpus.write(folder / "documents", "single", posts)
    with nginx.serving(folder / "nginx", folder / "documents", keep_alive=True) as server:
        plan = Plan(there.actors, (), server.port("https"), str(server.ca_file), 16)
        _configure(folder, configuration(plan))
        with _daemon(folder) as daemon:
            _wait_for(daemon, len(ids) + posts // 20)
            rng = random.Random(2)
            calls = [_call(f"/v1/document?id={quote(rng.choice(ids), safe='')}") for _ in ids]
            listing = [_call("/v1/objects?limit=50")]
            for case, wanted, pace, goal in (
                ("GET /v1/document", calls, 200, GOAL_P99),
                ("GET /v1/objects, 50 of them", listing, 10, GOAL_LIST),
            ):
                before = daemon.cpu()
                waits = asyncio.run(_paced(daemon, wanted, 10.0, pace))
                busy = (daemon.cpu() - before) / 10.0
                place = waits[int(len(waits) * 0.99)]
                print(
                    f"{case + ' while it crawls':44} p99 {place:5.1f} ms (goal {goal:.0f}), median "
                    f"{waits[len(waits) // 2]:5.1f} ms; the daemon took {busy:.0%} of a core"
                )


def _settle(daemon: _Daemon) -> None:
    """Until it has nothing more to do of its own accord: where search is installed, a store that
    was filled by others is indexed first."""
    idle = 0
    while idle < 3:
        before = daemon.cpu()
        time.sleep(1.0)
        idle = idle + 1 if daemon.cpu() - before < 0.05 else 0


def _wait_for(daemon: _Daemon, documents: int) -> None:
    """Until the crawl is under way."""
    connection = http.client.HTTPConnection(*daemon.address)
    held = 0
    while held < documents:
        time.sleep(0.1)
        connection.request("GET", "/v1/status")
        held = json.loads(connection.getresponse().read())["documents"]
    connection.close()


async def _paced(daemon: _Daemon, calls: list[bytes], seconds: float, pace: int) -> list[float]:
    reader, writer = await asyncio.open_connection(*daemon.address)
    waits: list[float] = []
    started = time.perf_counter()
    for number, call in enumerate(cycle(calls)):
        due = started + number / pace
        if due > started + seconds:
            break
        await asyncio.sleep(max(due - time.perf_counter(), 0.0))
        asked = time.perf_counter()
        writer.write(call)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0])
        await reader.readexactly(length)
        waits.append((time.perf_counter() - asked) * 1e3)
    writer.close()
    return sorted(waits)


if __name__ == "__main__":
    raise SystemExit(main())
