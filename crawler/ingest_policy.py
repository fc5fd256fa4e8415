"""What becomes of a document whose author the operator wants nothing to do with. Pure.

An id tells by itself whether it is blocked or forgotten, but not who wrote what is behind it: that
is known once the document is there. Invariant: of a document whose author is refused nothing is
kept but that it was refused.
"""

from __future__ import annotations

from dataclasses import replace

from ..cache.permission import refused_for
from ..cache.records import Mark, Outcome, State
from .ingest_base import lease_of, told
from .protocol.policy import WORDS, Policy


def vetted(outcome: Outcome, policy: Policy) -> Outcome:
    """An outcome whose documents are somebody's who is refused ends as a refusal."""
    verdicts = {put.id: refused_for(policy, put) for put in outcome.puts} if policy else {}
    refused = {id: verdict for id, verdict in verdicts.items() if verdict is not None}
    if not refused or outcome.lease is None:
        return outcome
    puts = tuple(put for put in outcome.puts if put.id not in refused)
    marks = tuple(
        Mark(id, State.REFUSED, reason=verdict, purge=True) for id, verdict in refused.items()
    )
    done = replace(outcome, puts=puts, marks=(*outcome.marks, *marks))
    want = lease_of(outcome).want
    if outcome.members is not None or want.uri not in refused:
        return done
    return told(replace(done, wants=()), 200, f"refused: {WORDS[refused[want.uri]]}")
