"""Which form of signature to knock with, and what a host's answer teaches: a pure decision.

It signs nothing, sends nothing and keeps nothing: the memory of a host comes in, the next form and
the new memory come out. Invariants: a form that failed is not knocked with again, at whatever URL,
before a day without failures, so that a host sees no more of them a day than the ladder has rungs;
nothing is believed for longer than BELIEVED; only a refusal makes it climb, a 404 never does.

    unsigned -> cavage -> cavage-bare -> rfc9421        (an Accept-Signature leads to the last one)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

Form = Literal["unsigned", "cavage", "cavage-bare", "rfc9421"]

# Unsigned first: nine of eleven servers answer that, CDNs can cache it, and a few that are open
# refuse a signature of a form that they dislike. Then the form that all read which demand one; the
# same without the query, which Fedify leaves out when it verifies (Misskey and PeerTube as well).
LADDER: tuple[Form, ...] = get_args(Form)

_CAVAGE: tuple[Form, ...] = ("cavage", "cavage-bare")

DAY = 86_400.0
BELIEVED = 7 * DAY  # then it is asked without a signature again: it may not want one any more
LEFT_ALONE = DAY
_SLACK = 3_600.0  # by which a clock may have been set back since
LONGEST_CHALLENGE = 512  # an Accept-Signature that is remembered; those seen have 60 to 120 bytes

_UNSIGNED_REFUSED = (401, 403)
# activitypub-bot and Fedify answer 500 to a signature that they cannot read, onepage 400.
_KNOCK_FAILED = (400, 401, 403, 500)
# What a form that has worked here meets: 403 and 500 are about the document now, not the form.
_FORM_REFUSED = (400, 401)
_WORKED = (200, 304)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one host ("host:port") that was asked with our identity.

    `form` answers GETs, `post` deliveries; None: not known. `failed` are the forms that were
    refused, each once, the last of them at `since`.
    """

    form: Form | None = None
    until: float = 0.0
    failed: tuple[Form, ...] = ()
    since: float = 0.0
    challenge: str = ""  # its Accept-Signature, when that is what rfc9421 answers
    post: Form | None = None
    post_until: float = 0.0


@dataclass(frozen=True, slots=True)
class Step:
    """What one answer comes to: `next` is the form to knock with again, None when this was the
    last word; `known` the memory as it is now, None where it is as it was. `refused`: it was about
    the form, or about us."""

    next: Form | None = None
    known: Known | None = None
    refused: bool = False


NOTHING = Known()
_AS_IT_WAS = Step()


def fresh(known: Known | None, now: float) -> Known:
    """Memory without what is too old to be believed, or was learnt by a clock that was ahead."""
    if known is None:
        return NOTHING
    if known.form is not None and not _believable(known.until, now):
        known = replace(known, form=None, until=0.0, challenge="")
    if known.failed and not -_SLACK < now - known.since < LEFT_ALONE:
        known = replace(known, failed=(), since=0.0)
    if known.post is not None and not _believable(known.post_until, now):
        known = replace(known, post=None, post_until=0.0)
    return known


def _believable(until: float, now: float) -> bool:
    return 0.0 < until - now <= BELIEVED + _SLACK


def settled(known: Known) -> bool:
    """Whether it is known how to begin; else one request goes alone, and the others wait for it."""
    return known.form is not None or _rungs_left(known) == ()


def opening(known: Known) -> Form:
    """The form to begin with, by memory that is `fresh`. A ladder that was interrupted goes on;
    one that led nowhere leaves the host with unsigned requests."""
    if known.form is not None:
        return known.form
    left = _rungs_left(known)
    return left[0] if left else "unsigned"


def after(
    known: Known,
    form: Form,
    status: int,
    now: float,
    challenge: str = "",
    *,
    query: bool = True,
) -> Step:
    """What the answer `status` to a GET in `form` means.

    `challenge`: the Accept-Signature that came with it, if it asks for what we would sign. `query`:
    whether the URL has one, without which the two forms of cavage are the same bytes.
    """
    if status in _WORKED:
        worked = _worked(known, form, now)
        return _AS_IT_WAS if worked is None else Step(known=worked)
    if status not in _refusals(known, form):
        return _AS_IT_WAS
    now_known = known
    tried = (form,) if query or form not in _CAVAGE else _CAVAGE
    if new := tuple(one for one in tried if one not in known.failed):
        now_known = replace(known, failed=(*known.failed, *new), since=now)
    left = _rungs_left(now_known)
    following = _above(form, left)
    if challenge and "rfc9421" in left:
        following = "rfc9421"
        now_known = replace(now_known, challenge=challenge[:LONGEST_CHALLENGE])
    return Step(following, None if now_known is known else now_known, refused=True)


def interrupted(known: Known) -> Known:
    """The memory of a ladder that ran out of time: the next try goes on where it ended."""
    return replace(known, form=None, until=0.0)


def is_refused(status: int) -> bool:
    """Whether the answer to a signed request may be about its form."""
    return status in _KNOCK_FAILED


def opening_post(known: Known) -> Form:
    """The form of a delivery, which is always signed; an inbox has no query to leave out."""
    if known.post is not None:
        return known.post
    return "rfc9421" if known.form == "rfc9421" else "cavage"


def other_scheme(form: Form) -> Form:
    return "cavage" if form == "rfc9421" else "rfc9421"


def knocks_again(status: int) -> bool:
    """Whether a delivery that got `status` is sent once more, with the other scheme: never on 403,
    404, 410 or what is the server's own trouble."""
    return status in _FORM_REFUSED


def posted(known: Known, form: Form, status: int, now: float) -> Known | None:
    """The memory after a delivery in `form`; None where it is as it was."""
    if not 200 <= status < 300 or form == opening_post(known):
        return None
    return replace(known, post=form, post_until=now + BELIEVED)


def _refusals(known: Known, form: Form) -> Sequence[int]:
    if form == "unsigned":
        return _UNSIGNED_REFUSED
    return _FORM_REFUSED if form == known.form else _KNOCK_FAILED


def _worked(known: Known, form: Form, now: float) -> Known | None:
    # No answer moves its end, or a host that was opened would be asked signed for ever.
    if form == known.form:
        return None
    challenge = known.challenge if form == "rfc9421" else ""
    return replace(known, form=form, until=now + BELIEVED, challenge=challenge)


def _rungs_left(known: Known) -> tuple[Form, ...]:
    return tuple(rung for rung in LADDER if rung not in known.failed)


def _above(form: Form, left: Sequence[Form]) -> Form | None:
    """The next rung: upwards first, then those below, for a form that was remembered."""
    higher = [rung for rung in left if LADDER.index(rung) > LADDER.index(form)]
    return next(iter(higher or left), None)
