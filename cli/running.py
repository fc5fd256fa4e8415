"""The commands about the installation: init, run, status, hosts.

What the daemon is made of is `daemon`'s business. Invariant: `init` never overwrites a file.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import BadInput
from . import output
from .options import common, examples, json_option, pass_session
from .session import Session

if TYPE_CHECKING:
    from ..cache.records import HostWindow


@click.command(epilog=examples("init", "init ~/fedpull"))
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path(path_type=Path))
@common
@pass_session
def init(session: Session, folder: Path) -> None:
    """Write a commented fedpull.yaml and the actor's keys into DIR (default: here).

    Where there is a fedpull.yaml with an `identity` that has no keys yet, it writes those.
    """
    from ..config.load import FILE_NAME
    from ..config.sample import sample_yaml
    from ..crawler import key_file

    file, keys = folder / FILE_NAME, folder / "keys" / "actor.pem"
    wanted = _keys_wanted(file)
    for path in () if wanted else (file, keys):
        if os.path.lexists(path):
            raise BadInput(str(path), "is there already", "a folder without one")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        key_file.create(wanted or keys)
        if not wanted:
            _write(file, sample_yaml().encode(), 0o644)
    except OSError as error:
        reason = f"cannot be written: {error.strerror}"
        raise BadInput(str(error.filename or folder), reason, "a folder of yours") from error
    click.echo(f"wrote {wanted or f'{file} and {keys}'}")
    if not wanted:
        click.echo(f"next: set `contact` and `follow` in {file}, then `fedpull run`")


def _keys_wanted(file: Path) -> Path | None:
    """The keys that an existing configuration names and that are not there, if it does."""
    from ..config.load import load
    from ..config.problems import ConfigError

    if not file.is_file():
        return None
    try:
        identity = load(file, environ=os.environ, data_home=file.parent).config.identity
    except ConfigError:
        return None  # whatever is wrong with it, it is there
    if identity is None or os.path.lexists(identity.key_file):
        return None
    return identity.key_file


def _write(path: Path, content: bytes, mode: int) -> None:
    # O_EXCL: what came to be there in the meantime is not overwritten either.
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with open(file, "wb") as opened:
        opened.write(content)


@click.command(epilog=examples("run", "run -c /etc/fedpull/fedpull.yaml"))
@common
@pass_session
def run(session: Session) -> int:
    """Run the daemon in the foreground, until SIGTERM or Ctrl-C."""
    from . import logs

    loaded = session.loaded
    logs.set_up(loaded.config.log.level, loaded.config.log.format)
    from ..daemon import run as run_daemon

    return run_daemon(loaded, session.read, logs.set_up)


@click.command(epilog=examples("status", "status --json"))
@json_option
@common
@pass_session
def status(session: Session, as_json: bool) -> None:
    """Show how much is held, and what the daemon is doing."""
    import json

    from ..cache import shapes

    client = session.client()
    if client is not None:
        with client:
            value = client.status()
    else:
        value = json.loads(shapes.dumps(_status(session)))
    if as_json:
        output.print_json(value)
    else:
        _show(value, session)


def _status(session: Session) -> dict[str, object]:
    """The status of a store that no daemon is running on."""
    from dataclasses import replace

    from ..cache import shapes
    from ..cache.verbs import Running
    from ..crawler.works import version

    config = session.loaded.config
    running = Running(
        version(), 0.0, 0, False, ("no daemon is running",), config.freshness.budget.per_hour
    )
    with session.reading() as query:
        # Only the writer knows when it is full; a reader of a store at rest does not say so.
        totals = replace(
            query.totals(session.now()), max_bytes=config.store.max_bytes, read_only=False
        )
    return shapes.status(totals, running, up=False)


def _show(value: dict[str, Any], session: Session) -> None:
    from ..cache.spans import span

    store, uptime = value["store"], value["uptime"]
    state = f"running for {span(uptime)}" if isinstance(uptime, float | int) else "not running"
    reasons = value["reasons"] if uptime is not None else None
    remark = "warning" if value["ready"] else "not ready"
    output.pairs(
        (
            ("version", value["version"]),
            ("daemon", state),
            (remark, "; ".join(reasons) or None if isinstance(reasons, list) else None),
            ("store", session.loaded.store_path),
            ("size", f"{output.size(store['bytes'])} of {output.size(store['max_bytes'])}"),
            ("read-only", "yes, it is full" if store["read_only"] else None),
            ("documents", value["documents"]),
            ("references", value["references"]),
            ("follows", value["follows"]),
            ("queued", value["due"]),
            ("in flight", value["in_flight"]),
            ("asked again", f"{value['sources']} by themselves"),
            ("behind", _behind(value)),
            ("budget", _budget(value["budget"])),
            ("price", _price(value)),
        )
    )


def _behind(value: dict[str, Any]) -> str:
    """How far the refreshing lags."""
    from ..cache.spans import span

    if not value["backlog"]:
        return "nothing is due"
    waits = f", the first for {span(value['lag'])}" if value["lag"] is not None else ""
    return f"{value['backlog']} are due{waits}"


def _budget(budget: dict[str, Any]) -> str:
    """What was asked, and what the refreshing may ask."""
    return f"{budget['used']} requests in the last hour; {budget['limit']} an hour to ask again"


def _price(value: dict[str, Any]) -> str | None:
    """What the budget comes to, for an account that anybody can picture."""
    from ..cache.pace import price_in_words

    if value["price"] is None:
        return None
    return price_in_words(value["price"], scarce=value["scarce"])


@click.command(epilog=examples("hosts", "hosts --json"))
@json_option
@common
@pass_session
def hosts(session: Session, as_json: bool) -> None:
    """List the servers that were asked, and how each is doing."""
    from ..cache import shapes
    from ..cache.spans import span
    from ..crawler.protocol.knock import settled

    with session.reading() as query:
        known = sorted(query.hosts(session.now()), key=lambda host: host.host)
    if as_json:
        output.print_json(shapes.listing(map(shapes.host, known)))
        return
    heads = (
        *("host", "state", "signature", "requests", "queued", "overdue", "for"),
        *("failures", "not before", "left", "kept", "refused", "deliveries", "why"),
    )
    rows = (
        (
            *(host.host, host.state),
            host.knock.form or ("refused" if settled(host.knock) else None),
            *(host.requests, host.due, host.backlog),
            *(None if host.lag is None else span(host.lag), host.failures),
            *(output.moment(host.until), _left(host.windows)),
            *(host.kept.documents, host.kept.refused),
            None if host.delivery is None else host.delivery.state,
            host.why or host.kept.reason or host.last_error,
        )
        for host in known
    )
    output.table(heads, rows)


def _left(windows: tuple[HostWindow, ...]) -> str | None:
    """What is left of the limits that a host announces: `120/300`."""
    return ", ".join(f"{one.remaining}/{one.quota or '?'}" for one in windows) or None
