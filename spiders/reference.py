"""Fetches documents by id: `scrapy crawl reference -a id=https://example.social/users/alice`.

In the daemon it takes the leases on documents and WebFinger answers; on its own it fetches one.
"""

from __future__ import annotations

from typing import Any, ClassVar

from ..cache.records import Kind
from ..cache.verbs import Verbs
from ..errors import BadInput
from .alone import CrawlOfItsOwn


class ReferenceSpider(CrawlOfItsOwn):
    """Documents and WebFinger answers."""

    name = "reference"
    errand_argument: ClassVar[str] = "id"
    kinds: ClassVar[frozenset[Kind]] = frozenset({Kind.DOCUMENT, Kind.FINGER})

    def __init__(self, *args: Any, id: str = "", depth: str = "0", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._id = id
        self._depth = depth

    async def errand(self, verbs: Verbs) -> None:
        if not self._depth.isascii() or not self._depth.isdigit():
            raise BadInput("-a depth", f"{self._depth!r} is not a number", "a whole number from 0")
        reference = await verbs.fetch(self._id, depth=int(self._depth))
        self.logger.info("%s: %s", reference.id, reference.state)
