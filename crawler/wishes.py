"""What an operator names to have it forgotten, read into the names under which it must not return.

It looks in the store and nowhere else, and writes nothing. Invariant: a wish for an actor covers
the actor, whatever is named below it, and the handle that leads to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ..cache import lookup
from ..cache.ports import Query
from ..errors import BadInput, NotFound
from .protocol import forgotten
from .protocol.activitystreams import preferred_username
from .protocol.blocklist import A_DOMAIN, domain_of_row
from .protocol.handle import Handle, parse_actor, parse_handle
from .protocol.uri import host_port, same_origin, shown, split
from .protocol.webfinger import finger_url

_COLLECTIONS = ("outbox", "inbox", "followers", "following", "featured", "liked", "featuredTags")
WHAT = "the URI of a document or actor, a handle, or a domain"


@dataclass(frozen=True, slots=True)
class Wish:
    """`uris` are the names of one thing, the first of them its own; or `domain` is a whole host."""

    uris: tuple[str, ...] = ()
    domain: str = ""

    def line(self, salt: bytes, now: float, *, undo: bool = False) -> str:
        """As it is written down."""
        at = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        if self.domain:
            return forgotten.line(at, "domain", (self.domain,), undo=undo)
        hashes = dict.fromkeys(forgotten.hashed(salt, uri) for uri in self.uris)
        return forgotten.line(at, "id", hashes, undo=undo)


def wish(query: Query, text: str, ours: str | None = None) -> Wish:
    """Read what was named; NotFound for a handle that nothing is known of, BadInput for what is at
    the origin `ours`: others have it, and it is not theirs to lose its author."""
    found = _read(query, text.strip())
    at_home = ours is not None and any(same_origin(uri, ours) for uri in found.uris)
    if at_home or (ours is not None and _is_in(found.domain, split(ours).host)):
        expected = "what is others'; what we publish is taken back by `fedpull publish` of a Delete"
        raise BadInput(text.strip(), "is ours", expected)
    return found


def _is_in(domain: str, host: str) -> bool:
    return bool(domain) and f".{host}".endswith(f".{domain}")


def _read(query: Query, name: str) -> Wish:
    if "/" not in name and "@" not in name:
        return Wish(domain=_domain(name))
    asked = _actor(name)
    if isinstance(asked, Handle):
        id = _actor_of(query, asked)
        return Wish(tuple(dict.fromkeys((id, *_names(query, id), finger_url(asked)))))
    if query.local(asked) is not None:
        expected = "`fedpull publish` of a Delete, of which others hear, too"
        raise BadInput(name, "is published by us", expected)
    known = lookup.reference(query, asked)
    id = known.id if known is not None else asked
    return Wish(tuple(dict.fromkeys((id, asked, *_names(query, id)))))


def undone(text: str) -> Wish:
    """What is no longer to be forgotten: any of the names that it was written down with. Nothing
    is looked up, since nothing is known of it any more."""
    name = text.strip()
    if "/" not in name and "@" not in name:
        return Wish(domain=_domain(name))
    asked = _actor(name)
    return Wish((finger_url(asked) if isinstance(asked, Handle) else asked,))


def _domain(name: str) -> str:
    try:
        return domain_of_row(name)
    except BadInput as error:
        raise BadInput(error.subject, error.reason, f"{WHAT} ({A_DOMAIN})") from error


def _actor(name: str) -> Handle | str:
    try:
        return parse_actor(name)
    except BadInput as error:
        raise BadInput(error.subject, error.reason, WHAT) from error


def _actor_of(query: Query, handle: Handle) -> str:
    try:
        return lookup.actor_uri("handle", query, str(handle))
    except NotFound as error:
        raise NotFound(str(handle), "is not in the cache", "the URI of the actor") from error


def _names(query: Query, id: str) -> Iterator[str]:
    """By what else an actor can be met: its handles, and its collections."""
    document = query.document(id)
    if document is None or document.cls != "actor":
        return
    about: dict[str, Any] = document.json
    for name in _COLLECTIONS:
        uri = about.get(name)
        if isinstance(uri, str) and same_origin(uri, id):
            yield uri
    handles = {follow.handle or follow.key for follow in query.follows() if follow.actor == id}
    host, _, port = host_port(id).rpartition(":")
    if (user := preferred_username(about)) is not None and port == "443":
        handles.add(f"@{user}@{host}")
    for handle in sorted(handles):
        try:
            yield finger_url(parse_handle(handle))
        except BadInput:
            continue  # a follow by URI


def told(entry: forgotten.Entry) -> dict[str, str]:
    """An entry as people and programs are shown it: an id has no name any more."""
    return {"at": entry.at, "kind": entry.kind, "name": shown(entry.names[0])}
