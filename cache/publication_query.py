"""The part of the Query port that is about what we publish; `publication_reading` does the reading.

Invariant: a program that only reads documents loads nothing of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .environment import Environment
    from .publication_records import LocalObject, OutboxPage, Publication


class PublicationQuery:
    """See `ports.Query`."""

    _environment: Environment

    def publication(self, id: str) -> Publication | None:
        from .publication_reading import publication

        return self._environment.read(lambda txn, t: publication(txn, t, id))

    def local(self, id: str) -> LocalObject | None:
        from .publication_reading import local

        return self._environment.read(lambda txn, t: local(txn, t, id))

    def outbox(self, number: int | None = None) -> OutboxPage | None:
        from .publication_reading import page

        return self._environment.read(lambda txn, t: page(txn, t, number))

    def outbox_total(self) -> int:
        from .publication_reading import total

        return self._environment.read(total)
