"""Pages through outboxes: `scrapy crawl outbox -a actor=@alice@example.social`.

In the daemon it takes the leases on collection pages; on its own it brings one actor up to date.
"""

from __future__ import annotations

from typing import Any, ClassVar

from ..cache.records import Kind
from ..cache.verbs import Verbs
from .alone import CrawlOfItsOwn


class OutboxSpider(CrawlOfItsOwn):
    """Collection pages."""

    name = "outbox"
    errand_argument: ClassVar[str] = "actor"
    kinds: ClassVar[frozenset[Kind]] = frozenset({Kind.PAGE})

    def __init__(self, *args: Any, actor: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._actor = actor

    async def errand(self, verbs: Verbs) -> None:
        for pulled in await verbs.pull([self._actor]):
            if pulled.error:
                self.logger.error("%s: %s", pulled.actor, pulled.error)
            self.logger.info("%s: %d new, %d updated", pulled.actor, pulled.new, pulled.updated)
