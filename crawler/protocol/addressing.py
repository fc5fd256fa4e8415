"""Whom something of ours is for: the recipients of ActivityPub section 7.1, read from what it says.

Pure; it looks nobody up, and whether it may be said so is `publishing`'s to judge. Invariants:
as:Public is no recipient, our followers are told by comparing with the one id of that collection,
nobody is named twice, and we are not among them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .shapes import PUBLIC_URI, addresses_of

# In the order in which ActivityPub names them.
PROPERTIES = ("to", "cc", "audience", "bto", "bcc")
HIDDEN = ("bto", "bcc")


@dataclass(frozen=True, slots=True)
class Recipients:
    """`named`: actors and collections, by id. Who is in `bto` and `bcc` is among them."""

    public: bool
    followers: bool
    named: tuple[str, ...]


def recipients(addressees: Iterable[str], actor: str, followers: str) -> Recipients:
    """Sort canonical ids into everybody, those who follow us (the collection `followers`), and
    those who are named; `actor` is ours."""
    listed = tuple(dict.fromkeys(addressees))
    named = tuple(one for one in listed if one not in (PUBLIC_URI, followers, actor))
    return Recipients(PUBLIC_URI in listed, followers in listed, named)


def is_hidden(name: str) -> bool:
    """Whether a name is that of `bto` or `bcc`, under any prefix: short, long, or of one's own."""
    return name.rpartition("/")[2].rpartition("#")[2].rpartition(":")[2] in HIDDEN


def addressees(*documents: dict[str, Any]) -> tuple[str, ...]:
    """Everybody whom documents are addressed to, hidden or not, in order."""
    found = (addresses_of(doc.get(name)) for doc in documents for name in PROPERTIES)
    return tuple(dict.fromkeys(one for several in found for one in several))
