"""What people name things by, read into what the store is asked for: actors, times, counts, types.

It asks the store for follows only. Invariant: what it returns is in the spelling that the store
uses, and what it cannot read raises BadInput with the name of the parameter as its subject.
"""

from __future__ import annotations

import re

from ..config import names
from ..config.units import parse_duration
from ..crawler.protocol.handle import parse_actor
from ..crawler.protocol.times import rfc3339
from ..crawler.protocol.uri import canonical, shown
from ..errors import BadInput
from .ports import Query
from .records import Follow, Reference, State

# A redirect leads over at most three hops, and each may have left a name behind.
_MAX_NAMES = 4
A_TIME = "a date such as 2026-01-31, a time such as 2026-01-31T12:00:00Z, or an age such as 2d"


def uri(name: str, text: str) -> str:
    """A canonical URI."""
    try:
        return canonical(text)
    except BadInput as error:
        raise BadInput(name, f"{error.subject} {error.reason}", error.expected) from error


def moment(name: str, text: str, now: float) -> float:
    """A point in time: RFC 3339, a date, or how long before `now`."""
    at = rfc3339(text)
    if at is not None:
        return at
    try:
        return now - parse_duration(text)
    except BadInput as error:
        raise BadInput(name, f"{shown(text)!r} is not a time", A_TIME) from error


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
    for _ in range(_MAX_NAMES):
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
    """The URI of an actor; a handle is looked up among the follows, never on the network."""
    wanted = actor(name, text)
    if not wanted.startswith("@"):
        return wanted
    follow = find_follow(query, wanted)
    if follow is None or follow.actor is None:
        reason = f"{wanted} is not a handle that is known here"
        raise BadInput(name, reason, "one that was pulled, or the actor's URI")
    return follow.actor


def follow_key(name: str, query: Query, text: str) -> str:
    """The key of the follow that `text` names; what is not followed is listed as empty."""
    wanted = actor(name, text)
    follow = find_follow(query, wanted)
    return follow.key if follow is not None else wanted
