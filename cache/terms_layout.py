"""What an object is found by, as it stands at the end of its reference's row.

A continuation of `layout`. Most of it repeats the reference: the author owns it, its one type is
its own, lists show it at its time; such a repetition takes no room. So terms are loaded before
anything of that is changed in the reference. Until schema 2 the terms stood
in a table of their own, which rows of that age still have; until schema 4 none had a start.
Invariants: what `pack` gives, `unpack` reads back equal beside the same reference; of an object
that is not held nothing is kept but who lists it, where it was shown, and, of one that was deleted
and is answered, what it had answered: so that a thread does not fall apart.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from struct import Struct

from .environment import Tables, Txn
from .layout import NONE, from_inverted, inverted
from .ref_layout import Ref, is_older

_SCHEMA_2 = Struct(">8s8s8s8sBBB")
_ANNOUNCED = (b"\0", b"\1")

# The first byte: what stands in the row because the reference does not say it.
_LIVE = 1
_WHEN = 2
_ACTOR = 4
_REPLY = 8
_CONTEXT = 16
_TYPES = 32
_TAGS = 64
_QUIET = 128
# In the number of types, of which there are a handful: the time of its start stands behind them.
_STARTS = 128


@dataclass(slots=True)
class TermsRow:
    """What an object is found by. `live`: it has index entries (a body, and it is an object).

    `quiet`: it stands in no list across actors, which `relisting` judges. `answered`: it is not
    held any more, and keeps its place between what it answered and what answers it.

    `follows` maps the follows whose outbox offers it to whether they only announced it; that part
    is there even before the object is.
    """

    when: bytes = NONE  # inverted time
    actor: bytes = NONE
    in_reply_to: bytes = NONE
    context: bytes = NONE
    live: bool = False
    types: tuple[bytes, ...] = ()
    tags: tuple[bytes, ...] = ()
    follows: dict[bytes, bool] = field(default_factory=dict)
    quiet: bool = False
    start: bytes = NONE  # time at which it begins, where it says so: an event does
    answered: bool = False

    def pack(self, ref: Ref) -> bytes:
        """Empty where there is nothing to say."""
        if not (self.live or self.follows or self.answered):
            return b""
        flags, rows = 0, [b""]
        if self.when != (_shown_at(ref) if self.live else NONE):
            flags |= _WHEN
            rows.append(self.when)
        if self.live:
            flags |= _LIVE | _QUIET * self.quiet
            if self.actor != ref.owner:
                flags |= _ACTOR
                rows.append(self.actor)
            if self.in_reply_to != NONE:
                flags |= _REPLY
                rows.append(self.in_reply_to)
            if self.context != NONE:
                flags |= _CONTEXT
                rows.append(self.context)
            if self.start != NONE:
                flags |= _TYPES
                rows += (bytes((len(self.types) | _STARTS,)), *self.types, self.start)
            elif self.types != (ref.type,):
                flags |= _TYPES
                rows += (bytes((len(self.types),)), *self.types)
            if self.tags:
                flags |= _TAGS
                rows += (bytes((len(self.tags),)), *self.tags)
        elif self.answered:
            flags |= _REPLY
            rows.append(self.in_reply_to)
        rows[0] = bytes((flags,))
        rows += [follow + _ANNOUNCED[announced] for follow, announced in self.follows.items()]
        return b"".join(rows)

    @classmethod
    def unpack(cls, ref: Ref) -> TermsRow:
        row = ref.terms
        if not row:
            return cls()
        flags, at = row[0], 1
        found = cls(live=bool(flags & _LIVE), quiet=bool(flags & _QUIET))
        if found.live:
            found.when, found.actor, found.types = _shown_at(ref), ref.owner, (ref.type,)
        if flags & _WHEN:
            found.when, at = row[at : at + 8], at + 8
        if flags & _ACTOR:
            found.actor, at = row[at : at + 8], at + 8
        if flags & _REPLY:
            found.in_reply_to, at = row[at : at + 8], at + 8
            found.answered = not found.live
        if flags & _CONTEXT:
            found.context, at = row[at : at + 8], at + 8
        if flags & _TYPES:
            starts = row[at] & _STARTS
            found.types, at = _words(row, at)
            if starts:
                found.start, at = row[at : at + 8], at + 8
        if flags & _TAGS:
            found.tags, at = _words(row, at)
        found.follows = {row[i : i + 8]: row[i + 8] == 1 for i in range(at, len(row), 9)}
        return found

    @classmethod
    def of_schema_2(cls, row: bytes) -> TermsRow:
        when, actor, reply, context, live, n_types, n_tags = _SCHEMA_2.unpack_from(row)
        start = _SCHEMA_2.size
        words = [row[at : at + 8] for at in range(start, start + 8 * (n_types + n_tags), 8)]
        start += 8 * (n_types + n_tags)
        follows = {row[at : at + 8]: row[at + 8] == 1 for at in range(start, len(row), 9)}
        types, tags = tuple(words[:n_types]), tuple(words[n_types:])
        return cls(when, actor, reply, context, bool(live), types, tags, follows)


def terms_in(txn: Txn, t: Tables, id: bytes, row: bytes) -> TermsRow:
    """The terms of a reference whose row is at hand, of whatever schema."""
    if not is_older(row):
        return TermsRow.unpack(Ref.unpack(row))
    stored = txn.get(id, None, t.terms)
    return TermsRow() if stored is None else TermsRow.of_schema_2(stored)


def renewed(row: bytes, terms: bytes | None) -> Ref:
    """A reference of an older schema, with its terms, as they are kept now."""
    ref = Ref.unpack(row)
    if terms is not None:
        ref.terms = TermsRow.of_schema_2(terms).pack(ref)
    return ref


def listed_at(ref: Ref) -> float | None:
    """The time at which lists show it; None when none does."""
    flags = ref.terms[0] if ref.terms else 0
    if flags & _WHEN:
        return from_inverted(ref.terms[1:9])
    return from_inverted(_shown_at(ref)) if flags & _LIVE else None


def _shown_at(ref: Ref) -> bytes:
    """Where lists show most objects: when they were published, but never before we had them."""
    published, fetched = ref.published, ref.fetched_at
    return inverted(min(max(published, 0.0), fetched) if published == published else fetched)


def _words(row: bytes, at: int) -> tuple[tuple[bytes, ...], int]:
    """Ids behind their number, and where they end."""
    end = at + 1 + 8 * (row[at] & ~_STARTS)
    return tuple(row[i : i + 8] for i in range(at + 1, end, 8)), end
