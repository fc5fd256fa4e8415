"""What goes with an actor that is gone: the documents that it had posted.

Pure but for what it is given to look up in. Invariant: an outcome that ends an actor is applied
only when nothing of the actor's is held any more.
"""

from __future__ import annotations

from ..cache.ports import Query
from ..cache.records import ObjectFilter, Outcome, State
from .ingest_base import gone


def clearing(outcome: Outcome, query: Query, most: int) -> Outcome | None:
    """The next step before `outcome` may be applied; None: nothing stands in its way."""
    for mark in outcome.marks:
        if mark.state is not State.GONE:
            continue
        known = query.reference(mark.id)
        if known is None or known.cls != "actor":
            continue
        posted, _ = query.objects(ObjectFilter(actor=mark.id, unasked=True), most)
        if posted:
            marks = tuple(gone(document.id, "gone") for document in posted)
            return Outcome(outcome.at, marks=marks)
    return None
