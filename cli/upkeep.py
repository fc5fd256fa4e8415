"""The commands about the store's file: check, backup, compact, rebuild. They know no rows."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import click

from . import output
from .options import common, examples, json_option, pass_session
from .session import Session

_FINDINGS = 1


@click.command(epilog=examples("check", "check --json"))
@json_option
@common
@pass_session
def check(session: Session, as_json: bool) -> int:
    """Read the store's file whole, and compare documents, indexes and counters both ways.

    Exits 1 when something is wrong.
    """
    from ..cache import shapes
    from ..cache.records import CheckReport, Finding
    from ..cache.verify import damages
    from .no_store import there_is_none

    path = session.loaded.store_path
    if problems := [] if there_is_none(path) else damages(path):
        damage = (Finding("data.mdb", str(path), problem) for problem in problems)
        report = CheckReport(0, 0, 0, tuple(damage))  # nobody may look any closer
    else:
        with session.reading() as query:
            report = query.check()
    if as_json:
        output.print_json(shapes.check(report))
    else:
        for found in report.findings:
            click.echo(output.safe(f"{found.table}: {found.subject}: {found.problem}"))
        click.echo(
            f"{report.references} references, {report.documents} documents and "
            f"{report.index_entries} index entries compared: {len(report.findings)} wrong"
        )
    return _FINDINGS if report.findings else 0


@click.command(epilog=examples("backup /var/backups/fedpull"))
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@json_option
@common
@pass_session
def backup(session: Session, folder: Path, as_json: bool) -> None:
    """Copy the store into DIR, also while the daemon runs, and audit the copy.

    DIR is new, empty, or holds an earlier backup: that is replaced once the new one is found whole.
    Configuration, keys, run-time follows and the file `forgotten` are not in it: keep those too.
    """
    from ..cache import shapes
    from ..cache.backup import backup as back_up

    loaded = session.loaded
    with session.reading(), _progress("backup") as told:  # what was forgotten is purged first
        done = back_up(
            loaded.store_path,
            folder,
            now=session.now(),
            max_bytes=loaded.config.store.max_bytes,
            told=told,
        )
    if as_json:
        output.print_json(asdict(done) | {"at": shapes.time(done.at)})
    else:
        size = output.size(done.bytes)
        click.echo(f"{done.references} references and {done.documents} documents, {size}: {folder}")


@click.command(epilog=examples("compact"))
@json_option
@common
@pass_session
def compact(session: Session, as_json: bool) -> None:
    """Write the store anew, without what was deleted from it.

    While nothing else has the store open: stop the daemon first. It needs as much room again as
    what is kept. Whatever interrupts it, the store stays as it was.
    """
    from ..cache.compact import compact as compact_store

    loaded = session.loaded
    store = loaded.config.store
    _forget_first(session)
    with _progress("compact") as told:
        done = compact_store(
            loaded.store_path, max_bytes=store.max_bytes, group=store.group, told=told
        )
    if as_json:
        output.print_json({"before": done.before, "after": done.after})
    else:
        click.echo(f"{output.size(done.before)} before, {output.size(done.after)} now")


@click.command(epilog=examples("rebuild"))
@json_option
@common
@pass_session
def rebuild(session: Session, as_json: bool) -> None:
    """Make the store anew from what can be believed of it.

    For a damaged store, and when `check` finds that something disagrees; stop the daemon first.
    Indexes are made from documents; what was lost is asked of its origin again by the next daemon.
    """
    from ..cache.rebuild import rebuild as rebuild_store
    from ..crawler.moderation import read_rules
    from ..crawler.publishing import document_of

    loaded = session.loaded
    store = loaded.config.store
    with _doing() as told:
        done = rebuild_store(
            loaded.store_path,
            now=session.now(),
            max_bytes=store.max_bytes,
            history=store.history,
            group=store.group,
            policy=read_rules(loaded).policy,
            ours=document_of,
            told=told,
        )
    if as_json:
        output.print_json(asdict(done) | {"left_out": dict(done.left_out)})
        return
    click.echo(f"{done.references} references and {done.documents} documents were kept")
    if done.damaged is not None:
        left_out = [f"{count} of {name}" for name, count in sorted(done.left_out.items())]
        places = [f"what {done.gaps} places that cannot be read have led to"] if done.gaps else []
        lost = ", ".join([*left_out, *places])
        click.echo(f"left out: {lost or 'nothing'}; {done.asked} documents are asked for again")
        click.echo(f"the file as it was: {done.damaged}; delete it once all is well")


def _forget_first(session: Session) -> None:
    """What a restored store holds of the forgotten goes, and names that were told long enough."""
    from ..crawler.moderation import open_for, read_rules
    from .no_store import there_is_none

    loaded, now = session.loaded, session.now()
    if not loaded.forgotten_path.exists() or there_is_none(loaded.store_path):
        return
    policy = read_rules(loaded).policy
    with open_for(loaded, policy) as opened:
        if not opened.moderator.has_forgotten(policy):
            opened.moderator.sweep(policy, now, lambda: False)
        opened.moderator.tidy(now, lambda: False)


@contextmanager
def _progress(doing: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal; elsewhere nothing: there is one line at the end."""
    if not sys.stderr.isatty():
        yield lambda done, rows: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(doing, total=None)
        yield lambda done, rows: bars.update(task, completed=done, total=rows)


@contextmanager
def _doing() -> Iterator[Callable[[str], None]]:
    """What is being done, on a terminal; elsewhere nothing."""
    if not sys.stderr.isatty():
        yield lambda doing: None
        return
    from rich.console import Console

    with Console(stderr=True).status("rebuild") as shown:
        yield lambda doing: shown.update(f"rebuild: {doing}")
