"""Names and lines that strangers wrote, made fit to stand on a page beside our own words.

It escapes no HTML (the templates do) and looks nothing up. Invariant: what it returns reads in the
order in which it is stored, holds nothing that cannot be seen, and a host in it is the one that
would be asked, however alike another one looks.
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote

import idna

# What turns the direction of text around (UAX #9): a name could show its own end first.
_TURNS = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
# What has no width. The joiners U+200C and U+200D stay: Persian and emoji are written with them.
_HIDDEN = "\u00ad\u180e\u200b\u2060-\u2065\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"
_CONTROLS = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff"
_UNSEEN = re.compile(f"[{_TURNS}{_HIDDEN}{_CONTROLS}]")
_HEAPS = re.compile(
    r"([\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]{4})"
    r"[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]+"
)
_IN_A_URI = re.compile(f"[{_TURNS}{_HIDDEN}{_CONTROLS}\u200c\u200d\\s]")

# Letters that European names are written with; beyond them Latin has look-alikes of itself
# (dotless i, long s, the letters of phonetics).
_LATIN = re.compile(r"[a-z0-9\u00df-\u00f6\u00f8-\u0130\u0132-\u0137\u0139-\u017e-]+")
# Scripts whose letters nobody takes for Latin ones.
_APART = frozenset(
    {
        "CJK",
        "HIRAGANA",
        "KATAKANA",
        "HANGUL",
        "ARABIC",
        "HEBREW",
        "THAI",
        "DEVANAGARI",
        "BENGALI",
        "TAMIL",
        "GEORGIAN",
    }
)
_JAPANESE = frozenset({"CJK", "HIRAGANA", "KATAKANA"})


def seen(text: str) -> str:
    """Text without what cannot be seen; white space stays. Marks that are heaped upon one letter
    until they cover the lines around it are kept to four."""
    return _HEAPS.sub(r"\1", _UNSEEN.sub("", text))


def line(text: object, most: int = 200) -> str:
    """One line of at most so many characters."""
    whole = " ".join(seen(str(text)[: 8 * most]).split())
    return whole if len(whole) <= most else whole[: most - 1].rstrip() + "…"


def uri(text: str) -> str:
    """A URI as it is, with what cannot be seen written as escapes and its host as `host` has it."""
    safe = _IN_A_URI.sub(lambda found: quote(found[0], safe="", errors="replace"), text)
    scheme, mark, rest = safe.partition("://")
    if not mark:
        return safe
    authority, slash, path = rest.partition("/")
    name, colon, port = authority.partition(":")
    return f"{scheme}://{host(name)}{colon}{port}{slash}{path}"


def host(name: str) -> str:
    """A host in letters where they cannot be taken for others, else as it is asked (`xn--...`)."""
    if "xn--" not in name:
        return name if name.isascii() else _ascii(name)
    labels = name.lower().split(".")
    try:
        read = [idna.decode(label) if label.startswith("xn--") else label for label in labels]
    except (idna.IDNAError, UnicodeError):
        return name
    scripts = {script for label in read for script in _scripts(label)}
    # Where the last label is written in it too (.рф), nobody takes a name for a Latin one.
    is_whole = len(scripts) == 1 and all(label.startswith("xn--") for label in labels)
    return ".".join(read) if is_whole or all(map(_is_plain, read)) else name


def host_of(text: str) -> str:
    """The host of an absolute URI as it is shown; empty where there is none."""
    _, mark, rest = text.partition("://")
    if not mark:
        return ""
    authority = re.split(r"[/?#\\]", rest, maxsplit=1)[0].rpartition("@")[2]
    name, colon, port = authority.rpartition(":")
    if not colon or not port.isdigit():
        return host(authority)
    return host(name) if port in ("443", "80") else f"{host(name)}:{port}"


def _ascii(name: str) -> str:
    try:
        return idna.encode(name, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        return quote(name, safe="")


def _is_plain(label: str) -> bool:
    """Whether a label is written in one script, and in one that is not taken for Latin."""
    if _LATIN.fullmatch(label):
        return True
    scripts = _scripts(label)
    return scripts <= _JAPANESE or (len(scripts) == 1 and scripts <= _APART)


def _scripts(label: str) -> set[str]:
    """The scripts of its letters, by the first word of their names in Unicode."""
    words = {unicodedata.name(letter, "?").split(" ")[0].split("-")[0] for letter in label}
    return words - {"DIGIT", "HYPHEN"}
