"""Whom robots.txt binds: everything but what a followed actor's server is asked for as the actor's.

It asks no robots.txt (`egress_robots` does) and reads none. Invariant: with `crawl`, what is not
known to be a followed actor's own, on that actor's origin, is bound; with `strict` everything is,
but for the look at whom a delivery goes to.

    handle, its confirmation, the first look at an actor    exempt: they find out where it lives
    the actor, its outbox and pages, what it lists as its   own: exempt on its origin, and what
    own, what is held as its own, what lies under its id    that redirects to elsewhere is bound
    whom something is to be delivered to                    exempt: it is not crawled
    boosts, parents, replies, authors, moves, the rest      bound
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ..cache.records import Follow, Kind, Lease, Want
from .answer import Obedience
from .protocol.handle import Handle, parse_handle
from .protocol.uri import is_at, origin, same_origin
from .reading import handle_asked

Mode = Literal["crawl", "strict", "off"]

_LISTED_AS_OWN = frozenset({"outbox", "item"})
_MOST_PARTS = 8  # of a path, within which an actor's id is looked for


@dataclass(frozen=True, slots=True)
class RobotsScope:
    """`owner` is whose a held document is, `is_open` whether it is known that a URL may be asked
    for, so that nothing else need be looked up; `is_recipient` whether mail is to go there."""

    mode: Mode
    follow: Callable[[str], Follow | None]
    follows: Callable[[str | Handle], bool]
    owner: Callable[[str], str | None]
    is_open: Callable[[str], bool]
    is_recipient: Callable[[str], bool] = lambda uri: False

    def of(self, lease: Lease) -> Obedience:
        """Whether the request that a lease allows is bound."""
        want = lease.want
        if self.is_recipient(want.uri):
            return "exempt"
        if self.mode != "crawl":
            return "obey" if self.mode == "strict" else "exempt"
        follow = self.follow(want.follow) if want.follow else None
        if want.kind is Kind.FINGER:
            handle = parse_handle(handle_asked(want.uri))
            return "exempt" if follow is not None or self.follows(handle) else "obey"
        if want.relation == "actor" and follow is not None:
            return "exempt" if follow.outbox_kind is None else "own"
        if self.is_open(lease.url):
            return "obey"
        return "own" if self._is_own(lease.url, want, follow) else "obey"

    def _is_own(self, url: str, want: Want, follow: Follow | None) -> bool:
        """Whether it is a followed actor's, and stands on that actor's origin."""
        if follow is not None and follow.actor is not None and want.relation in _LISTED_AS_OWN:
            return same_origin(url, follow.actor)
        if want.kind is Kind.PAGE and want.root and is_at(want.root, url):
            return self._belongs(want.root)
        return same_origin(url, want.uri) and self._belongs(want.uri)

    def _belongs(self, uri: str) -> bool:
        owner = self.owner(uri)
        if owner is not None:
            return same_origin(owner, uri) and self.follows(owner)
        place = origin(uri)
        name = uri.partition("#")[0].partition("?")[0]
        for _ in range(_MOST_PARTS):
            if not is_at(place, name) or name == place:
                return False
            if self.follows(name):
                return True
            name = name.rpartition("/")[0]
        return False
