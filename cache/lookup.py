"""What people name things by, read into what the store is asked for: actors, times, counts, types.

It asks the store for what names lead to, and nobody else. Invariant: what it returns is in the
spelling that the store uses, and what it cannot read raises BadInput with the name of the parameter
as its subject.
"""

from __future__ import annotations

import re
from dataclasses import replace

from ..config import names
from ..config.units import parse_duration
from ..crawler.protocol import webfinger
from ..crawler.protocol.activitystreams import preferred_username
from ..crawler.protocol.handle import Handle, parse_actor, parse_handle
from ..crawler.protocol.robots_memory import fresh
from ..crawler.protocol.times import rfc3339
from ..crawler.protocol.uri import canonical, host_port, shown, split
from ..errors import BadInput, NotFound
from . import shapes
from .mail_records import Follower
from .ports import Query
from .reading import MAX_NAMES
from .records import Follow, Reads, Reference, State
from .views import RobotsView

_FOLLOWERS_A_READ = 500
A_TIME = "a date such as 2026-01-31, a time such as 2026-01-31T12:00:00Z, or an age such as 2d"


def uri(name: str, text: str) -> str:
    """A canonical URI."""
    try:
        return canonical(text)
    except BadInput as error:
        raise BadInput(name, f"{error.subject} {error.reason}", error.expected) from error


def moment(name: str, text: str, now: float) -> float:
    """A point in time: RFC 3339, a date, or how long before `now`, or, with a plus, behind it."""
    at = rfc3339(text)
    if at is not None:
        return at
    try:
        if text[:1] in ("+", " "):  # what a plus becomes in a query that nobody has escaped
            return now + parse_duration(text[1:])
        return now - parse_duration(text)
    except BadInput as error:
        raise BadInput(name, f"{shown(text)!r} is not a time", A_TIME) from error


def host(name: str, text: str) -> str:
    """The "host:port" of a host, which may leave out the port of https."""
    try:
        return host_port(f"https://{text}/")
    except BadInput as error:
        raise BadInput(name, f"{shown(text)!r} is not a host", "social.example") from error


def whole(name: str, text: str, least: int, most: int | None = None) -> int:
    """A whole number from `least` to `most`."""
    expected = f"a whole number, {least} or more"
    if most is not None:
        expected = f"a whole number from {least} to {most}"
    # Twelve digits count more of anything than one machine will hold.
    if not re.fullmatch(r"[0-9]{1,12}", text, re.ASCII):
        raise BadInput(name, f"{shown(text)!r} is not a whole number", expected)
    number = int(text)
    if number < least or (most is not None and number > most):
        raise BadInput(name, f"{number} is out of bounds", expected)
    return number


def seconds(name: str, value: object) -> float:
    """A duration as in the configuration: 30s, 5m."""
    try:
        return parse_duration(value)
    except BadInput as error:
        raise BadInput(name, f"{error.subject} {error.reason}", error.expected) from error


def object_type(name: str, text: str) -> str:
    """A type in the spelling of its index; `event` is told to be Event."""
    try:
        return names.object_type(text)
    except BadInput as error:
        raise BadInput(name, f"{error.subject} {error.reason}", error.expected) from error


def tag(text: str) -> str:
    return text.removeprefix("#").casefold()


def actor(name: str, text: object) -> str:
    """A handle or the URI of an actor, in its one spelling."""
    try:
        return str(parse_actor(text if isinstance(text, str) else ""))
    except BadInput as error:
        raise BadInput(name, f"{error.subject!r} {error.reason}", error.expected) from error


def reference(query: Query, id: str) -> Reference | None:
    """The record of an id, or of what it leads to where it is another name for that."""
    known = query.reference(id)
    for _ in range(MAX_NAMES):
        if known is None or known.state is not State.REDIRECTED or known.target is None:
            return known
        known = query.reference(known.target)
    return known


def find_follow(query: Query, wanted: str) -> Follow | None:
    """The follow of that name: as it is configured, the actor's URI, or its handle."""
    key = names.same_actor_key(wanted)
    known = query.follow(wanted)
    if known is not None:
        return known
    for follow in query.follows():
        spellings = (follow.key, follow.actor, follow.handle)
        if key in {names.same_actor_key(name) for name in spellings if name}:
            return follow
    return None


def actor_uri(name: str, query: Query, text: str) -> str:
    """The URI of an actor; a handle is looked up in the store, never on the network."""
    wanted = actor(name, text)
    if not wanted.startswith("@"):
        return wanted
    follow = find_follow(query, wanted)
    found = _resolved(query, parse_handle(wanted)) if follow is None else follow.actor
    if found is None:
        raise NotFound(wanted, "is not in the cache", "a handle that was fetched or pulled")
    return found


def _resolved(query: Query, handle: Handle) -> str | None:
    """The actor that a handle led to when it was fetched, if both sides said so."""
    first = _finger(query, handle)
    known = reference(query, first.actor) if first is not None else None
    document = query.document(known.id) if known is not None else None
    if first is None or document is None:
        return None
    named = replace(first, actor=document.id)
    verdict = webfinger.confirm(handle, named, document.json)
    if isinstance(verdict, webfinger.AskAlso):
        second = _finger(query, verdict.handle)
        agreed = second is not None and webfinger.agrees(handle, document.id, second, named)
        return document.id if agreed else None
    return document.id if isinstance(verdict, webfinger.Confirmed) else None


def _finger(query: Query, handle: Handle) -> webfinger.Finger | None:
    """What a WebFinger answer said, as far as its record keeps it."""
    known = query.reference(webfinger.finger_url(handle))
    if known is None or known.target is None:
        return None
    return webfinger.Finger(known.reason or str(handle), known.target)


def explained(query: Query, known: Reference, now: float) -> tuple[Reference, Reads | None]:
    """The record as people are told of it, and how it is read: what has members is a collection,
    document or not."""
    reads = query.reads(known.id)
    counts = query.counts(known.id) if shapes.held(known) and known.cls == "object" else None
    known = replace(known, threads=query.threads(known.id, now), counts=counts)
    if known.form is None:  # nothing is held: then how its host is asked
        host = query.host(host_port(known.id), now)
        known = replace(known, form=host.knock.form if host is not None else None)
    known = replace(known, robots=_robots(query, known.id, now))
    is_collection = reads is not None or query.collection(known.id, 1) is not None
    if known.cls is None and is_collection:
        known = replace(known, cls="collection")
    return known, reads


def _robots(query: Query, id: str, now: float) -> RobotsView | None:
    """What robots.txt says of it; None where that is not known, or known no more."""
    found = fresh(query.robots(host_port(id)), now)
    if found is None:
        return None
    ruling = found.judge(split(id).target)
    verdict = "allowed" if ruling.allowed else "unknown" if found.silent else "disallowed"
    return RobotsView(verdict, ruling.line or "no line is about it", found.until)


def follow_key(name: str, query: Query, text: str) -> str:
    """The key of the follow that `text` names; what is not followed is listed as empty."""
    wanted = actor(name, text)
    follow = find_follow(query, wanted)
    return follow.key if follow is not None else wanted


def follower(query: Query, text: str) -> Follower | None:
    """Who follows us, or has asked to, by the actor's URI or by the name that its document has."""
    wanted = actor("actor", text)
    handle = parse_handle(wanted) if wanted.startswith("@") else None
    after: str | None = None
    while page := query.followers(_FOLLOWERS_A_READ, after):
        for one in page:
            if one.actor == wanted or (handle is not None and _is_named(query, one.actor, handle)):
                return one
        after = page[-1].actor
    return None


def _is_named(query: Query, actor: str, handle: Handle) -> bool:
    """Whether an actor's own document gives it that name; nobody else has confirmed it."""
    document = query.document(actor) if split(actor).netloc == handle.host else None
    name = preferred_username(document.json) if document is not None else None
    return name is not None and handle.same_as(Handle(name, handle.host))
