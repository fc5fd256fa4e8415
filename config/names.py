"""The names of the Fediverse as an operator writes them: actors, hosts, types, our own address.

The grammar of handles and URIs is `crawler.protocol`'s; here it only gets words for an error line.
Invariant: what these readers return is in canonical form, so that equal names are equal text.
"""

from __future__ import annotations

import re

from ..crawler.protocol.handle import parse_actor, parse_handle
from ..crawler.protocol.uri import Uri, split
from ..crawler.protocol.vocabulary import type_named
from ..errors import BadInput
from .units import shown

AN_ACTOR = "@user@host or https://..."
A_HOST = "a host name such as events.example"
A_USERNAME = "letters, digits, _ and -, such as fedpull"
A_CONTACT = "a web page or a mail address, such as https://example.org/about-our-crawler"
A_BASE_URL = "the public address of the inbox listener, such as https://pull.example.org"
A_TYPE = "the name of a type, such as Event, or its URI"

_AS2 = re.compile(r"(?:as:|https?://www\.w3\.org/ns/activitystreams#)")
# The types of the ActivityStreams vocabulary that posts and actors have (sections 3.2 and 3.3,
# and Question, which servers use as a post). A type outside of it is somebody's extension.
# fmt: off
_TYPES = (
    "Application", "Article", "Audio", "Collection", "Document",
    "Event", "Group", "Image", "Note", "Object", "OrderedCollection",
    "Organization", "Page", "Person", "Place", "Profile", "Question",
    "Relationship", "Service", "Tombstone", "Video",
)
# fmt: on
_SPELLING = {name.lower(): name for name in _TYPES}


def actor(value: str, *, http: bool = False) -> str:
    """`@user@host` or the canonical URI of an actor; `http` admits http:// URIs."""
    try:
        found = parse_actor(value, http=http)
    except BadInput as error:
        raise BadInput(shown(value), error.reason, error.expected) from error
    return str(found)


def same_actor_key(name: str) -> str:
    """Equal for two spellings of one actor: servers compare the user of a handle without case."""
    return name.lower() if name.startswith("@") else name


def host(value: str) -> str:
    """A host name, with its port when it is not 443; lower-case, IDN as A-labels."""
    uri = _https(f"https://{value}/", value, "is not a host name", A_HOST)
    if uri.path != "/" or uri.query or uri.fragment:
        raise BadInput(shown(value), "is not a host name", A_HOST)
    return uri.netloc


def username(value: str) -> str:
    """The user of our own handle."""
    try:
        handle = parse_handle(f"@{value}@example.org")
    except BadInput as error:
        raise BadInput(shown(value), "is not a user name", A_USERNAME) from error
    return handle.user


def base_url(value: str) -> str:
    """Our own origin: no path, because WebFinger is asked for at the root of the host."""
    uri = _https(value, value, "is not a web address", A_BASE_URL)
    if uri.scheme not in ("https", "http"):
        raise BadInput(shown(value), "is not a web address", A_BASE_URL)
    if uri.path not in ("", "/") or uri.query or uri.fragment:
        raise BadInput(shown(value), "is more than a host", f"{uri.origin}")
    return uri.origin


def contact(value: str) -> str:
    """Goes into the User-Agent's comment as it is, hence no space, bracket or backslash."""
    mail = r"(?:mailto:)?[^@:/]+@[^@:/]+\.[^@:/]+"
    if not re.fullmatch(rf"(?!.*[\s()\\])(?:https?://[^/].*|{mail})", value, re.ASCII):
        raise BadInput(shown(value), "is neither a web page nor a mail address", A_CONTACT)
    if not value.isascii():
        raise BadInput(shown(value), "has letters that a header cannot carry", A_CONTACT)
    return value


def object_type(value: str) -> str:
    """The short name of an ActivityStreams type, or the IRI of another one: `toot:Emoji` is one."""
    name = _AS2.sub("", value, count=1) if _AS2.match(value) else value
    if not re.fullmatch(r"[^\s,\[\]{}\"']+", name):
        raise BadInput(shown(value), "is not a type", A_TYPE)
    # `event` would silently match nothing: types are compared with their case.
    if (right := _SPELLING.get(name.lower(), name)) != name:
        raise BadInput(shown(value), "is not a known type", right)
    return type_named(value)


def _https(uri: str, value: str, reason: str, expected: str) -> Uri:
    try:
        return split(uri)
    except BadInput as error:
        raise BadInput(shown(value), reason, expected) from error
