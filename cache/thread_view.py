"""A conversation as readers get it: a tree of posts with their documents; it continues `views`.

Invariant: nothing in it refers to the store.
"""

from __future__ import annotations

from dataclasses import dataclass

from .document import Document
from .views import State


@dataclass(frozen=True, slots=True)
class ThreadTree:
    """A post of a conversation, with the answers below it that are known here, oldest first.

    `withheld`: it is held, and may not be listed; `asked`: it is the one whose thread was asked
    for; `more`: answers to it are held that stand beyond the bounds of the tree.
    """

    id: str
    document: Document | None
    state: State
    withheld: bool = False
    asked: bool = False
    replies: tuple[ThreadTree, ...] = ()
    more: bool = False

    @property
    def missing(self) -> bool:
        """Whether there is nothing to show of it: never fetched, gone, refused, or withheld."""
        return self.document is None
