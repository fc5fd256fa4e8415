"""The command about the store's file: compact. How that is done is `cache.compact`'s business."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from . import output
from .options import common, examples, json_option, pass_session
from .session import Session


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
    with _progress() as told:
        done = compact_store(
            loaded.store_path, max_bytes=store.max_bytes, group=store.group, told=told
        )
    if as_json:
        output.print_json({"before": done.before, "after": done.after})
    else:
        click.echo(f"{output.size(done.before)} before, {output.size(done.after)} now")


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
def _progress() -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal; elsewhere nothing: there is one line at the end."""
    if not sys.stderr.isatty():
        yield lambda done, rows: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("compact", total=None)
        yield lambda done, rows: bars.update(task, completed=done, total=rows)
