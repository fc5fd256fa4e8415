"""From a handle to an actor, and back: WebFinger (RFC 7033) with the check in both directions.

It asks nobody: it says what to ask and judges the answers. Invariant: a handle counts for an actor
only if the handle's server names the actor and the actor's own server names the handle, with at
most one further question.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from ...errors import BadInput, Unreachable
from .activitystreams import preferred_username
from .handle import Handle, parse_handle
from .media import is_activity
from .shapes import as_list, id_of, uri_or_none
from .uri import split

_MAX_LINKS = 100  # real answers have fewer than ten
_MAX_ALIASES = 20


@dataclass(frozen=True, slots=True)
class Finger:
    """What a server says about a handle. `subject` is the handle that it prefers, or empty."""

    subject: str
    actor: str
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The handle is the actor's own."""


@dataclass(frozen=True, slots=True)
class AskAlso:
    """Undecided until the WebFinger answer for this handle `agrees`."""

    handle: Handle


@dataclass(frozen=True, slots=True)
class NotConfirmed:
    """The handle is not the actor's own."""

    reason: str


def finger_url(handle: Handle) -> str:
    """The URL to ask; a handle's characters need no escapes, and some servers do not undo them."""
    return f"https://{handle.host}/.well-known/webfinger?resource=acct:{quote(handle.acct, '@')}"


def read_jrd(value: Any, handle: Handle, *, http: bool = False) -> Finger:
    """The first link that leads to an ActivityPub actor by https (by http too, if `http` says so).

    Raises Unreachable when there is none: answers may hold several `self` links, relative ones,
    or ones with other schemes.
    """
    if not isinstance(value, dict):
        raise Unreachable(str(handle), "its WebFinger answer is not an object")
    for link in as_list(value.get("links"))[:_MAX_LINKS]:
        actor = _actor(link, http)
        if actor is not None:
            subject = value.get("subject")
            aliases = map(uri_or_none, as_list(value.get("aliases"))[:_MAX_ALIASES])
            return Finger(
                subject if isinstance(subject, str) and len(subject) <= 512 else "",
                actor,
                tuple(alias for alias in aliases if alias is not None),
            )
    raise Unreachable(str(handle), "its WebFinger answer names no ActivityPub actor")


def _actor(link: Any, http: bool) -> str | None:
    if not isinstance(link, dict) or link.get("rel") != "self":
        return None
    kind, href = link.get("type"), uri_or_none(link.get("href"))
    if href is None or not isinstance(kind, str) or not is_activity(kind):
        return None
    return href if http or split(href).scheme == "https" else None


def confirm(
    handle: Handle, finger: Finger, actor_doc: dict[str, Any]
) -> Confirmed | AskAlso | NotConfirmed:
    """Is `handle`, whose server named `finger.actor`, the handle of the actor itself?

    One server that gives both answers has said so. Else the actor's own server is asked about the
    name that the actor has there (accounts at one domain, server at another).
    """
    actor, user = id_of(actor_doc), preferred_username(actor_doc)
    if actor is None or actor != finger.actor:
        return NotConfirmed("the handle leads to another actor")
    if user is None:
        return NotConfirmed("the actor has no preferredUsername")
    try:
        own = parse_handle(f"{user}@{split(actor).host}")
    except BadInput as error:
        return NotConfirmed(f"the actor's preferredUsername {error.reason}")
    return Confirmed() if own.same_as(handle) else AskAlso(own)


def agrees(handle: Handle, actor: str, second: Finger, first: Finger | None = None) -> bool:
    """Does the actor's own server confirm `handle`: the same actor, and the handle as subject?

    The subject may also be the one that the handle's server gave (`first`), when the handle that
    was typed is an alias of it.
    """
    if second.actor != actor:
        return False
    subject = subject_handle(second)
    if subject is None:
        return False
    if subject.same_as(handle):
        return True
    preferred = subject_handle(first) if first is not None else None
    return preferred is not None and subject.same_as(preferred)


def subject_handle(finger: Finger) -> Handle | None:
    """The handle that an answer is about; None where its subject is none (some name the actor)."""
    try:
        return parse_handle(finger.subject)
    except BadInput:
        return None
