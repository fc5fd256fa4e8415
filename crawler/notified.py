"""What one notification comes to: what its origin is asked, what is counted, or nothing.

Pure. A push is a hint: whatever it says of documents, only their origin's answer changes anything,
and only what concerns ourselves (`notified_us`) is acted upon from the signed activity. Invariants:
a stranger causes no request for what is neither held nor followed; nobody causes one for another
host's object, but by announcing it to those who follow him; no request is wanted twice for news
that has arrived.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..cache.mail_records import Listing, Notification, ReactionKind, Settlement
from ..cache.records import Cause, Kind, State, Want
from . import notified_offered, notified_us
from .notified_case import Case, Known
from .protocol.uri import same_origin


def decide(note: Notification, known: Known, now: float) -> Settlement:
    """The settlement of `note`. Never raises on what a sender wrote."""
    case = Case(note, known, now)
    if note.forwarded:
        return _forwarded(case)
    if known.follow is not None and known.follow.blocked is not None:
        settled = notified_us.decide(case)
        return settled if settled is not None else case.ignored("its actor blocks us")
    if (settled := notified_us.decide(case)) is not None:
        return settled
    return _ABOUT.get(note.type, _unheard_of)(case)


def hides(note: Notification) -> bool:
    """Whether what it is about is deleted, by its owner's word: should news of it come later, it is
    older than this, and its origin's first 404 is believed."""
    return note.type == "Delete" and _speaks_for(note)


def brings_back(note: Notification) -> bool:
    """Whether it takes such a deletion back."""
    return (note.type, note.pushed.inner) == ("Undo", "Delete") and _speaks_for(note)


def _speaks_for(note: Notification) -> bool:
    pushed = note.pushed
    return not note.forwarded and same_origin(pushed.object, pushed.actor)


def _unheard_of(case: Case) -> Settlement:
    return case.ignored(f"{case.note.type}: nothing to do")


def _forwarded(case: Case) -> Settlement:
    """Somebody passes on what another one wrote: no more than a reason to look, when there is
    nothing better to ask, at what is held."""
    if not case.known.signer_followed:
        return case.ignored("passed on by somebody who is not followed")
    if not case.held:
        return case.ignored("passed on; nothing of it is held")
    if not case.known.room:
        return case.ignored("passed on; too many of these this hour")
    uri = case.pushed.object
    want = Want(uri, Kind.DOCUMENT, Cause.REFRESH, case.now, "", "check")
    return case.done("passed on: looked at when there is time", wants=(want,))


# --- what became of what is held


def _update(case: Case) -> Settlement:
    if case.pushed.object == case.pushed.actor:
        return _itself(case)
    if case.pushed.object and not case.own:
        return case.ignored("about another host's object")
    if case.held:
        return case.looked_at() if case.is_newer else case.ignored("held already")
    if case.known.follow is None:
        return case.ignored("nothing of it is held")
    return notified_offered.offered(case, "item")


def _itself(case: Case) -> Settlement:
    """An actor tells of itself: its profile, its end, its new place."""
    follow = case.known.follow
    if follow is not None and follow.actor is not None:
        return case.done("the actor is asked", wants=(case.want("actor", follow.actor),))
    if case.held:
        return case.done("the actor is asked", wants=(case.want("check", case.pushed.actor),))
    return case.ignored("nothing of it is held")


def _delete(case: Case) -> Settlement:
    if case.pushed.object == case.pushed.actor:
        return notified_us.left(case, _itself(case))
    if not case.own:
        return case.ignored("about another host's object")
    about = case.known.about
    known = about is not None and case.state in (State.RESOLVED, State.UNKNOWN)
    if not known and not case.known.wanted:
        return case.ignored("nothing of it is held")
    # It may be a moderator's.
    if about is not None and about.owner not in (None, case.pushed.actor):
        return case.looked_at()
    return case.done("its origin is asked", wants=(case.want("deleted", depth=1),))


def _touch(case: Case) -> Settlement:
    """Add, Remove, and what is undone: the object is asked what it is now."""
    if case.own and case.held:
        return case.looked_at() if case.is_newer else case.ignored("held already")
    return case.ignored("nothing of it is held")


def _move(case: Case) -> Settlement:
    """Both sides of a move are asked; what is said here moves nothing (FEP-7628)."""
    if case.pushed.object not in ("", case.pushed.actor):
        return case.ignored("moves somebody else")
    return _itself(case)


def _undo(case: Case) -> Settlement:
    pushed, words = case.pushed, case.words
    if pushed.inner_actor not in ("", pushed.actor):
        return case.ignored("undoes what somebody else did")
    kind = _COUNTED.get(pushed.inner)
    if kind is not None:
        reactions = case.reactions(kind, undone=True)
        if not reactions:
            return case.ignored("nothing of it is held")
        lists = _unlisted(case) if kind == "share" else ()
        return case.done("counted no more", reactions=reactions, lists=lists)
    if words == ["Delete"] and case.known.follow is not None and case.own and not case.held:
        return case.done("its origin is asked", wants=(case.want("item"),))
    return _touch(case)


def _unlisted(case: Case) -> tuple[Listing, ...]:
    """A boost that is taken back leaves the list, but for what is the actor's own."""
    follow, about = case.known.follow, case.known.about
    if follow is None or about is None or about.owner == case.pushed.actor:
        return ()
    return (Listing(about.id, follow.key, announced=True, over=True),)


# --- what is counted

_COUNTED: Mapping[str, ReactionKind] = {
    "Like": "like",
    "EmojiReact": "react",
    "Announce": "share",
}


def _reaction(case: Case) -> Settlement:
    reactions = case.reactions(_COUNTED[case.note.type])
    return case.done("counted", reactions=reactions) if reactions else case.ignored("not held")


_ABOUT: Mapping[str, Callable[[Case], Settlement]] = {
    "Add": _touch,
    "Announce": notified_offered.announce,
    "Create": notified_offered.create,
    "Delete": _delete,
    "EmojiReact": _reaction,
    "Like": _reaction,
    "Move": _move,
    "Remove": _touch,
    "Undo": _undo,
    "Update": _update,
}
