"""What follows from no answer, or from one that says no: when to try again, and what to tell.

Pure. A failure carries no information about changes: what is held stays as it is, until the origin
says that it is gone (410, a Tombstone) or has said 404 three times over at least a week.
"""

from __future__ import annotations

from dataclasses import replace

from ..cache.records import Cause, Follow, Kind, Lease, Mark, Outcome, State, Want
from . import ingest_thread, ingest_visit
from .answer import Answer, FetchFailed
from .host_reports import reports
from .ingest_base import DAY, GONE_AGAIN, gone, lease_of, told
from .ingest_page import missing_page
from .protocol import media
from .reading import Prior, Reading

MINUTE = 60.0
# What a follow cannot do without is asked again for as long as it is followed; the rest is given up
# after a handful of tries (whoever mentions it next wants it again).
ESSENTIAL = frozenset({"handle", "confirm", "actor", "outbox"})
_TRIES = 4
# A thread whose server is down for a day is not mentioned again, and stays of interest for a month.
_THREAD_TRIES = 7
_ESSENTIAL_RETRY = (5 * MINUTE, DAY)
_OTHER_RETRY = (60 * MINUTE, 7 * DAY)
# 404 may be temporary (a server being moved, a cache in front): gone only after three over a week.
_MISSING_TRIES = 3
_MISSING_SPAN = 7 * DAY
# Whoever asks on demand has his answer; what is only looked at again, the agenda backs off.
_NO_RETRY = frozenset({"asked", "check"})
_OPEN = frozenset({State.UNKNOWN, State.FAILED})
_BARRED = _OPEN | {State.REFUSED}


def failure(lease: Lease, failed: FetchFailed, prior: Prior, now: float) -> Outcome:
    """No usable answer came for `lease`."""
    base = Outcome(
        at=now,
        lease=lease,
        follow_was=prior.follow,
        hosts=reports(failed, now, page=lease.want.kind is Kind.PAGE),
    )
    if failed.again is not None:
        return barred(base, prior, failed.reason, failed.again)
    if failed.kind == "refused":
        return _leads_away(base, prior, failed.reason)
    word = "timeout" if failed.timed_out else "unreachable"
    return unusable(base, prior, failed.reason, status=failed.status, word=word)


def barred(base: Outcome, prior: Prior, reason: str, until: float) -> Outcome:
    """A robots.txt does not allow it, and is looked at again `until` then. What is held stays: its
    origin has not said that it is to go."""
    want, known = lease_of(base).want, prior.known
    done = unusable(base, prior, reason, status=None, word="refused")
    stands = known is not None and known.state not in _BARRED
    marks = tuple(
        one if stands else replace(one, state=State.REFUSED, reason="robots", barred=until)
        for one in done.marks
    )
    wants = tuple(
        replace(one, due=max(one.due, until)) if one.attempts > want.attempts else one
        for one in done.wants
    )
    return replace(done, marks=marks, wants=wants)


def _leads_away(base: Outcome, prior: Prior, reason: str) -> Outcome:
    """It led to what is blocked or forgotten, where nobody goes. Asking again does not help; what
    is held stays until it could not be verified for too long."""
    want, known = lease_of(base).want, prior.known
    done = unusable(base, prior, reason, status=None, word="refused")
    if want.relation not in ESSENTIAL:
        done = replace(done, wants=())
    if known is not None and known.state not in _BARRED:
        return done
    verdict = reason.partition(":")[0]
    marks = (replace(one, state=State.REFUSED, reason=verdict) for one in done.marks)
    return replace(done, marks=tuple(marks))


def status(base: Outcome, reading: Reading, prior: Prior) -> Outcome:
    """A complete answer with a status other than 200, or a 304 to what was no question."""
    lease, code = lease_of(base), reading.answer.status
    want = lease.want
    if code in (429, 503):
        # The host is paused by its report; the row stays as it was, this was not a try.
        marks = () if want.kind is Kind.PAGE else (Mark(want.uri, error=f"status {code}"),)
        again = (replace(want, due=base.at),)
        return told(replace(base, marks=marks, wants=again), code, "asked to wait")
    if reading.answer.interrupted:
        # It was asked in one form or two, and there was no time for the others: they come now.
        again = (replace(want, due=base.at),)
        return told(replace(base, wants=again), code, "wants a signature, knocking goes on")
    if want.kind is Kind.PAGE and code in (400, 404, 410):
        missing = missing_page if want.relation == "outbox" else ingest_thread.missing_page
        ended = missing(base, reading, prior)
        if ended is not None:
            return ended
    if code == 410 and want.kind is Kind.DOCUMENT:
        return _gone(base, prior, code)
    if code == 404 and want.kind is Kind.DOCUMENT:
        # Where its owner has said so, one is enough.
        return (_gone if want.relation == "deleted" else _missing)(base, prior, code)
    if code == 404 and want.kind is Kind.FINGER:
        return unusable(base, prior, "status 404", status=404, word="not found")
    reason = f"status {code}"
    if code == 304:
        reason = "status 304, though nothing was said to be held"
    if code in (401, 403):
        reason = f"status {code}: {_locked_out(reading.answer)}"
    return unusable(base, prior, reason, status=code)


def _locked_out(answer: Answer) -> str:
    """What a refusal of ours comes to, and what an operator can do about it."""
    if not answer.signs:
        return "the server wants a signature, which needs `identity`, or does not want us"
    apart = media.clock_apart(answer.headers, answer.at)
    if abs(apart) > media.CLOCKS_APART:
        way = "ahead of" if apart > 0 else "behind"
        return f"a signature has a time, and our clock is {abs(apart):.0f} s {way} the server's"
    if answer.form == "unsigned" or any(hop.failed for hop in answer.hops):
        return "no signature of ours was accepted: it cannot read our actor, or does not want us"
    return f"refused though signed ({answer.form})"


def unusable(
    base: Outcome, prior: Prior, reason: str, *, status: int | None, word: str = "unreachable"
) -> Outcome:
    """Nothing could be stored, for `reason`: note it, and try again later where that can help."""
    want = lease_of(base).want
    if (other := ingest_thread.given_up(base, prior)) is not None:
        return told(other, status, f"{word}: {reason}")
    wants = _again(lease_of(base), base.at)
    if want.relation == "parent":
        wants += ingest_thread.instead(base, prior)
    marks: tuple[Mark, ...] = ()
    if want.relation in ingest_thread.LISTINGS and want.scheduled:
        marks = (Mark(want.uri, error=reason, failed=True, missing=status == 404),)
        wants = ()  # the agenda asked, and backs off
    elif want.kind is not Kind.PAGE:
        state, missing = _failed_state(prior), status == 404
        marks = (Mark(want.uri, state, error=reason, failed=True, missing=missing),)
    elif (root := ingest_visit.from_the_root(lease_of(base), base.at)) is not None:
        base = replace(base, walk=root.to_json(), walk_url=root.next)
    elif want.relation == "outbox" and status in (404, 410) and prior.follow is not None:
        wants = _without_outbox(want, prior, prior.follow, wants, base.at)
    if want.kind is Kind.PAGE and not wants:
        base = ingest_thread.cut_short(base, prior)
    done = replace(base, wants=wants, marks=marks, follow=_note(prior, want, reason))
    return told(done, status, f"{word}: {reason}")


def _without_outbox(
    want: Want, prior: Prior, follow: Follow, wants: tuple[Want, ...], now: float
) -> tuple[Want, ...]:
    """An outbox that is not there any more may have lost its actor: who has moved, or is gone, says
    so itself. Without an actor it is asked for as seldom as that is."""
    if follow.actor is None or follow.once:
        return wants
    if prior.states.get(follow.actor) is State.GONE:
        return (replace(want, due=now + GONE_AGAIN, cause=Cause.NEW, attempts=0, scheduled=True),)
    return (*wants, Want(follow.actor, Kind.DOCUMENT, Cause.NEW, now, want.follow, "actor"))


def _gone(base: Outcome, prior: Prior, code: int) -> Outcome:
    want = lease_of(base).want
    reason = f"status {code}"
    marks = (gone(want.uri, "gone", reason),)
    return told(replace(base, marks=marks, follow=_note(prior, want, reason)), code, "gone")


def _missing(base: Outcome, prior: Prior, code: int) -> Outcome:
    misses = _misses(prior)
    if len(misses) + 1 >= _MISSING_TRIES and base.at - min(misses) >= _MISSING_SPAN:
        return _gone(base, prior, code)
    return unusable(base, prior, f"status {code}", status=code, word="not found")


def _misses(prior: Prior) -> list[float]:
    """When the origin has said 404 since it last had the document; other failures say nothing."""
    found = []
    for line in prior.known.log if prior.known else ():
        if line.status == 404:
            found.append(line.at)
        elif line.status in (200, 304):
            break
    return found


def _failed_state(prior: Prior) -> State | None:
    """A copy that we hold stays resolved while its origin fails, and what the origin has said of
    it stands; what we never had is failed."""
    known = prior.known
    return State.FAILED if known is None or known.state in _OPEN else None


def _again(lease: Lease, now: float) -> tuple[Want, ...]:
    want = lease.want
    if want.relation in _NO_RETRY:
        return ()
    begins = want.relation in ingest_thread.LISTINGS and lease.walk is None
    tries = _THREAD_TRIES if begins else _TRIES
    shortest, longest = _ESSENTIAL_RETRY if want.relation in ESSENTIAL else _OTHER_RETRY
    attempts = want.attempts + 1
    if want.relation not in ESSENTIAL and attempts >= tries:
        return ()
    wait = min(shortest * 4 ** (attempts - 1), longest)
    cause = max(want.cause, Cause.REFRESH)
    return (replace(want, due=now + wait, attempts=attempts, cause=cause),)


def _note(prior: Prior, want: Want, reason: str) -> Follow | None:
    if prior.follow is None or want.relation not in ESSENTIAL:
        return None
    return replace(prior.follow, last_error=f"{want.uri}: {reason}")
