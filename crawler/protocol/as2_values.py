"""Values that ActivityStreams documents hold: mentions, emoji, places, polls, and how to read them.

Nothing here decides on identity or authority. Invariant: no JSON value makes a reader raise; the
words are those of the origin: whoever shows them has to sanitize them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from . import shapes, views

_MOST = 100  # tags and choices looked at: more than any server lets its users have
_ADDRESS = ("streetAddress", "postalCode", "addressLocality", "addressRegion", "addressCountry")


@dataclass(frozen=True, slots=True)
class Mention:
    """Somebody who is spoken to: an actor's id, and what the post calls it."""

    actor: str
    name: str | None


@dataclass(frozen=True, slots=True)
class Emoji:
    """A picture that stands for a word between colons (`toot:Emoji`)."""

    name: str
    image: str | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is. Degrees of WGS 84; `address` is one line."""

    name: str | None
    address: str | None
    latitude: float | None
    longitude: float | None


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer that a poll offers, and how many gave it."""

    name: str
    votes: int | None


@dataclass(frozen=True, slots=True)
class Poll:
    """A Question: one or several of its choices may be taken, until `end` (POSIX seconds)."""

    choices: tuple[Choice, ...]
    several: bool
    end: float | None
    voters: int | None


def place(value: Any, languages: Sequence[str]) -> Place | None:
    """The first place; its address as schema.org's PostalAddress (Mobilizon), or in words."""
    one = next(iter(shapes.as_list(value)), None)
    if isinstance(one, str):
        return None if shapes.uri_or_none(one) else Place(one, None, None, None)
    if not isinstance(one, dict):
        return None
    address = one.get("address")
    if isinstance(address, dict):
        address = ", ".join(filter(None, (word(address.get(part)) for part in _ADDRESS)))
    return Place(
        views.name(one, languages),
        word(address),
        _degrees(one.get("latitude"), 90),
        _degrees(one.get("longitude"), 180),
    )


def _degrees(value: Any, most: float) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if -most <= value <= most else None


def mentions(doc: dict[str, Any]) -> tuple[Mention, ...]:
    found = []
    for tag in _tags(doc, "Mention"):
        actor = shapes.id_of(tag.get("href"))
        if actor is not None:
            found.append(Mention(actor, views.name(tag)))
    return tuple(found)


def emoji(doc: dict[str, Any]) -> tuple[Emoji, ...]:
    found = []
    for tag in _tags(doc, "Emoji"):
        name = views.name(tag)
        if name:
            pictures = views.files(tag, "icon")
            found.append(Emoji(name.strip(":"), pictures[0].url if pictures else None))
    return tuple(found)


def _tags(doc: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [tag for tag in shapes.as_list(doc.get("tag"))[:_MOST] if is_a(tag, kind)]


def is_a(value: Any, kind: str) -> bool:
    """Whether something is of a type, whichever prefix or IRI its server writes that with."""
    ends = (f":{kind}", f"#{kind}", f"/{kind}")
    return any(name == kind or name.endswith(ends) for name in shapes.types_of(value))


def poll(doc: dict[str, Any], languages: Sequence[str]) -> Poll | None:
    several = doc.get("anyOf") is not None
    choices = []
    for one in shapes.as_list(doc.get("anyOf") if several else doc.get("oneOf"))[:_MOST]:
        name = views.name(one, languages)
        if name is not None:
            choices.append(Choice(name, total(one.get("replies"))))
    if not choices:
        return None
    return Poll(tuple(choices), several, views.end_time(doc), views.count(doc.get("votersCount")))


def total(value: Any) -> int | None:
    """How many a collection says that it has; nothing is known of one that is only named."""
    return views.count(value.get("totalItems")) if isinstance(value, dict) else None


def word(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
