"""The command for the change log: changes, up to now or as it grows.

It writes nothing. Invariant: what it prints goes on without a gap, whether a daemon is running, is
started or is stopped meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import click

from ..errors import Unreachable
from . import output
from .options import common, examples, json_option, pass_session
from .session import Session

_PAGE = 200  # rows a read: short transactions, however long the log is
# Without a daemon the store is looked at so often, at a few milliseconds each.
_LOOK_SECONDS = 0.5

Json = dict[str, Any]


@click.command(epilog=examples("changes", "changes --since 1200 --json", "changes --follow"))
@click.option("--since", metavar="SEQ", help="Only after this entry.")
@click.option("--follow", is_flag=True, help="Go on printing what happens, until Ctrl-C.")
@json_option
@common
@pass_session
def changes(session: Session, since: str | None, follow: bool, as_json: bool) -> None:
    """Print the change log: what was created, updated, deleted or refused, oldest first.

    With --follow and --json each entry is a JSON value on a line of its own. Exits 3 when what
    follows SEQ is not kept any more.
    """
    from ..cache import lookup, shapes

    seq = None if since is None else lookup.whole("--since", since, 0)
    if as_json and not follow:
        output.print_json(shapes.listing(_stored(session, seq)))
        return
    for change in _growing(session, seq) if follow else _stored(session, seq):
        if as_json:
            output.print_json(change)
        else:
            click.echo(_line(change))


def _stored(session: Session, since: int | None) -> Iterator[Json]:
    """The log as it is now."""
    from ..cache.shapes import change

    with session.reading() as query:
        while entries := query.changes(since, _PAGE):
            yield from map(change, entries)
            since = entries[-1].seq


def _growing(session: Session, since: int | None) -> Iterator[Json]:
    """The log, and what comes: as the daemon tells it while one is running, else from the store."""
    while True:
        for change in _told(session, since):
            yield change
            since = change["seq"]
        for change in _stored(session, since):
            yield change
            since = change["seq"]
        time.sleep(_LOOK_SECONDS)


def _told(session: Session, since: int | None) -> Iterator[Json]:
    """What the daemon tells until it stops; nothing where none is running."""
    client = session.client()
    if client is None:
        return
    with client:
        try:
            yield from client.stream(since)
        except Unreachable:
            return


def _line(change: Json) -> str:
    """One entry of the log for a person."""
    parts = (change["seq"], change["at"], change["kind"], change["type"] or "-", change["id"])
    line = "  ".join(output.safe(part) for part in parts)
    return f"{line}  ({output.safe(change['reason'])})" if change["reason"] else line
