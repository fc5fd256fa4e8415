"""Follows and hosts as rows of the pages: each with how it is doing, what needs a look first.

It renders nothing and knows no call. Invariant: a row is of the moment that its caller names.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..crawler.protocol.uri import host_port
from . import page_standing
from .page_standing import Standing
from .ports import Query
from .records import Follow, Host


@dataclass(frozen=True, slots=True)
class FollowRow:
    follow: Follow
    standing: Standing


@dataclass(frozen=True, slots=True)
class HostRow:
    host: Host
    standing: Standing


def follow_rows(query: Query, hindrance: str | None, now: float) -> list[FollowRow]:
    """Every follow, what needs a look first; each host is looked up once."""
    known: dict[str, Host | None] = {}
    rows = []
    for follow in query.follows():
        if follow.once:
            continue
        name = host_of(follow)
        if name not in known:
            known[name] = query.host(name, now) if name else None
        standing = page_standing.of_follow(follow, known[name], hindrance, now)
        rows.append(FollowRow(follow, standing))
    return sorted(rows, key=lambda row: (row.standing.rank, row.follow.key))


def host_rows(hosts: Iterable[Host], now: float) -> list[HostRow]:
    return [HostRow(host, page_standing.of_host(host, now)) for host in hosts]


def is_needy(host: Host) -> bool:
    return page_standing.host_level(host) in page_standing.NEEDY


def host_order(host: Host) -> tuple[int, int, int, str]:
    level = page_standing.host_level(host)
    return page_standing.ORDER.index(level), -host.backlog, -host.requests, host.host


def names_of(follow: Follow) -> str:
    names: Iterable[str | None] = (follow.key, follow.handle, follow.name, follow.actor)
    return " ".join(name for name in names if name).casefold()


def host_of(follow: Follow) -> str:
    """The "host:port" that it is read from; empty while nobody knows."""
    place = follow.outbox or follow.actor
    if place is None:
        return f"{follow.key.rpartition('@')[2]}:443" if follow.key.startswith("@") else ""
    return host_port(place)
