"""What may be published: an object, or an activity, that others will understand and somebody gets.

Pure. It tells everything that is wrong at once, each by its property, and changes nothing; what is
made of the value is `publishing`'s. What it does not know it leaves alone: the vocabulary is open,
and content passes as it was given. Invariant: what passes has a type, says nothing of us that is
not so, and is addressed to somebody, unless it is about something that was.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ...errors import BadInput, Refused, Unfit
from . import addressing
from .classes import ACTIVITY_TYPES, class_of
from .shapes import AS2, MAX_VALUES, PUBLIC, as_list, id_of, types_of, uri_or_none
from .strictjson import parse_object
from .terms import check_document
from .times import rfc3339
from .uri import UrlRules, check_url, is_at, shown

# Mastodon reads a document of 1 MiB at most, many read less, and an inbox that is sent this much
# holds it in memory as often as it has followers of ours. It is some forty pages of text.
MOST_BYTES = 256 * 1024
CONTEXT = AS2.removesuffix("#")
# Activities that need no object (Activity Vocabulary section 2), and those that are about a thing
# which has to have an id.
_INTRANSITIVE = frozenset(("Arrive", "IntransitiveActivity", "Travel"))
_ABOUT_AN_ID = frozenset(("Announce", "Delete", "Dislike", "EmojiReact", "Like", "Undo"))
# What is about something of ours, and goes to whom that went where it does not say otherwise.
INHERITING = frozenset(("Delete", "Undo", "Update"))
_FOLLOWERS = "`fedpull followers accept` or `reject`"
_ELSEWHERE = {
    "Follow": "`fedpull follow` with `subscribe`",
    "Accept": _FOLLOWERS,
    "Reject": _FOLLOWERS,
    "TentativeAccept": _FOLLOWERS,
    "TentativeReject": _FOLLOWERS,
    "Block": "`blocklists` of the configuration, which nobody is told of",
    "Move": "`identity` of the configuration",
}
_TIMES = ("published", "updated", "startTime", "endTime")


@dataclass(frozen=True, slots=True)
class We:
    """Who publishes: our actor, the collection of its followers, and what is below our origin."""

    actor: str
    followers: str
    origin: str


def read(body: bytes, we: We, rules: UrlRules) -> dict[str, Any]:
    """What is to be published; raises BadInput for what is no JSON object, else Unfit."""
    if len(body) > MOST_BYTES:
        raise BadInput("body", f"takes {len(body)} bytes", f"at most {MOST_BYTES}")
    value = parse_object(body)
    if errors := tuple(_errors(value, we, rules)):
        raise Unfit(errors)
    return value


def is_activity(value: dict[str, Any]) -> bool:
    return class_of(value) == "activity"


def activity_type(value: dict[str, Any]) -> str:
    """The type that decides what an activity does."""
    return next((kind for kind in types_of(value) if kind in ACTIVITY_TYPES), "")


def _errors(value: dict[str, Any], we: We, rules: UrlRules) -> Iterator[BadInput]:
    try:
        check_document(value)
    except BadInput as error:
        where = "@context" if "context" in error.reason else "JSON-LD"
        yield BadInput(where, error.reason, "none of it")
    yield from _context_errors(value)
    kind = class_of(value)
    if not types_of(value):
        yield BadInput("type", "is missing", "one of ActivityStreams, such as Note or Create")
    elif kind == "activity":
        yield from _activity_errors(value, we, rules)
    else:
        yield from _object_errors(value, "", we, rules)
        yield from _id_errors(value, "")
        yield from _nobody(we, value)


def _context_errors(value: dict[str, Any]) -> Iterator[BadInput]:
    given = value.get("@context")
    names = [one.removesuffix("#") for one in as_list(given) if isinstance(one, str)]
    if given is not None and CONTEXT not in names:
        yield BadInput("@context", "does not name ActivityStreams", f"{CONTEXT}, or no @context")
    if any(_renames_hidden(one) for one in _contexts(value)):
        expected = "their own names, by which they are taken out"
        yield BadInput("@context", "gives bto or bcc another name", expected)


def _contexts(value: Any) -> Iterator[Any]:
    """All that is said of words, at any depth."""
    if isinstance(value, list):
        for one in value:
            yield from _contexts(one)
    elif isinstance(value, dict):
        yield from as_list(value.get("@context"))
        for one in value.values():
            yield from _contexts(one)


def _renames_hidden(context: Any) -> bool:
    for name, meaning in context.items() if isinstance(context, dict) else ():
        word = meaning.get("@id") if isinstance(meaning, dict) else meaning
        if isinstance(word, str) and addressing.is_hidden(word) and not addressing.is_hidden(name):
            return True
    return False


def _activity_errors(value: dict[str, Any], we: We, rules: UrlRules) -> Iterator[BadInput]:
    kind, about = activity_type(value), value.get("object")
    if kind in _ELSEWHERE:
        yield BadInput("type", f"{kind} is not for publishing", _ELSEWHERE[kind])
        return
    yield from _id_errors(value, "")
    yield from _not_ours(value, "actor", "", we)
    yield from _time_errors(value, "")
    yield from _address_errors(value, "", we, rules)
    if about is None and kind not in _INTRANSITIVE:
        yield BadInput("object", "is missing", f"what the {kind or 'activity'} is about")
    elif kind in ("Create", "Update"):
        yield from _embedded_errors(kind, about, we, rules)
    elif kind in _ABOUT_AN_ID and id_of(about) is None:
        yield BadInput("object", "names nothing", "an https URI, or an object with an id")
    embedded = about if isinstance(about, dict) else {}
    if kind not in INHERITING:
        yield from _nobody(we, value, embedded if kind == "Create" else {})


def _embedded_errors(kind: str, about: Any, we: We, rules: UrlRules) -> Iterator[BadInput]:
    if not isinstance(about, dict):
        yield BadInput("object", f"is not what the {kind} brings", "an object")
        return
    if not types_of(about):
        yield BadInput("object.type", "is missing", "one of ActivityStreams, such as Note")
    if kind == "Create":
        yield from _id_errors(about, "object.")
    elif id_of(about) is None:
        yield BadInput("object.id", "is missing", "the id of an object of ours")
    elif id_of(about) == we.actor:
        expected = "an object of ours; what the actor says of itself is the configuration's"
        yield BadInput("object.id", "is our actor", expected)
    yield from _object_errors(about, "object.", we, rules)


def _object_errors(value: dict[str, Any], at: str, we: We, rules: UrlRules) -> Iterator[BadInput]:
    kind = class_of(value)
    if kind != "object":
        article = "an actor" if kind == "actor" else f"a{'n' * (kind == 'activity')} {kind}"
        yield BadInput(f"{at}type", f"{_first_type(value)} is {article}", "an object")
    elif "Tombstone" in types_of(value):
        yield BadInput(f"{at}type", "Tombstone is what a Delete leaves", "a Delete of the object")
    yield from _not_ours(value, "attributedTo", at, we)
    yield from _time_errors(value, at)
    yield from _address_errors(value, at, we, rules)
    for path, one in _values(value, "inReplyTo", at):
        if id_of(one) is None:
            yield BadInput(path, f"{_shown(one)} is not an https URI", "what it replies to")


def _id_errors(value: dict[str, Any], at: str) -> Iterator[BadInput]:
    for name in ("id", "@id"):
        if value.get(name) is not None:
            expected = "none, since ids are given here; to change an object, an Update"
            yield BadInput(f"{at}{name}", "is given", expected)


def _not_ours(value: dict[str, Any], name: str, at: str, we: We) -> Iterator[BadInput]:
    for path, one in _values(value, name, at):
        if id_of(one) != we.actor:
            yield BadInput(path, f"{_shown(one)} is not our actor", f"{we.actor}, or no {name}")


def _time_errors(value: dict[str, Any], at: str) -> Iterator[BadInput]:
    for name in _TIMES:
        if value.get(name) is not None and rfc3339(value[name]) is None:
            reason = f"{_shown(value[name])} is not a time"
            yield BadInput(f"{at}{name}", reason, "one such as 2026-01-31T12:00:00Z")


def _address_errors(value: dict[str, Any], at: str, we: We, rules: UrlRules) -> Iterator[BadInput]:
    for name in addressing.PROPERTIES:
        if len(as_list(value.get(name))) > MAX_VALUES:
            yield BadInput(f"{at}{name}", "names too many", f"at most {MAX_VALUES}")
            continue
        for path, one in _values(value, name, at):
            word = one.get("id", one.get("@id")) if isinstance(one, dict) else one
            if not (isinstance(word, str) and word in PUBLIC):
                yield from _addressee_errors(path, word, we, rules)
            elif name in addressing.HIDDEN:  # nobody else would take it for public
                yield BadInput(path, "everybody cannot be hidden", "as:Public in to or cc")


def _addressee_errors(path: str, word: Any, we: We, rules: UrlRules) -> Iterator[BadInput]:
    uri = uri_or_none(word)
    if uri is None:
        reason = f"{_shown(word)} is neither an https URI nor as:Public"
        yield BadInput(path, reason, "the id of an actor or a collection, or as:Public")
    elif is_at(we.origin, uri):
        if uri not in (we.actor, we.followers):
            yield BadInput(path, f"{shown(uri)} is ours, and nobody", f"{we.followers}, or others")
    else:
        try:
            check_url(uri, rules)
        except (BadInput, Refused) as error:
            yield BadInput(path, f"{error.subject} {error.reason}", error.expected)


def _nobody(we: We, *documents: dict[str, Any]) -> Iterator[BadInput]:
    """What names nobody would reach nobody, and be read by nobody: a slip, more likely than not."""
    if not any(as_list(doc.get(name)) for doc in documents for name in addressing.PROPERTIES):
        expected = f"as:Public, {we.followers} for our followers, or the ids of actors"
        yield BadInput("to", "is missing, and so are cc, bto, bcc and audience", expected)


def _values(value: dict[str, Any], name: str, at: str) -> Iterator[tuple[str, Any]]:
    """The values of a property, each with its path."""
    given = value.get(name)
    if isinstance(given, list):
        yield from ((f"{at}{name}[{place}]", one) for place, one in enumerate(given))
    elif given is not None:
        yield f"{at}{name}", given


def _first_type(value: dict[str, Any]) -> str:
    return shown(next(iter(types_of(value)), "it"))


def _shown(value: Any) -> str:
    return (
        f"'{shown(value)}'" if isinstance(value, str) else f"a {_KINDS.get(type(value), 'value')}"
    )


_KINDS = {
    dict: "nameless object",
    list: "list",
    bool: "truth value",
    int: "number",
    float: "number",
}
