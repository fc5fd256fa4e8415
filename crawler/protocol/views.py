"""What people want of a document: its words, its times, its pictures, its page.

Nothing here decides on identity, authority or audience. Invariant: no JSON value makes a reader
raise; the words are those of the origin, HTML and all: whoever shows them has to sanitize them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .shapes import as_list, primary_type, texts_of, uri_or_none
from .times import rfc3339

_MAX_ATTACHMENTS = 100
_MAX_WORD = 200
_MOST = 2**53


def text(doc: Any, prop: str, languages: Sequence[str] = ()) -> str | None:
    """The words of a natural-language property, in the first of `languages` that it has.

    Else the plain value; else what the language map holds, English or undetermined first, since
    some servers write only the map (one-page servers: `nameMap` without `name`).
    """
    if not isinstance(doc, dict):
        return None
    words = doc.get(prop)
    by_language = doc.get(f"{prop}Map")
    if isinstance(words, dict) and "@value" not in words:
        words, by_language = None, words
    versions = _versions(by_language)
    for language in languages:
        wanted = language.lower()
        for tag, version in versions.items():
            if tag == wanted or tag.startswith(f"{wanted}-"):
                return version
    plain = next(iter(texts_of(words)), None)
    if plain is not None:
        return plain
    for tag in ("en", "und"):
        if tag in versions:
            return versions[tag]
    return next(iter(versions.values()), None)


def _versions(by_language: Any) -> dict[str, str]:
    if not isinstance(by_language, dict):
        return {}
    return {
        str(tag).lower(): found[0]
        for tag, value in by_language.items()
        if (found := texts_of(value))
    }


def name(doc: Any, languages: Sequence[str] = ()) -> str | None:
    return text(doc, "name", languages)


def content(doc: Any, languages: Sequence[str] = ()) -> str | None:
    return text(doc, "content", languages)


def summary(doc: Any, languages: Sequence[str] = ()) -> str | None:
    return text(doc, "summary", languages)


def start_time(doc: Any) -> float | None:
    return rfc3339(doc.get("startTime")) if isinstance(doc, dict) else None


def end_time(doc: Any) -> float | None:
    return rfc3339(doc.get("endTime")) if isinstance(doc, dict) else None


@dataclass(frozen=True, slots=True)
class Attachment:
    """A picture, film, sound or file that belongs to a document."""

    url: str
    media_type: str | None
    name: str | None  # what it shows, in words: the alternative text
    type: str | None
    width: int | None = None  # pixels, as height
    height: int | None = None
    blurhash: str | None = None
    focal_point: tuple[float, float] | None = None  # from -1 to 1, to the right and upwards


def attachments(doc: Any) -> tuple[Attachment, ...]:
    """The attachments that have a URL, be they Links, Documents with Links, or bare URIs."""
    return files(doc, "attachment")


def files(doc: Any, prop: str) -> tuple[Attachment, ...]:
    """The files of a property: `attachment`, `image` or `icon`."""
    found = []
    for value in as_list(doc.get(prop)) if isinstance(doc, dict) else []:
        one = _attachment(value)
        if one is not None:
            found.append(one)
        if len(found) >= _MAX_ATTACHMENTS:
            break
    return tuple(found)


def _attachment(value: Any) -> Attachment | None:
    if isinstance(value, str):
        address = uri_or_none(value)
        return None if address is None else Attachment(address, None, None, None)
    if not isinstance(value, dict):
        return None
    link = _link(value.get("url")) or _link(value)
    if link is None:
        return None
    address, media_type = link
    own = value.get("mediaType")
    media_type = own if isinstance(own, str) else media_type
    # Mastodon and GoToSocial say `name`; `summary` is what some galleries have in its place.
    words = text(value, "name") or text(value, "summary")
    return Attachment(
        address,
        media_type,
        words,
        primary_type(value),
        count(value.get("width")),
        count(value.get("height")),
        _word(value.get("blurhash")),
        _focal_point(value.get("focalPoint")),
    )


def count(value: Any) -> int | None:
    """A number of things: no negative one, no fraction, and no more than 2**53, as far as JSON's
    numbers mean the same to everybody (RFC 8259 section 6)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 <= value <= _MOST and value == int(value) else None


def _word(value: Any) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= _MAX_WORD else None


def _focal_point(value: Any) -> tuple[float, float] | None:
    """Mastodon's `toot:focalPoint`; also as JSON-LD's list."""
    if isinstance(value, dict):
        value = value.get("@list")
    if not isinstance(value, list) or len(value) != 2:
        return None
    x, y = value
    if not all(isinstance(one, int | float) and -1 <= one <= 1 for one in (x, y)):
        return None
    return float(x), float(y)


def url(doc: Any) -> str | None:
    """The page for people: of several links the HTML one, else the first."""
    if not isinstance(doc, dict):
        return None
    first = None
    for value in as_list(doc.get("url"))[:_MAX_ATTACHMENTS]:
        link = _link(value)
        if link is not None and (link[1] or "").startswith("text/html"):
            return link[0]
        if link is not None and first is None:
            first = link[0]
    return first


def _link(value: Any) -> tuple[str, str | None] | None:
    """Address and media type of a URI, a Link, or the first usable one of a list of them."""
    if isinstance(value, list):
        found = (_link(one) for one in value[:_MAX_ATTACHMENTS] if not isinstance(one, list))
        return next((one for one in found if one is not None), None)
    if isinstance(value, dict):
        address = uri_or_none(value.get("href"))
        kind = value.get("mediaType")
        return None if address is None else (address, kind if isinstance(kind, str) else None)
    address = uri_or_none(value)
    return None if address is None else (address, None)
