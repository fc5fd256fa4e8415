"""What the operator's policy lets into the store: of wants, and of all that an answer brings.

It reads the policy and changes nothing. Invariant: what is blocked or forgotten is neither queued
nor kept, whatever mentions it; what is silenced is queued only where its own follow, or a person,
wants it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import orjson

from ..crawler.protocol.policy import WORDS, Policy, Verdict
from .intern import FOLLOW, word_of
from .records import Follow, Mark, Outcome, Put, Want

if TYPE_CHECKING:
    from .work import Work

# What looks again at what is held, or was wanted by name: it discovers nothing.
_NO_DISCOVERY = frozenset({"handle", "confirm", "actor", "outbox", "check", "deleted"})


def may_ask(work: Work, want: Want) -> bool:
    """Whether a want may be queued."""
    policy = work.policy
    if not policy:
        return True
    if policy.verdict(want.uri) is not None:
        return False
    return not policy.silences(want.uri) or not _discovers(work, want)


def _discovers(work: Work, want: Want) -> bool:
    """Whether somebody else's post has led there: a boost, what it answers, who answers it."""
    if want.relation in _NO_DISCOVERY:
        return False
    if not want.follow:
        return bool(want.root) and not work.policy.silences(want.root)
    stored = work.txn.get(word_of(work, FOLLOW, want.follow), None, work.t.follow)
    actor = orjson.loads(stored).get("actor") if stored is not None else None
    return actor is None or not work.policy.silences(actor)


def permitted(policy: Policy, outcome: Outcome) -> Outcome:
    """What may be kept of an outcome. One for something refused only gives its lease back."""
    if not policy:
        return outcome
    lease = outcome.lease
    if lease is not None and policy.verdict(lease.want.uri) is not None:
        return Outcome(at=outcome.at, lease=lease, hosts=outcome.hosts)
    members, collection, relink = outcome.members, outcome.collection, outcome.relink
    if members is not None:
        entries = tuple(one for one in members.entries if policy.verdict(one.object) is None)
        members = replace(members, entries=entries)
    if collection is not None and policy.verdict(collection.id) is not None:
        collection = None
    entry = relink.entry if relink is not None else None
    if relink is not None and entry is not None and policy.verdict(entry.object) is not None:
        relink = replace(relink, entry=None)
    attempt, follow = outcome.attempt, outcome.follow
    if attempt is not None and policy.names(attempt.outcome) == "forgotten":
        attempt = replace(attempt, outcome=f"refused: {WORDS['forgotten']}")
    follow = nameless(policy, follow) if follow is not None else None
    return replace(
        outcome,
        attempt=attempt,
        follow=follow,
        puts=tuple(put for put in outcome.puts if refused_for(policy, put) is None),
        marks=tuple(mark for mark in outcome.marks if not _is_refused(policy, mark)),
        members=members,
        collection=collection,
        relink=relink,
        polls=tuple(poll for poll in outcome.polls if policy.verdict(poll.collection) is None),
    )


def nameless(policy: Policy, follow: Follow) -> Follow:
    """A follow as it may be written down. Where its handle leads to somebody refused, that is said;
    of somebody forgotten nothing else is. Raises Refused where it is called by such a name."""
    if follow.key.startswith("http") and policy.verdict(follow.key) == "forgotten":
        policy.refuse(follow.key)
    why = policy.verdict(follow.actor) if follow.actor else None
    if why is None:
        return follow
    follow = replace(follow, last_error=WORDS[why])
    if why == "forgotten":
        follow = replace(follow, actor=None, subject=None, name=None, outbox=None)
    return follow


def _is_refused(policy: Policy, mark: Mark) -> bool:
    """What leads to somebody forgotten is not to tell to whom."""
    away = mark.target is not None and policy.verdict(mark.target) == "forgotten"
    return away or policy.verdict(mark.id) is not None


def refused_for(policy: Policy, put: Put) -> Verdict | None:
    """Why a body may not be kept: for its own sake, or for that of whoever wrote it."""
    named = (put.id, put.stamp.owner, put.terms.actor)
    return next((why for uri in named if uri and (why := policy.verdict(uri))), None)
