"""The commands about whom to have nothing to do with: forget, blocklist.

They work the same with and without a running daemon. Invariant: what `forget` has acknowledged is
written down beside the configuration, and purged.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import BadInput
from . import output
from .options import common, examples, json_option, pass_session
from .session import Session

if TYPE_CHECKING:
    from ..config.load import Loaded
    from ..crawler.protocol.blocklist import Blocklist


@click.command(
    epilog=examples(
        "forget https://events.example/events/1",
        "forget @alice@example.social",
        "forget spam.example",
        "forget --list",
        "forget --undo https://events.example/events/1",
    )
)
@click.argument("name", metavar="ID_OR_DOMAIN", required=False)
@click.option("--list", "listed", is_flag=True, help="List what is to be forgotten.")
@click.option("--undo", metavar="ID", help="Let it be fetched again. What was purged is gone.")
@json_option
@common
@pass_session
def forget(
    session: Session, name: str | None, listed: bool, undo: str | None, as_json: bool
) -> None:
    """Purge a document, an actor with all that it wrote, or a domain; and never again.

    Nothing that names it is fetched, taken or shown from then on, also not from a backup of the
    store. Ids are written down as hashes: `--list` cannot tell their names.
    """
    if (name is not None) + listed + (undo is not None) != 1:
        raise click.UsageError("one of ID_OR_DOMAIN, --list and --undo ID")
    if listed:
        _list(session, as_json)
    elif undo is not None:
        _undo(session, undo, as_json)
    else:
        _forget(session, name or "", as_json)


def _forget(session: Session, name: str, as_json: bool) -> None:
    client = session.client()
    if client is not None:
        with client:
            purged = client.forget(name)
    else:
        purged = _here(session.loaded, session.now(), name)
    if as_json:
        output.print_json({"purged": purged})
        return
    documents = "1 document" if purged == 1 else f"{purged} documents"
    click.echo(f"forgotten; {documents} purged")


def _undo(session: Session, name: str, as_json: bool) -> None:
    client = session.client()
    if client is not None:
        with client:
            client.remember(name)
    else:
        _here(session.loaded, session.now(), name, undo=True)
    if as_json:
        output.print_json({"purged": 0})
    else:
        click.echo("it may be fetched again")


def _list(session: Session, as_json: bool) -> None:
    from ..cache import moderation_shapes, shapes
    from ..config.forgotten_file import load_forgotten

    entries = load_forgotten(session.loaded.forgotten_path).entries
    items = [moderation_shapes.entry(one) for one in entries]
    if as_json:
        output.print_json(shapes.listing(items))
        return
    output.table(("since", "what", "name"), ((i["at"], i["kind"], i["name"]) for i in items))


def _here(loaded: Loaded, now: float, name: str, *, undo: bool = False) -> int:
    """As the store's one writer: StoreLocked beside another."""
    from ..crawler import wishes
    from ..crawler.moderation import check_undo, forget_words, open_for, read_rules, write_down
    from ..crawler.protocol.policy import Policy

    policy, identity = read_rules(loaded).policy, loaded.config.identity
    ours = identity.url if identity is not None else None
    with open_for(loaded, policy) as opened:
        wish = wishes.undone(name) if undo else wishes.wish(opened.query, name, ours)
        if undo:
            check_undo(policy, wish, name)
        policy = Policy(policy.blocks, write_down(loaded, wish, now, undo=undo))
        opened.moderator.enforce(policy).result()
        swept = opened.moderator.sweep(policy, now, lambda: False)
    purged = swept.purged if swept is not None else 0
    if purged:
        forget_words(loaded)
    return purged


@click.command(epilog=examples("blocklist blocks.csv --dry-run", "blocklist --reload"))
@click.argument("file", metavar="FILE", required=False, type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@click.option("--reload", "reloaded", is_flag=True, help="Have the daemon read its lists anew.")
@json_option
@common
@pass_session
def blocklist(
    session: Session, file: Path | None, dry_run: bool, reloaded: bool, as_json: bool
) -> None:
    """Show what a blocklist would change, or have the configured ones read anew.

    FILE is Mastodon's domain-block CSV, or has one domain a line. A list comes into force by
    standing in `blocklists` of the configuration.
    """
    if reloaded == (file is not None) or (reloaded and dry_run):
        raise click.UsageError("FILE --dry-run, or --reload")
    if file is None:
        _reload(session, as_json)
        return
    if not dry_run:
        expected = "--dry-run, or the file to stand in `blocklists` of the configuration"
        raise BadInput(str(file), "is not put in force by this command", expected)
    found = _difference(session, file)
    if as_json:
        output.print_json(found)
    else:
        _show(found)


def _difference(session: Session, file: Path) -> dict[str, Any]:
    """What the list would change, in the place of what it was if it is configured."""
    from ..cache import moderation_shapes
    from ..config.blocklist_files import read_blocklist, read_blocklists
    from ..crawler.protocol.blocklist import together
    from ..crawler.protocol.blocks import difference

    one = read_blocklist(file)
    there = file.resolve()
    others = [path for path in session.loaded.config.blocklists if path.resolve() != there]
    lists: tuple[Blocklist, ...] = (*read_blocklists(others), one)
    with session.reading() as query:
        found = difference(query.blocks(), together(lists))
    return {**moderation_shapes.difference(found), "lists": [moderation_shapes.blocklist(one)]}


def _reload(session: Session, as_json: bool) -> None:
    client = session.client()
    if client is None:
        raise BadInput("--reload", "no daemon is running", "`fedpull run`, which reads them")
    with client:
        found = client.reload_blocklists()
    if as_json:
        output.print_json(found)
    else:
        _show(found)


def _show(found: dict[str, Any]) -> None:
    for one in found["added"]:
        click.echo(f"+ {one['domain']} {one['severity']}")
    for one in found["removed"]:
        click.echo(f"- {one['domain']} {one['severity']}")
    for one in found["changed"]:
        click.echo(f"~ {one['domain']} {one['was']} -> {one['severity']}")
    for given in found["lists"]:
        for row in (*given["obfuscated"], *given["invalid"]):
            text = output.safe(f"{given['name']}:{row['line']}: {row['text']} {row['reason']}")
            output.note(text)
    counts = ", ".join(f"{len(found[name])} {name}" for name in ("added", "removed", "changed"))
    rules = sum(given["rules"] for given in found["lists"])
    odd = sum(len(given["obfuscated"]) + len(given["invalid"]) for given in found["lists"])
    click.echo(f"{rules} rules: {counts}; {odd} rows without effect")
