"""Bringing the rows of an older schema up to date, a batch at a time while the store is in use.

Every row says which format it has, so readers and the writer need not wait for it, and a
kill costs nothing: how far it has come stands in `meta` and is written with each batch. It plans
nothing: what was never a source of change is made one by the sweep. Before schema 4 nobody had
looked whether what is held may be listed, and before schema 5 under which name its types are
found and when it takes place: that is read from the bodies. Schema 6 has changed mail only, which
is rewritten at once, in the first transaction. Invariant: when the mark in
`meta` is gone, no row of an older format is left.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future

import orjson

from ..crawler.protocol import consent, listable, vocabulary
from ..crawler.protocol.strictjson import parse_object
from ..crawler.protocol.times import rfc3339
from . import documents, follower_parts, index, outbound_older, quota, relisting, shared
from .codec import unpack
from .environment import MIGRATING, MIGRATING_FROM
from .intern import TYPE, text_of, word_of
from .layout import BODY, CLASSES, NONE, time_key
from .ref_layout import Ref, is_older
from .terms_layout import TermsRow
from .work import Work

# A commit of some 50 ms, which other jobs can wait for.
BATCH = 500
_CONSENT = 4  # the schema from which on it is known whether what is held may be listed
_REFERENCES = 5  # the one from which on the rows of references are as they are
# A document that has a start says so in one of these ways; only such a one is parsed.
_STARTS = (b"startTime", b"\\u00")


def step(work: Work, most: int = BATCH) -> bool:
    """Rewrite the next rows; whether there are more of them."""
    done = work.txn.get(MIGRATING, None, work.t.meta)
    if done is None:
        return False
    schema = int(work.txn.get(MIGRATING_FROM, b"1", work.t.meta) or b"1")
    if not done:
        outbound_older.renew(work)
        follower_parts.build(work)
        if schema >= _REFERENCES:
            return _over(work)
        quota.count_anew(work)
        for _, follow in work.txn.cursor(work.t.follow):
            relisting.followed(work, relisting.reads(orjson.loads(follow)), True)
    cursor = work.txn.cursor(work.t.ref)
    more = cursor.set_range(done or NONE)
    for _ in range(most):
        if not more:
            quota.end_counting(work, _count)
            return _over(work)
        done, row = cursor.item()
        if is_older(row):
            work.ref(done)  # loaded to be changed, so it is written back as rows are written now
        _renew(work, done, schema)
        _count(work, done)
        more = cursor.next()
    work.put(work.t.meta, MIGRATING, done)
    return True


def _over(work: Work) -> bool:
    work.delete(work.t.meta, MIGRATING)
    work.delete(work.t.meta, MIGRATING_FROM)
    return False


def _count(work: Work, id: bytes) -> None:
    """What is held of its host's quota. The row is loaded; the mark is still before it."""
    stored, earlier = documents.stored_body(work, id), documents.versions(work, id)
    size = quota.size_of(work, id, stored, earlier)
    quota.count_stored(work, id, size)


def _renew(work: Work, id: bytes, schema: int) -> None:
    """What its body says is read where that was not done in its time."""
    ref = work.ref(id, change=False)
    kind = CLASSES[ref.cls]
    row = documents.stored_body(work, id) if ref.has_body and kind is not None else None
    if row is None:
        _rename(work, id, ref)
        return
    body = unpack(row[0], row[BODY.size :])
    if kind == "object":
        terms = index.terms_of(work, id)
        plain = _is_plain(work, ref, terms)
        if not plain or any(word in body for word in _STARTS):
            _read_terms(work, id, terms, body, BODY.unpack_from(row)[2])
    else:
        _rename(work, id, ref)
    if schema < _CONSENT and kind in ("actor", "object"):
        _read_consent(work, id, ref, kind, body)


def _is_plain(work: Work, ref: Ref, terms: TermsRow) -> bool:
    """Whether all its types are ActivityStreams' own, which are called what they were called."""
    types = (ref.type, *terms.types)
    return all(text_of(work, type) in vocabulary.AS2_TYPES for type in types)


def _rename(work: Work, id: bytes, ref: Ref) -> None:
    """The type of what has no terms to be found by, by the name alone."""
    text = text_of(work, ref.type)
    name = vocabulary.type_named(text)
    if name != text:
        index.terms_of(work, id)  # while the reference is as it was, which they lean on
        work.ref(id).type = word_of(work, TYPE, name)


def _read_terms(work: Work, id: bytes, terms: TermsRow, body: bytes, around: bytes) -> None:
    document = parse_object(body)
    context = shared.read(work.txn, work.t, around)
    types = vocabulary.types_of(document, orjson.loads(context) if context is not None else None)
    found = documents.words_of(work, types)
    start = rfc3339(document.get("startTime"))
    terms.start = time_key(start) if start is not None else NONE
    if found != terms.types:
        terms.types = found
        work.ref(id).type = found[0] if found else NONE


def _read_consent(work: Work, id: bytes, ref: Ref, kind: str, body: bytes) -> None:
    """What the header and the activity that came with it said then is known when it comes again;
    of what has come since, the header's word stands there already."""
    flags = consent.read(parse_object(body), kind) | ref.consent & listable.ROBOTS
    if flags != ref.consent & ~listable.STANDING:
        relisting.take(work, id, work.ref(id), flags)
    relisting.judge(work, id)


def go_on(submit: Callable[[Callable[[Work], bool]], Future[bool]]) -> None:
    """Migrate what is left, between the writer's other jobs; without any, one look."""

    def again(future: Future[bool]) -> None:
        # A failure or a closed writer ends it here; the next opening goes on from the mark.
        if not future.cancelled() and future.exception() is None and future.result():
            go_on(submit)

    submit(step).add_done_callback(again)
