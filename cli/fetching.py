"""The commands that bring something in: pull and fetch.

They go through the running daemon when there is one, and otherwise start its parts for as long as
they need them; politeness is the same either way. Invariant: an actor that fails never keeps the
others from being brought up to date.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..errors import BadInput, TimedOut, Unreachable
from . import output
from .options import common, examples, json_option, pass_session
from .session import Session

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..cache.verbs import Pulled
    from ..client import Client
    from ..config.load import Loaded
    from ..daemon import Daemon

T = TypeVar("T")
_SOME_FAILED = 5
_WAIT = "30s"
# Why an actor's posts do not come, as far as its server lets us know.
_NO_OUTBOX = {
    "none": "it has no outbox",
    "stub": "its outbox shows nothing to strangers",
    "unpageable": "its outbox cannot be read",
}


@click.command(
    epilog=examples("pull @alice@example.social", "pull @agenda@events.example --json", "pull")
)
@click.argument("actors", nargs=-1, metavar="[ACTOR]...")
@json_option
@common
@pass_session
def pull(session: Session, actors: tuple[str, ...], as_json: bool) -> int:
    """Bring actors up to date, then exit.

    ACTOR is a handle or an actor's URI; without one, all followed actors are pulled. What is
    interrupted goes on where it stopped the next time. Exits 5 if any actor failed.
    """
    from ..cache import lookup

    loaded = session.loaded
    keys = [lookup.actor("ACTOR", actor) for actor in actors]
    if not keys and not _configured(loaded):
        raise BadInput("", "nobody is followed", "an ACTOR, or `fedpull follow ACTOR` first")
    client = session.client()
    if client is not None:
        with client, _waiting("pulling through the running daemon"):
            results = client.pull(keys)["actors"]
    else:
        warn_without_contact(loaded)
        results = _pull_here(loaded, keys)
    if as_json:
        output.print_json({"actors": results})
    else:
        for result in results:
            click.echo(line(result))
    return _SOME_FAILED if any(result["error"] for result in results) else 0


def _configured(loaded: Loaded) -> bool:
    from ..crawler.followed import FollowList

    return bool(FollowList(loaded).all())


def _pull_here(loaded: Loaded, keys: Sequence[str]) -> list[dict[str, Any]]:
    from ..cache.shapes import pulled
    from ..daemon import once

    with _progress() as report:

        async def errand(daemon: Daemon) -> list[Pulled]:
            return await daemon.verbs.pull(keys, report)

        results = quiet(lambda: once(loaded, errand))
    actors: list[dict[str, Any]] = pulled(results)["actors"]
    return actors


def line(result: dict[str, Any]) -> str:
    """What a pull came to for one actor."""
    counts = [f"{result[name]} {name}" for name in ("new", "updated", "deleted") if result[name]]
    failed = f"failed: {result['error']}" if result["error"] else None
    if failed and not counts:
        return output.safe(f"{result['actor']}: {failed}")
    text = f"{result['actor']}: {', '.join(counts) or 'nothing new'}"
    text += f" ({result['requests']} request{'s' * (result['requests'] != 1)})"
    unfinished = None if result["complete"] else "not complete yet"
    remark = failed or unfinished or _NO_OUTBOX.get(result["outbox_kind"])
    return output.safe(f"{text}; {remark}" if remark else text)


@click.command(
    epilog=examples(
        "fetch https://events.example/events/1",
        "fetch @alice@example.social",
        "fetch https://example.social/users/alice/statuses/1 --depth 3",
    )
)
@click.argument("id", metavar="ID_OR_HANDLE")
@click.option("--depth", metavar="N", default="0", help="Resolve so many levels of what it names.")
@click.option(
    "--wait", metavar="TIME", default=_WAIT, show_default=True, help="Give up waiting after this."
)
@json_option
@common
@pass_session
def fetch(session: Session, id: str, depth: str, wait: str, as_json: bool) -> None:
    """Resolve a document now, and print it."""
    from ..cache import lookup
    from ..cache.api_write import MAX_DEPTH

    named = lookup.actor("ID_OR_HANDLE", id)
    levels = lookup.whole("--depth", depth, 0, MAX_DEPTH)
    seconds = lookup.seconds("--wait", wait)
    client = session.client()
    try:
        if client is not None:
            with client:
                shown, body = _fetch_there(session, client, named, levels, seconds)
        else:
            shown, body = _fetch_here(session, named, levels, seconds)
    except Unreachable as error:
        # The one word that every caller gets; the details are in the reference's record.
        raise type(error)(error.subject, "is unreachable; `fedpull explain` tells more") from error
    if as_json:
        output.print_bytes(shown)
    elif body is not None:
        output.print_document(body)
    if body is None:
        raise TimedOut(named, f"was not fetched within {wait}; it stays in the queue")


def _fetch_there(
    session: Session, client: Client, named: str, depth: int, wait: float
) -> tuple[bytes, bytes | None]:
    """The daemon's answer as it came, and the document's bytes, which the store has as they were.

    Whoever types it says when to try again, so what failed a moment ago is tried again."""
    import json

    shown = client.fetched(named, depth, wait, again=True)
    answer = json.loads(shown)
    with session.reading() as query:
        document = query.document(answer["id"]) if answer["document"] is not None else None
        return shown, document.body if document is not None else None


def _fetch_here(
    session: Session, named: str, depth: int, wait: float
) -> tuple[bytes, bytes | None]:
    from ..cache.shapes import dumps, fetched, held
    from ..daemon import once

    async def errand(daemon: Daemon) -> tuple[bytes, bytes | None]:
        reference = await daemon.verbs.fetch(named, depth=depth, wait=wait)
        document = daemon.query.document(reference.id) if held(reference) else None
        shown = dumps(fetched(reference, document, session.now()))
        return shown, document.body if document is not None else None

    warn_without_contact(session.loaded)
    return quiet(lambda: once(session.loaded, errand))


def warn_without_contact(loaded: Loaded) -> None:
    """Other servers' operators like to know whom to write to; one warning, and it goes on."""
    config = loaded.config
    if config.contact is None and config.network.connect_target("example.org", 443) is None:
        where = loaded.path or "a fedpull.yaml (`fedpull init`)"
        output.note(f"warning: contact is not set; set it in {where} to say who is asking")


def quiet(work: Callable[[], T]) -> T:
    """Run the daemon's parts with their logs turned down: a command's own lines say it all."""
    logging.basicConfig(level=logging.ERROR, stream=sys.stderr, format="fedpull: %(message)s")
    return work()


@contextmanager
def _waiting(text: str) -> Iterator[None]:
    """Something that moves while a terminal waits."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(text):
        yield


@contextmanager
def _progress() -> Iterator[Callable[[Sequence[Pulled]], None]]:
    """A bar on a terminal; elsewhere a line for each actor that is through."""
    if not sys.stderr.isatty():
        through: set[str] = set()

        def lines(results: Sequence[Pulled]) -> None:
            for result in results:
                if (result.complete or result.error) and result.actor not in through:
                    through.add(result.actor)
                    word = "failed" if result.error else "done"
                    click.echo(f"{output.safe(result.actor)}: {word}", err=True)

        yield lines
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("pulling"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("actors, {task.fields[new]} documents, {task.fields[requests]} requests"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("pull", total=None, new=0, requests=0)

        def bar(results: Sequence[Pulled]) -> None:
            bars.update(
                task,
                total=len(results),
                completed=sum(1 for one in results if one.complete or one.error),
                new=sum(one.new for one in results),
                requests=sum(one.requests for one in results),
            )

        yield bar
