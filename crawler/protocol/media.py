"""What the headers of an answer say: its type, its age, how long it stays fresh.

It looks at no body and reads no rate limits (`rate_limits` does). Header names are expected in
lower case, values as one string each. Invariant: every number that comes from outside is clamped
before it is given on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from .times import http_date

AS_PROFILE = "https://www.w3.org/ns/activitystreams"
# ActivityPub section 3.2; the second form is for those who implement nothing else.
ACCEPT_ACTIVITY = f'application/activity+json, application/ld+json; profile="{AS_PROFILE}"'
# GoToSocial answers 406 when WebFinger is asked for as an activity.
ACCEPT_JRD = "application/jrd+json, application/json;q=0.9"

_TYPE = re.compile(r"\s*([A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+)\s*((?:;.*)?)", re.DOTALL)
_PARAMETER = re.compile(r';\s*([A-Za-z0-9_-]+)\s*=\s*(?:"([^"\\]*)"|([^\s;"]*))\s*')
_UTF8 = frozenset(("utf-8", "utf8"))

DAY = 86_400.0
# A year: what RFC 9111 section 1.2.2 calls infinite enough is far more than we ever believe.
_MAX_AGE = 365 * DAY
# Servers write 20 to 70 bytes of ETag, and dates of 29; a header line may have 64 KB.
LONGEST_ETAG = 256
LONGEST_DATE = 128
_VISIBLE = re.compile(r"[\x20-\x7e]*")


def _split(content_type: str | None) -> tuple[str, dict[str, str]]:
    """Type and parameters; an empty type for what cannot be read, or is not UTF-8."""
    match = _TYPE.fullmatch(content_type or "")
    if match is None:
        return "", {}
    parameters: dict[str, str] = {}
    for name, quoted, token in _PARAMETER.findall(match[2]):
        parameters.setdefault(name.lower(), quoted or token)
    if parameters.get("charset", "utf-8").lower() not in _UTF8:
        return "", {}
    return match[1].lower(), parameters


def is_activity(content_type: str | None) -> bool:
    """Is it a type that nobody gets served by uploading a file (FEP-fe34)?

    JSON-LD without any profile counts: Epicyon serves its actors so. JSON-LD with another
    profile, and plain JSON, do not.
    """
    kind, parameters = _split(content_type)
    if kind == "application/ld+json":
        return "profile" not in parameters or AS_PROFILE in parameters["profile"].split()
    return kind == "application/activity+json"


def is_json(content_type: str | None) -> bool:
    kind, _ = _split(content_type)
    return kind == "application/json" or (
        kind.startswith("application/") and kind.endswith("+json")
    )


def is_jrd(content_type: str | None) -> bool:
    """WebFinger's type, or plain JSON as NodeBB and BookWyrm send it."""
    return _split(content_type)[0] in ("application/jrd+json", "application/json")


def max_age(headers: Mapping[str, str]) -> float | None:
    """For how many seconds the answer stays fresh by its own word (RFC 9111 section 5.2.2).

    The longer of `max-age` and `s-maxage`, since a cache on the way answers by the latter;
    no-store and no-cache mean at once. None: it does not say.
    """
    directives: dict[str, str] = {}
    for part in headers.get("cache-control", "").lower().split(","):
        name, _, value = part.strip().partition("=")
        directives.setdefault(name.strip(), value.strip().strip('"'))
    if "no-store" in directives or "no-cache" in directives:
        return 0.0
    stated = [_seconds(directives.get(name, "")) for name in ("s-maxage", "max-age")]
    return max((min(one, _MAX_AGE) for one in stated if one is not None), default=None)


def _seconds(text: str) -> float | None:
    """Delta-seconds (RFC 9111 section 1.2.2); None for everything else."""
    return float(text[:12]) if text.isascii() and text.isdigit() else None


def age(headers: Mapping[str, str]) -> float:
    """For how many seconds a cache on the way has held the answer (RFC 9111 section 5.1); a day at
    most, which is more than those in front of servers keep anything."""
    return min(_seconds(headers.get("age", "").strip()) or 0.0, DAY)


# What the Misskey family and BookWyrm forgive in a signature's time: the least that is in wide use.
CLOCKS_APART = 300.0


def clock_apart(headers: Mapping[str, str], now: float) -> float:
    """By how many seconds our clock is ahead of the server's, as its Date says; 0: it does not."""
    stated = http_date(headers.get("date", ""))
    return 0.0 if stated is None else now - stated


def not_before(headers: Mapping[str, str], now: float, longest: float) -> float:
    """Until when no other answer is to be had, by the origin's word; 0 if it does not say.

    At most `longest` from now. It is a lower bound for the next request and never a schedule:
    what servers write there protects their caches (60 to 180 s).
    """
    lifetime = max_age(headers)
    if not lifetime:
        return 0.0
    stated = http_date(headers.get("date", ""))
    served = now if stated is None else min(stated, now)
    until = min(served + lifetime - age(headers), now + longest)
    return until if until > now else 0.0


def validators(headers: Mapping[str, str]) -> tuple[str | None, str | None]:
    """`ETag` and `Last-Modified`, to be sent back byte for byte; None for one that cannot be sent,
    or is too long to be carried about for every document."""
    etag, modified = headers.get("etag", ""), headers.get("last-modified", "")
    return (
        etag if is_validator(etag) else None,
        modified if is_validator(modified, LONGEST_DATE) else None,
    )


def is_validator(text: str | None, longest: int = LONGEST_ETAG) -> bool:
    """Whether it can be sent back as it came: visible ASCII, and not too much of it."""
    return bool(text and len(text) <= longest and _VISIBLE.fullmatch(text))


def last_modified(headers: Mapping[str, str], now: float) -> float | None:
    """When it last changed, as HTTP says it; a time to come is none."""
    stated = http_date(headers.get("last-modified", ""))
    return stated if stated is not None and stated <= now else None
