"""How willingly, how often and at what price something is asked again: the plan of a reference.

Pure. It reads bounds from the follow and the configuration, the origin's word from the headers, and
what the reference is worth from its relation to the follow; *when* it is asked is decided in the
agenda, at the present price. Invariant: no header moves a request by more than its clamp.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..cache.records import Plan, State
from .answer import Answer
from .ingest_base import DAY
from .protocol import media
from .protocol.version import Stamp
from .reading import Prior, Reading

# The bounds where the configuration names none: nothing is asked more than once a minute, nothing
# less than once in thirty days.
SHORTEST, LONGEST = 60.0, 30 * DAY
# The origin's `max-age` may put off a poll by a day, anything else by a week; a century is a week.
_PAGE_CLAMP, _DOCUMENT_CLAMP = DAY, 7 * DAY
# What an outdated copy costs, relative to one of the followed actor's own. Who follows somebody
# came for his posts; what he boosts, answers and is answered by is context.
_WEIGHTS: Mapping[str, float] = {
    "boost": 0.3,
    "parent": 0.2,
    "reply": 0.2,
    "author": 0.2,
    "asked": 0.1,
}
# What a usual document and page hold (Mastodon, Pleroma, Misskey), and how far the price of a
# request follows its size: half of it is the request itself.
_DOCUMENT_BYTES, _PAGE_BYTES = 3_000, 30_000
_DEAREST = 3.0
_IF_MODIFIED = 0.5  # with validators, what is unchanged costs no body


def of_document(id: str, stamp: Stamp, reading: Reading, prior: Prior, now: float) -> Plan:
    """The plan of a document that was fetched under its own URL."""
    headers, size = reading.answer.headers, len(reading.answer.body)
    held = prior.states.get(id) is State.RESOLVED
    relation = reading.lease.want.relation
    return _plan(
        stamp.type,
        _weight(relation, held=held),
        prior,
        not_before=media.not_before(headers, now, _DOCUMENT_CLAMP),
        cost=_cost(size, _DOCUMENT_BYTES, media.validators(headers)),
    )


def of_embedded(type: str, relation: str, prior: Prior) -> Plan:
    """The plan of an object that came within a page: its own URL has said nothing yet."""
    return _plan(type, _weight(relation, held=False), prior)


def renewed(prior: Prior, headers: Mapping[str, str], now: float) -> Plan:
    """The plan after a 304: what it is worth is as it was."""
    type = prior.known.type if prior.known is not None else None
    not_before = media.not_before(headers, now, _DOCUMENT_CLAMP)
    return _plan(type or "", None, prior, not_before=not_before, cost=_IF_MODIFIED)


def of_page(answer: Answer, prior: Prior, now: float) -> Plan:
    """The plan of an outbox, within the bounds that its follow sets."""
    every = prior.rules.every if prior.rules is not None else None
    return Plan(
        shortest=every.min if every is not None else SHORTEST,
        longest=every.max if every is not None else LONGEST,
        not_before=media.not_before(answer.headers, now, _PAGE_CLAMP),
        cost=_IF_MODIFIED if answer.not_modified else _cost(len(answer.body), _PAGE_BYTES),
    )


def _plan(
    type: str, weight: float | None, prior: Prior, *, not_before: float = 0.0, cost: float = 1.0
) -> Plan:
    age = prior.ages.age(type)
    if isinstance(age, str):
        return Plan(SHORTEST, LONGEST, not_before, weight, cost)
    return Plan(age, age, not_before, weight, cost)


def _weight(relation: str, *, held: bool) -> float | None:
    """None: as it was. A follow's own post does not count less because somebody answers it, or
    because it was only looked at again."""
    if relation in ("check", "deleted") or (held and relation in _WEIGHTS):
        return None
    return _WEIGHTS.get(relation, 1.0)


def _cost(size: int, usual: int, validators: tuple[str | None, str | None] = (None, None)) -> float:
    if any(validators):
        return _IF_MODIFIED
    return min(0.5 + size / (2 * usual), _DEAREST)
