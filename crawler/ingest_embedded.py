"""What an object that came within another answer is worth, and the record that is kept of it.

Pure. It says whether the object counts as fetched (`protocol.identity`) and may be kept; what
becomes of one that does not is decided where it was found. Invariant: what is kept are the bytes
that the origin of the object served.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..cache.records import Plan, Put
from ..config.model import Follow as Rules
from .describe import put, reads_plainly, refusal, robots_tag_of, types_of
from .protocol.identity import embedded_counts
from .protocol.knock import Form
from .protocol.strictjson import Parsed, written
from .protocol.uri import origin
from .protocol.version import Stamp
from .reading import Reading


@dataclass(frozen=True, slots=True)
class Enclosing:
    """What all objects within one answer share."""

    parsed: Parsed
    url: str
    origin: str
    trusted: bool  # its content type and frame let what it embeds count
    owner: str | None  # whose objects count
    context: bytes | None
    form: Form
    robots_tag: str
    refetch: bool  # the operator wants everything from its own URL


def enclosing(
    reading: Reading, owner: str | None, *, trusted: bool, refetch: bool
) -> Enclosing | None:
    """The answer as what embeds objects; None if it was not read for them."""
    if reading.parsed is None:
        return None
    url, context = reading.answer.final_url, reading.parsed.value.get("@context")
    frame = written(context) if context is not None else None
    form, tag = reading.answer.form, robots_tag_of(reading.answer.headers)
    return Enclosing(reading.parsed, url, origin(url), trusted, owner, frame, form, tag, refetch)


def fetched(around: Enclosing, doc: dict[str, Any]) -> bytes | None:
    """The bytes of an object that counts as fetched: same origin, same owner, ActivityStreams that
    means what plain JSON says. None if it is no more than a hint."""
    if around.refetch or not embedded_counts(around.trusted, around.owner, around.origin, doc):
        return None
    parsed = around.parsed
    body = parsed.slice(doc)
    return body if reads_plainly(doc, body, letters_escaped=parsed.letters_escaped) else None


def objection(
    doc: dict[str, Any], stamp: Stamp, activity: dict[str, Any] | None, rules: Rules | None
) -> str | None:
    """Why an object within this activity is not kept: a reason of the change log, or None."""
    reason = refusal(doc, stamp, activity)
    return "types" if reason is None and unwanted_type(doc, stamp, rules) else reason


def unwanted_type(doc: dict[str, Any], stamp: Stamp, rules: Rules | None) -> bool:
    """Whether a follow with these rules does not keep objects of this one's types."""
    if rules is None or rules.types is None or stamp.kind != "object":
        return False
    return set(rules.types).isdisjoint((stamp.type, *types_of(doc)))


def record(
    around: Enclosing,
    id: str,
    body: bytes,
    doc: dict[str, Any],
    stamp: Stamp,
    follow: str,
    now: float,
    current: float,
    plan: Plan,
    vouched: bool = False,
    activity: dict[str, Any] | None = None,
) -> Put:
    """The record of an object that was `fetched` and meets no `objection`; `current` is when the
    answer around it was, `vouched` whether the `activity` around it is for everybody."""
    return put(
        id,
        body,
        doc,
        stamp,
        at=now,
        verified_at=current,
        plan=plan,
        follow=follow,
        form=around.form,
        robots_tag=around.robots_tag,
        enclosing=around.url,
        context=None if "@context" in doc else around.context,
        vouched=vouched,
        around=activity,
        letters_escaped=around.parsed.letters_escaped,
    )
