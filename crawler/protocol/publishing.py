"""What is made of something that is published: its activity, and what becomes of an object of ours.

Pure; `publishable` has judged the value before, and nothing here is sent or stored. Ids are handed
out here and nowhere else: on our origin, in the order of time, and not to be guessed (the form of
RFC 9562's version 7). Invariants: no `bto` and no `bcc` is in anything that is made, at any depth;
the values of others pass as they were given, but for those that say who, when and for whom.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ...errors import BadInput
from .addressing import Recipients, addressees, is_hidden, recipients
from .publishable import CONTEXT, INHERITING, We, activity_type, is_activity
from .shapes import addresses_of, id_of, types_of

RANDOM = 10  # bytes of chance in a token: more than version 7 has
_VISIBLE = ("to", "cc", "audience")
_LEADING = ("@context", "id", "type", "actor", "attributedTo", "published", "updated", *_VISIBLE)
_UNDONE = frozenset(("Add", "Announce", "Dislike", "EmojiReact", "Join", "Like", "Offer", "View"))


@dataclass(frozen=True, slots=True)
class Held:
    """What something is published about: an object of ours as it stands or, for an Undo, an
    activity; and whom it was addressed to, hidden ones too."""

    document: Mapping[str, Any]
    audience: tuple[str, ...]
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Made:
    """`object` is the id of what it is about; `local` that object as a document of its own, where
    it is ours and from now on another: new, edited, or its Tombstone."""

    activity: dict[str, Any]
    type: str
    object: str
    recipients: Recipients
    local: dict[str, Any] | None = None
    local_recipients: Recipients | None = None


def token(now: float, chance: bytes) -> str:
    """The last part of an id: 12 digits of time in milliseconds, then chance."""
    return f"{int(now * 1000.0) & 0xFFFFFFFFFFFF:012x}{chance[:RANDOM].hex()}"


def about(value: dict[str, Any]) -> str | None:
    """What has to be looked up to make an activity of it: the id of an object of ours that is to be
    changed, or of an activity that is to be undone."""
    named = is_activity(value) and activity_type(value) in INHERITING
    return id_of(value.get("object")) if named else None


def make(value: dict[str, Any], we: We, held: Held | None, token: str, now: float) -> Made:
    """The activity, under an id with `token`. `held` is what stands under the id of `about`, None
    where nothing of ours does; BadInput where that does not allow what is asked."""
    given = without_hidden(value)
    activity = given if is_activity(value) else {"type": "Create", "object": given}
    if not is_activity(value) and "@context" in given:
        activity["@context"] = given.pop("@context")
    kind = activity_type(value) if is_activity(value) else "Create"
    activity["id"], activity["actor"] = f"{we.origin}/activities/{token}", we.actor
    if activity.get("published") is None:
        activity["published"] = written(now)
    original = value.get("object") if is_activity(value) else value
    if kind == "Create" and isinstance(original, dict):
        object = {**activity["object"], "id": f"{we.origin}/objects/{token}"}
        if object.get("published") is None:
            object["published"] = activity["published"]
        return _bring(activity, object, addressees(value, original), kind, we)
    if kind not in INHERITING:
        named = _whom(addressees(value), we)
        return Made(_whole(activity), kind or types_of(value)[0], _id(activity), named)
    if held is None:
        thing = "an activity" if kind == "Undo" else "an object"
        raise BadInput("object", f"is not {thing} of ours", "the id of one that is published here")
    if kind == "Update":
        assert isinstance(original, dict)
        return _update(activity, addressees(value, original), held, we, now)
    if kind == "Delete":
        return _delete(activity, held, we, now)
    return _undo(activity, held, addressees(value), we)


def instead(former: dict[str, Any], id: str, document: Mapping[str, Any] | None) -> dict[str, Any]:
    """An activity that has embedded an object of ours until it was edited or deleted: with what
    stands in its place, or its id alone."""
    return {**former, "object": id if document is None else _embedded(document)}


def without_hidden(value: Any) -> Any:
    """Without `bto` and `bcc`, wherever they stand (ActivityPub section 6)."""
    if isinstance(value, dict):
        shown = (one for one in value.items() if not is_hidden(one[0]))
        return {name: without_hidden(one) for name, one in shown}
    return [without_hidden(one) for one in value] if isinstance(value, list) else value


def written(at: float) -> str:
    """RFC 3339, to the millisecond: of two edits within a second others take the later one."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def _bring(
    activity: dict[str, Any],
    object: dict[str, Any],
    addressed: tuple[str, ...],
    kind: str,
    we: We,
) -> Made:
    """An activity that embeds an object of ours. What one of the two is addressed to, both are
    (ActivityPub section 6.2): receivers read the one or the other."""
    object["attributedTo"] = we.actor
    for name in _VISIBLE:
        whom = dict.fromkeys([*addresses_of(activity.get(name)), *addresses_of(object.get(name))])
        for document in (activity, object):
            document.pop(name, None)
            if whom:
                document[name] = list(whom)
    activity["object"] = _ordered(object)
    whole = _whole(activity)
    local = _ordered({"@context": whole["@context"], **object})
    named = _whom(addressed, we)
    return Made(whole, kind, object["id"], named, local, named)


def _update(
    activity: dict[str, Any], addressed: tuple[str, ...], held: Held, we: We, now: float
) -> Made:
    """The new version takes the place of the old one whole, as it will with those who get it."""
    object = activity["object"]
    if held.deleted:
        raise BadInput("object", "was deleted", "an object of ours that is still there")
    if types_of(object)[:1] != types_of(held.document)[:1]:
        reason = f"changes from {types_of(held.document)[0]}: others would not take it for the same"
        raise BadInput("object.type", reason, "the type it has, or a new object")
    object["id"], object["updated"] = held.document["id"], written(now)
    object["published"] = held.document["published"]
    if not addressed:
        _as_before(object, held)
    return _bring(activity, object, addressed or held.audience, "Update", we)


def _delete(activity: dict[str, Any], held: Held, we: We, now: float) -> Made:
    if held.deleted:
        raise BadInput("object", "was deleted already", "an object of ours that is still there")
    was = held.document
    tombstone = {
        "@context": CONTEXT,
        "id": was["id"],
        "type": "Tombstone",
        "formerType": was["type"],
        "published": was["published"],
        "deleted": written(now),
    }
    for name in _VISIBLE:
        # Whoever has it is to hear of it, also where the Delete names others.
        activity[name] = [*addresses_of(activity.get(name)), *addresses_of(was.get(name))]
    activity["object"] = _embedded(tombstone)
    whom = (*addressees(activity), *held.audience)
    for name in _VISIBLE:
        activity[name] = list(dict.fromkeys(activity[name]))
        if not activity[name]:
            del activity[name]
    before = _whom(held.audience, we)
    return Made(_whole(activity), "Delete", was["id"], _whom(whom, we), tombstone, before)


def _undo(activity: dict[str, Any], held: Held, addressed: tuple[str, ...], we: We) -> Made:
    was = held.document
    kind = activity_type(dict(was))
    if kind not in _UNDONE:
        expected = "a Delete of the object" if kind == "Create" else "a Like, an Announce and such"
        raise BadInput("object", f"is a {kind}, which cannot be undone", expected)
    # Half of the receivers do not look up by its id alone what is undone.
    activity["object"] = {name: was[name] for name in ("id", "type", "actor", "object")}
    if not addressed:
        _as_before(activity, held)
    return Made(_whole(activity), "Undo", was["id"], _whom(addressed or held.audience, we))


def _as_before(document: dict[str, Any], held: Held) -> None:
    for name in _VISIBLE:
        if whom := addresses_of(held.document.get(name)):
            document[name] = list(whom)


def _whom(addressed: tuple[str, ...], we: We) -> Recipients:
    return recipients(addressed, we.actor, we.followers)


def _embedded(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: one for name, one in document.items() if name != "@context"}


def _id(activity: dict[str, Any]) -> str:
    return id_of(activity.get("object")) or ""


def _whole(document: dict[str, Any]) -> dict[str, Any]:
    """As it stands by itself: with a context."""
    context = document.get("@context")
    return _ordered({**document, "@context": CONTEXT if context is None else context})


def _ordered(document: dict[str, Any]) -> dict[str, Any]:
    """What matters most to who reads it comes first."""
    leading = {name: document[name] for name in _LEADING if name in document}
    # By one name only: the other may say null, which to a reader is another value.
    return leading | {name: one for name, one in document.items() if name != "@id"}
