"""The command about our actor's keys. `init` makes them; this puts new ones in their place.

A running daemon is not asked: it sees that the file has changed. Invariant: no key is ever printed.
"""

from __future__ import annotations

import click

from ..errors import BadInput
from . import output
from .options import common, examples, pass_session
from .session import Session

_OVERLAP = "7d"


@click.group()
def key() -> None:
    """Look after the keys of your actor."""


@key.command(epilog=examples("key rotate", "key rotate --overlap 0s"))
@click.option(
    "--overlap",
    metavar="TIME",
    default=_OVERLAP,
    show_default=True,
    help="How long the old keys stay published. 0s: they were stolen, and count no more.",
)
@common
@pass_session
def rotate(session: Session, overlap: str) -> None:
    """Make new keys and sign with them from now on.

    A running daemon takes them over within a second. What the old keys have signed can still be
    verified for the time of the overlap.
    """
    from ..cache import lookup
    from ..crawler import key_file

    seconds = lookup.seconds("--overlap", overlap)
    identity = session.loaded.config.identity
    if identity is None:
        raise BadInput("identity", "is not set, so there are no keys", "an identity with a url")
    path, actor = identity.key_file, f"{identity.url}/actor"
    try:
        new = key_file.rotate(path, session.now(), seconds)
    except OSError as error:
        reason = f"cannot be written: {error.strerror}"
        raise BadInput(str(path), reason, "a file and a folder of yours") from error
    click.echo(f"signing as {actor}{new.rsa.id}")
    for former in new.former:
        if former.expires is not None:
            until = output.moment(former.expires)
            click.echo(f"published until {until}: {actor}{former.id}")
