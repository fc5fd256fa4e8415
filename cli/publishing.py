"""The command that publishes something of our own.

It goes through the running daemon where there is one, and otherwise is the store's writer for as
long as it takes. Invariant: when it has printed an id, that is published, on disk, and will be
delivered, now or by the next daemon.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import BadInput
from . import output
from .fetching import quiet, warn_without_contact
from .options import common, examples, json_option, pass_session
from .session import Session

if TYPE_CHECKING:
    from ..daemon import Daemon


@click.command(epilog=examples("publish note.json", "publish - < event.json"))
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path, allow_dash=True))
@json_option
@common
@pass_session
def publish(session: Session, file: Path, as_json: bool) -> None:
    """Add an object or an activity to the outbox, and deliver it.

    FILE holds ActivityStreams as JSON; `-` is the standard input. A bare object is published with a
    Create. Update, Delete and Undo are about what was published before, by its id.
    """
    body = _read(file)
    client = session.client()
    if client is not None:
        with client:
            activity = client.publish(body)
    else:
        activity = _publish_here(session, body)
    if as_json:
        output.print_json(activity)
        return
    about = activity.get("object")
    named = about.get("id") if isinstance(about, dict) else about
    what = f" of {named}" if isinstance(named, str) else ""
    click.echo(output.safe(f"published {activity['id']} ({activity['type']}{what})"))


def _read(file: Path) -> bytes:
    from ..crawler.protocol.publishable import MOST_BYTES

    try:
        if str(file) == "-":
            return sys.stdin.buffer.read(MOST_BYTES + 1)
        with file.open("rb") as opened:
            return opened.read(MOST_BYTES + 1)
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
        raise BadInput(str(file), reason, "a readable file, or - for stdin") from error


def _publish_here(session: Session, body: bytes) -> dict[str, Any]:
    from ..daemon import once

    async def errand(daemon: Daemon) -> bytes:
        published = await daemon.verbs.publish(body)
        await daemon.works.deliver()
        return published.body

    warn_without_contact(session.loaded)
    activity: dict[str, Any] = json.loads(quiet(lambda: once(session.loaded, errand)))
    return activity
