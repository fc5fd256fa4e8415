"""The command that looks for what is wrong around a daemon: doctor.

It mends nothing. What is looked at is `crawler.doctor`'s. Invariant: what is wrong is named with
what would be right, and the exit code is the worst of it by the one mapping of failures.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from ..errors import FedpullError
from . import output
from .options import common, examples, json_option, pass_session
from .session import Session

if TYPE_CHECKING:
    from ..crawler.doctor import Finding


# By what a reason of the daemon's begins with: the exit code.
_WRONG = {"clock": 1, "network": 5, "store": 1}


@click.command(epilog=examples("doctor", "doctor --json"))
@json_option
@common
@pass_session
def doctor(session: Session, as_json: bool) -> int:
    """Look for what is wrong: clock, names, certificates, disk, our own actor and signature.

    Exits 0 when nothing is; else 2, 5 or 1 for what is wrong with the configuration, with what is
    reached over the network, or with this machine.
    """
    found = list(_examined(session))
    if as_json:
        checks = [{"check": one.subject, "state": one.state, "says": one.says} for one in found]
        output.print_json({"ok": _code(found) == 0, "checks": checks})
    else:
        for one in found:
            click.echo(output.safe(f"{one.state:8} {one.subject}: {one.says}"))
    return _code(found)


def _code(found: Sequence[Finding]) -> int:
    """What is wrong with the words of the operator first, then with the way to others."""
    codes = {one.code for one in found if one.state == "wrong"}
    return next((code for code in (2, 5, 1) if code in codes), max(codes, default=0))


def _examined(session: Session) -> Sequence[Finding]:
    from ..crawler import doctor as looking

    loaded = session.loaded
    used, found = _store(session)
    return [*found, *looking.machine(loaded, used), *asyncio.run(_outside(session))]


def _reason(says: str) -> Finding:
    """What the daemon says of itself: some of it is only in vain, some of it wrong."""
    from ..crawler.doctor import Finding, wrong

    subject, _, rest = says.partition(": ")
    if subject in _WRONG:
        return wrong(subject, rest, _WRONG[subject])
    return Finding("daemon", "warning", says)


def _store(session: Session) -> tuple[int | None, list[Finding]]:
    """What the daemon says of itself, or that the store can be read where none runs."""
    from ..crawler.doctor import of_error, ok, wrong

    try:
        client = session.client()
        if client is not None:
            with client:
                status = client.status()
            used = int(status["store"]["bytes"])
            reasons = [str(reason) for reason in status["reasons"]]
            found = [
                ok("daemon", "runs, and is ready")
                if status["ready"]
                else wrong("daemon", "runs, and is not ready")
            ]
            return used, found + [_reason(reason) for reason in reasons]
        with session.reading() as query:
            totals = query.totals()
    except FedpullError as error:
        return None, [of_error("store", error)]
    return totals.bytes, [ok("store", f"holds {totals.documents} documents; no daemon runs")]


async def _outside(session: Session) -> list[Finding]:
    from ..config.url_rules import check_actor, url_rules
    from ..crawler.doctor import Finding, names, of_error
    from ..crawler.doctor_outside import MOST_HOSTS, Outside
    from ..crawler.followed import FollowList
    from ..crawler.protocol.handle import Handle
    from ..crawler.protocol.webfinger import finger_url
    from ..daemon import api_address

    loaded = session.loaded
    running = api_address(loaded.store_path) is not None
    try:
        rules = url_rules(loaded.config)
        named = [check_actor(one.actor, rules) for one in FollowList(loaded).all()]
        urls = [finger_url(one) if isinstance(one, Handle) else one for one in named]
        outside = Outside.open(loaded)
    except FedpullError as error:
        return [of_error("configuration", error)]
    some = list({url.split("/")[2]: url for url in urls}.values())[:MOST_HOSTS]
    own = [] if outside.instance is None else [outside.instance.actor]
    try:
        found = await names(loaded.config, [*own, *some])
        if running:
            says = "not asked, as the daemon's politeness could not count it; it tells itself"
            found += [Finding("hosts", "skipped", says)] if some else []
        elif loaded.config.contact is not None:
            found += await outside.hosts(some)
        if outside.instance is None:
            says = "is not set: requests are unsigned, and the inbox is off"
            return [*found, Finding("identity", "skipped", says)]
        return found + await outside.identity(outside.instance, running=running)
    finally:
        await outside.close()
