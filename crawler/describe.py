"""What the store needs to know of a document besides its bytes: its version stamp and index terms.

Pure. It reads plain JSON only and decides one thing: whether a document may be kept at all
(`refusal`), by its audience. Nothing here looks at what was known before.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson

from ..cache.records import Plan, Put, Terms
from ..errors import BadInput
from .protocol import activitystreams as as2
from .protocol import consent, media, vocabulary
from .protocol.knock import Form
from .protocol.robots_tag import directives
from .protocol.strictjson import written
from .protocol.times import rfc3339
from .protocol.version import Stamp, believable, content_hash
from .protocol.vocabulary import AS2_TYPES

# Two patterns, each with a beginning that is searched for in one go: one pattern for both tried
# each byte, which took a quarter of the time that an object of a page took to be read.
_HIDDEN = re.compile(rb'"b(?:to|cc)"')
# A small letter that is escaped, which nobody has to: it could be one of these.
_LETTER = re.compile(rb"\\u00[67]")


def stamp_of(document: dict[str, Any], now: float, context: bytes | None = None) -> Stamp:
    """The version of a document, as the store compares it with the one it holds. `context`: of the
    answer that it was embedded in."""
    kind = as2.class_of(document)
    return Stamp(  # by position, as those below: of each page there are twenty of each
        content_hash(document, kind),
        believable(as2.updated(document), now),
        as2.owner(document, kind),
        as2.published(document),
        kind,
        next(iter(types_of(document, context)), ""),
    )


def types_of(document: dict[str, Any], context: bytes | None = None) -> tuple[str, ...]:
    """The types under which a document is found."""
    plain = document.get("type")
    if isinstance(plain, str) and plain in AS2_TYPES:  # what nearly all documents are
        return (plain,)
    return vocabulary.types_of(document, orjson.loads(context) if context is not None else None)


def terms_of(document: dict[str, Any], stamp: Stamp, context: bytes | None = None) -> Terms:
    """What an object is indexed by; nothing for what is not an object."""
    if stamp.kind != "object":
        return Terms()
    return Terms(
        stamp.owner,
        types_of(document, context),
        as2.hashtags(document),
        as2.in_reply_to(document),
        as2.context_of(document),
        stamp.published,
        rfc3339(document["startTime"]) if "startTime" in document else None,
    )


def refusal(
    document: dict[str, Any],
    stamp: Stamp,
    around: dict[str, Any] | None = None,
    *,
    vouched: bool = False,
) -> str | None:
    """Why a document may not be kept: one of the change log's reasons, or None.

    Only what is addressed to as:Public is kept. The audience is `to`, `cc` and `audience` of the
    object, else of the verified activity `around` it (`vouched`: one was seen before, and was for
    everybody); neither means refused. Actors and collections have no audience.
    """
    if stamp.kind in ("actor", "collection"):
        return None
    public = as2.is_for_all(document)
    if not public and (vouched or around is not None) and states_no_audience(document):
        public = vouched if around is None else as2.is_for_all(around)
    if not public or (stamp.kind == "activity" and _hides_something(document)):
        return "audience"
    return None


def _hides_something(activity: dict[str, Any]) -> bool:
    """Whether an activity for everybody embeds what is not: its body would give that away."""
    inside = as2.as_list(activity.get("object"))
    while inside:
        doc = inside.pop()
        if not isinstance(doc, dict) or as2.class_of(doc) in ("actor", "collection"):
            continue
        audience = as2.audience(doc)
        if audience.stated and not audience.public and not as2.is_tombstone(doc):
            return True
        inside = [*inside, *as2.as_list(doc.get("object"))]
    return False


def reads_plainly(
    document: dict[str, Any], body: bytes | None, *, letters_escaped: bool = True
) -> bool:
    """Whether an embedded object may be read as plain JSON (its terms mean what they say).

    Only keywords can give terms another meaning. Where the bytes hold none, and no escape that
    could spell one, there is nothing to look for.
    """
    if body is not None and letters_escaped and b'"@' not in body and b"\\u0040" not in body:
        return True
    if body is not None and not letters_escaped and not as2.holds_keywords(body):
        return True
    try:
        as2.check_terms(document)
    except BadInput:
        return False
    return True


def _without_hidden(value: Any) -> Any:
    """Without the addressees that its server should have taken out (ActivityPub section 6): the
    one case in which a body is not kept as it was served."""
    if isinstance(value, dict):
        kept = ((key, one) for key, one in value.items() if key not in ("bto", "bcc"))
        return {key: _without_hidden(one) for key, one in kept}
    return [_without_hidden(one) for one in value] if isinstance(value, list) else value


def put(
    id: str,
    body: bytes,
    document: dict[str, Any],
    stamp: Stamp,
    *,
    at: float,
    verified_at: float | None = None,
    plan: Plan = Plan(),  # noqa: B008 (frozen)
    follow: str = "",
    headers: Mapping[str, str] | None = None,
    form: Form = "unsigned",
    robots_tag: str = "",
    enclosing: str | None = None,
    context: bytes | None = None,
    vouched: bool = False,
    around: dict[str, Any] | None = None,
    letters_escaped: bool = True,
) -> Put:
    """The record to store. With `headers` it came under its own URL, with `enclosing` the body is
    a slice of the answer from that URL, perhaps within the activity `around`."""
    if _HIDDEN.search(body) or (letters_escaped and _LETTER.search(body)):
        shown = _without_hidden(document)
        body = body if shown == document else written(shown)
    etag, modified = media.validators(headers) if headers is not None else (None, None)
    if headers is not None:
        robots_tag = robots_tag_of(headers)
    changed = stamp.updated
    if changed is None and headers is not None:
        changed = media.last_modified(headers, at)
    return Put(
        id,
        body,
        stamp,
        terms_of(document, stamp, context),
        at,
        "embedded" if enclosing else "get",
        enclosing,
        context,
        etag,
        modified,
        follow,
        verified_at,
        changed if changed is None else min(changed, at),
        form,
        robots_tag,
        stamp.kind == "object" and (vouched or states_no_audience(document)),
        consent.read(document, stamp.kind, around, robots_tag),
        plan,
    )


def robots_tag_of(headers: Mapping[str, str]) -> str:
    """What an answer asks of robots, in few words."""
    return ", ".join(directives(headers.get("x-robots-tag")))


def states_no_audience(document: dict[str, Any]) -> bool:
    """Whether it leaves it to its activity to say whom it is for."""
    get = document.get
    return get("to") is None and get("cc") is None and get("audience") is None
