"""Signed POSTs per CPU-second of the daemon, each on disk before its 202; and /healthz meanwhile.

    .venv/bin/python benchmarks/inbox.py [--posts 8000] [--senders 1000] [--runs 3]

A daemon of its own on loopback; the requests are signed beforehand with RSA-2048, as Mastodon
signs, by senders whose keys it knows already. CPU seconds are the daemon's alone, user and system,
from the first POST to the last 202. What it was sent is counted in its store afterwards.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from fedpull.cache.mail_records import Received, Settlement
from fedpull.cache.open import open_reader, open_store
from fedpull.crawler import key_file
from fedpull.crawler.protocol.keys import public_key
from fedpull.crawler.protocol.pushed import Pushed
from fedpull.tests.fediverse.forms import FORMS, prepare
from fedpull.tests.fediverse.keys import public_pem, rsa_key

GOAL = 1_000
_ORIGIN = "https://pull.example"
_INBOX = f"{_ORIGIN}/inbox"
_KEYS = 50  # RSA keys that the senders share: making one takes a tenth of a second
_HEALTH_EVERY = 0.02
_CONFIG = """\
identity: {{url: "{origin}", summary: a benchmark, followers: none}}
listen: {{api: "tcp:0:interface=127.0.0.1", inbox: "tcp:0:interface=127.0.0.1"}}
store: {{path: data}}
contact: https://pull.example/about
log: {{level: warning}}
"""


@dataclass(frozen=True, slots=True)
class Figures:
    """One run: POSTs for each second of the daemon's CPU and of the clock; /healthz in ms."""

    per_cpu: float
    per_second: float
    health: tuple[float, ...]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    # The daemon answers 503 when 10,000 wait to be processed.
    parser.add_argument("--posts", type=int, default=8_000)
    parser.add_argument("--senders", type=int, default=1_000)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--form", choices=sorted(FORMS), default="mastodon")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--dir", help="where to work: the disk that the store is on")
    options = parser.parse_args(arguments)
    runs = []
    for number in range(options.runs):
        with tempfile.TemporaryDirectory(prefix="bench-", dir=options.dir) as folder:
            station = Path(folder)
            _prepare(station, options.senders)
            posts = _posts(options.posts, options.senders, options.form, number)
            runs.append(_run(station, posts, options.connections))
    print(
        f"{'signed POSTs per CPU-second of the daemon':44} {_median(runs, 'per_cpu'):8.0f}"
        f" (goal {GOAL})"
    )
    print(f"{'signed POSTs per second of the clock':44} {_median(runs, 'per_second'):8.0f}")
    waits = sorted(wait for run in runs for wait in run.health)
    for name, place in (("median", 0.5), ("99 of 100", 0.99), ("longest", 1.0)):
        wait = waits[min(int(len(waits) * place), len(waits) - 1)]
        print(f"{'GET /healthz meanwhile, ' + name:44} {wait:8.1f} ms")
    return 0


def _median(runs: Sequence[Figures], name: str) -> float:
    return float(median(getattr(run, name) for run in runs))


def _sender(number: int) -> str:
    return f"https://host{number % 97}.example/users/u{number}"


def _prepare(folder: Path, senders: int) -> None:
    """A store that knows the senders' keys, and no mail that waits."""
    (folder / "fedpull.yaml").write_text(_CONFIG.format(origin=_ORIGIN), "utf-8")
    (folder / "keys").mkdir()
    key_file.create(folder / "keys" / "actor.pem")
    now = time.time()
    opened = open_store(folder / "data")
    received = []
    for number in range(senders):
        actor = _sender(number)
        key = public_key(f"{actor}#main-key", actor, public_pem(rsa_key(number % _KEYS)))
        pushed = Pushed("View", actor, f"{actor}/views/0")
        fingerprint = number.to_bytes(16, "big")
        received.append(Received(actor, _INBOX, pushed, False, fingerprint, key))
    opened.mailbox.receive(received, now).result()
    settled = [
        Settlement(one.id, now, "ignored", "known") for one in opened.mailbox.waiting(now, senders)
    ]
    opened.mailbox.settle(settled, now).result()
    opened.close()


def _posts(posts: int, senders: int, form: str, run: int) -> list[bytes]:
    """The requests as bytes. What they are about is nothing that is held."""
    made = []
    now = time.time()
    for number in range(posts):
        actor = _sender(number % senders)
        note = f"{actor}/notes/{run}-{number}"
        activity = {
            "@context": "https://www.w3.org/ns/activitystreams",
            "id": f"{note}/activity",
            "type": "Create",
            "actor": actor,
            "published": "2026-01-01T00:00:00Z",
            "to": ["https://www.w3.org/ns/activitystreams#Public"],
            "cc": [f"{actor}/followers"],
            "object": {
                "id": note,
                "type": "Note",
                "attributedTo": actor,
                "to": ["https://www.w3.org/ns/activitystreams#Public"],
                "cc": [f"{actor}/followers"],
                "published": "2026-01-01T00:00:00Z",
                "content": "<p>" + "What servers push is mostly a paragraph or two. " * 8 + "</p>",
            },
        }
        body = json.dumps(activity).encode()
        key = rsa_key(number % senders % _KEYS)
        message = prepare(FORMS[form], _INBOX, body, key, f"{actor}#main-key", now, str(number))
        lines = [f"POST {message.target} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in message.headers.items()]
        lines.append("x-forwarded-for: 203.0.113.7")
        made.append("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
    return made


def _run(folder: Path, posts: list[bytes], connections: int) -> Figures:
    command = [sys.executable, "-m", "fedpull", "-c", str(folder / "fedpull.yaml"), "run"]
    with subprocess.Popen(command, cwd=folder, stderr=sys.stderr) as process:
        try:
            addresses = [_address(folder / "data" / name, process) for name in ("inbox", "api")]
            before, started = _cpu(process.pid), time.perf_counter()
            health = asyncio.run(_send(addresses, posts, connections))
            wall, cpu = time.perf_counter() - started, _cpu(process.pid) - before
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()
    reader = open_reader(folder / "data")
    kept = reader.query.notifications(limit=1)[0].id
    reader.close()
    print(f"  {len(posts)} POSTs: {cpu:.2f} s of CPU, {wall:.2f} s; number {kept} is the last one")
    return Figures(len(posts) / cpu, len(posts) / wall, tuple(health))


def _address(file: Path, process: subprocess.Popen[bytes]) -> tuple[str, int]:
    while not (file.exists() and file.read_text("utf-8")):
        if process.poll() is not None:
            raise SystemExit("the daemon has ended")
        time.sleep(0.05)
    host, _, port = file.read_text("utf-8").removeprefix("http://").rpartition(":")
    return host, int(port)


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def _send(
    addresses: Sequence[tuple[str, int]], posts: list[bytes], connections: int
) -> list[float]:
    inbox, api = addresses
    waiting = iter(posts)
    waits: list[float] = []

    async def push() -> None:
        reader, writer = await asyncio.open_connection(*inbox)
        for post in waiting:
            writer.write(post)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 202"):
                raise SystemExit(head.decode() + (await reader.read(500)).decode())
        writer.close()

    async def healthy() -> None:
        reader, writer = await asyncio.open_connection(*api)
        while True:
            started = time.perf_counter()
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.lower().partition(b"content-length: ")[2][:2]))
            waits.append((time.perf_counter() - started) * 1e3)
            await asyncio.sleep(_HEALTH_EVERY)

    health = asyncio.ensure_future(healthy())
    await asyncio.gather(*(push() for _ in range(connections)))
    health.cancel()
    return waits


if __name__ == "__main__":
    raise SystemExit(main())
