"""Who wants to be listed among others: what actors and objects say of it, read into flags.

Pure, and about lists only: whether something is kept is its audience's affair, and following is
reading, which asks for no more than an audience. What an actor allows stands in its document, what
an object objects to in its own; `listable` says what both come to. Invariant: no JSON value makes
a reader raise, and what cannot be read as a yes is a no.

    indexable                  FEP-5feb: missing is false
    searchableBy               FEP-268d: an object's word goes before its author's; [] is no word
    xRobotsTag, SPC            FEP-5e53: as if the header had come with it
    #nobot, #noindex, ...      in the name, the bio, the profile's fields, or as a Hashtag
    manuallyApprovesFollowers  who chooses his readers is not shown to others
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator
from typing import Any

from . import robots_tag
from .listable import (
    HIDDEN,
    KNOWN,
    LOCKED,
    NOARCHIVE,
    NOBOT,
    NOINDEX,
    NOSEARCH,
    NOT_INDEXABLE,
    NOT_SEARCHABLE,
    PRIVATE,
    ROBOTS,
    SEARCHABLE,
    UNLISTED,
)
from .shapes import (
    MAX_VALUES,
    PUBLIC_URI,
    addresses_of,
    as_list,
    is_public,
    texts_of,
    types_of,
)

# Unprefixed, as Takahe writes them, and as full IRIs.
_MASTODON = ("", "toot:", "http://joinmastodon.org/ns#")
_FEDIBIRD = ("", "fedibird:", "http://fedibird.com/ns#")
_AS2 = ("", "as:", "https://www.w3.org/ns/activitystreams#")
_INDEXABLE = tuple(f"{prefix}indexable" for prefix in _MASTODON)
_DISCOVERABLE = tuple(f"{prefix}discoverable" for prefix in _MASTODON)
_SEARCHABLE_BY = tuple(f"{prefix}searchableBy" for prefix in _FEDIBIRD)
_APPROVES = tuple(f"{prefix}manuallyApprovesFollowers" for prefix in _AS2)
_ASIDE = frozenset({*_INDEXABLE, *_SEARCHABLE_BY, "xRobotsTag", "SPC"})

_TAGS = (
    (NOBOT, "bots?"),
    (NOINDEX, "index(?:ing)?"),
    (NOSEARCH, "search(?:ing)?"),
    (NOARCHIVE, "archiv(?:e|ing)"),
)
_TAG = re.compile("#no[_-]?(?:" + "|".join(f"({words})" for _, words in _TAGS) + r")(?!\w)")
# Mastodon writes a hashtag of a bio as `#<span>nobot</span>`; a line ends with `<br>` or `</p>`.
_INLINE = re.compile(r"</?(?:a|b|bdi|code|em|i|mark|small|span|strong|u|wbr)(?:\s[^<>]*)?/?>", re.I)
_MARKUP = re.compile(r"<[^<>]*>")
_UNSEEN = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u2060\ufeff"))
# `html.unescape` makes a number of all of them, and Python makes none of more than 4,300 digits.
_ENDLESS = re.compile("&#[0-9]{16,}")
_LONGEST = 65_536  # of all that is looked through; no server lets a profile be longer
# Normalizing sorts the marks that stand in a row, in quadratic time: seconds for a whole text.
_PIECE = 32
_MOST_TEXTS = 64


def read(
    document: dict[str, Any],
    kind: str,
    around: dict[str, Any] | None = None,
    robots: str = "",
) -> int:
    """The flags of a document of this class. `around`: the activity whose audience counts where
    the object states none; `robots`: the directives of the X-Robots-Tag that came with it,
    as `robots_tag` reads them."""
    if kind == "object":
        return of_object(document, around, robots)
    return of_actor(document, robots) if kind == "actor" else 0


def of_object(
    document: dict[str, Any], around: dict[str, Any] | None = None, robots: str = ""
) -> int:
    get = document.get
    to = get("to")
    if to is None and around is not None and get("cc") is None and get("audience") is None:
        to = around.get("to")
    # Asked of every object of every page, and nearly always answered by one look.
    plainly = to == PUBLIC_URI or (isinstance(to, list) and PUBLIC_URI in to[:MAX_VALUES])
    flags = 0 if plainly or is_public(addresses_of(to)) else UNLISTED
    if not document.keys().isdisjoint(_ASIDE):
        flags |= _aside(document)
        if _stated(document, _INDEXABLE) is not None and not _is_true(document, _INDEXABLE):
            flags |= NOT_INDEXABLE
    return flags | ROBOTS if robots and _keeps_out(robots) else flags


def of_actor(document: dict[str, Any], robots: str = "") -> int:
    flags = KNOWN | _aside(document)
    if not _is_true(document, _INDEXABLE):
        flags |= NOT_INDEXABLE
    if _is_set(_stated(document, _APPROVES)):
        flags |= LOCKED
    discoverable = _stated(document, _DISCOVERABLE)
    if discoverable is not None and not _is_set(discoverable):
        flags |= HIDDEN
    if _keeps_out(robots):
        flags |= ROBOTS
    left = _LONGEST
    for text in _texts(document):
        flags |= _tags_in(text[:left])
        left = max(left - len(text), 0)
    return flags & ~SEARCHABLE


def _aside(document: dict[str, Any]) -> int:
    """What an actor or an object may say with the same words."""
    flags = 0
    stated = _stated(document, _SEARCHABLE_BY)
    if any(one is not None for one in as_list(stated)):
        flags = SEARCHABLE if is_public(addresses_of(stated)) else NOT_SEARCHABLE
    header = document.get("xRobotsTag")
    if any(_keeps_out(text) for text in texts_of(header)):
        flags |= ROBOTS
    return flags | PRIVATE if _is_set(document.get("SPC")) else flags


def _keeps_out(robots: str) -> bool:
    return not {"noindex", "none"}.isdisjoint(robots_tag.directives(robots))


def _stated(document: dict[str, Any], names: tuple[str, ...]) -> Any:
    """The value of a property, under the first of its names that has one."""
    return next((document[name] for name in names if document.get(name) is not None), None)


def _is_true(document: dict[str, Any], names: tuple[str, ...]) -> bool:
    return _plain(_stated(document, names)) is True


def _is_set(value: Any) -> bool:
    """Whether it is anything but a no: who asks for restraint in an odd way has asked for it."""
    plain = _plain(value)
    return plain not in (None, False, 0, "", "false", "0", [], {})


def _plain(value: Any) -> Any:
    """The value of a property that has one: in a list of one, or as JSON-LD writes it."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value.get("@value") if isinstance(value, dict) and "@value" in value else value


def _texts(actor: dict[str, Any]) -> Iterator[str]:
    """What an actor says of itself: name, bio, the fields of its profile, and its hashtags."""
    for name in ("name", "summary", "content", "nameMap", "summaryMap", "contentMap"):
        value = actor.get(name)
        values = list(value.values()) if isinstance(value, dict) and name[-3:] == "Map" else value
        yield from texts_of(values)[:_MOST_TEXTS]
    for field in as_list(actor.get("attachment"))[:_MOST_TEXTS]:
        if isinstance(field, dict):
            yield from (*texts_of(field.get("name"))[:1], *texts_of(field.get("value"))[:1])
    for tag in as_list(actor.get("tag"))[:_MOST_TEXTS]:
        if isinstance(tag, dict) and "Hashtag" in types_of(tag):
            yield from ("#" + text.lstrip("#\uff03") for text in texts_of(tag.get("name"))[:1])


def _tags_in(text: str) -> int:
    """The flags of the hashtags in a text, which may be HTML."""
    if "#" not in text and "&" not in text and text.isascii():
        return 0
    plain = _MARKUP.sub(" ", _INLINE.sub("", text))
    plain = _normalized(html.unescape(_ENDLESS.sub(" ", plain))).translate(_UNSEEN).casefold()
    flags = 0
    for match in _TAG.finditer(plain):
        if match.lastindex is not None:
            flags |= _TAGS[match.lastindex - 1][0]
    return flags


def _normalized(text: str) -> str:
    """Full width and its kin as plain letters; one character may become eighteen."""
    if text.isascii():
        return text
    pieces = (text[at : at + _PIECE] for at in range(0, len(text), _PIECE))
    return "".join(unicodedata.normalize("NFKC", piece) for piece in pieces)[:_LONGEST]
