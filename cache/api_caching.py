"""How a document is answered as by an HTTP cache: which copy will do, and what is said about it.

Pure: a decision from the record, the request's Cache-Control and `now`. It never makes a stored
copy look fresher than it is. RFC 9111 is followed both ways; a stale copy is served when the
request does not object, and checked behind the answer (RFC 5861). What failed is told again from
the store for a while (`negative`), under the same directives.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..crawler.protocol.times import http_date
from ..errors import TimedOut, Unreachable
from . import pace, shapes
from .api_http import Answer, Directives, FromStore, NotCached, canonical_link, http_date_of
from .document import Document
from .negative import Denial, denial
from .records import Reference, State

# Seconds for which who reads what we have published need not ask again; it changes when we say so.
_OURS = 60


@dataclass(frozen=True, slots=True)
class Serve:
    """The stored copy will do; `check`: ask its origin behind the answer."""

    check: bool


@dataclass(frozen=True, slots=True)
class Fetch:
    """The origin has to be asked first; `why` in the words of RFC 9211 section 2.2."""

    why: str


def decide(
    reference: Reference | None, asked: Directives, now: float, *, doubtful: bool = False
) -> Serve | Fetch:
    """What to do about a request for the document of `reference`.

    `doubtful`: the copy may well be outdated, though its next check is not due. Raises FromStore
    for what is known to be gone, refused or out of reach, and NotCached where only a stored copy
    was wanted and none will do.
    """
    if reference is None:
        verdict: Serve | Fetch = Fetch("uri-miss")
    elif _is_ours(reference):
        verdict = Serve(check=False)
    else:
        verdict = _of_known(reference, asked, now, doubtful)
    if isinstance(verdict, Fetch) and asked.only_if_cached:
        held = "is cached, but not as the request wants it"
        id = reference.id if reference else ""
        raise NotCached(id, "is not in the cache" if verdict.why == "uri-miss" else held)
    if asked.only_if_cached:
        return Serve(check=False)  # whoever asks so wants no request to be made, not even later
    return verdict


def _of_known(reference: Reference, asked: Directives, now: float, doubtful: bool) -> Serve | Fetch:
    verdict: Serve | Fetch = Fetch("uri-miss")
    if shapes.held(reference):
        verdict = _will_do(age_of(reference, now), _staleness(reference, now), asked)
    told = _told(reference, asked, now)
    if isinstance(verdict, Serve):
        return Serve((verdict.check or doubtful) and told is None)
    if told is not None:
        if instead(reference, asked, told.error, now):
            return Serve(check=False)
        raise told
    return verdict


def _is_ours(reference: Reference) -> bool:
    """Whether there is no other origin to ask than ourselves."""
    return reference.verified_by == "local" and shapes.held(reference)


def instead(reference: Reference | None, asked: Directives, error: Exception, now: float) -> bool:
    """Whether a copy will do instead of an error (RFC 5861 section 4): what no origin said, and
    what somebody who says how stale it may be can bear."""
    if asked.stale_if_error is None or not isinstance(error, (Unreachable, TimedOut)):
        return False
    if reference is None or not shapes.held(reference):
        return False
    return _staleness(reference, now) <= asked.stale_if_error


def _staleness(reference: Reference, now: float) -> float:
    """For how long a copy has been stale; negative while it is fresh."""
    return now - (pace.fresh_until(reference) or 0.0)


def _told(reference: Reference, asked: Directives, now: float) -> FromStore | None:
    """The error that the last attempt ended in, where it will do as an answer: a stale one only for
    who takes what is stale, or nothing that is not stored."""
    denied = denial(reference)
    if denied is None:
        return None
    error = from_store(denied, now)
    good = _will_do(error.age, -error.ttl, asked)
    patient = asked.only_if_cached or asked.max_stale is not None
    return error if isinstance(good, Serve) and (patient or not good.check) else None


def from_store(denied: Denial, now: float) -> FromStore:
    """An error that is told again; one without an end is as young as when it was told first."""
    age = 0.0 if denied.at is None else max(now - denied.at, 0.0)
    return FromStore(denied.error, age, denied.lifetime - age)


def _will_do(age: float, staleness: float, asked: Directives) -> Serve | Fetch:
    """Whether something of that age, stale for so long (or fresh, if negative), may be served."""
    if asked.no_cache or (asked.max_age is not None and age > asked.max_age):
        return Fetch("request")
    if asked.min_fresh is not None and -staleness < asked.min_fresh:
        return Fetch("request")
    if staleness < 0:
        return Serve(check=False)
    # A request that speaks of ages accepts a stale copy only as far as its max-stale says
    # (RFC 9111 section 5.2.1.1 and 5.2.1.2); one that says nothing is given what we have.
    speaks = asked.max_age is not None or asked.max_stale is not None
    if speaks and staleness > (asked.max_stale or 0.0):
        return Fetch("stale")
    return Serve(check=True)


def raise_absent(reference: Reference) -> None:
    """For what is known to be gone or refused: the error that says so."""
    denied = denial(reference)
    if denied is not None and reference.state in (State.GONE, State.REFUSED):
        raise denied.error


def age_of(reference: Reference, now: float) -> float:
    """Seconds since the origin served or confirmed the copy (RFC 9111 section 4.2.3)."""
    if reference.verified_by == "local":
        return 0.0
    verified = reference.verified_at or reference.fetched_at or 0.0
    return max(now - verified, 0.0)


def answer(
    document: Document, reference: Reference, cache_status: str, now: float, *, store: bool = True
) -> Answer:
    """The stored copy with everything that there is to say about its age and its proof.

    `store`: whether its reader lets other caches keep it.
    """
    age = int(age_of(reference, now))
    left = _OURS if _is_ours(reference) else int((pace.fresh_until(reference) or now) - now)
    lifetime = max(left + age, 0)
    headers = (
        ("Age", str(age)),
        ("Cache-Control", f"private, max-age={lifetime}" if store else "no-store"),
        ("Cache-Status", f"fedpull; {cache_status}; ttl={lifetime - age}"),
        # Of the content hash, which leaves @context out: hence weak.
        ("ETag", f'W/"{(reference.content_hash or b"").hex()[:32]}"'),
        ("Fedpull-Freshness", shapes.freshness(reference, now) or "stale"),
        ("Fedpull-Verified-By", reference.verified_by or "get"),
        ("Last-Modified", http_date_of(int(_modified(reference, now)))),
        ("Link", canonical_link(reference.id)),
    )
    return Answer(200, document.body, headers=headers)


def _modified(reference: Reference, now: float) -> float:
    """The origin's own word where it can be read, else what it says inside, else our fetch."""
    stated = http_date(reference.last_modified) if reference.last_modified else None
    known = stated or reference.updated or reference.fetched_at or now
    return min(known, now)
