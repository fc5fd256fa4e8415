"""Looks up what is known already of what an answer mentions, before it is decided on.

It reads the store and decides nothing: what is looked up is what `reading` names and what ingest
asks of a `Prior`. Invariant: one answer costs a fixed number of short reads, whatever it holds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ..cache.ports import Query
from ..cache.records import Follow, Kind, Lease, Reference, State, Thread, Want
from ..config.model import Follow as Rules
from ..config.model import Freshness
from .protocol.activitystreams import class_of, owner
from .reading import Prior, Reading

# States of which more than the state is to be known: why, since when, to where.
_TOLD = frozenset({State.REFUSED, State.REDIRECTED, State.FAILED, State.GONE})
_ACTORS = frozenset({"actor", "moved"})
_MOST_BIRTHS = 1_000  # visits that are under way


@dataclass(frozen=True, slots=True)
class Lookups:
    """What ingest may know: the store, the follows as configured and as they stand."""

    query: Query
    rules: Callable[[str], Rules | None]
    follow: Callable[[str], Follow | None]
    leader: Callable[[str], str | None]
    ages: Freshness
    _births: dict[str, float | None] = field(default_factory=dict)

    def prior(self, lease: Lease, reading: Reading | None, now: float) -> Prior:
        want, query = lease.want, self.query
        read = reading is not None and reading.answer.status == 200 and not reading.problem
        rules = self.rules(want.follow) if want.follow else None
        follow = self.follow(want.follow) if want.follow else None
        states = query.states(_named(want, reading, follow))
        # What nothing is known of is no member yet: of a new page that is all.
        members = [id for id in reading.members if id in states] if reading is not None else []
        chosen = self.ages.refetch_embedded or (rules is not None and rules.types is not None)
        links = reading.links | reading.shown if reading is not None else frozenset[str]()
        details = [
            uri
            for uri, state in states.items()
            if state in _TOLD or (state is State.RESOLVED and (chosen or uri in links))
        ]
        unaddressed = reading is not None and reading.unaddressed
        asked = reading.id if reading is not None and reading.id else want.uri
        others: dict[str, Rules] = {}
        if want.follow and reading is not None and reading.document is not None:
            keys = (key for key in query.offered_to(want.uri) if key != want.follow)
            others = {key: one for key in keys if (one := self.rules(key)) is not None}
        return Prior(
            rules=rules,
            follow=follow,
            states=states,
            details=query.references(details) if details else {},
            others=others,
            leader=self.leader(reading.id) if want.relation in _ACTORS and reading else None,
            # Only what failed, did not change, or leaves its audience to its activity needs to know
            # what is held and since when.
            known=query.reference(asked) if not read or unaddressed else None,
            members=frozenset(query.known_members(want.uri, members)) if members else frozenset(),
            threads=self._threads(want, reading, rules),
            thread=self._thread(want, now),
            root=self._root(want) if self._needs_root(want, reading, read) else None,
            leads_on=self._leads_on(want, reading),
            ages=self.ages,
            absent=self._absent(reading) if reading is not None and reading.placed else (),
            born=self._born(reading) if reading is not None and reading.page is not None else None,
        )

    def _absent(self, reading: Reading) -> tuple[Reference, ...]:
        """What we hold between the items of a page that is read again, and that is not on it."""
        walk = reading.walk
        if walk is None or walk.mode not in ("head", "rescan"):
            return ()
        return self.query.absent_members(
            reading.lease.want.uri,
            reading.placed,
            reading.members,
            after=walk.last_object,
            head=walk.first_item is None,
        )

    def _born(self, reading: Reading) -> float | None:
        """Since when the actor of an outbox is there, as long as its first sight may need it."""
        walk, follow = reading.walk, self.follow(reading.lease.want.follow)
        if follow is None or follow.actor is None or (walk is not None and walk.mode != "backfill"):
            return None
        born = self._births.get(follow.actor) if walk is not None else None
        if born is None:  # once a visit: its pages come by hundreds
            known = self.query.reference(follow.actor)
            born = known.published if known is not None else None
            if born is not None:
                if len(self._births) >= _MOST_BIRTHS:
                    self._births.clear()
                self._births[follow.actor] = born
        return born

    def _threads(self, want: Want, reading: Reading | None, rules: Rules | None) -> frozenset[str]:
        """Those of the posts in an answer whose threads are read already."""
        if reading is None or rules is None or not rules.replies or want.root:
            return frozenset()
        return frozenset(self.query.threaded(want.follow, reading.members or reading.references))

    def _thread(self, want: Want, now: float) -> Thread | None:
        """What a thread has cost so far: how much of a page of it may be asked for."""
        if not want.root or want.kind is not Kind.PAGE:
            return None
        return self.query.thread_for(want.follow, want.root, now)

    def _needs_root(self, want: Want, reading: Reading | None, read: bool) -> bool:
        """A thread's pages do, what failed, and the author who was asked for first."""
        if not read or want.kind is Kind.PAGE:
            return True
        document = reading.document if reading is not None else None
        return want.relation == "asked" and class_of(document) == "actor"

    def _leads_on(self, want: Want, reading: Reading | None) -> bool | None:
        """Asked where somebody wants more than one document."""
        if want.relation != "asked" or reading is None or reading.document is None:
            return None
        author = owner(reading.document)
        known = self.query.reference(author) if author is not None else None
        return known.leads_on if known is not None else None

    def _root(self, want: Want) -> dict[str, Any] | None:
        """The post that a thread hangs on: it says where else its thread may be read."""
        document = self.query.document(want.root) if want.root else None
        return document.json if document is not None else None


def _named(want: Want, reading: Reading | None, follow: Follow | None) -> tuple[str, ...]:
    """The ids whose states are to be known: those in the answer, or, where an outbox gave none,
    that of its actor."""
    if reading is not None and reading.references:
        return reading.references
    if want.relation != "outbox" or follow is None or follow.actor is None:
        return ()
    return (follow.actor,)
