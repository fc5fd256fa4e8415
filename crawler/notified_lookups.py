"""Looks up what is known of notifications before they are decided on.

It reads the store and decides nothing. Invariant: a batch costs one read of its objects' records,
and beside that a fixed number of short reads for each notification.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ..cache.mail_records import Notification
from ..cache.ports import Mailbox, Query
from ..cache.records import Follow, Reference, State
from .follows import Follows
from .notified_case import Known, Ours
from .protocol.inboxes import inboxes_of
from .protocol.uri import same_origin

_ABOUT_FOLLOWERS = frozenset({"Block", "Delete", "Follow", "Undo"})


@dataclass(frozen=True, slots=True)
class NotifiedLookups:
    """What a decision may know: the store, the follows, and who we are."""

    query: Query
    mailbox: Mailbox
    follows: Follows
    ours: Ours

    def records(self, notes: Sequence[Notification]) -> Mapping[str, Reference]:
        """The records of what a batch is about, and of where they lead."""
        named = {note.object for note in notes} | {note.pushed.answers for note in notes}
        found = self.query.references(named - {""})
        targets = {one.target for one in found.values() if _leads_on(one)}
        return found | self.query.references({uri for uri in targets if uri} - found.keys())

    def known(
        self, note: Notification, records: Mapping[str, Reference]
    ) -> tuple[Notification, Known]:
        """The notification, about what its object's name leads to, and what is known of it."""
        about = records.get(note.object)
        if about is not None and _leads_on(about) and (there := records.get(about.target or "")):
            about = there
            note = replace(note, object=about.id, pushed=replace(note.pushed, object=about.id))
        actor = note.pushed.actor
        follow = self._followed(actor)
        rules = self.follows.rules(follow.key) if follow is not None else None
        offered = (
            follow is not None
            and bool(note.object)
            and follow.key in self.query.offered_to(note.object)
        )
        follower = self.mailbox.follower(actor) if note.type in _ABOUT_FOLLOWERS else None
        document = self.query.document(actor) if note.type == "Follow" else None
        return note, Known(
            ours=self.ours,
            follow=follow,
            rules=rules,
            about=about,
            offered=offered,
            follower=follower,
            answered=_is_held(records.get(note.pushed.answers)),
            inboxes=inboxes_of(document.json) if document is not None else None,
            signer_followed=self._followed(note.sender) is not None,
        )

    def _followed(self, actor: str) -> Follow | None:
        """The follow of an actor, if its name is the actor's own."""
        key = self.follows.of_actor(actor)
        follow = self.follows.state(key) if key is not None else None
        if follow is None or (follow.handle is None and follow.key.startswith("@")):
            return None
        return follow


def _is_held(one: Reference | None) -> bool:
    return one is not None and one.state is State.RESOLVED


def _leads_on(one: Reference) -> bool:
    return (
        one.state is State.REDIRECTED and one.target is not None and same_origin(one.id, one.target)
    )
