"""What a Mark does to a reference: a new state, a renewal, a failure, a purge.

It decides nothing about when that is due. Invariant: after a purge no byte of the content is left,
neither in a version nor in an index; the state, the reason and the hash stay as a tombstone.
"""

from __future__ import annotations

from math import nan

from . import changes, quota, reactions, relisting, shared, sources
from .documents import either, set_extra, stored_body, versions
from .index import is_answered, terms_of
from .intern import TYPE, id_of, word_of
from .layout import BODY, NONE, STATE_NUMBER, VERIFIED_NUMBER
from .records import Mark, State
from .ref_layout import HAS_BODY, Ref
from .work import Work

_REFUSED = STATE_NUMBER[State.REFUSED]
_GONE = STATE_NUMBER[State.GONE]
_DELETED = ("gone", "tombstone")
_ENDS = (State.GONE, State.REDIRECTED, State.REFUSED)


def mark(work: Work, item: Mark, at: float) -> None:
    """Give a reference its new state."""
    id = id_of(work, item.id)
    ref = work.ref(id)
    extra = work.extra(id, change=False)
    for_type = item.state is State.REFUSED and item.reason == "types"
    if ref.has_body and (for_type or _is_foreign(work, ref, item)):
        sources.confirm(work, id, ref, at, item.plan)
        return
    if for_type and item.type:
        ref.type = word_of(work, TYPE, item.type)
    refused_before = ref.state == _REFUSED and extra.get("reason") == item.reason
    if item.purge and ref.has_body:
        purge(work, id, ref, at, item.reason)
    elif item.state is State.REFUSED and not (ref.has_body or refused_before):
        _log_refusal(work, id, ref, at, item.reason)
    if item.note:
        changes.log(work, "updated", id, ref.owner, ref.type, at, item.note)
    if item.vouched:
        ref.vouch(True)
    elif item.state is State.REFUSED and item.reason == "audience":
        ref.vouch(False)
    # What came from elsewhere while a request for it failed is there.
    if item.state is not None and not (item.state is State.FAILED and ref.has_body):
        ref.state = STATE_NUMBER[item.state]
        set_extra(work, id, {"reason": item.reason, "target": item.target or ""})
    elif item.purge:
        ref.state = STATE_NUMBER[State.GONE]
        set_extra(work, id, {"reason": item.reason})
    elif item.target:
        set_extra(work, id, {"target": item.target})
    away = item.state is State.REDIRECTED and ref.has_body
    if item.state is State.REDIRECTED and not away:  # it led on: nothing is wrong any more
        ref.failures = 0
    if item.state is State.REDIRECTED:
        set_extra(work, id, {"last_error": f"says its id is {item.target}" if away else ""})
    if (item.purge or item.state in _ENDS) and not away:
        sources.end_document(work, id, ref)
    if item.state is State.GONE or (item.purge and ref.state == _GONE):
        ref.verified_at = at  # from then on the cool-down counts
    if item.verified:
        valid = at if item.at is None else item.at
        sources.confirm(work, id, ref, valid, item.plan)
        ref.verified_at, ref.verified_by, ref.failures = valid, VERIFIED_NUMBER["304"], 0
        set_extra(work, id, {"last_error": ""})
    if item.error:
        set_extra(work, id, {"last_error": item.error})
    if item.barred is not None:
        work.extra(id)["barred"] = item.barred
    if item.etag is not None:
        set_extra(work, id, {"etag": item.etag})
    if item.last_modified is not None:
        set_extra(work, id, {"last_modified": item.last_modified})


def leads_away(work: Work, item: Mark) -> bool:
    """Whether a mark says of a copy that its origin serves something else in its place.

    That may be a server in disorder, so that the copy is not purged at once; but it is not verified
    either, and goes with what is unverified if it stays so.
    """
    return item.state is State.REDIRECTED and work.ref(id_of(work, item.id), change=False).has_body


def _is_foreign(work: Work, ref: Ref, item: Mark) -> bool:
    """Whether the mark speaks of a copy that somebody else claims to own."""
    return item.owner is not None and ref.owner not in (NONE, id_of(work, item.owner))


def _log_refusal(work: Work, id: bytes, ref: Ref, at: float, reason: str) -> None:
    if reason != "types":  # the operator's own wish, not news about the object
        changes.log(work, "refused", id, ref.owner, ref.type, at, reason)


def purge(work: Work, id: bytes, ref: Ref, at: float, reason: str) -> None:
    """Drop every byte of the content; the hash stays, so that its return can be recognised."""
    row, earlier = stored_body(work, id), versions(work, id)
    quota.shrank(work, id, ref, quota.size_of(work, id, row, earlier))
    if row is not None:
        _, enclosing, context = BODY.unpack_from(row)
        shared.release(work, enclosing)
        shared.release(work, context)
        work.delete(work.t.body, id)
    for key in earlier:
        work.delete(work.t.history, key)
    quota.dropped(work, id, ref)
    reactions.forget(work, id)
    terms = terms_of(work, id)
    terms.live = terms.quiet = False
    # Else what answers it would hang in the air; what its owner took back for another reason, or
    # the operator, leaves no trace of where it stood.
    terms.answered = reason in _DELETED and terms.in_reply_to != NONE and is_answered(work, id)
    relisting.take(work, id, ref, 0)
    set_extra(work, id, dict.fromkeys(("etag", "last_modified", "whole", "form"), ""))
    ref.flags &= ~HAS_BODY
    ref.updated = ref.published = nan
    work.counters.documents -= 1
    changes.log(work, "deleted", id, either(terms.actor, ref.owner), ref.type, at, reason)
