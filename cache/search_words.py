"""The words of a document that a search finds it by, and what people type to find it.

Pure. It reads what a post says, not who says it. The engine takes a run of letters for a word;
scripts without spaces are taken apart here, in what is searched and in what is typed alike, so that
a few characters are found within a sentence. Invariants: no JSON value makes it raise, its work is
bounded, and whatever is typed becomes a valid expression or BadInput.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any

from ..crawler.protocol import activitystreams as as2
from ..crawler.protocol.shapes import as_list, texts_of
from ..errors import BadInput

_LONGEST = 65_536  # characters of one post that are looked at; longer articles are found by these
_MOST_VERSIONS = 20
_MOST_FILES = 20  # descriptions of attachments
_PROPERTIES = ("name", "summary", "content")
# Tags within a word: Mastodon writes `#<span>cats</span>`.
_INLINE = re.compile(r"</?(?:a|b|bdi|code|em|i|mark|small|span|strong|u|wbr)(?:\s[^<>]*)?/?>", re.I)
_MARKUP = re.compile(r"<[^<>]*>")
# `html.unescape` makes a number of all of them, and Python makes none of more than 4,300 digits.
_ENDLESS = re.compile("&#[0-9]{16,}")
# Han, Kana, Hangul, Thai and their neighbours: written without spaces between words, or found by
# parts of one.
_UNSPACED = re.compile(
    "([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af])"
)

_MOST_TERMS = 20
_LONGEST_QUERY = 500
_SHORTEST_PREFIX = 2
_TERM = re.compile(r'(-?)(?:"([^"]*)"|(\S+))')
_WORDLESS = re.compile(r"[\W_]+")
EXPECTED = 'words, "a phrase", -without, begin*'


def words_of(document: dict[str, Any]) -> str:
    """What a post says, in all its languages, with its hashtags and what its pictures show."""
    found: list[str] = []
    left = _LONGEST
    for text in _texts(document):
        plain = plainly(text[:left])
        left -= len(text)
        if plain:
            found.append(plain)
        if left <= 0:
            break
    return "\n".join(dict.fromkeys(found))


def _texts(document: dict[str, Any]) -> Iterator[str]:
    for name in _PROPERTIES:
        yield from texts_of(document.get(name))[:_MOST_VERSIONS]
        by_language = document.get(f"{name}Map")
        if isinstance(by_language, dict):
            for value in list(by_language.values())[:_MOST_VERSIONS]:
                yield from texts_of(value)[:1]
    yield from as2.hashtags(document)
    for file in as_list(document.get("attachment"))[:_MOST_FILES]:
        if isinstance(file, dict):
            yield from texts_of(file.get("name"))[:1]


def plainly(markup: str) -> str:
    """HTML as the words that it shows."""
    text = _MARKUP.sub(" ", _INLINE.sub("", markup)) if "<" in markup else markup
    if "&" in text:
        text = html.unescape(_ENDLESS.sub(" ", text))
    # NUL ends a text for the engine; a lone surrogate cannot be written at all.
    text = text.replace("\0", " ").encode("utf-8", "replace").decode()
    return " ".join(_UNSPACED.sub(r" \1 ", text).split())


def expression(name: str, typed: str) -> str:
    """What is typed, as an expression of the engine (FTS5)."""
    if len(typed) > _LONGEST_QUERY:
        raise BadInput(name, f"is longer than {_LONGEST_QUERY} characters", EXPECTED)
    wanted: list[str] = []
    unwanted: list[str] = []
    for minus, phrase, word in _TERM.findall(typed):
        term = _term(phrase or word, prefix=not phrase)
        if term:
            (unwanted if minus else wanted).append(term)
    if len(wanted) + len(unwanted) > _MOST_TERMS:
        raise BadInput(name, f"has more than {_MOST_TERMS} terms", EXPECTED)
    if not wanted:
        raise BadInput(name, "has no word to look for", EXPECTED)
    both = " AND ".join(wanted)
    return f"({both}) NOT ({' OR '.join(unwanted)})" if unwanted else both


def _term(text: str, *, prefix: bool) -> str:
    """One term in quotes, so that nothing in it is an operator; empty where no word is in it."""
    plain = plainly(html.escape(text, quote=False)).replace('"', " ")
    bare = _WORDLESS.sub("", plain)
    if not bare:
        return ""
    begins = prefix and text.endswith("*") and len(bare) >= _SHORTEST_PREFIX
    return f'"{plain}"' + (" *" if begins else "")
