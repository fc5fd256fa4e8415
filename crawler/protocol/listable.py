"""The flags of who wants to be listed among others, and the rule that they come to.

Pure. What documents say is read by `consent`. An object is judged by its own flags and its
author's; they are stored with the references, so their numbers stay. Invariant: a verdict's word
says yes exactly where `may_be_listed` does.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

KNOWN = 1  # of an actor: its document is held, and these flags are what it says
FOLLOWED = 2  # of an actor
NOT_INDEXABLE = 4
NOT_SEARCHABLE = 8  # searchableBy does not name everybody
NOBOT = 16
NOINDEX = 32
NOSEARCH = 64
NOARCHIVE = 128
LOCKED = 256
HIDDEN = 512  # discoverable: false
ROBOTS = 1024  # X-Robots-Tag: noindex, or none
PRIVATE = 2048  # SPC, the Global Privacy Control as a property
UNLISTED = 4096  # of an object: for everybody, but not in `to`
SEARCHABLE = 8192  # of an object: searchableBy names everybody
SILENCED = 16384  # of an object: the operator's list silences its domain
OURS = 32768  # we have published it; of an actor: it is ours

_TAGGED = NOBOT | NOINDEX | NOSEARCH | NOARCHIVE
_OBJECTIONS = (
    NOT_INDEXABLE | NOT_SEARCHABLE | _TAGGED | LOCKED | ROBOTS | PRIVATE | UNLISTED | SILENCED
)
_NO_DISCOVERY = LOCKED | HIDDEN
# Of an actor: what it writes is shown, whatever it says of lists.
READ = FOLLOWED | OURS
# What is not its document's to say.
STANDING = FOLLOWED | SILENCED | OURS

_EVIDENCE = {
    NOT_INDEXABLE: "indexable is not true",
    NOT_SEARCHABLE: "searchableBy does not name everybody",
    NOBOT: "says #nobot",
    NOINDEX: "says #noindex",
    NOSEARCH: "says #nosearch",
    NOARCHIVE: "says #noarchive",
    LOCKED: "manuallyApprovesFollowers is true",
    ROBOTS: "X-Robots-Tag says noindex",
    PRIVATE: "SPC is set",
    UNLISTED: "as:Public is not in `to` (unlisted)",
    SILENCED: "its domain is silenced",
}


class Verdict(NamedTuple):
    """Whether lists across actors show something, and what that stands on.

    `followed` and `granted` are yes; `denied` and `unknown` (its author is not held) are no.
    """

    word: str
    evidence: str


def may_be_listed(own: int, author: int) -> bool:
    """Whether lists across actors show an object, by its flags and its author's."""
    if own & SILENCED:
        return False
    if author & READ:
        return True
    if own & SEARCHABLE:
        author &= ~NOT_SEARCHABLE
    return bool(author & KNOWN) and not (own | author) & _OBJECTIONS


def scope(author: int) -> int:
    """What an actor's flags come to for its objects: where this is equal, all verdicts are."""
    if author & READ:
        return FOLLOWED
    if not author & KNOWN or author & _OBJECTIONS & ~NOT_SEARCHABLE:
        return 0
    return KNOWN | author & NOT_SEARCHABLE


def leads_on(author: int) -> bool | None:
    """Whether something may be resolved because an actor's post leads there, though no follow
    asks for it; None where the actor's word is not known."""
    if not author & (KNOWN | READ):
        return None
    return bool(author & READ) or not author & _NO_DISCOVERY


def on_object(own: int, author: int | None) -> Verdict:
    """The verdict on an object; without flags of an author nobody is named as such."""
    if own & SILENCED:
        return Verdict("denied", _EVIDENCE[SILENCED])
    if own & OURS:
        return Verdict("granted", "we have published it")
    if author is not None and author & FOLLOWED:
        return Verdict("followed", "its author is followed")
    if author is None or not author & KNOWN:
        return Verdict("unknown", "its author's document is not held")
    theirs = author & ~NOT_SEARCHABLE if own & SEARCHABLE else author
    found = [*_sentences(own, ""), *_sentences(theirs, "its author: ")]
    if found:
        return Verdict("denied", "; ".join(found))
    return Verdict("granted", "its author: indexable is true; as:Public is in `to`")


def on_actor(own: int) -> Verdict:
    """The verdict on what an actor writes."""
    if own & FOLLOWED:
        return Verdict("followed", "it is followed")
    if own & OURS:
        return Verdict("granted", "it is ours")
    if not own & KNOWN:
        return Verdict("unknown", "its document is not held")
    found = list(_sentences(own, ""))
    return Verdict("denied", "; ".join(found)) if found else Verdict("granted", "indexable is true")


def _sentences(flags: int, whose: str) -> Iterator[str]:
    return (whose + text for flag, text in _EVIDENCE.items() if flags & flag)
