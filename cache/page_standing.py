"""How follows and hosts are doing, in a word and a sentence for the operator: late, and why.

Pure: functions of records and `now`. Invariant: what is called late names what it waits for, and
nothing is called fresh that was never read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from .records import Follow, Host, Totals
from .spans import ago, ahead, every, span
from .verbs import Running

Level = Literal["ok", "busy", "late", "bad", "off"]

# A check is never on the second: the refresh looks every few seconds, a host has its gap and queue.
NEEDY: Sequence[Level] = ("bad", "late")  # what wants a look
GRACE = 120.0
_GRACE_SHARE = 0.25  # of the interval

HOST_WORDS: dict[str, tuple[Level, str]] = {
    "ok": ("ok", "answers"),
    "slow": ("busy", "is asked more slowly"),
    "paused": ("late", "is given a pause"),
    "dead": ("bad", "does not answer"),
    "unwelcome": ("bad", "keeps refusing us"),
    "blocked": ("off", "is blocked by the operator"),
}
ORDER: Sequence[Level] = ("bad", "late", "off", "busy", "ok")


@dataclass(frozen=True, slots=True)
class Standing:
    """`word` for a badge, `why` a sentence; `level` is how much it needs the operator."""

    level: Level
    word: str
    why: str

    @property
    def rank(self) -> int:
        return ORDER.index(self.level)


def of_follow(follow: Follow, host: Host | None, hindrance: str | None, now: float) -> Standing:
    """`host`: that of its outbox, as it is now. `hindrance`: what keeps us from asking anybody."""
    if follow.blocked:
        return Standing("off", "blocks us", "Its actor blocks ours, so it is not read any more.")
    if follow.last_error:
        read = (
            "never read" if follow.last_success is None else f"read {ago(follow.last_success, now)}"
        )
        return Standing("bad", "failing", f"{follow.last_error}; {read}.{_next(follow, now)}")
    if follow.last_success is None:
        return _unread(host, hindrance, now)
    overdue = now - follow.next_check if follow.next_check is not None else 0.0
    if overdue > max(GRACE, _GRACE_SHARE * (follow.interval or 0.0)):
        reason = hindrance or _reason(host, now) or "other requests go before it"
        return Standing("late", "late", f"Due for {span(overdue)}: {reason}.")
    if not follow.complete:
        read = ago(follow.last_success, now)
        return Standing("busy", "reading back", f"Older posts are being read; read {read}.")
    pace = f", {every(follow.interval)}" if follow.interval else ""
    return Standing(
        "ok", "up to date", f"Read {ago(follow.last_success, now)}{pace}.{_next(follow, now)}"
    )


def host_level(host: Host) -> Level:
    return HOST_WORDS.get(host.state, ("busy", ""))[0]


def of_host(host: Host, now: float) -> Standing:
    level, says = HOST_WORDS.get(host.state, ("busy", host.state))
    why = f"{host.why[0].upper()}{host.why[1:]}" if host.why else f"It {says}"
    if host.until is not None and host.until > now:
        why += f"; it is asked again {ahead(host.until, now)}"
    if host.last_error and not host.why:
        why += f". Last error: {host.last_error}"
    if host.lag and host.backlog:
        why += f". {host.backlog} of its sources are due, for up to {span(host.lag)}"
    return Standing(level, host.state, why + ".")


def hindrance(running: Running, totals: Totals) -> str | None:
    """Why nothing is asked of anybody; None: nothing stands in the way."""
    if totals.read_only:
        return "the store is full, or cannot be written"
    if not running.ready:
        return "; ".join(running.reasons) or "the daemon fetches nothing"
    return None


def _unread(host: Host | None, hindrance: str | None, now: float) -> Standing:
    reason = hindrance or _reason(host, now)
    if reason:
        return Standing("late", "waiting", f"Not read yet: {reason}.")
    return Standing("busy", "first read", "It is being read for the first time.")


def _reason(host: Host | None, now: float) -> str | None:
    """What of its host a follow waits for."""
    if host is None or host.state == "ok":
        return "its host has more to be asked" if host is not None and host.backlog > 1 else None
    _, says = HOST_WORDS.get(host.state, ("busy", f"is {host.state}"))
    until = f" until {ahead(host.until, now)}" if host.until and host.until > now else ""
    until = until.replace("until in", "for another")
    because = host.why or host.last_error
    return f"its host {says}{until}" + (f" ({because})" if because else "")


def _next(follow: Follow, now: float) -> str:
    return f" Next {ahead(follow.next_check, now)}." if follow.next_check is not None else ""
