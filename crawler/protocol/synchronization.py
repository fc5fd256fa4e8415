"""FEP-8fcf: what tells two servers that they disagree on who follows whom. Pure; it asks nobody.

Of an actor's followers those of one scheme and authority are a *part*; its digest goes along with a
delivery there. Here one actor stands alone on its origin, so a digest that a server sends says all
there is to know of it: whether it has us among its actor's followers, and nobody else. Invariant:
what cannot be read, or speaks of another collection than the sender's own, says nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .cavage import read_parameters
from .part_digest import NOBODY, digest_of
from .signed_request import Fault
from .uri import same_origin

# What a server's word makes of a Follow of ours: it was accepted and we have not heard, it is not
# there any more, or it is there though we want none.
Meant = Literal["nothing", "accepted", "lost", "stray"]

HEADER = "Collection-Synchronization"
_LONGEST = 8_192  # two URLs of 2 KiB and a digest are half of that


@dataclass(frozen=True, slots=True)
class Told:
    """What a server says of its followers here. `has_us` is None where it says neither yes nor no:
    it has others of our origin, whom only it knows."""

    collection: str
    url: str
    has_us: bool | None


def header(collection: str, url: str, digest: bytes) -> tuple[str, str]:
    """The header of a delivery. Our own ids hold neither quotes nor backslashes."""
    value = f'collectionId="{collection}", url="{url}", digest="{digest.hex()}"'
    return HEADER, value


def read(value: str, us: str) -> Told | None:
    """What a header says, in the syntax of the draft's signature parameters; None: nothing."""
    if len(value) > _LONGEST:
        return None
    try:
        parameters = read_parameters(value)
        digest = bytes.fromhex(parameters["digest"])
        collection, url = parameters["collectionId"], parameters["url"]
    except (Fault, KeyError, ValueError):
        return None
    if len(digest) != len(NOBODY) or not same_origin(collection, url):
        return None
    has_us = {NOBODY: False, digest_of((us,)): True}.get(digest)
    return Told(collection, url, has_us)


def meant(told: Told, subscribed: str) -> Meant:
    """What it comes to where our own Follow there is, as we believe, in that state."""
    if told.has_us is None:
        return "nothing"
    if told.has_us:
        if subscribed == "pending":
            return "accepted"
        return "nothing" if subscribed == "yes" else "stray"
    return "lost" if subscribed == "yes" else "nothing"
