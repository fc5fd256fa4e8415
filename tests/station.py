"""A Fedpull installation in a folder, driven through its command line as an operator would.

Real processes, a real store, real TLS: the only thing that is not real is where names lead
(`network.connect_to`). Nothing sleeps: whoever waits, waits for a condition.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from fedpull.cache import Cache
from fedpull.client import Client
from fedpull.tests.fediverse.world import Fediverse

PATIENCE = 60.0


@dataclass(frozen=True)
class Result:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Station:
    """One configuration file, one store."""

    def __init__(self, folder: Path, world: Fediverse, **config: Any) -> None:
        self.folder = folder
        self.world = world
        self.file = folder / "fedpull.yaml"
        self.store = folder / "data"
        self.configure(**config)

    def configure(self, **config: Any) -> None:
        """Write the configuration anew: the world's network, no politeness delays, and `config`."""
        polite = {"gap": "0s", "concurrency": 4, "pages": "100000/1s"}
        whole = self.world.config(
            politeness=polite | config.pop("politeness", {}),
            store={"path": "data"} | config.pop("store", {}),
            listen={"api": "tcp:0:interface=127.0.0.1"} | config.pop("listen", {}),
            **config,
        )
        self.file.write_text(yaml.safe_dump(whole), "utf-8")

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "fedpull", "-c", str(self.file), *words]

    @property
    def environment(self) -> Mapping[str, str]:
        names = ("PATH", "HOME", "LANG", "COVERAGE_PROCESS_START")
        return {name: os.environ[name] for name in names if name in os.environ}

    def run(self, *words: str, stdin: str | None = None) -> Result:
        """A command, to its end."""
        done = subprocess.run(
            self.command(*words),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            input=stdin,
            cwd=self.folder,
            env=self.environment,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def json(self, *words: str) -> Any:
        """What a command that succeeds prints with --json."""
        done = self.run(*words, "--json")
        assert done.code == 0, (words, done)
        return done.json

    def pull(self, *actors: str) -> dict[str, dict[str, Any]]:
        """`fedpull pull --json`, by actor."""
        return {one["actor"]: one for one in self.json("pull", *actors)["actors"]}

    def listed(self, follow: str) -> set[str]:
        """The ids that a follow's outbox offers, as we hold them."""
        with Cache(self.store) as cache:
            return {document.id for document in cache.objects(follow=follow, limit=100_000)}

    def start(self, *words: str, output: int | None = subprocess.DEVNULL) -> subprocess.Popen[str]:
        """A command that goes on."""
        return subprocess.Popen(
            self.command(*words),
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self.folder,
            env=self.environment,
        )

    @contextlib.contextmanager
    def daemon(self) -> Iterator[Running]:
        """The daemon, ready; stopped with SIGTERM at the end, which must succeed."""
        running = Running(self, self.start("run", output=subprocess.PIPE))
        try:
            running.wait_until_ready()
            yield running
            if running.process.poll() is None:
                running.process.send_signal(signal.SIGTERM)
                assert running.process.wait(PATIENCE) == 0, running.output()
        finally:
            running.process.kill()
            running.process.wait()
            running.close()


class Running:
    """A daemon process and its API."""

    def __init__(self, station: Station, process: subprocess.Popen[str]) -> None:
        self.station = station
        self.process = process
        self._lines: list[str] = []
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def close(self) -> None:
        """Read what is left of the output."""
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._changed:
                self._lines.append(line)
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    def output(self) -> str:
        return "".join(self._lines)

    def wait_for_line(self, part: str) -> None:
        """Until the daemon has said something that contains `part`."""
        with self._changed:
            said = self._changed.wait_for(
                lambda: (
                    any(part in line for line in self._lines) or self.process.poll() is not None
                ),
                PATIENCE,
            )
        assert said, self.output()
        assert any(part in line for line in self._lines), self.output()

    def wait_until_ready(self) -> None:
        self.wait_for_line("the API listens on")

    @property
    def address(self) -> str:
        return (self.station.store / "api").read_text("utf-8")

    def served(self, id: str) -> str:
        """The id of the document that the API gives for `id`."""
        with Client(self.address) as client:
            return str(client.document(id)["id"])


def eventually(
    condition: Callable[[], bool], what: str, waits: Sequence[float] = (0.02,) * 3000
) -> None:
    """Look again until `condition` holds; another process' store gives no signal to await."""
    never = threading.Event()
    for seconds in waits:
        if condition():
            return
        never.wait(seconds)
    raise AssertionError(f"never happened: {what}")
