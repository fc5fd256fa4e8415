"""The command that hands on what is held: export. It fetches and writes nothing.

It reads the store itself, whether a daemon is running or not. Invariant: what it prints is what
`GET /v1/export` answers.
"""

from __future__ import annotations

import sys

import click

from .options import common, examples, filter_options, option_name, pass_session
from .session import Session


@click.command(
    epilog=examples(
        "export --follow @alice@example.social > alice.jsonl",
        "export --format ics --type Event --starts-since 0s > events.ics",
        "export --format atom --tag photography --limit 50 > feed.atom",
        "export --format csv > following_accounts.csv",
    )
)
@click.option("--format", "kind", metavar="F", default="jsonl", help="jsonl, atom, ics or csv.")
@filter_options
@click.option("--limit", metavar="N", help="At most so many.  [default: all]")
@common
@pass_session
def export(session: Session, /, kind: str, limit: str | None, **filters: str | None) -> None:
    """Print all objects that match, for other programs.

    jsonl: each on a line, as `list --json` has it; atom: a feed; ics: what has a start, as a
    calendar; csv: the list of follows, as Mastodon's. Posts of actors that you do not follow are
    among them only where their authors want them listed.
    """
    from ..cache import exports, lookup

    most = None if limit is None else lookup.whole("--limit", limit, 1)
    named = exports.kind("--format", kind)
    with session.reading() as query:
        pieces = exports.export(
            query, named, filters, session.now(), session.boosts, limit=most, named=option_name
        )
        for piece in pieces:
            sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()
