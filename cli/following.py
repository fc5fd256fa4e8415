"""The commands about whom to follow: follow, unfollow, follows, import.

A follow leaves no trace on the other server. Invariant: the operator's own file is never written;
what is added here goes to `follows.yaml` beside it, through the daemon when one is running.
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
    from ..cache.records import Follow
    from ..config.follow_files import FollowFile
    from ..config.load import Loaded

# A list of follows is text; a thousand of them are 50 KiB.
_MAX_FILE = 16 * 2**20


@click.command(
    epilog=examples(
        "follow @alice@example.social",
        "follow @agenda@events.example --type Event --backfill all",
    )
)
@click.argument("actor", metavar="ACTOR")
@click.option("--type", "types", metavar="T", multiple=True, help="Keep only this type of object.")
@click.option("--backfill", metavar="N", help="Posts to page back to: a number, all or none.")
@click.option("--boosts/--no-boosts", default=None, help="Resolve what the actor announces.")
@json_option
@common
@pass_session
def follow(
    session: Session,
    actor: str,
    types: tuple[str, ...],
    backfill: str | None,
    boosts: bool | None,
    as_json: bool,
) -> None:
    """Follow an actor: a handle, or an actor's URI."""
    entry: dict[str, Any] = {"actor": actor}
    if types:
        entry["types"] = list(types)
    if backfill is not None:
        entry["backfill"] = int(backfill) if backfill.isdecimal() else backfill
    if boosts is not None:
        entry["boosts"] = boosts
    added = _add(session, entry)
    if as_json:
        output.print_json(added)
    else:
        click.echo(f"following {output.safe(added['follow'])}")
        if session.client() is None:
            output.note("no daemon is running; `fedpull pull` brings the posts in")


def _add(session: Session, entry: dict[str, Any]) -> dict[str, Any]:
    from ..cache.records import Follow
    from ..cache.shapes import follow as shape
    from ..config.parse import parse_follow
    from ..crawler.followed import FollowList

    loaded = session.loaded
    parse_follow(entry, http=loaded.config.network.http)
    client = session.client()
    if client is not None:
        with client:
            return client.follow(entry)
    added = FollowList(loaded).add(entry)
    with session.reading() as query:
        return shape(query.follow(added.actor) or Follow(added.actor))


@click.command(epilog=examples("unfollow @alice@example.social"))
@click.argument("actor", metavar="ACTOR")
@common
@pass_session
def unfollow(session: Session, actor: str) -> None:
    """Stop following an actor. What was kept stays.

    A follow of your own configuration file is not touched; the error names its line.
    """
    from ..cache import lookup
    from ..crawler.followed import FollowList

    key = lookup.actor("ACTOR", actor)
    client = session.client()
    if client is not None:
        with client:
            client.unfollow(key)
    else:
        FollowList(session.loaded).remove(key)
    click.echo(f"no longer following {output.safe(key)}")


@click.command(epilog=examples("follows", "follows --json"))
@json_option
@common
@pass_session
def follows(session: Session, as_json: bool) -> None:
    """List whom you follow, and how far each has been read."""
    from ..cache import shapes

    known = _follows(session)
    if as_json:
        output.print_json(shapes.listing(map(shapes.follow, known)))
        return
    heads = (
        *("follow", "name", "objects", "outbox", "last success"),
        *("next check", "interval", "last error"),
    )
    output.table(heads, map(_row, known))


def _follows(session: Session) -> list[Follow]:
    """What is configured, each with what the store knows of it."""
    from ..cache.records import Follow
    from ..crawler.followed import FollowList

    configured = FollowList(session.loaded).all()
    with session.reading() as query:
        return [query.follow(rules.actor) or Follow(rules.actor) for rules in configured]


def _row(known: Follow) -> tuple[object, ...]:
    from ..cache.spans import span

    outbox = known.outbox_kind or "not read yet"
    if known.outbox_kind == "ok" and not known.complete:
        outbox = "reading back"
    last, soon = output.moment(known.last_success), output.moment(known.next_check)
    often = None if not known.interval else span(known.interval)
    return (known.key, known.name, known.objects, outbox, last, soon, often, known.last_error)


@click.command("import", epilog=examples("import following_accounts.csv", "import feeds.opml"))
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@json_option
@common
@pass_session
def import_file(session: Session, file: Path, as_json: bool) -> None:
    """Follow everybody on a list: Mastodon's CSV, OPML, or plain lines.

    Lines that cannot be read are told and passed over. Exits 2 when no line can be read.
    """
    parsed = _read(file, session.loaded)
    problems = [str(problem) for problem in parsed.problems]
    if not parsed.follows:
        for problem in problems:
            output.note(problem)
        raise BadInput(str(file), "names nobody to follow", "handles or actor URIs, one a line")
    added, known = _import(session, parsed)
    if as_json:
        output.print_json({"added": added, "known": known, "problems": problems})
        return
    for problem in problems:
        output.note(problem)
    click.echo(f"{len(added)} added, {len(known)} followed already, {len(problems)} not read")


def _read(file: Path, loaded: Loaded) -> FollowFile:
    from ..config.follow_files import parse_follow_file
    from ..config.load import read_text

    try:
        size = file.stat().st_size
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
        raise BadInput(str(file), reason, "a readable file") from error
    if size > _MAX_FILE:
        raise BadInput(str(file), "is too large for a list of follows", "at most 16 MiB")
    return parse_follow_file(file.name, read_text(file), http=loaded.config.network.http)


def _import(session: Session, parsed: FollowFile) -> tuple[list[str], list[str]]:
    from ..config.names import same_actor_key
    from ..config.runtime_follows import load_runtime, save_runtime, to_entry
    from ..crawler.followed import FollowList

    loaded = session.loaded
    have = {same_actor_key(rules.actor) for rules in FollowList(loaded).all()}
    new = [one for one in parsed.follows if same_actor_key(one.actor) not in have]
    known = [one.actor for one in parsed.follows if same_actor_key(one.actor) in have]
    client = session.client()
    if client is not None:
        with client:
            for one in new:
                entry = to_entry(one)
                client.follow(entry)
    elif new:
        # Once for all of them: a list may hold thousands.
        save_runtime(loaded.follows_path, (*load_runtime(loaded.follows_path), *new))
    return [one.actor for one in new], known
