"""From stored rows to what readers get: documents, references, versions. It writes nothing.

Invariant: what is returned is complete in itself; no row is read after the transaction.
"""

from __future__ import annotations

from ..crawler.protocol import listable
from ..crawler.protocol.listable import Verdict
from . import shared
from .codec import unpack
from .document import Document
from .environment import Tables, Txn
from .intern import uri_of, word_text
from .layout import (
    BODY,
    CLASSES,
    NO_HASH,
    STATES,
    VERIFIED,
    VERSION,
    some,
)
from .ref_layout import Ref, is_older, ref_state
from .terms_layout import TermsRow, renewed
from .views import Attempt, Reference, State, Version

# A redirect leads over at most three hops, and each may have left a name behind.
MAX_NAMES = 4


def document(txn: Txn, t: Tables, id: bytes, row: bytes | None = None) -> Document | None:
    """The document of a reference; None when no body is held."""
    stored = txn.get(id, None, t.body)
    if stored is None:
        return None
    if row is None:
        row = txn.get(id, b"", t.ref) or b""
    _, enclosing, context = BODY.unpack_from(stored)
    if row and is_older(row):
        row = renewed(row, txn.get(id, None, t.terms)).pack()
    page = shared.read(txn, t, enclosing)
    return Document(
        row,
        stored,
        page.decode() if page is not None else None,
        shared.read(txn, t, context),
    )


def state(txn: Txn, t: Tables, id: bytes) -> State:
    return STATES[ref_state(txn.get(id, b"\0", t.ref) or b"\0")]


def reference(txn: Txn, t: Tables, id: bytes, *, consent: bool = True) -> Reference:
    """`consent`: for who asks why: whether it may be listed takes another record to tell."""
    import orjson  # documents do without these, and they take their time to load

    from .source_view import source_view

    row = txn.get(id, b"", t.ref) or b""
    ref = renewed(row, txn.get(id, None, t.terms)) if is_older(row) else Ref.unpack(row)
    stored = txn.get(id, None, t.extra)
    extra = orjson.loads(stored) if stored is not None else {}
    body = txn.get(id, None, t.body) if ref.has_body else None
    enclosing = shared.read(txn, t, BODY.unpack_from(body)[1]) if body is not None else None
    source = source_view(ref) if ref.is_source else None
    return Reference(
        id=ref.uri,
        state=STATES[ref.state],
        cls=CLASSES[ref.cls],
        fetched_at=some(ref.fetched_at),
        verified_at=some(ref.verified_at),
        verified_by=VERIFIED[ref.verified_by],
        next_check=next_check(txn, t, id, ref),
        interval=ref.interval or None,
        updated=some(ref.updated),
        published=some(ref.published),
        content_hash=ref.content_hash if ref.content_hash != NO_HASH else None,
        owner=uri_of(txn, t, ref.owner),
        type=word_text(txn, t, ref.type) or None,
        failures=ref.failures,
        etag=extra.get("etag"),
        last_modified=extra.get("last_modified"),
        last_error=extra.get("last_error"),
        target=extra.get("target"),
        reason=extra.get("reason"),
        enclosing=enclosing.decode() if enclosing is not None else None,
        form=extra.get("form", "unsigned") if ref.has_body else None,
        barred=extra.get("barred"),
        robots_tag=extra.get("robots_tag") if ref.has_body else None,
        vouched=ref.vouched,
        kind=source.kind if source is not None else None,
        rate=source.rate if source is not None else None,
        exposure=source.exposure if source is not None else None,
        weight=source.weight if source is not None else None,
        bound=source.bound if source is not None else None,
        not_before=source.not_before if source is not None else None,
        consent=_consent(txn, t, ref) if consent and ref.has_body else None,
        leads_on=listable.leads_on(ref.consent),
        log=tuple(Attempt(*line) for line in extra.get("log", ())),
    )


def _consent(txn: Txn, t: Tables, ref: Ref) -> Verdict | None:
    """Whether lists across actors show it, or what it wrote, and on what that stands."""
    if CLASSES[ref.cls] == "actor":
        return listable.on_actor(ref.consent)
    if CLASSES[ref.cls] != "object":
        return None
    author = txn.get(TermsRow.unpack(ref).actor, None, t.ref)
    return listable.on_object(ref.consent, Ref.unpack(author).consent if author is not None else 0)


def next_check(txn: Txn, t: Tables, id: bytes, ref: Ref) -> float | None:
    """When it is asked again: by the queue, where that is about to, else as the agenda planned."""
    if ref.is_source and not ref.placed:
        from .sources import queued_for

        row = queued_for(txn, t, id, ref.kind)
        if row is not None and not row.parked:
            return row.due
    return ref.next_check


def history(txn: Txn, t: Tables, id: bytes) -> list[Version]:
    """Earlier versions, newest first."""
    found: list[Version] = []
    cursor = txn.cursor(t.history)
    more = cursor.set_range(id)
    while more and cursor.key()[:8] == id:
        row = cursor.value()
        fetched_at, updated, form, content_hash = VERSION.unpack_from(row)
        body = unpack(form, row[VERSION.size :])
        found.append(Version(fetched_at, some(updated), content_hash, body))
        more = cursor.next()
    return found[::-1]
