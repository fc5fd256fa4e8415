"""What comes of a push that offers something: a post, a boost, or what a group passes on.

Pure. What is offered by a followed actor is wanted as a poll would want it, and listed; a boost is
counted, too, whoever it is by. Invariant: what the follow does not keep (types, boosts, replies),
what hides, and what has been refused or is gone is not asked for.
"""

from __future__ import annotations

from dataclasses import replace

from ..cache.mail_records import Listing, Settlement
from ..cache.records import Mark, State
from ..config.model import Follow as Rules
from .ingest_base import COOL_DOWN
from .notified_case import Case
from .protocol.uri import same_origin


def create(case: Case) -> Settlement:
    if case.known.follow is None:
        return case.ignored("by somebody who is not followed")
    if case.pushed.object and not case.own:
        return case.ignored("about another host's object")
    return offered(case, "item")


def offered(case: Case, relation: str) -> Settlement:
    """Something that belongs into the list of the actor's follow."""
    pushed, known, follow = case.pushed, case.known, case.known.follow
    assert follow is not None
    outbox = (follow.outbox,) if follow.outbox is not None else ()
    if not pushed.object:
        return case.done("names no object: left to the next visit of its outbox", signals=outbox)
    if same_origin(pushed.object, known.ours.origin):
        return case.ignored("about ourselves")
    if case.held and case.is_newer:
        return case.done("its origin is asked", wants=(case.want(relation),), signals=outbox)
    if case.held:
        return _listed(case, relation, outbox)
    if (reason := _objection(case)) is not None:
        return case.ignored(reason)
    if known.deleted:
        return case.done(
            "deleted already: its origin is asked", wants=(case.want("deleted", depth=1),)
        )
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


def announce(case: Case) -> Settlement:
    """A boost; of a group, what was posted to it (FEP-1b12), or what became of that."""
    known, words = case.known, case.words
    if case.pushed.object in ("", case.pushed.actor, case.pushed.activity):
        return case.ignored("announces nothing, or itself")
    if words and words[0] == "Delete":
        return _passed_on(case)
    if words and words[0] not in ("Create", "Update") and words != ["Undo", "Delete"]:
        return case.ignored(f"announces {case.pushed.inner}")
    shares = case.reactions("share") if not words else ()
    if known.follow is None or known.rules is None or not known.rules.boosts:
        said = "counted" if shares else "by somebody whose boosts are not followed"
        return case.done(said, reactions=shares) if shares else case.ignored(said)
    if words and case.pushed.answers:
        return _reply(case, known.rules)
    settled = offered(case, "boost")
    if not shares:
        return settled
    return replace(settled, state="done", outcome=f"counted; {settled.outcome}", reactions=shares)


def _reply(case: Case, rules: Rules) -> Settlement:
    """A group passes on every reply to its posts; its outbox lists none of them."""
    if rules.replies <= 0:
        return case.ignored("a reply, and no replies are followed")
    if not case.known.answered:
        return case.ignored("a reply to what is not held")
    if case.held:
        return case.looked_at() if case.is_newer else case.ignored("held already")
    if (reason := _objection(case)) is not None:
        return case.ignored(reason)
    if not case.known.room:
        return case.ignored("a reply; too many this hour")
    return case.done("its origin is asked", wants=(case.want("reply"),))


def _passed_on(case: Case) -> Settlement:
    """A group tells its members of a deletion. Of what it keeps itself it is the owner."""
    if case.known.follow is None or not case.held:
        return case.ignored("nothing of it is held")
    want = case.want("deleted", depth=1) if case.own else case.want("check")
    return case.done("its origin is asked", wants=(want,))
