"""Signed POSTs per CPU-second of the daemon, from its durable queue; beside a stock sender.

    .venv/bin/python benchmarks/delivery.py [--activities 80] [--hosts 50] [--runs 3]

Each host has one shared inbox, and nginx answers for all of them over TLS with 202. The daemon
finds its queue full when it starts, and is ended when everything was taken; the contenders send the
same bodies to the same inboxes, with as many requests at once. CPU seconds are those of each
process, user and system, less what it costs to start one with nothing to send. What arrived is
counted in nginx's log: whoever sends too few or too many fails the benchmark.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import measure
import nginx
from corpus import HOST

from fedpull.cache.mail_records import Send
from fedpull.cache.open import open_reader, open_store
from fedpull.crawler import key_file

GOAL = 500
OURS = "Fedpull"
_ORIGIN = "https://pull.example"
_PLACES = 32  # requests at once, of each contender
_SENDER = Path(__file__).parent / "contenders" / "aiohttp_post.py"
_PATIENCE = 300.0


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be sent: each activity to each inbox."""

    activities: tuple[bytes, ...]
    inboxes: tuple[str, ...]

    @property
    def deliveries(self) -> int:
        return len(self.activities) * len(self.inboxes)


@dataclass(frozen=True, slots=True)
class Place:
    """Where one run works, and the server that answers it."""

    folder: Path
    server: nginx.Server


Contender = Callable[[Place, Work], float]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--activities", type=int, default=80)
    parser.add_argument("--hosts", type=int, default=50)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", default="", help="only contenders with this in their name")
    parser.add_argument("--dir", help="where to work: the disk that the store is on")
    options = parser.parse_args(arguments)
    if nginx.path() is None:
        print(f"nginx is not installed; expected after: {nginx.INSTALL}", file=sys.stderr)
        return 2
    work = Work(
        tuple(_activity(number) for number in range(options.activities)),
        tuple(f"https://h{number}.{HOST}/inbox" for number in range(options.hosts)),
    )
    chosen = {name: one for name, one in _CONTENDERS.items() if options.only in name.lower()}
    rates: dict[str, list[float]] = {name: [] for name in chosen}
    with tempfile.TemporaryDirectory(prefix="bench-", dir=options.dir) as folder:
        for number in range(options.runs):
            for place, (name, contender) in enumerate(chosen.items()):
                rates[name].append(_rate(Path(folder) / f"{number}-{place}", contender, work))
                print(f"  {name}: {rates[name][-1]:.0f} per CPU-second", file=sys.stderr)
    print(f"{'signed POSTs per CPU-second':44} (goal {GOAL})")
    for name, found in rates.items():
        against = median(found) / median(rates[OURS]) if OURS in rates else 1.0
        print(f"  {name:42} {median(found):8.0f} {against:6.2f}")
    return 0


def _rate(folder: Path, contender: Contender, work: Work) -> float:
    """Deliveries for each second of CPU, without the start."""
    start = _measured(folder / "start", contender, Work((), work.inboxes))
    whole = _measured(folder / "whole", contender, work)
    return work.deliveries / (whole - start)


def _measured(folder: Path, contender: Contender, work: Work) -> float:
    folder.mkdir(parents=True)
    with nginx.serving(folder / "nginx", folder, keep_alive=True) as server:
        cpu = contender(Place(folder, server), work)
        arrived = _arrived(server)
    if arrived != work.deliveries:
        raise SystemExit(f"{arrived} of {work.deliveries} deliveries arrived in {folder}")
    return cpu


def _arrived(server: nginx.Server) -> int:
    return server.posted.read_bytes().count(b"\n") if server.posted.exists() else 0


def _activity(number: int) -> bytes:
    """A post to everybody, of 1 KB."""
    note = f"{_ORIGIN}/objects/{number:032x}"
    said = {
        "type": "Note",
        "id": note,
        "attributedTo": f"{_ORIGIN}/actor",
        "to": ["https://www.w3.org/ns/activitystreams#Public"],
        "cc": [f"{_ORIGIN}/actor/followers"],
        "published": "2026-01-01T00:00:00Z",
        "content": "<p>" + "What is posted is mostly a paragraph or two. " * 8 + "</p>",
    }
    return json.dumps(
        {
            "@context": "https://www.w3.org/ns/activitystreams",
            "id": f"{_ORIGIN}/activities/{number:032x}",
            "type": "Create",
            "actor": f"{_ORIGIN}/actor",
            "to": said["to"],
            "cc": said["cc"],
            "published": said["published"],
            "object": said,
        }
    ).encode()


# Ourselves


def _fedpull(place: Place, work: Work) -> float:
    folder = place.folder
    target = f"127.0.0.1:{place.server.https}"
    config = {
        "identity": {"url": _ORIGIN, "summary": "a benchmark", "key_file": "actor.pem"},
        "listen": {"api": "tcp:0:interface=127.0.0.1", "inbox": "tcp:0:interface=127.0.0.1"},
        "store": {"path": "data"},
        "contact": f"{_ORIGIN}/about",
        "network": {"connect_to": {"*:443": target}, "ca_file": str(place.server.ca_file)},
        "log": {"level": "warning"},
    }
    (folder / "fedpull.yaml").write_text(json.dumps(config), "utf-8")  # JSON is YAML
    key_file.create(folder / "actor.pem")
    _queue(folder / "data", work)
    cpu = _run(folder, place.server, work.deliveries)
    reader = open_reader(folder / "data")
    try:
        delivered = reader.query.deliveries(work.deliveries + 1, state="delivered")
    finally:
        reader.close()
    if len(delivered) != work.deliveries:
        raise SystemExit(f"{len(delivered)} of {work.deliveries} are accounted for as delivered")
    return cpu


def _queue(store: Path, work: Work) -> None:
    opened = open_store(store)
    for number, body in enumerate(work.activities):
        activity = f"{_ORIGIN}/activities/{number:032x}"
        sends = [Send(activity, inbox, body) for inbox in work.inboxes]
        opened.mailbox.send(sends, time.time()).result()
    opened.close()


def _run(folder: Path, server: nginx.Server, deliveries: int) -> float:
    """The daemon, until so many deliveries have arrived and it is ready for more."""
    command = [sys.executable, "-m", "fedpull", "-c", str(folder / "fedpull.yaml"), "run"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=sys.stderr)
    until = time.monotonic() + _PATIENCE
    address = folder / "data" / "api"
    while _arrived(server) < deliveries or not address.exists():
        if process.poll() is not None or time.monotonic() > until:
            process.kill()
            raise SystemExit("the daemon has ended, or does not get on")
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime


# Others


def _aiohttp(place: Place, work: Work, *more: str) -> float:
    folder = place.folder
    key_file.create(folder / "actor.pem")
    files = []
    for number, body in enumerate(work.activities):
        files.append(folder / f"{number}.json")
        files[-1].write_bytes(body)
    plan = {
        "activities": [str(file) for file in files],
        "inboxes": work.inboxes,
        "port": place.server.https,
        "ca_file": str(place.server.ca_file),
        "concurrency": _PLACES,
        "key": (folder / "actor.pem").read_text("utf-8"),
        "key_id": f"{_ORIGIN}/actor#main-key",
    }
    (folder / "plan.json").write_text(json.dumps(plan), "utf-8")
    command = [sys.executable, str(_SENDER), str(folder / "plan.json"), *more]
    return measure.run(command, folder / "log", {"NO_PROXY": "*", "no_proxy": "*"}).cpu


def _aiohttp_sqlite(place: Place, work: Work) -> float:
    return _aiohttp(place, work, str(place.folder / "queue.sqlite"))


_CONTENDERS: dict[str, Contender] = {
    OURS: _fedpull,
    "aiohttp + SQLite, a commit for each": _aiohttp_sqlite,
    "aiohttp, nothing stored": _aiohttp,
}


if __name__ == "__main__":
    raise SystemExit(main())
