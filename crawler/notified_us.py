"""What a notification comes to that is about our own actor: acted upon as it was signed.

Pure. The ids of a Follow, an Accept or a Block can often not be fetched, so the signature is the
proof (ActivityPub section 7). Who may follow is the configuration's to say. Invariant: nobody
speaks here for anybody but himself: a follower is added, answered and dropped by its own word.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from ..cache.mail_records import Follower, FollowerState, Send, Settlement, Subscribed
from .notified_case import Case
from .protocol import following

# Its actor's document is on its way; the attempts are those of the notification.
_INBOX_WAITS = (5.0, 30.0, 300.0, 3_600.0)


def decide(case: Case) -> Settlement | None:
    """None: it is not about us."""
    handler = _ABOUT_US.get(case.note.type)
    return handler(case) if handler is not None else None


def left(case: Case, settled: Settlement) -> Settlement:
    """An actor says that it is gone: it follows nobody any more, whatever its origin answers."""
    if case.known.follower is None:
        return settled
    outcome = f"follows us no more; {settled.outcome}"
    return replace(settled, state="done", outcome=outcome, drop_follower=case.pushed.actor)


def _follow(case: Case) -> Settlement:
    known, pushed = case.known, case.pushed
    if pushed.object != known.ours.actor:
        return case.ignored("does not follow us")
    if known.inboxes is None:
        return _read_first(case)
    state = _welcome(case)
    follower = Follower(
        pushed.actor,
        known.inboxes.own,
        known.inboxes.shared,
        state,
        pushed.activity,
        known.follower.at if known.follower is not None else case.now,
    )
    if state == "pending":
        return case.done("waits to be accepted", follower=follower)
    if not known.answerable:
        return case.ignored("asks to follow us; was answered too often this hour")
    answer = following.accept if state == "accepted" else following.reject
    letter = answer(known.ours.actor, known.ours.origin, pushed.actor, pushed.activity)
    sends = (Send(letter.activity, known.inboxes.own, letter.body),)
    if known.ours.followers == "none":
        dropped = pushed.actor if known.follower is not None else None
        return case.done("rejected: nobody may", sends=sends, drop_follower=dropped)
    return case.done(state, follower=follower, sends=sends)


def _read_first(case: Case) -> Settlement:
    """Where its mail goes is in its document, which is not held."""
    tries = case.note.attempts
    if tries >= len(_INBOX_WAITS):
        return case.failed("its actor's document names no inbox that can be reached")
    wants = (case.want("asked", case.pushed.actor),) if case.known.room else ()
    return case.later(_INBOX_WAITS[tries], "waits for its actor's document", wants=wants)


def _welcome(case: Case) -> FollowerState:
    """A verdict that stands is not changed by asking again."""
    policy, follower = case.known.ours.followers, case.known.follower
    if policy == "none":
        return "rejected"
    if follower is not None and follower.state != "pending":
        return follower.state
    return "accepted" if policy == "all" else "pending"


def _undo(case: Case) -> Settlement | None:
    known, pushed = case.known, case.pushed
    if pushed.inner_actor not in ("", pushed.actor):
        return None
    named = pushed.inner_id or pushed.object
    to_us = pushed.object == known.ours.actor
    follower, follow = known.follower, known.follow
    by_id = follower is not None and named != "" and named == follower.follow
    if (pushed.inner == "Follow" and to_us) or by_id:
        if follower is None:
            return case.ignored("did not follow us")
        return case.done("follows us no more", drop_follower=pushed.actor)
    blocked = follow.blocked if follow is not None else None
    if (pushed.inner == "Block" and to_us) or (blocked is not None and named == blocked):
        if follow is None or blocked is None:
            return case.ignored("did not block us")
        return case.done("blocks us no more: read again", block=(follow.key, None))
    return None


def _accept(case: Case) -> Settlement:
    return _answered(case, "yes", "lets us follow")


def _reject(case: Case) -> Settlement:
    return _answered(case, "rejected", "does not let us follow")


def _answered(case: Case, state: Subscribed, outcome: str) -> Settlement:
    """An answer to our Follow, by the one whom we follow: by its id, or by what it was."""
    known, pushed, follow = case.known, case.pushed, case.known.follow
    if follow is None or follow.subscription is None:
        return case.ignored("we have not asked")
    ours = pushed.inner == "Follow" and pushed.inner_actor in ("", known.ours.actor)
    by_id = follow.subscription in (pushed.inner_id, pushed.object)
    if not by_id and not (ours and pushed.object in ("", pushed.actor)):
        return case.ignored("we have not asked")
    if follow.subscribed == state:
        return case.ignored(f"{outcome}, as before")
    return case.done(outcome, subscription=(follow.key, state))


def _block(case: Case) -> Settlement:
    known, pushed, follow = case.known, case.pushed, case.known.follow
    if pushed.object != known.ours.actor:
        return case.ignored("does not block us")
    if follow is None and known.follower is None:
        return case.ignored("blocks us; neither follows us nor is followed")
    dropped = pushed.actor if known.follower is not None else None
    if follow is None:
        return case.done("blocks us", drop_follower=dropped)
    asked = follow.subscription is not None and follow.subscribed != "rejected"
    return case.done(
        "blocks us: not read any more",
        drop_follower=dropped,
        block=(follow.key, pushed.activity or pushed.actor),
        subscription=(follow.key, "rejected") if asked else None,
    )


_ABOUT_US: Mapping[str, Callable[[Case], Settlement | None]] = {
    "Accept": _accept,
    "Block": _block,
    "Follow": _follow,
    "Reject": _reject,
    "Undo": _undo,
}
