"""Cursors of lists as callers see them: opaque text that names a place, checked when it comes back.

Invariant: a place stays valid whatever is added or removed around it.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error

from ..errors import BadInput


def encode(place: bytes) -> str:
    return urlsafe_b64encode(place).rstrip(b"=").decode()


def decode(cursor: str, size: int) -> bytes:
    """The place behind a cursor; BadInput for what none of our lists has given out."""
    try:
        place = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except (Error, ValueError):
        place = b""
    if len(place) != size:
        raise BadInput("cursor", "is not one that this list gave", "the `next` of a list")
    return place
