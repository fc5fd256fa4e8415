"""The command that says what is known of something, and why: explain. It only reads.

Invariant: whatever `fetch` or `pull` was told to get, by URI or by handle, can be explained by the
same name, also when nothing came of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..errors import NotFound
from . import output
from .options import common, examples, json_option, pass_session
from .session import Session

if TYPE_CHECKING:
    from ..cache.ports import Query
    from ..cache.records import CollectionView, Reads, Reference

# Why a thread is left alone from now on.
_OVER = {
    "size": "it has had all the requests that one thread may have",
    "age": "too old to be read again",
}


def find(session: Session, query: Query, text: str) -> Reference:
    """The record of what a person names: a URI, or the handle of an actor.

    Where nothing is known: what no fetch would bring is wrong, everything else is not found.
    """
    from ..cache import lookup
    from ..config.url_rules import check_actor, url_rules

    named = text.strip()
    id = lookup.uri("ID", named) if "://" in named else lookup.actor("ID", named)
    known = query.reference(_uri_of(query, id))
    if known is None:
        session.refuse(check_actor(id, url_rules(session.loaded.config)))
        raise NotFound(id, "is not in the cache", "`fedpull fetch` to get it")
    return known


def _uri_of(query: Query, named: str) -> str:
    """The actor that a handle is known to be of, else the WebFinger answer that was asked for."""
    from ..cache import lookup
    from ..crawler.protocol.handle import parse_handle
    from ..crawler.protocol.webfinger import finger_url

    if not named.startswith("@"):
        return named
    try:
        return lookup.actor_uri("ID", query, named)
    except NotFound:
        return finger_url(parse_handle(named))


@click.command(epilog=examples("explain https://events.example/events/1"))
@click.argument("id", metavar="ID")
@json_option
@common
@pass_session
def explain(session: Session, id: str, as_json: bool) -> None:
    """Say why a document is fresh, stale, missing or refused."""
    from ..cache import lookup, shapes

    now = session.now()
    with session.reading() as query:
        known, reads = lookup.explained(query, find(session, query, id), now)
        if as_json:
            output.print_json(shapes.reference(known, now, reads))
        else:
            _explained(known, query.collection(known.id, 1), reads, now)


def _explained(
    known: Reference, members: CollectionView | None, reads: Reads | None, now: float
) -> None:
    from ..cache.pace import pace
    from ..cache.spans import ago, ahead
    from ..cache.why import is_denied, why

    click.echo(output.safe(known.id))
    click.echo(f"  {output.safe(why(known, now))}\n")
    next_check = None if known.next_check is None else ahead(known.next_check, now)
    kinds = [word for word in (known.cls, known.type) if word]
    output.pairs(
        (
            ("state", f"{known.state} ({', '.join(kinds)})" if kinds else known.state),
            ("collection", _completeness(members)),
            ("owner", known.owner),
            ("target", known.target),
            ("published", output.moment(known.published)),
            ("updated", output.moment(known.updated)),
            ("fetched", None if known.fetched_at is None else ago(known.fetched_at, now)),
            ("verified", None if known.verified_at is None else ago(known.verified_at, now)),
            ("verified by", known.verified_by),
            ("signature", known.form if known.form != "unsigned" else None),
            ("embedded in", known.enclosing),
            ("robots.txt", _robots(known, now)),
            ("X-Robots-Tag", known.robots_tag),
            ("in lists", _listed(known)),
            ("expected", pace(known, now)),
            ("interval", None if is_denied(known) else _interval(known)),
            ("told until" if is_denied(known) else "next check", next_check),
            ("begins at", None if reads is None else _begins(reads)),
            ("order", None if reads is None else _order(reads, now)),
            ("thread", _threads(known, now)),
            ("reactions", _reactions(known)),
            ("importance", None if known.weight in (None, 1.0) else f"{known.weight:.2g}"),
            ("etag", known.etag),
            ("last modified", known.last_modified),
            ("content hash", known.content_hash.hex() if known.content_hash else None),
            ("failures", known.failures or None),
            ("last error", known.last_error),
        )
    )
    if known.log:
        click.echo("\nlatest attempts")
        whens = [ago(line.at, now) for line in known.log]
        width, causes = max(map(len, whens)), max(len(line.cause) for line in known.log)
        for when, line in zip(whens, known.log, strict=True):
            status = line.status if line.status is not None else "-"
            shown = f"  {when:<{width}}  {line.cause:<{causes}}  {status:>3}  {line.outcome}"
            click.echo(output.safe(shown))


def _threads(known: Reference, now: float) -> str | None:
    """What was fetched of the thread of a post, for each follow."""
    from ..cache.spans import ago

    told = []
    for one in known.threads:
        asked = "1 request" if one.fetched == 1 else f"{one.fetched} requests"
        text = f"{asked} for {one.follow or 'who asked'}"
        text += f", read {ago(one.read, now)}" if one.read is not None else ""
        told.append(f"{text}; {_OVER[one.over]}" if one.over else text)
    return " · ".join(told) or None


def _robots(known: Reference, now: float) -> str | None:
    """What its host's robots.txt says of it, and how long that is believed."""
    from ..cache.spans import ahead

    found = known.robots
    if found is None:
        return None
    return f"{found.verdict}: {found.evidence} (asked again {ahead(found.until, now)})"


def _listed(known: Reference) -> str | None:
    """Whether lists across actors show it, or what it has written, and on what that stands."""
    if known.consent is None:
        return None
    shown = "yes" if known.consent.word in ("followed", "granted") else "no"
    return f"{shown}: {known.consent.evidence}"


def _reactions(known: Reference) -> str | None:
    """How many actors have told us of what they did with it."""
    if known.counts is None:
        return None
    kinds = (("likes", known.counts.likes), ("reactions", known.counts.reacts))
    told = [f"{count} {name}" for name, count in (*kinds, ("shares", known.counts.shares)) if count]
    return ", ".join(told) or None


def _interval(known: Reference) -> str | None:
    from ..cache.pace import BECAUSE
    from ..cache.spans import span

    if not known.interval:
        return None
    because = BECAUSE.get(known.bound or "")
    return f"{span(known.interval)} ({because})" if because else span(known.interval)


def _begins(reads: Reads) -> str:
    """Where the next visit of a collection begins, or the present one goes on."""
    named = {"cursor": "the cursor", "page": "the next page of this visit", "head": "its head"}
    return f"{named.get(reads.begins, 'its beginning')}{f', {reads.url}' if reads.url else ''}"


def _order(reads: Reads, now: float) -> str:
    from ..cache.spans import ago

    order = "newest first" if reads.newest_first else "not newest first"
    if reads.scattered:
        order += "; new items may stand anywhere, so all of it is read now and then"
    return f"{order} (read whole {ago(reads.read_whole_at, now)})" if reads.read_whole_at else order


def _completeness(members: CollectionView | None) -> str | None:
    if members is None:
        return None
    claimed = f", {members.total_items} by its own count" if members.total_items is not None else ""
    return f"{members.kind}, {'complete' if members.complete else 'not complete'}{claimed}"
