"""Why a reference is as it is, in a sentence for a person.

Pure: a function of the record and `now`. It tells what is known and guesses nothing; every state
has its words, so that `explain` never falls silent.
"""

from __future__ import annotations

from .pace import BECAUSE, fresh_until, pace
from .records import Reference, State
from .spans import ago, ahead, every, span

# The change log's one-word reasons, spelled out.
REASONS = {
    "gone": "its origin says that it is gone (410)",
    "tombstone": "its origin left a Tombstone in its place",
    "audience": "it is not addressed to everybody (as:Public)",
    "owner": "its owner lives on another server than the document, which nobody vouches for",
    "types": "its type is not among those that the follow keeps",
    "consent": "its author does not want it kept",
    "unverified": "it could not be verified for too long",
    "forgotten": "the operator had it forgotten",
    "evicted": "it made room for something else",
    "blocked": "its host is blocked",
    "robots": "its host's robots.txt does not allow it",
}


def why(reference: Reference, now: float) -> str:
    """One or two sentences about the state, and about what happens next."""
    match reference.state:
        case State.RESOLVED:
            return _held(reference, now)
        case State.FAILED if reference.fetched_at is not None:
            return _held(reference, now)
        case State.FAILED:
            text = f"Not held: {_failures(reference)}"
        case State.GONE:
            text = f"Gone: {REASONS.get(reference.reason or '', 'its origin no longer has it')}"
        case State.REFUSED:
            text = f"Refused: {_reason(reference)}"
        case State.REDIRECTED:
            return f"Another name for {reference.target or 'an id that is not known any more'}."
        case State.UNKNOWN:
            text = _unknown(reference, now)
    return f"{text}.{_next(reference, now)}"


def _unknown(reference: Reference, now: float) -> str:
    """What is read without being kept (pages, WebFinger answers) has a log all the same."""
    if reference.log:
        last = reference.log[0]
        is_collection = reference.cls == "collection"
        text = "A collection; its pages are read and not kept" if is_collection else "Not held"
        text = f"{text}. Last time, {ago(last.at, now)}: {last.outcome}"
        watched = _watched(reference, now)
        return f"{text}. {watched[0].upper()}{watched[1:]}" if watched else text
    if reference.reason == "evicted":
        return f"Not held any more: {REASONS['evicted']}; whoever asks for it has it fetched anew"
    if reference.last_error:
        return f"Known, but not fetched yet: {_failures(reference)}"
    return "Known, but not fetched yet"


def _held(reference: Reference, now: float) -> str:
    if reference.verified_by == "local":
        return f"Fresh: we have published it ourselves {ago(reference.fetched_at, now)}."
    verified = ago(reference.verified_at, now)
    match reference.verified_by:
        case "embedded":
            around = f" ({reference.enclosing})" if reference.enclosing else ""
            how = f"It came embedded in an answer of its origin{around} {verified}"
        case "304":
            how = f"Its origin confirmed it unchanged {verified}"
        case _:
            how = f"Its origin served it {verified}"
    watched = _watched(reference, now)
    if reference.next_check is None:
        text = f"Stale: {_lower(how)}, and no check is planned."
    elif now >= reference.next_check:
        late = span(now - reference.next_check)
        text = f"Stale: {_lower(how)}, and the next check has been due for {late}"
        text += f"; {watched}." if watched else "."
    elif now >= (fresh_until(reference) or now):
        text = f"Stale: {_lower(how)}; it is asked again {ahead(reference.next_check, now)}."
    elif watched:
        soon = ahead(reference.next_check, now)
        text = f"Fresh: {_lower(how)}; {watched}, next {soon}."
    else:
        soon = ahead(reference.next_check, now)
        text = f"Fresh: {_lower(how)}; the next check is due {soon}."
    if reference.failures:
        text += f" Since then {_failures(reference)}."
    elif reference.last_error:
        text += f" Last time: {reference.last_error}."
    return text


def _watched(reference: Reference, now: float) -> str:
    """Why it is asked as often as it is; empty where nothing asks for it by itself."""
    expected = pace(reference, now)
    if expected is None or not reference.interval:
        return ""
    verb = "read" if reference.kind in ("outbox", "listing") else "checked"
    because = BECAUSE.get(reference.bound or "")
    reason = f" ({because})" if because else ""
    return f"with {expected} it is {verb} {every(reference.interval)}{reason}"


def is_denied(reference: Reference) -> bool:
    """It was never held and has failed: nothing asks again by itself, the failure is believed."""
    return reference.state is State.FAILED and reference.kind is None and bool(reference.log)


def _failures(reference: Reference) -> str:
    count = reference.failures
    tries = "an attempt failed" if count <= 1 else f"{count} attempts failed in a row"
    return f"{tries} ({reference.last_error or 'the reason was not kept'})"


def _reason(reference: Reference) -> str:
    return REASONS.get(reference.reason or "", reference.reason or "for a reason that was not kept")


def _next(reference: Reference, now: float) -> str:
    if reference.next_check is None:
        return ""
    if is_denied(reference):
        left = reference.next_check - now
        if left < 1.0:
            return " The next one to ask for it makes a request."
        return f" For another {span(left)} whoever asks is told so without a request."
    return f" It is looked at again {ahead(reference.next_check, now)}."


def _lower(text: str) -> str:
    return text[0].lower() + text[1:]
