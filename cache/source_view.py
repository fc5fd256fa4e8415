"""From a reference's row to what `explain` says of it as a source of change. Pure; writes nothing.

Invariant: every source has one word that says what decided its interval.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..crawler.protocol.assumptions import PRIOR
from ..crawler.protocol.estimate import rate
from ..crawler.protocol.source import Bound, Kind, Source
from .agenda_rows import source_of
from .ref_layout import Ref

_NEARLY = 1.0 / 500.0  # bounds are kept in half precision, intervals in whole seconds
_DECIDED = {
    Bound.PRICE: "price",
    Bound.FLOOR: "floor",
    Bound.HOST: "host",
    Bound.TURN: "host",
}


@dataclass(frozen=True, slots=True)
class SourceView:
    """See `views.Reference`, whose fields these are."""

    kind: str
    rate: float
    exposure: float
    weight: float
    bound: str
    not_before: float | None


def source_view(ref: Ref) -> SourceView:
    source = source_of(ref)
    kind = Kind(source.kind)
    return SourceView(
        kind=kind.name.lower(),
        rate=rate(source),
        exposure=PRIOR[kind][1] + source.exposure,
        weight=source.weight,
        bound=_bound(source),
        not_before=source.not_before or None,
    )


def _bound(source: Source) -> str:
    planned = source.last + source.interval
    if source.failures and source.due > planned + 1.0:
        return "failures"
    if source.not_before >= planned + 1.0 and abs(source.due - source.not_before) <= 1.0:
        return "max-age"
    outbox = source.kind == Kind.OUTBOX
    if source.shortest >= source.longest:
        return "every" if outbox else "type"
    if source.interval <= source.shortest * (1.0 + _NEARLY):
        return "every" if outbox else "shortest"
    if source.interval >= source.longest * (1.0 - _NEARLY):
        return "every" if outbox else "longest"
    return _DECIDED[Bound(source.bound)]
