"""`fedpull demo`: the whole product on one screen, without the internet.

It starts the simulated Fediverse on loopback and the daemon as a child process of its own, prints
what arrives in the cache, restarts the daemon to show that the cache survives, and lets things
happen until Ctrl-C. It configures and watches; it reaches into neither. Invariant: what it started
it ends, and nothing is written outside of its folder.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
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
    from ..cache.ports import Query
    from ..cache.records import Change
    from ..tests.fediverse import Fediverse

_STEP = 0.1  # seconds between two looks at the change log
_TICK = 2.5  # between two things that happen in the simulated Fediverse
_PATIENCE = 60.0
_STOP = 15.0
_AT_FIRST = 6  # of each actor, while hundreds of posts come in at once
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
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends the daemon as Ctrl-C does
    with place or nullcontext(str(folder)) as name, demo_world() as world:
        Demo(session, Path(name), world).play(once=once)


class Demo:
    """One showing."""

    def __init__(self, session: Session, folder: Path, world: Fediverse) -> None:
        self.session = session
        self.folder = folder
        self.world = world
        self.seq = 0
        self.live = False
        self.counts: Counter[str] = Counter()
        session.config_option = folder / "fedpull.yaml"

    def play(self, *, once: bool) -> None:
        """The acts, one after the other."""
        self._configure()
        hosts = ", ".join(sorted(self.world.servers))
        _say(f"A small Fediverse is running on this machine: {hosts}")
        _say(f"Fedpull follows {len(self._handles())} of its actors. Here is what arrives:\n")
        with self._daemon():
            self._watch()
        self._sum_up()
        with self.session.reading() as query:
            before = query.totals()
        _say(f"\nThe daemon has been stopped. {before.documents} documents are in its store.")
        _say("Without it, and without the network, the cache still answers:\n")
        self._list()
        with self._daemon():
            with self.session.reading() as query:
                after = query.totals()
            _say(f"\nThe daemon runs again, with all {after.documents} documents that it had.")
            if once:
                _say("Run `fedpull demo` without --once to see new posts arrive as they are made.")
            else:
                _say("From now on things happen in that Fediverse; Ctrl-C ends it.\n")
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
            # In a session of its own, so that Ctrl-C is ours and we end it.
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._process = process
        try:
            self._wait_until_it_answers()
            yield
        finally:
            process.terminate()
            try:
                process.wait(_STOP)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _wait_until_it_answers(self) -> None:
        until = time.monotonic() + _PATIENCE
        while (client := self.session.client()) is None:
            self._alive()
            self._hurry(until)
        client.close()

    def _watch(self) -> None:
        """Print what arrives, until every follow has been read back."""
        until = time.monotonic() + _PATIENCE
        while not (self._print_changes() == 0 and self._complete()):
            self._alive()
            self._hurry(until)

    def _hurry(self, until: float) -> None:
        """Wait for a moment, but not for ever."""
        if time.monotonic() > until:
            raise StoreError(str(self.folder / "daemon.log"), "the demo takes too long")
        time.sleep(_STEP)

    def _live(self) -> None:
        from ..tests.fediverse.demo import tick

        self.live = True
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
            names = {follow.actor: follow.key for follow in query.follows() if follow.actor}
            lines = [self._line(query, names, entry) for entry in entries]
        for line in lines:
            if line is not None:
                _say(line)
        if entries:
            self.seq = entries[-1].seq
        return len(entries)

    def _line(self, query: Query, names: dict[str, str], change: Change) -> str | None:
        """One entry of the log; at first only a few of each actor, of whom there are hundreds."""
        who = names.get(change.actor or change.id) or _who(change.actor or change.id)
        self.counts[who] += 1
        if not self.live and self.counts[who] > _AT_FIRST:
            return None
        document = query.document(change.id)
        kind = click.style(f"{change.kind:<8}", fg=_COLOURS.get(change.kind))
        text = change.reason or ""
        if document is not None:
            text = document.name or output.first_line(document.content) or change.id
        shown = output.shorten(output.safe(text), 56)
        return f"  {kind} {output.safe(who):<23} {change.type or '':<8} {shown}"

    def _sum_up(self) -> None:
        more = {who: n - _AT_FIRST for who, n in self.counts.items() if n > _AT_FIRST}
        if more:
            listed = ", ".join(f"{count} of {output.safe(who)}" for who, count in more.items())
            _say(f"  ... and more: {listed}")

    def _list(self) -> None:
        from ..cache.records import ObjectFilter

        with self.session.reading() as query:
            names = {follow.actor: follow.key for follow in query.follows()}
            documents, _ = query.objects(ObjectFilter(), 8)
            for document in documents:
                text = output.safe(document.name or output.first_line(document.content))
                who = output.safe(names.get(document.actor) or _who(document.actor or ""))
                day = output.moment(document.published) or ""
                _say(f"  {day}  {who:<23} {document.type or '':<8} {output.shorten(text, 46)}")


def _who(uri: str) -> str:
    """`https://town.example/users/ada` as `@ada@town.example`."""
    host, _, path = uri.partition("://")[2].partition("/")
    name = path.rstrip("/").rpartition("/")[2].lstrip("@")
    return f"@{name}@{host}" if name else host


def _say(text: str) -> None:
    click.echo(text)
