"""What somebody is followed for, or is ours: it is read, whatever its author says of lists.

The rule is told in docs/consent.md; here it meets the rows. It lists nothing. Invariant: an author
counts as followed exactly where its reference's flags say so.
"""

from __future__ import annotations

from ..crawler.protocol import listable
from .environment import Tables, Txn
from .intern import FOLLOW, find_id, find_word
from .ref_layout import Ref
from .terms_layout import TermsRow, terms_in


def by_follow(txn: Txn, t: Tables, follow: str) -> bool:
    """Whether a follow of that key stands."""
    return _stands(txn, t, find_word(txn, t, FOLLOW, follow))


def post(txn: Txn, t: Tables, terms: TermsRow) -> bool:
    """Whether a post is a followed actor's, or one that a follow announces."""
    author = txn.get(terms.actor, None, t.ref)
    if author is not None and Ref.unpack(author).consent & listable.READ:
        return True
    return any(_stands(txn, t, follow) for follow in terms.follows)


def post_named(txn: Txn, t: Tables, uri: str) -> bool:
    """The same of a post by its id."""
    id = find_id(txn, t, uri)
    row = txn.get(id, None, t.ref) if id is not None else None
    return id is not None and row is not None and post(txn, t, terms_in(txn, t, id, row))


def flags(txn: Txn, t: Tables, actor: str) -> int:
    """The flags of `protocol.listable` that an actor's reference has."""
    id = find_id(txn, t, actor)
    row = txn.get(id, None, t.ref) if id is not None else None
    return Ref.unpack(row).consent if row is not None else 0


def _stands(txn: Txn, t: Tables, follow: bytes | None) -> bool:
    return follow is not None and txn.get(follow, None, t.follow) is not None
