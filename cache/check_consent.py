"""The audit of consent: that lists show what may be listed; a continuation of `check`.

The same rules. What only the answer that brought a document said (its header, the activity around
it) is not to be seen any more, so that it is taken as noted. What is being judged anew, after an
actor has changed or while an older store is brought up to date, is passed over.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from ..crawler.protocol import consent, listable
from .environment import MIGRATING, Tables, Txn
from .intern import find_id, uri_of
from .layout import CLASSES, NONE
from .records import Finding
from .ref_layout import Ref
from .relisting import reads
from .terms_layout import terms_in

_NOT_ITS_OWN = listable.STANDING | listable.ROBOTS


def flags(txn: Txn, t: Tables, ref: Ref, document: dict[str, Any]) -> Iterator[Finding]:
    """Whether a reference's flags are what its document says."""
    if _migrates(txn, t):
        return
    hidden = _NOT_ITS_OWN | listable.UNLISTED * ref.vouched
    said = consent.read(document, CLASSES[ref.cls] or "")
    if (said ^ ref.consent) & ~hidden:
        yield Finding("ref", ref.uri, "does not want of lists what its document says")


def check(txn: Txn, t: Tables) -> Iterator[Finding]:
    """Whether what is followed is known to be, and what is quiet has to be."""
    if _migrates(txn, t):
        return
    read = {reads(orjson.loads(row)) for _, row in txn.cursor(t.follow)} - {None}
    followed = {find_id(txn, t, actor) for actor in read if actor is not None}
    waits = set(txn.cursor(t.relisting).iternext(values=False))
    authors: dict[bytes, int] = {NONE: 0}
    for id, row in txn.cursor(t.ref):
        ref = Ref.unpack(row)
        if bool(ref.consent & listable.FOLLOWED) != (id in followed):
            yield Finding("ref", ref.uri, "is followed and does not say so, or the reverse")
        terms = terms_in(txn, t, id, row)
        if not terms.live or terms.actor in waits:
            continue
        author = authors.get(terms.actor)
        if author is None:
            if len(authors) > 100_000:
                authors = {NONE: 0}
            author = authors[terms.actor] = Ref.unpack(
                txn.get(terms.actor, b"", t.ref) or b""
            ).consent
        if terms.quiet == listable.may_be_listed(ref.consent, author):
            subject = uri_of(txn, t, id) or ""
            yield Finding("index", subject, "is listed and should not be, or the reverse")


def _migrates(txn: Txn, t: Tables) -> bool:
    return txn.get(MIGRATING, None, t.meta) is not None
