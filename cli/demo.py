"""`fedpull demo`: the whole product on one screen, without the internet.

It starts the simulated Fediverse on loopback and the daemon as a child process of its own, prints
what arrives in the cache, restarts the daemon to show that the cache survives, and lets things
happen until Ctrl-C. It configures and watches; it reaches into neither. Invariant: what it started
it ends, and nothing is written outside of its folder.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import StoreError
from . import output
from .options import common, pass_session
from .session import Session

if TYPE_CHECKING:
    from ..cache.records import Change
    from ..tests.fediverse import Fediverse

_STEP = 0.1  # seconds between two looks at the change log
_TICK = 2.5  # between two things that happen in the simulated Fediverse
_PATIENCE = 60.0
_STOP = 15.0
_COLOURS = {"created": "green", "updated": "yellow", "deleted": "red", "refused": "magenta"}


@click.command()
@click.option("--once", is_flag=True, help="Pull, restart, show that the cache survived, and exit.")
@click.option(
    "--dir",
    "folder",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep configuration, store and log here.  [default: a temporary folder]",
)
@common
@pass_session
def demo(session: Session, once: bool, folder: Path | None) -> None:
    """Show the daemon following a small simulated Fediverse on this machine."""
    from ..tests.fediverse.demo import demo_world

    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    place: Any = tempfile.TemporaryDirectory(prefix="fedpull-demo-") if folder is None else None
    with place or nullcontext(str(folder)) as name, demo_world() as world:
        Demo(session, Path(name), world).play(once=once)


class Demo:
    """One showing."""

    def __init__(self, session: Session, folder: Path, world: Fediverse) -> None:
        self.session = session
        self.folder = folder
        self.world = world
        self.seq = 0
        session.config_option = folder / "fedpull.yaml"

    def play(self, *, once: bool) -> None:
        """The acts, one after the other."""
        self._configure()
        hosts = ", ".join(sorted(self.world.servers))
        _say(f"A small Fediverse is running on this machine: {hosts}")
        _say(f"Fedpull follows {len(self._handles())} of its actors. Here is what arrives:\n")
        with self._daemon():
            self._watch(until_complete=True)
        with self.session.reading() as query:
            totals = query.totals()
        _say(f"\nThe daemon has been stopped. {totals.documents} documents are in its store.")
        _say("Without it, and without the network, the cache still answers:\n")
        self._list()
        if once:
            _say("\nThat was all: run `fedpull demo` without --once to see new posts arrive.")
            return
        _say("\nThe daemon runs again, and goes on where it was. Things happen; Ctrl-C ends it.\n")
        with self._daemon():
            self._live()

    def _handles(self) -> list[str]:
        from ..tests.fediverse.demo import handles

        return handles(self.world)

    def _configure(self) -> None:
        every = {"min": "1s", "max": "2s"}  # nobody waits for minutes before a screen
        follows = [{"actor": handle, "every": every} for handle in self._handles()]
        config = self.world.config(
            listen={"api": "tcp:0:interface=127.0.0.1", "inbox": "tcp:0:interface=127.0.0.1"},
            store={"path": "data", "max_bytes": "256MiB"},
            follow=follows,
            log={"level": "warning"},
        )
        text = "# Made by `fedpull demo`. JSON is YAML.\n" + json.dumps(config, indent=2)
        (self.folder / "fedpull.yaml").write_text(text + "\n")

    @contextmanager
    def _daemon(self) -> Iterator[None]:
        """The daemon in a process of its own, for as long as it is watched."""
        command = [sys.executable, "-m", "fedpull", "-c", str(self.folder / "fedpull.yaml"), "run"]
        with (self.folder / "daemon.log").open("ab") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._process = process
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(_STOP)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _watch(self, *, until_complete: bool) -> None:
        """Print what arrives, until every follow has been read back."""
        until = time.monotonic() + _PATIENCE
        while not (self._print_changes() == 0 and until_complete and self._complete()):
            self._alive()
            if time.monotonic() > until:
                raise StoreError(str(self.folder / "daemon.log"), "the demo takes too long")
            time.sleep(_STEP)

    def _live(self) -> None:
        from ..tests.fediverse.demo import tick

        try:
            while True:
                _say(click.style(f"  ({tick(self.world)})", dim=True))
                until = time.monotonic() + _TICK
                while time.monotonic() < until:
                    self._print_changes()
                    self._alive()
                    time.sleep(_STEP)
        except KeyboardInterrupt:
            _say("\nBye.")

    def _alive(self) -> None:
        if self._process.poll() is not None:
            log = (self.folder / "daemon.log").read_text("utf-8", "replace").strip()
            reason = f"the daemon has ended ({self._process.returncode})"
            last = log.splitlines()[-1] if log else "it said nothing"
            raise StoreError("", f"{reason}: {last}")

    def _complete(self) -> bool:
        with self.session.reading() as query:
            follows = query.follows()
        return len(follows) == len(self._handles()) and all(
            follow.complete or follow.last_error for follow in follows
        )

    def _print_changes(self) -> int:
        """Print what is new in the change log; how many entries that were."""
        with self.session.reading() as query:
            entries = query.changes(self.seq)
            lines = [self._line(query, entry) for entry in entries]
        for line in lines:
            if line:
                _say(line)
        if entries:
            self.seq = entries[-1].seq
        return len(entries)

    def _line(self, query: Any, change: Change) -> str:
        document = query.document(change.id)
        kind = click.style(f"{change.kind:<8}", fg=_COLOURS.get(change.kind))
        text = change.reason or ""
        if document is not None:
            text = document.name or output.first_line(document.content) or change.id
        who = output.safe(_who(change.actor or change.id))
        return f"  {kind} {who:<22} {change.type or '':<8} {output.shorten(output.safe(text), 60)}"

    def _list(self) -> None:
        from ..cache.records import ObjectFilter

        with self.session.reading() as query:
            documents, _ = query.objects(ObjectFilter(), 8)
            for document in documents:
                text = document.name or output.first_line(document.content)
                who = output.safe(_who(document.actor or ""))
                day = output.moment(document.published) or ""
                _say(f"  {day}  {who:<22} {document.type or '':<8} {output.shorten(text, 52)}")


def _who(uri: str) -> str:
    """`https://town.example/users/ada` as `ada@town.example`."""
    host, _, path = uri.partition("://")[2].partition("/")
    name = path.rstrip("/").rpartition("/")[2].lstrip("@")
    return f"{name}@{host}" if name else host


def _say(text: str) -> None:
    click.echo(text)
