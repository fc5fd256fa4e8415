"""Which objects lists across actors show: judged as they come, and anew when an actor changes.

The rule is `protocol.listable`'s; here it meets the rows. What an actor says, and whether somebody
follows it, stands in its reference's flags; its objects are judged with them. Where they change,
the objects are judged anew, so many a transaction, in the order of the actor's list; how far that
has come is a row, so a kill costs nothing. Invariant: an object is quiet exactly if its flags and
its author's do not let it be listed, but for authors that have a row in `relisting`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from ..crawler.protocol import listable
from . import index, quota
from .intern import id_of
from .layout import CLASS_NUMBER, NONE
from .unsorted import Unsorted

if TYPE_CHECKING:
    from .records import Put
    from .ref_layout import Ref
    from .terms_layout import TermsRow
    from .work import Work

# A transaction of some 20 ms, which other jobs can wait for.
MOST = 1_000
_FIRST = NONE * 2
_ACTOR = CLASS_NUMBER["actor"]


def stated(ref: Ref, item: Put, *, held: bool) -> int:
    """What a body that came says. An answer that only embeds it has no header of its own to take a
    refusal back with; one without the activity around it does not tell the audience again."""
    if item.verified_by == "embedded":
        return item.consent | ref.consent & listable.ROBOTS
    if item.vouched and held:
        return item.consent & ~listable.UNLISTED | ref.consent & listable.UNLISTED
    return item.consent


def take(work: Work, id: bytes, ref: Ref, flags: int) -> None:
    """Note what a reference's document says, 0 where none is held any more."""
    flags |= ref.consent & listable.STANDING
    if flags == ref.consent:
        return
    before, ref.consent = ref.consent, flags
    if ref.cls == _ACTOR:
        if listable.scope(before) != listable.scope(flags):
            work.relists.add(id)
    else:
        judge(work, id)


def followed(work: Work, actor: str | None, yes: bool) -> None:
    """Note whether an actor is followed."""
    if actor is None:
        return
    id = id_of(work, actor)
    ref = work.ref(id, change=False)
    if bool(ref.consent & listable.FOLLOWED) != yes:
        work.ref(id).consent ^= listable.FOLLOWED
        work.relists.add(id)


def unfollowed(work: Work, actor: str | None) -> None:
    """A follow does not read this actor any more; perhaps another one does."""
    if actor is not None:
        followed(work, actor, _is_read(work, actor))


def _is_read(work: Work, actor: str) -> bool:
    """Looked for in the stored text: to parse thousands of rows would hold up the writer."""
    name = orjson.dumps(actor)
    for _, row in work.txn.cursor(work.t.follow):
        if name in row and reads(orjson.loads(row)) == actor:
            return True
    return False


def reads(row: dict[str, Any]) -> str | None:
    """The actor that a follow's row reads; one that blocks us is not read."""
    actor: str | None = row.get("actor")
    return actor if row.get("blocked") is None else None


def judge(work: Work, id: bytes) -> None:
    """Whether lists across actors show an object, by what is known now."""
    terms = index.terms_of(work, id)
    if terms.live:
        settle(work, id, work.ref(id, change=False), terms)


def settle(work: Work, id: bytes, ref: Ref, terms: TermsRow) -> None:
    """The same with its rows at hand."""
    author = work.ref(terms.actor, change=False) if terms.actor != NONE else None
    if work.policy or ref.consent & listable.SILENCED:
        _silence(work, id, ref, author)
    flags = author.consent if author is not None else 0
    terms.quiet = not listable.may_be_listed(ref.consent, flags)


def _silence(work: Work, id: bytes, ref: Ref, author: Ref | None) -> None:
    silences = work.policy.silences
    silenced = silences(ref.uri) or (author is not None and silences(author.uri))
    flags = ref.consent & ~listable.SILENCED | listable.SILENCED * silenced
    if flags != ref.consent:
        work.ref(id).consent = flags


def step(work: Work, most: int = MOST) -> bool:
    """Judge the next objects of the actors that have changed; whether there are more of them."""
    left = most
    for actor in work.relists:
        quota.rehomed(work, actor)
        # What has come in this transaction is in no list yet.
        for id in [id for id, terms in work.terms.items() if terms.actor == actor]:
            judge(work, id)
        left -= _go_on(work, actor, b"", left)
    work.relists.clear()
    rows = work.txn.cursor(work.t.relisting)
    while left > 0 and rows.first():
        actor, place = rows.item()
        left -= _go_on(work, actor, place, left)
    return rows.first()


def _go_on(work: Work, actor: bytes, place: bytes, most: int) -> int:
    """Judge an actor's objects behind a place; how much of `most` that took."""
    found = _behind(work, index.ACTOR + actor, place, most) if most > 0 else []
    for value in found:
        judge(work, value[8:])
        quota.rehomed(work, value[8:])
    if most <= 0 or len(found) == most:
        work.put(work.t.relisting, actor, found[-1] if found else place)
    elif place or work.txn.get(actor, None, work.t.relisting) is not None:
        work.delete(work.t.relisting, actor)
    return max(len(found), 1)


def _behind(work: Work, key: bytes, place: bytes, most: int) -> list[bytes]:
    """The next entries of a list, those that wait in their places among them."""
    found = []
    cursor = work.txn.cursor(work.t.index)
    if cursor.set_range_dup(key, place or _FIRST):
        for value in cursor.iternext_dup():
            if value > place:
                found.append(value)
                if len(found) == most:
                    break
    found += [value for value in Unsorted(work.txn, work.t).values(key) if value > place]
    return sorted(found)[:most]
