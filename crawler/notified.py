"""What one notification comes to: what its origin is asked, what is counted, or nothing.

Pure. A push is a hint: whatever it says of documents, only their origin's answer changes anything,
and only what concerns ourselves (`notified_us`) is acted upon from the signed activity. Invariants:
a stranger causes no request for what is neither held nor followed; nobody causes one for another
host's object, but by announcing it to those who follow him; no request is wanted twice for news
that has arrived.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from ..cache.mail_records import Listing, Notification, Reaction, ReactionKind, Settlement
from ..cache.records import Cause, Kind, Mark, State, Want
from . import notified_us
from .ingest_base import COOL_DOWN
from .notified_case import Case, Known
from .protocol.uri import same_origin
from .protocol.version import believable

# What is verified so long after a push came was asked after it: no request takes longer than that
# to be answered and written.
_UNDER_WAY = 60.0
# Times of one edit may be written with fractions here and without them there.
_SAME_MOMENT = 1.0


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


# --- what a followed actor offers


def _create(case: Case) -> Settlement:
    if case.known.follow is None:
        return case.ignored("by somebody who is not followed")
    if case.pushed.object and not case.own:
        return case.ignored("about another host's object")
    return _offered(case, "item")


def _offered(case: Case, relation: str) -> Settlement:
    """Something that belongs into the list of the actor's follow."""
    pushed, known, follow = case.pushed, case.known, case.known.follow
    assert follow is not None
    outbox = (follow.outbox,) if follow.outbox is not None else ()
    if not pushed.object:
        return case.done("names no object: left to the next visit of its outbox", signals=outbox)
    if same_origin(pushed.object, known.ours.origin):
        return case.ignored("about ourselves")
    if case.held and _is_newer(case):
        return case.done("its origin is asked", wants=(case.want(relation),), signals=outbox)
    if case.held:
        return _listed(case, relation, outbox)
    if (reason := _objection(case)) is not None:
        return case.ignored(reason)
    if known.deleted:
        return case.done("deleted already: its origin is asked", wants=(_deleted(case),))
    if not known.room:
        return case.done("too many this hour: left to the next visit of its outbox", signals=outbox)
    vouched = relation == "item" and pushed.vouched
    return case.done(
        "its origin is asked",
        wants=(case.want(relation),),
        signals=outbox,
        marks=(Mark(pushed.object, vouched=True),) if vouched else (),
    )


def _listed(case: Case, relation: str, outbox: tuple[str, ...]) -> Settlement:
    """What is held is shown in the follow's list as it is; the outbox offers it, too."""
    known, follow, about = case.known, case.known.follow, case.known.about
    assert follow is not None
    assert about is not None
    types = known.rules.types if known.rules is not None else None
    if known.offered or not case.is_post or (types is not None and about.type not in types):
        return case.ignored("held already")
    listing = Listing(about.id, follow.key, announced=relation == "boost")
    return case.done("held already: listed", lists=(listing,), signals=outbox)


def _objection(case: Case) -> str | None:
    """Why what is not held is not asked for; a reason that its origin would give as well."""
    pushed, about, rules = case.pushed, case.known.about, case.known.rules
    if pushed.public is False:
        return "not addressed to everybody"
    types = rules.types if rules is not None else None
    if types is not None and pushed.object_type and pushed.object_type not in types:
        return "of a type that is not kept"
    if about is None:
        return None
    if about.state is State.GONE and 0.0 <= case.now - (about.verified_at or 0.0) < COOL_DOWN:
        return "gone at its origin"
    if about.state is State.REFUSED and about.reason != "types" and case.note.type != "Update":
        return f"refused before: {about.reason}"
    return None


def _announce(case: Case) -> Settlement:
    """A boost; of a group, what was posted to it (FEP-1b12), or what became of that."""
    known, words = case.known, case.words
    if case.pushed.object in ("", case.pushed.actor, case.pushed.activity):
        return case.ignored("announces nothing, or itself")
    if words and words[0] == "Delete":
        return _passed_on(case)
    if words and words[0] not in ("Create", "Update") and words != ["Undo", "Delete"]:
        return case.ignored(f"announces {case.pushed.inner}")
    shares = _reactions(case, "share") if not words else ()
    if known.follow is None or known.rules is None or not known.rules.boosts:
        said = "counted" if shares else "by somebody whose boosts are not followed"
        return case.done(said, reactions=shares) if shares else case.ignored(said)
    settled = _offered(case, "boost")
    if not shares:
        return settled
    return replace(settled, state="done", outcome=f"counted; {settled.outcome}", reactions=shares)


def _passed_on(case: Case) -> Settlement:
    """A group tells its members of a deletion. Of what it keeps itself it is the owner."""
    if case.known.follow is None or not case.held:
        return case.ignored("nothing of it is held")
    want = _deleted(case) if case.own else case.want("check")
    return case.done("its origin is asked", wants=(want,))


# --- what became of what is held


def _update(case: Case) -> Settlement:
    if case.pushed.object == case.pushed.actor:
        return _itself(case)
    if case.pushed.object and not case.own:
        return case.ignored("about another host's object")
    if case.held:
        return _news(case) if _is_newer(case) else case.ignored("held already")
    if case.known.follow is None:
        return case.ignored("nothing of it is held")
    return _offered(case, "item")


def _news(case: Case) -> Settlement:
    return case.done("its origin is asked", wants=(case.want("check"),))


def _is_newer(case: Case) -> bool:
    """Whether the push tells of something that we cannot have seen yet. Its times are used for
    nothing else."""
    about, pushed = case.known.about, case.pushed
    assert about is not None
    verb = case.words[0] if case.note.type == "Announce" and case.words else case.note.type
    if about.verified_by != "embedded" and (about.verified_at or 0.0) > case.note.at + _UNDER_WAY:
        return False
    updated = believable(pushed.updated, case.now)
    if updated is None:
        return verb not in ("Announce", "Create")
    return about.updated is None or updated >= about.updated + _SAME_MOMENT


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
        return _news(case)
    return case.done("its origin is asked", wants=(_deleted(case),))


def _deleted(case: Case) -> Want:
    return case.want("deleted", depth=1)


def _touch(case: Case) -> Settlement:
    """Add, Remove, and what is undone: the object is asked what it is now."""
    if case.own and case.held:
        return _news(case) if _is_newer(case) else case.ignored("held already")
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
        reactions = _reactions(case, kind, undone=True)
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
    reactions = _reactions(case, _COUNTED[case.note.type])
    return case.done("counted", reactions=reactions) if reactions else case.ignored("not held")


def _reactions(case: Case, kind: ReactionKind, *, undone: bool = False) -> tuple[Reaction, ...]:
    if not case.is_post:
        return ()
    return (Reaction(case.pushed.object, case.pushed.actor, kind, undone),)


_ABOUT: Mapping[str, Callable[[Case], Settlement]] = {
    "Add": _touch,
    "Announce": _announce,
    "Create": _create,
    "Delete": _delete,
    "EmojiReact": _reaction,
    "Like": _reaction,
    "Move": _move,
    "Remove": _touch,
    "Undo": _undo,
    "Update": _update,
}
