"""Servers that limit who asks, and say so in the forms in which servers do.

They know nothing of who asks them, and count by themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import ceil

Headers = dict[str, str]


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def said(form: str, quota: int, seconds: float, left: int, ends: float, now: float) -> Headers:
    """What stands in the headers, in one form."""
    rest = max(ceil(ends - now), 0)
    if form == "structured":
        return {
            "ratelimit-policy": f'"all";q={quota};w={ceil(seconds)}',
            "ratelimit": f'"all";r={left};t={rest}',
        }
    if form == "seventh draft":
        return {"ratelimit": f"limit={quota}, remaining={left}, reset={rest}"}
    if form == "policy":
        return {"ratelimit-policy": f'"all";q={quota};w={ceil(seconds)}'}
    prefix = "ratelimit" if form == "older draft" else "x-ratelimit"
    reset = {"iso": _iso(ends), "epoch": str(ceil(ends))}.get(form, str(rest))
    return {
        f"{prefix}-limit": str(quota),
        f"{prefix}-remaining": str(left),
        f"{prefix}-reset": reset,
    }


FORMS = ("structured", "seventh draft", "older draft", "iso", "epoch", "seconds")


@dataclass(slots=True)
class Limiter:
    """At most `quota` in fixed windows of so many `seconds`; what is above gets 429.

    `quiet`: it says nothing of it before, as Mastodon does for pages; `tells`: its 429 says when to
    return.
    """

    quota: int
    seconds: float
    form: str = "structured"
    quiet: bool = False
    tells: bool = True
    others: int = 0  # requests in each window that come from our address, and are not ours
    began: float = float("-inf")
    spent: int = 0
    refused: list[float] = field(default_factory=list)

    def take(self, now: float) -> tuple[int, Mapping[str, str], float]:
        """Status and headers for one request, and for how long the host wants to be left alone."""
        if now >= self.began + self.seconds:
            self.began, self.spent = now, self.others
        ends = self.began + self.seconds
        self.spent += 1
        left = max(self.quota - self.spent, 0)
        headers = said(self.form, self.quota, self.seconds, left, ends, now)
        if self.spent <= self.quota:
            return 200, {} if self.quiet else headers, 0.0
        self.refused.append(now)
        if not self.tells:
            return 429, {}, 0.0
        wait = ceil(ends - now)
        return 429, ({} if self.quiet else headers) | {"retry-after": str(wait)}, float(wait)
