"""A pushed activity, read down to ids and vocabulary words: all of a push that is ever kept.

It believes nothing (who signed it is checked elsewhere) and keeps no text of anybody. Invariants: a
`Pushed` holds canonical ids, words of the vocabulary and one time, nothing else of the body; no
JSON value makes the reader raise anything but BadInput.
"""

from __future__ import annotations

from typing import Any

from ...errors import BadInput
from .activitystreams import audience, in_reply_to
from .classes import ACTIVITY_TYPES, ACTOR_TYPES, COLLECTION_TYPES, OBJECT_TYPES, class_of
from .record import record
from .shapes import as_list, id_of, ids_of, primary_type
from .terms import check_document
from .times import rfc3339

# What stands for a type that the vocabulary does not know: the word itself is the sender's text.
OTHER = "Activity"
# Lemmy wraps three deep (Announce{Undo{Delete}}); what is deeper says nothing to us.
_DEEPEST = 3
_WORDS = ACTIVITY_TYPES | ACTOR_TYPES | COLLECTION_TYPES | OBJECT_TYPES
# A report names whom it accuses, and who wrote what: nobody's business.
_NOT_KEPT = frozenset(("Flag",))


@record(frozen=True, slots=True)
class Pushed:
    """What a push is about. A field that says nothing is empty; every id is canonical.

    `object` is the innermost thing that the activity is about: of `Undo{Like{note}}` the note.
    """

    type: str
    actor: str
    activity: str = ""
    object: str = ""
    object_type: str = ""  # as the vocabulary has it; empty for an id alone and for other types
    target: str = ""  # of Add and Remove the collection, of Move the new actor
    inner: str = ""  # types of the activities it wraps, outermost first: "Like", "Undo Delete"
    inner_actor: str = ""  # of the outermost of those
    inner_id: str = ""  # of the outermost of those
    answers: str = ""  # what the object is a reply to
    updated: float | None = None  # of the pushed object: only to drop notices of what is held so
    public: bool | None = None  # addressed to everybody; None: no audience is stated
    vouched: bool = False  # the activity is, and an embedded object may leave that to it


def read_pushed(document: Any) -> Pushed:
    """What `document` is about; BadInput if it is no activity with an actor."""
    if not isinstance(document, dict):
        raise _bad("is no JSON object")
    check_document(document)
    # What has an actor was meant as an activity, also where its type is one of posts (Question).
    posed = class_of(document) == "object" and "actor" in document
    if not posed and class_of(document) != "activity":
        raise _bad("is no activity")
    actors = ids_of(document.get("actor"))
    if len(actors) != 1 or len(as_list(document.get("actor"))) != 1:
        raise _bad("names no actor, or several")
    type = _word(document, ACTIVITY_TYPES) or OTHER
    wrapped, about = _unwrapped(document.get("object"))
    if any(primary_type(one) in _NOT_KEPT for one in (document, *wrapped)):
        return Pushed(type, actors[0])
    outermost = wrapped[0] if wrapped else {}
    return Pushed(
        type,
        actors[0],
        activity=id_of(document) or "",
        object=id_of(about) or "",
        object_type=_word(about, _WORDS),
        target=id_of(document.get("target")) or "",
        inner=" ".join(_word(one, ACTIVITY_TYPES) or OTHER for one in wrapped),
        inner_actor=id_of(outermost.get("actor")) or "",
        inner_id=id_of(outermost) or "",
        answers=in_reply_to(about) or "",
        updated=rfc3339(about.get("updated")) if isinstance(about, dict) else None,
        public=_public(document, about),
        vouched=audience(document).public and not audience(about).stated,
    )


def _unwrapped(about: Any) -> tuple[list[dict[str, Any]], Any]:
    """The activities that stand one in another, outermost first, and what the last is about."""
    wrapped: list[dict[str, Any]] = []
    about = _first(about)
    while class_of(about) == "activity" and len(wrapped) < _DEEPEST:
        wrapped.append(about)
        about = _first(about.get("object"))
    return wrapped, about


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list) and value else value


def _word(value: Any, words: frozenset[str]) -> str:
    word = primary_type(value)
    return word if word is not None and word in words else ""


def _public(document: dict[str, Any], about: Any) -> bool | None:
    """What either states; many servers address only one of the two."""
    said = [one for one in (audience(document), audience(about)) if one.stated]
    return any(one.public for one in said) if said else None


def _bad(reason: str) -> BadInput:
    return BadInput("activity", reason, "an ActivityStreams activity with one actor")
