"""What an answer says of its host's rate limits: the windows that it announces, and when to return.

It counts no requests and paces nothing (`cache.windows` does). Header names are expected in lower
case, values as one string each. Invariant: every number that comes from outside is clamped before
it is given on, and what cannot be read announces nothing; nothing raises.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import http_sf

from .record import record
from .times import http_date, rfc3339

HOUR = 3_600.0
# Longer than any wait worth believing: a wrong date cannot silence a host for ever.
DAY = 86_400.0
# A host has two or three policies (activitypub-bot: two); what is behind these is not looked at.
MOST_WINDOWS = 4
_MOST_QUOTA = 10**9
_LONGEST_NAME = 32
_LONGEST_FIELD = 1_024
# In a number, what is larger is no count of seconds but a time: in seconds, or in milliseconds.
_EPOCH, _EPOCH_MS = 1e9, 1e11

_NUMBER = re.compile(r"([0-9]{1,15})(?:\.[0-9]{1,9})?", re.ASCII)
# Three headers each: `-limit`, `-remaining`, `-reset`. The first are those of the drafts before
# the seventh (draft-ietf-httpapi-ratelimit-headers-06), which count the seconds that are left. The
# second are Mastodon's and GoToSocial's, with an ISO time (GoToSocial: later an epoch), and of many
# frameworks. These end windows of minutes, so that more than an hour is a mistake.
_OLDER = (("ratelimit", DAY), ("x-ratelimit", HOUR), ("x-rate-limit", HOUR))
_REMAINING = tuple((f"{prefix}-remaining", prefix, longest) for prefix, longest in _OLDER)


@record(frozen=True, slots=True)
class Announced:
    """One window: `remaining` more requests, of `quota` in `span` seconds, until it begins anew in
    `reset` seconds. `name` tells the windows of a host apart; 0 for a quota or span not told."""

    name: str
    quota: int
    remaining: int
    reset: float
    span: float = 0.0


def announced(headers: Mapping[str, str], now: float) -> tuple[Announced, ...]:
    """The windows that an answer announces, whatever its status; most announce none.

    A policy of which it is not said what remains is announced as if nothing were spent, with each
    answer anew: that gives a pace.
    """
    policy = headers.get("ratelimit-policy")
    found = _told(headers, policy, now)
    if policy is not None:
        for name, (quota, span) in _policies(policy).items():
            if not any(one.name == name or one.quota == quota for one in found):
                found.append(Announced(name, quota, quota, span, span))
    return tuple(found[:MOST_WINDOWS]) if found else ()


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """For a 429 or 503: in how many seconds the host wants to be asked again; None: it is silent.

    From a second to a day, and no longer than the header that says so is believed.
    """
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return _clamp(float(value[:12]))
    if value and (at := http_date(value)) is not None:
        return _clamp(at - _server_time(headers, now))
    windows = _told(headers, headers.get("ratelimit-policy"), now)
    if windows:
        spent = [one.reset for one in windows if not one.remaining]
        return _clamp(max(spent)) if spent else _clamp(max(one.reset for one in windows), HOUR)
    for prefix, longest in _OLDER:
        reset = _seconds(headers.get(f"{prefix}-reset", ""), headers, now)
        if reset is not None:
            return _clamp(reset, longest)
    return None


def _told(headers: Mapping[str, str], policy: str | None, now: float) -> list[Announced]:
    """The windows of which it is said what remains."""
    found: list[Announced] = []
    limits = headers.get("ratelimit")
    if limits is not None:
        found = _current(limits, _policies(policy) if policy else {})
    for header, prefix, longest in _REMAINING:
        if header in headers:
            older = _older(headers, prefix, longest, now)
            # What also stands in the field of the present draft stands there with its name.
            if older is not None and all(one.quota != older.quota for one in found):
                found.append(older)
    return found


def _clamp(seconds: float, longest: float = DAY) -> float:
    return min(max(seconds, 1.0), longest)


@lru_cache(256)  # a server says the same with every answer
def _policies(text: str) -> dict[str, tuple[int, float]]:
    """`RateLimit-Policy`: quota and seconds of each policy that counts requests, by its name.

    `"name";q=100;w=60`, and `100;w=60` of the draft's seventh version and before.
    """
    found: dict[str, tuple[int, float]] = {}
    for item, parameters in _list(text):
        stated = _count(item)
        quota = _count(parameters.get("q")) if stated is None else stated
        span = _count(parameters.get("w"))
        if str(parameters.get("qu", "requests")) != "requests":
            continue  # bytes, or requests at once: no window
        if quota and span and len(found) < MOST_WINDOWS:
            name = _name(item) if stated is None else str(stated)
            found.setdefault(name, (quota, min(float(span), DAY)))
    return found


def _current(text: str, policies: Mapping[str, tuple[int, float]]) -> list[Announced]:
    """`RateLimit`: `"name";r=5;t=30`, or of the draft's seventh version `limit=100, remaining=5,
    reset=30`."""
    found = []
    listed = _list(text)
    for item, parameters in listed[:MOST_WINDOWS]:
        known = policies.get(_name(item)) or _only(policies)
        one = _window(_name(item), parameters.get("r"), parameters.get("t"), *known)
        if one is not None:
            found.append(one)
    if listed or "=" not in text:
        return found
    fields = _dictionary(text)
    quota = _count(fields.get("limit")) or 0
    span = next((span for one, span in policies.values() if one == quota), 0.0)
    one = _window(str(quota), fields.get("remaining"), fields.get("reset"), quota, span)
    return [] if one is None else [one]


def _only(policies: Mapping[str, tuple[int, float]]) -> tuple[int, float]:
    """The policy that is meant where none is named: the only one."""
    return next(iter(policies.values())) if len(policies) == 1 else (0, 0.0)


def _window(name: str, left: Any, reset: Any, quota: int, span: float) -> Announced | None:
    remaining, seconds = _count(left), _count(reset)
    wait = span if seconds is None else min(float(seconds), DAY)
    if remaining is None or wait <= 0.0:
        return None
    return Announced(name, quota, min(remaining, quota or _MOST_QUOTA), wait, span)


def _count(value: Any) -> int | None:
    whole = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return min(value, _MOST_QUOTA) if whole else None


def _name(item: Any) -> str:
    return str(item)[:_LONGEST_NAME] if isinstance(item, str) else ""


def _list(text: str) -> list[tuple[Any, dict[str, Any]]]:
    """A list of items (RFC 9651); empty for what is none."""
    found = _parsed(text, "list")
    return [one for one in found or () if isinstance(one, tuple) and not isinstance(one[0], list)]


def _dictionary(text: str) -> dict[str, Any]:
    found = _parsed(text, "dictionary")
    return {key: value[0] for key, value in (found or {}).items()}


def _parsed(text: str, kind: Any) -> Any:
    if not text or len(text) > _LONGEST_FIELD or not text.isascii():
        return None
    try:
        return http_sf.parse(text.encode("ascii"), tltype=kind)
    except ValueError:
        return None


def _older(headers: Mapping[str, str], prefix: str, longest: float, now: float) -> Announced | None:
    """What three headers say; None where they do not say when the window ends, or it has ended."""
    remaining = _NUMBER.match(headers.get(f"{prefix}-remaining", "").strip())
    # `100, 100;w=60` in the drafts: the first is the one that holds now.
    limit = _NUMBER.match(headers.get(f"{prefix}-limit", "").strip())
    reset = _seconds(headers.get(f"{prefix}-reset", ""), headers, now)
    if remaining is None or reset is None or reset <= 0.0:
        return None
    quota = min(int(limit[1]), _MOST_QUOTA) if limit is not None else 0
    left = min(int(remaining[1]), quota or _MOST_QUOTA)
    return Announced(str(quota or prefix), quota, left, min(reset, longest))


def _seconds(text: str, headers: Mapping[str, str], now: float) -> float | None:
    """How far off a reset is: given in seconds, as an epoch, or as an ISO time."""
    text = text.strip()
    if _NUMBER.fullmatch(text):
        number = float(text)
        if number <= _EPOCH:
            return number
        at: float | None = number / 1_000.0 if number > _EPOCH_MS else number
    else:
        at = rfc3339(text) if text else None
    return None if at is None else at - _server_time(headers, now)


def _server_time(headers: Mapping[str, str], now: float) -> float:
    """By whose clock a point in time is meant: that of the server, where it says what it shows."""
    stated = http_date(headers.get("date", ""))
    return now if stated is None or abs(stated - now) > DAY else stated
