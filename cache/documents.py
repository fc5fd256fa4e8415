"""What a Put does to a reference, its body, its history, its terms and the change log.

Whether a body supersedes what is held is decided by `protocol.version`; this applies it.
Invariant: a reference has HAS_BODY exactly when `body` has its row, and only such a reference's
terms are live. Readers of these rows are in `reading`.
"""

from __future__ import annotations

from ..crawler.protocol.version import Stamp, believable, supersedes
from . import changes, quota, relisting, shared, sources
from .codec import pack
from .index import list_for, terms_of
from .intern import FOLLOW, TYPE, id_of, tag_hash, text_of, word_of
from .layout import (
    BODY,
    CLASS_NUMBER,
    CLASSES,
    NONE,
    STATE_NUMBER,
    U64,
    VERIFIED_NUMBER,
    VERSION,
    from_inverted,
    inverted,
    number,
    short_hash,
    some,
    time_key,
)
from .records import Put, State, Terms
from .ref_layout import HAS_BODY, Ref
from .terms_layout import TermsRow
from .work import Work

# One post has a handful; a hostile one must not get an index entry for each of a thousand.
_MOST_TAGS = 64
_MOST_TYPES = 8
_LONGEST = 2048  # of a URI

# Verdicts of a body that is left alone: what is held is newer, or it is another document's (its
# owner, class or date of birth).
NOT_TAKEN = ("older", "conflict")

_RESOLVED = STATE_NUMBER[State.RESOLVED]
_REFUSED = STATE_NUMBER[State.REFUSED]


def put(work: Work, item: Put) -> str:
    """Keep a body if it supersedes what is held; the verdict of `supersedes`."""
    id = id_of(work, item.id)
    ref = work.ref(id)
    held = stamp_of(work, ref)
    verdict = supersedes(held, item.stamp)
    if verdict == "updated" and held is not None and _lags_behind(work, id, held, item):
        verdict = "older"
    if verdict in NOT_TAKEN:
        # It says nothing of what is held: that is looked at when it was to be looked at anyway.
        if item.verified_by == "get" or verdict == "conflict":
            work.extra(id)["last_error"] = f"not taken: {verdict}"
        return verdict
    ours = item.verified_by == "local"
    if not ours:
        sources.observe(work, id, ref, item, changed=verdict == "updated")
    if verdict == "unchanged":
        _renew(work, id, ref, item)
    else:
        _write(work, id, ref, item, verdict)
    if not ours:
        sources.begin(work, id, ref, item)
    if item.follow:
        _list(work, id, item)
    return verdict


def _lags_behind(work: Work, id: bytes, held: Stamp, item: Put) -> bool:
    """Whether another content is the older one though its stamps do not say so.

    An outbox may list a post as it was sent, without the `updated` of its later edits; a cache may
    hold a page for longer than a document; and a server may write what it embeds differently, so
    that the two forms would take turns. A time in the future was set by a wrong clock.
    """
    stated = item.stamp.updated
    if stated is not None and (held.updated is None or stated > held.updated):
        return False
    if item.verified_by == "embedded" and (
        (stated is None and held.updated is not None)
        or item.stamp.content_hash in _earlier_hashes(work, id)
    ):
        return True
    return sources.validity(item) < work.ref(id).verified_at <= item.fetched_at


def _earlier_hashes(work: Work, id: bytes) -> set[bytes]:
    """What the versions that are kept were recognised by."""
    rows = (work.txn.get(key, None, work.t.history) for key in versions(work, id))
    return {VERSION.unpack_from(row)[3] for row in rows if row is not None}


def stamp_of(work: Work, ref: Ref) -> Stamp | None:
    """The stamp of the body that is held; None when none is."""
    if not ref.has_body:
        return None
    return Stamp(
        content_hash=ref.content_hash,
        # What an older version took at its word would block every later edit.
        updated=believable(some(ref.updated), ref.fetched_at),
        owner=work.ref(ref.owner, change=False).uri if ref.owner != NONE else None,
        published=some(ref.published),
        kind=CLASSES[ref.cls] or "object",
        type=text_of(work, ref.type),
    )


def _write(work: Work, id: bytes, ref: Ref, item: Put, verdict: str) -> None:
    held = ref.has_body
    if held:
        quota.changing(work, id, ref)
        _retire(work, id, ref)
    else:
        work.counters.documents += 1
    terms = terms_of(work, id)  # while the reference is as it was, which they lean on
    enclosing = shared.acquire(work, item.enclosing.encode() if item.enclosing else None)
    context = shared.acquire(work, item.context)
    work.bodies[id] = (enclosing, context, item.body)
    stamp = item.stamp
    ref.state, ref.flags, ref.failures = _RESOLVED, ref.flags | HAS_BODY, 0
    ref.vouch(item.vouched)
    ref.cls = CLASS_NUMBER.get(stamp.kind, CLASS_NUMBER["object"])
    ref.type = word_of(work, TYPE, stamp.type) if stamp.type else NONE
    ref.owner = id_of(work, stamp.owner)
    if not held:
        quota.created(work, id, ref)
    ref.content_hash = stamp.content_hash
    ref.updated, ref.published = number(stamp.updated), number(stamp.published)
    ref.fetched_at, ref.verified_at = item.fetched_at, sources.validity(item)
    ref.verified_by = VERIFIED_NUMBER[item.verified_by]
    _remember(work, id, item, replaced=True)
    _set_terms(work, terms, item)
    relisting.take(work, id, ref, relisting.stated(ref, item, held=held))
    if terms.live:
        relisting.settle(work, id, ref, terms)
    actor = either(terms.actor, ref.owner)
    changes.log(work, verdict, id, actor, ref.type, item.fetched_at)


def _renew(work: Work, id: bytes, ref: Ref, item: Put) -> None:
    # fetched_at stays with the body that is kept: an equal hash is neither a change nor a version.
    ref.state, ref.failures = _RESOLVED, 0
    ref.verified_at = sources.validity(item)
    ref.vouch(item.vouched)
    ref.verified_by = VERIFIED_NUMBER[item.verified_by]
    relisting.take(work, id, ref, relisting.stated(ref, item, held=True))
    _remember(work, id, item, replaced=False)


def _remember(work: Work, id: bytes, item: Put, *, replaced: bool) -> None:
    """The validators of the kept body, and that nothing is wrong any more."""
    held = work.extra(id, change=False)
    direct = item.verified_by == "get"
    form = item.form if item.form != "unsigned" else ""
    tag = item.robots_tag
    if not (held or direct or form or tag):
        return
    keep: dict[str, str] = {}
    if direct:
        whole = str(int(item.fetched_at)) if item.etag or item.last_modified else ""
        keep = {
            "etag": item.etag or "",
            "last_modified": item.last_modified or "",
            "whole": whole,
            "form": form,
        }
    elif replaced:  # the validators of the object's own URL were those of another body
        keep = dict.fromkeys(("etag", "last_modified", "whole"), "")
        keep["form"] = form
    if direct or replaced or tag:  # an object that is embedded came under its page's
        keep["robots_tag"] = tag
    keep["last_error"] = keep["target"] = keep["reason"] = keep["barred"] = ""
    if any(held.get(name, "") != value for name, value in keep.items()):
        set_extra(work, id, keep)


def set_extra(work: Work, id: bytes, values: dict[str, str]) -> None:
    """Set the values that are there and drop the empty ones."""
    held = work.extra(id, change=False)
    if all(held.get(name, "") == value for name, value in values.items()):
        return  # as after nearly every 304: else each would write a row anew
    extra = work.extra(id)
    for name, value in values.items():
        if value:
            extra[name] = value
        else:
            extra.pop(name, None)


def _list(work: Work, id: bytes, item: Put) -> None:
    list_for(work, id, word_of(work, FOLLOW, item.follow), announced=False)


def _set_terms(work: Work, row: TermsRow, item: Put) -> None:
    row.answered = False
    if item.stamp.kind != "object":
        row.live = False
        return
    terms: Terms = item.terms
    row.when = _when(terms.published, item.fetched_at, row.when)
    row.actor, row.in_reply_to = _term(work, terms.actor), _term(work, terms.in_reply_to)
    row.context = short_hash(terms.context) if terms.context is not None else NONE
    row.live = True
    row.types = words_of(work, terms.types)
    row.start = time_key(terms.starts) if terms.starts is not None else NONE
    row.tags = tuple(dict.fromkeys([tag_hash(work, name) for name in terms.tags[:_MOST_TAGS]]))


def words_of(work: Work, types: tuple[str, ...]) -> tuple[bytes, ...]:
    """What stands for types in terms."""
    found = [word_of(work, TYPE, name) for name in types[:_MOST_TYPES]]
    return tuple(dict.fromkeys(word for word in found if word != NONE))


def _term(work: Work, uri: str | None) -> bytes:
    """What a document names is found by, unless the host of that has used up its room for ids."""
    if uri is None or len(uri) > _LONGEST or not quota.may_name(work, uri):
        return NONE
    return id_of(work, uri)


def _when(stated: float | None, fetched_at: float, shown: bytes) -> bytes:
    """The time at which lists show it: as stated, never later than when we first had it.

    Without a stated time, or with one in the future, an edit must not lift it to the top again.
    """
    first = min(from_inverted(shown), fetched_at) if shown != NONE else fetched_at
    return inverted(min(max(stated, 0.0), first) if stated is not None else first)


def _retire(work: Work, id: bytes, ref: Ref) -> None:
    """Move the body that is held into the history, and drop what is beyond its length."""
    row = stored_body(work, id)
    if row is None:
        return
    form, enclosing, context = BODY.unpack_from(row)
    shared.release(work, enclosing)
    shared.release(work, context)
    if work.history > 0:
        key = id + U64.pack(work.counters.last_seq + 1)
        head = VERSION.pack(ref.fetched_at, ref.updated, form, ref.content_hash)
        work.put(work.t.history, key, head + row[BODY.size :])
    kept = work.history
    over = versions(work, id)[: -kept if kept else None]
    quota.shrank(work, id, ref, quota.size_of(work, id, None if kept else row, over))
    for key in over:
        work.delete(work.t.history, key)


def flush(work: Work) -> None:
    """Write the bodies that were put. One behind the other they are packed in two thirds of the
    time: zstd's tables do not leave the processor's cache in between."""
    if work.bodies:
        rows: list[tuple[bytes, bytes]] = []
        for id, (enclosing, context, body) in sorted(work.bodies.items()):
            form, stored = pack(body)
            quota.grew(work, id, len(stored))
            rows.append((id, BODY.pack(form, enclosing, context) + stored))
        work.put_all(work.t.body, rows)
        work.bodies.clear()


def stored_body(work: Work, id: bytes) -> bytes | None:
    """The row of a body, as it stands now."""
    if id in work.bodies:
        flush(work)
    return work.txn.get(id, None, work.t.body)


def versions(work: Work, id: bytes) -> list[bytes]:
    """Keys of an object's earlier bodies, oldest first."""
    cursor = work.txn.cursor(work.t.history)
    keys: list[bytes] = []
    more = cursor.set_range(id)
    while more and (key := cursor.key())[:8] == id:
        keys.append(key)
        more = cursor.next()
    return keys


def either(actor: bytes, owner: bytes) -> bytes:
    return actor if actor != NONE else owner
