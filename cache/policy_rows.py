"""Which policy a store was swept for last, and the rules that it blocks by, for readers beside it.

Rows of `meta`. Invariant: both are of the same policy, and are written when it is carried out;
while one is being carried out, none is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from ..crawler.protocol.blocks import Blocks
from ..crawler.protocol.policy import OPEN, Policy
from .environment import Tables, Txn

if TYPE_CHECKING:  # readers use this module, too, and load no writer
    from .work import Work

_DONE, _RULES, _FILE = b"policy", b"blocks", b"forgotten"


def done(txn: Txn, t: Tables) -> tuple[str, str]:
    """The digests of what is blocked and of what is forgotten, as they were carried out last."""
    stored = txn.get(_DONE, None, t.meta)
    if stored is None:
        return digests(OPEN)
    blocks, forgotten = orjson.loads(stored)
    return blocks, forgotten


def had_forgotten(txn: Txn, t: Tables) -> bool:
    """Whether there has been a file of what is forgotten, at any time of this store."""
    kept = txn.get(_FILE, None, t.meta) is not None
    return kept or done(txn, t)[1] != OPEN.forgotten.digest


def digests(policy: Policy) -> tuple[str, str]:
    return policy.blocks.digest, policy.forgotten.digest


def blocks(txn: Txn, t: Tables) -> Blocks:
    """The rules in force."""
    stored = txn.get(_RULES, None, t.meta)
    return Blocks({} if stored is None else orjson.loads(stored))


def begin(work: Work) -> None:
    """Note that a policy is being carried out. Should that be stopped half-way, and everything be
    as before: what it has blocked until then is to be lifted."""
    _, forgotten = done(work.txn, work.t)
    work.put(work.t.meta, _DONE, orjson.dumps(("", forgotten)))


def put(work: Work, policy: Policy) -> None:
    """Note that a policy is carried out."""
    if had_forgotten(work.txn, work.t) or policy.forgotten.salt:
        work.put(work.t.meta, _FILE, b"1")
    work.put(work.t.meta, _DONE, orjson.dumps(digests(policy)))
    if policy.blocks:
        work.put(work.t.meta, _RULES, orjson.dumps(dict(policy.blocks.rules)))
    else:
        work.delete(work.t.meta, _RULES)
