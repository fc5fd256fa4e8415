"""Small pieces that the documents of all families are made of; nothing here knows a family."""

from __future__ import annotations

import datetime
import html
from collections.abc import Sequence
from typing import Any

AS = "https://www.w3.org/ns/activitystreams"
SECURITY = "https://w3id.org/security/v1"
PUBLIC = f"{AS}#Public"
AS_PROFILE = f'application/ld+json; profile="{AS}"'
ACTIVITY_JSON = "application/activity+json"

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"
BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def in_base(number: int, alphabet: str, width: int) -> str:
    """The number in the alphabet's base, of fixed width: ordered as text as it is as a number."""
    digits = []
    for _ in range(width):
        number, digit = divmod(number, len(alphabet))
        digits.append(alphabet[digit])
    return "".join(reversed(digits))


def _utc(at: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(at, datetime.UTC)


def iso(at: float) -> str:
    """Whole seconds and a Z, as Mastodon writes them."""
    return _utc(at).strftime("%Y-%m-%dT%H:%M:%SZ")


def iso_ms(at: float) -> str:
    """Milliseconds and a Z, as JavaScript writes them."""
    moment = _utc(at)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def iso_us(at: float) -> str:
    """Microseconds and an offset, as Python writes them."""
    return _utc(at).isoformat(timespec="microseconds")


def iso_offset(at: float, hours: int = 1) -> str:
    """Milliseconds in another zone."""
    zone = datetime.timezone(datetime.timedelta(hours=hours))
    return datetime.datetime.fromtimestamp(at, zone).isoformat(timespec="milliseconds")


def compact(values: Sequence[Any]) -> Any:
    """A list as JSON-LD compaction leaves it: one value stands bare."""
    return values[0] if len(values) == 1 else list(values)


def paragraphs(text: str, tags: Sequence[str], base: str) -> str:
    links = "".join(
        f' <a href="{base}/tags/{tag.lower()}" class="mention hashtag" rel="tag">#{tag}</a>'
        for tag in tags
    )
    return f"<p>{html.escape(text)}{links}</p>"
