"""The commands about mail: what came to the inbox, who follows us, what is on its way out.

They read the store, beside a running daemon or without one. Invariant: a verdict on a follower goes
through the daemon where one runs, so that the store has one writer; it is delivered by the daemon.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ..errors import BadInput
from . import output
from .options import F, common, examples, json_option, pass_session
from .session import Session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..cache.mail_records import Delivery, Follower

_LIMIT = 50
_A_READ = 500


def _limit(function: F) -> F:
    return click.option(
        *("--limit", "limit"),
        metavar="N",
        type=click.IntRange(min=1),
        default=_LIMIT,
        show_default=True,
        help="Show so many.",
    )(function)


@click.command(epilog=examples("notifications", "notifications --state failed --json"))
@click.option(
    "--state",
    type=click.Choice(("waiting", "done", "failed", "ignored")),
    help="Only those in this state.",
)
@_limit
@json_option
@common
@pass_session
def notifications(session: Session, state: Any, limit: int, as_json: bool) -> None:
    """List what came to the inbox and what became of it, the latest first."""
    from ..cache import mail_shapes, shapes

    with session.reading() as query:
        known = query.notifications(limit, None, state)
    if as_json:
        output.print_json(shapes.listing(map(mail_shapes.notification, known)))
        return
    heads = ("id", "at", "type", "object", "sender", "state", "tries", "outcome")
    rows = (
        (
            *(one.id, output.moment(one.at), one.type, one.object, one.sender),
            *(one.state, one.attempts, one.outcome),
        )
        for one in known
    )
    output.table(heads, rows)


@click.command(epilog=examples("deliveries", "deliveries --state given_up --host social.example"))
@click.option(
    "--state",
    type=click.Choice(("waiting", "delivered", "given_up", "expired")),
    help="Only those in this state.",
)
@click.option("--activity", metavar="ID", help="Only those of this activity of ours.")
@click.option("--host", metavar="HOST", help="Only those to this server.")
@click.option(
    "--log", "tries", is_flag=True, help="Show each try: when, how long, what came of it."
)
@_limit
@json_option
@common
@pass_session
def deliveries(
    session: Session,
    state: Any,
    activity: str | None,
    host: str | None,
    tries: bool,
    limit: int,
    as_json: bool,
) -> None:
    """List our activities on their way to inboxes, the latest first."""
    from ..cache import lookup, mail_shapes

    wanted = lookup.host("--host", host) if host is not None else None
    with session.reading() as query:
        known = query.deliveries(limit, None, state, wanted, activity)
        account = query.account(activity) if activity is not None else None
    if as_json:
        output.print_json(mail_shapes.deliveries(known, None, account))
        return
    if tries:
        _tries(known)
    else:
        _deliveries(known)
    if account is not None:
        output.note(
            f"{account.recipients} in all: {account.delivered} delivered, "
            f"{account.waiting} waiting, {account.given_up} given up, {account.expired} expired"
        )


def _deliveries(known: Sequence[Delivery]) -> None:
    heads = ("id", "activity", "inbox", "state", "tries", "next try", "status", "last error")
    rows = (
        (
            *(one.id, one.activity, one.inbox, one.state, one.attempts),
            *(output.moment(one.next_attempt), one.last_status, one.last_error),
        )
        for one in known
    )
    output.table(heads, rows)


def _tries(known: Sequence[Delivery]) -> None:
    rows = (
        (one.id, output.moment(tried.at), one.inbox, tried.status, tried.seconds, tried.error)
        for one in known
        for tried in one.log
    )
    output.table(("id", "at", "inbox", "status", "seconds", "error"), rows)


@click.group(
    invoke_without_command=True, epilog=examples("followers", "followers accept @bob@b.example")
)
@json_option
@common
@click.pass_context
def followers(context: click.Context, as_json: bool) -> None:
    """List who follows your actor or has asked to; accept or reject them."""
    if context.invoked_subcommand is not None:
        return
    from ..cache import mail_shapes, shapes

    known = _followers(context.ensure_object(Session))
    if as_json:
        output.print_json(shapes.listing(map(mail_shapes.follower, known)))
        return
    rows = ((one.actor, one.state, output.moment(one.at), one.inbox) for one in known)
    output.table(("actor", "state", "since", "inbox"), rows)


def _followers(session: Session) -> list[Follower]:
    found: list[Follower] = []
    with session.reading() as query:
        while page := query.followers(_A_READ, found[-1].actor if found else None):
            found += page
    return found


@followers.command(epilog=examples("followers accept @bob@b.example"))
@click.argument("actor", metavar="ACTOR")
@json_option
@common
@pass_session
def accept(session: Session, actor: str, as_json: bool) -> None:
    """Let an actor that has asked follow yours."""
    _judge(session, actor, as_json, accept=True)


@followers.command(epilog=examples("followers reject @bob@b.example"))
@click.argument("actor", metavar="ACTOR")
@json_option
@common
@pass_session
def reject(session: Session, actor: str, as_json: bool) -> None:
    """Do not let an actor follow yours, or not any more."""
    _judge(session, actor, as_json, accept=False)


def _judge(session: Session, actor: str, as_json: bool, *, accept: bool) -> None:
    from ..cache import lookup

    name = lookup.actor("ACTOR", actor)
    client = session.client()
    if client is not None:
        with client:
            judged = client.judge_follower(name, accept=accept)
    else:
        judged = _judge_here(session, name, accept=accept)
    if as_json:
        output.print_json(judged)
        return
    click.echo(f"{output.safe(judged['actor'])}: {judged['state']}")
    if client is None:
        output.note("no daemon is running; `fedpull run` tells them")


def _judge_here(session: Session, actor: str, *, accept: bool) -> dict[str, Any]:
    """As the store's one writer: StoreLocked beside another."""
    from ..cache import mail_shapes
    from ..cache.open import open_store
    from ..crawler.clock import SystemClock
    from ..crawler.followers import Followers
    from ..crawler.instance import Instance

    loaded = session.loaded
    identity = loaded.config.identity
    if identity is None:
        raise BadInput("identity", "is not set, so nobody follows", "an identity with a url")
    we, store = Instance(identity, loaded.config.contact), loaded.config.store
    opened = open_store(
        loaded.store_path, max_bytes=store.max_bytes, history=store.history, group=store.group
    )
    try:
        clock = SystemClock()
        judge = Followers(we.actor, we.origin, opened.query, opened.mailbox, clock, lambda: None)
        judged, written = judge.write(actor, accept=accept)
        written.result()
    finally:
        opened.close()
    return mail_shapes.follower(judged)
