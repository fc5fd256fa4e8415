"""What the operator had forgotten, as an append-only text: salted hashes of ids, plain domains.

Text in, values out; the file is `forgotten_file`'s. The hashes are keyed with the salt of the first
line, so that the list tells nobody whom it names, but knows them again. Invariants: a line that
cannot be read is an error, never passed over, for it may be somebody's wish; what a line forgets
stays forgotten until a later line takes it back.

    fedpull-forgotten 1 <salt>
    2026-01-31T12:00:00Z id <hash> <hash>   a document, or an actor, and the other names of it
    2026-01-31T12:00:00Z domain spam.example
    2026-01-31T12:00:00Z undo-id <hash>     of any of its names
    2026-01-31T12:00:00Z undo-domain spam.example
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from typing import Literal

from ...errors import BadInput
from .blocks import suffixes

Kind = Literal["id", "domain"]
# In the place of an id that must not be known any more. No scheme that anybody could ask for.
PREFIX = "forgotten:"
_HEAD = re.compile(r"fedpull-forgotten 1 ([0-9a-f]{32})")
_LINE = re.compile(r"(\S+) (undo-)?(?:(id)((?: [0-9a-f]{40})+)|(domain) (\S+))")


@dataclass(frozen=True, slots=True)
class Entry:
    """One wish that is in force. `at` is as it was written, `names` are hashes, or a domain."""

    at: str
    kind: Kind
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Forgotten:
    """All wishes in force."""

    salt: bytes = b""
    entries: tuple[Entry, ...] = ()
    hashes: frozenset[str] = field(default_factory=frozenset)
    domains: frozenset[str] = field(default_factory=frozenset)

    def __bool__(self) -> bool:
        return bool(self.entries)

    def covers(self, host: str) -> bool:
        """Whether a whole host is forgotten."""
        return bool(self.domains) and any(domain in self.domains for domain in suffixes(host))

    def names(self, uri: str) -> bool:
        """Whether an id is forgotten, or stands below one that is (`/users/bob/statuses/1`)."""
        return bool(self.hashes) and any(hashed(self.salt, one) in self.hashes for one in _up(uri))

    def anonymous(self, uri: str) -> str:
        """What stands in the store in the place of a forgotten id: the same for the same id."""
        return PREFIX + hashed(self.salt, uri)

    @property
    def digest(self) -> str:
        """Equal for equal wishes: by it a store knows which ones were carried out."""
        text = "\n".join(sorted(self.hashes | self.domains))
        return blake2b(self.salt + text.encode(), digest_size=16).hexdigest()


NOTHING = Forgotten()


@lru_cache(maxsize=8192)
def hashed(salt: bytes, uri: str) -> str:
    return blake2b(uri.encode("utf-8", "surrogatepass"), digest_size=20, key=salt).hexdigest()


def _up(uri: str) -> Iterator[str]:
    """A URI, itself without its fragment and its query, and every folder that it lies in."""
    yield uri
    end, root = len(uri), uri.find("/", 8)
    for mark in "#?":
        at = uri.find(mark, 0, end)
        if at >= 0:
            end = at
            if end > root + 1:  # what WordPress names `/?p=1` does not lie in its front page
                yield uri[:end]
    while root >= 0 and (end := uri.rfind("/", root, end)) > root:
        if end + 1 < len(uri):
            yield uri[: end + 1]  # `/author/bob/`, as WordPress names its actors
        yield uri[:end]


def parse_forgotten(name: str, text: str) -> Forgotten:
    """The wishes of the file; BadInput names the first line that cannot be read."""
    head, *lines = text.removeprefix("\ufeff").split("\n")
    found = _HEAD.fullmatch(head.strip())
    if found is None:
        raise BadInput(f"{name}:1", "is not how such a file begins", "fedpull-forgotten 1 <salt>")
    entries: dict[tuple[str, ...], Entry] = {}
    for number, line in enumerate(lines, 2):
        if not line.strip() or line.startswith("#"):
            continue
        parts = _LINE.fullmatch(line.strip())
        if parts is None:
            expected = "a line as `fedpull forget` writes it"
            raise BadInput(f"{name}:{number}", "cannot be read", expected)
        at, undo, id, hashes, _, domain = parts.groups()
        names = tuple(hashes.split()) if id else (domain,)
        if undo:
            entries = {key: one for key, one in entries.items() if not set(names) & set(key)}
        else:
            entries[names] = Entry(at, "id" if id else "domain", names)
    return _forgotten(bytes.fromhex(found[1]), tuple(entries.values()))


def _forgotten(salt: bytes, entries: tuple[Entry, ...]) -> Forgotten:
    return Forgotten(
        salt,
        entries,
        frozenset(name for one in entries if one.kind == "id" for name in one.names),
        frozenset(name for one in entries if one.kind == "domain" for name in one.names),
    )


def first_line(salt: bytes) -> str:
    return f"fedpull-forgotten 1 {salt.hex()}\n"


def line(at: str, kind: Kind, names: Iterable[str], *, undo: bool = False) -> str:
    """What is appended for one wish, or to take it back."""
    return f"{at} {'undo-' if undo else ''}{kind} {' '.join(names)}\n"
