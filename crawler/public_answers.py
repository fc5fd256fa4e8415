"""How a public document is answered: to whom as what, with its validators, or 304 instead.

Values in, values out; which document a path has is not known here. Invariants: a 304 says that the
very bytes are held which a 200 would send; no two states have the same date.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from math import floor

from ..cache.api_http import Answer, http_date_of, matches, problem
from .instance_documents import ACTIVITY
from .protocol.times import http_date

HTML = "text/html; charset=utf-8"
VARY = (("Vary", "Accept"),)
_PROGRAMS = frozenset((ACTIVITY, "application/ld+json", "application/json", "application/*", "*/*"))
_PEOPLE = frozenset(("text/html", "application/xhtml+xml", "text/*"))

Headers = tuple[tuple[str, str], ...]


def not_wanted(headers: Mapping[str, str], page: str) -> Answer | None:
    """The answer to who wants no ActivityStreams: people are led to `page`. None: who does."""
    wanted = _wanted(headers.get("accept"))
    if wanted is None:
        return problem(406, "type", f"this is {ACTIVITY} and nothing else", VARY)
    if wanted == "html":
        # GoToSocial and Mastodon do so as well: a person gets what the document's `url` names.
        return Answer(303, b"", HTML, (("Location", page), *VARY))
    return None


def _wanted(accept: str | None) -> str | None:
    """`activity`, `html`, or None for neither: what an Accept header likes best of the two.

    `application/json` and wildcards get the document, as from most servers; between equals the
    document wins, because programs list everything and browsers do not.
    """
    if accept is None or not accept.strip():
        return "activity"
    program = person = 0.0
    # A comma inside the quotes of a profile splits an entry in two: its type still comes first.
    for entry in accept.split(",")[:50]:
        kind, *parameters = (part.strip().lower() for part in entry.split(";"))
        if kind in _PROGRAMS:
            program = max(program, _quality(parameters))
        elif kind in _PEOPLE:
            person = max(person, _quality(parameters))
    if person > program:
        return "html"
    return "activity" if program > 0.0 else None


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 1.0
    return 1.0


def second(changed: float, together: int = 1) -> int:
    """The date of a state. Where several have come about within one second each has one of its own,
    or a 304 for the first of them would hide the others (RFC 9110 section 8.8.2.2)."""
    return floor(changed) + together - 1


def cached(
    body: bytes,
    kind: str,
    headers: Mapping[str, str],
    keeping: str,
    more: Headers = (),
    *,
    modified: int | None = None,
    now: float = 0.0,
    state: bytes | None = None,
) -> Answer:
    """The answer with its validators, or 304 for who has it already. `keeping`: Cache-Control;
    `modified`: as `second` gives it; `state`: what the ETag is made of, if it is of more than these
    bytes."""
    etag = f'"{sha256(body if state is None else state).hexdigest()[:16]}"'
    with_all: Headers = (("Cache-Control", keeping), ("ETag", etag), *more)
    if modified is not None:
        # Never of the future (RFC 9110 section 8.8.2.1): what is, is sent once more, and told then.
        with_all = (*with_all, ("Last-Modified", http_date_of(min(modified, floor(now)))))
    if _held(headers, etag, modified):
        return Answer(304, b"", kind, with_all)
    return Answer(200, body, kind, with_all)


def _held(headers: Mapping[str, str], etag: str, modified: int | None) -> bool:
    """An If-None-Match decides alone (RFC 9110 section 13.1.3)."""
    if (tags := headers.get("if-none-match")) is not None:
        return matches(tags, etag)
    since = http_date(headers.get("if-modified-since", ""))
    return since is not None and modified is not None and modified <= since
